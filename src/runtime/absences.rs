//! Absences: who is away and who stands in, kept like the rows of a table that no definition has.

use crate::model::absence::{ABSENCES, Absence};
use crate::model::{Name, UserId};
use crate::store::Item;

use super::rows::Reads;
use super::{Failure, Runtime};

impl Runtime {
    /// Everyone who is away now or later, or was.
    #[must_use]
    pub fn absences(&self) -> Vec<(UserId, Absence)> {
        let stand = self.0.rows.now();
        let rows = stand.tables.get(ABSENCES).into_iter().flatten();
        rows.filter_map(|(user, row)| Some((Name::clone(user), Absence::from_row(row)?))).collect()
    }

    /// Keeps that `user` is away, or with `None` that they are not.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn set_absence(&self, user: &UserId, absence: Option<Absence>) -> Result<(), Failure> {
        self.settle(|| {
            let (put, remove) = match &absence {
                Some(absence) => (vec![(Name::clone(user), absence.to_row())], Vec::new()),
                None => (Vec::new(), vec![Name::clone(user)]),
            };
            let item = Item::Rows { table: ABSENCES.into(), put, remove };
            let reads = Reads::of(&self.0.rows.now());
            async move { self.commit(item, reads).await }
        })
        .await
    }
}
