//! What is done to many cases at set times.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::action::{Action, Notify};
use crate::calendar::{Calendar, CalendarError, Recurring};
use crate::model::{Name, Place, Timestamp};
use crate::rule::Expression;

use super::definition::Workflow;

/// A schedule (R126-R129).
#[derive(Debug)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// When it is due.
    pub at: Recurring,
    /// The stages whose cases it is for.
    pub stages: BTreeSet<Name>,
    /// Which of those cases.
    pub when: Option<Arc<Expression>>,
    /// What is done to each of them.
    pub actions: Vec<Action>,
    /// The messages that are sent about all of them together (R91).
    pub together: Vec<Notify>,
    /// Where it stands.
    pub place: Place,
}

impl Schedule {
    /// The first due time after `moment`, by the calendar of its workflow.
    ///
    /// # Errors
    /// When the calendar has no data for a year on the way.
    pub fn next(&self, workflow: &Workflow, moment: Timestamp) -> Result<Timestamp, CalendarError> {
        match workflow.calendar.as_deref() {
            Some(calendar) => self.at.next(calendar, moment),
            None => self.at.next(&Calendar::unknown(workflow.zone), moment),
        }
    }
}
