//! Resources: which there are, and what each of them can be asked about.

use std::sync::Arc;

use rhai::Position;

use crate::field::{Per, Resource};

use super::super::shape::{RowKind, Shape, Typed};
use super::Checker;

impl Checker<'_> {
    /// `resource.NAME`
    pub(super) fn resource(&mut self, name: &str, position: Position) -> Typed {
        let Some(environment) = self.environment else { return Typed::set(Shape::Supply(None)) };
        if let Some(found) = environment.resources.get(name) {
            return Typed::set(Shape::Supply(Some(Arc::new(found.clone()))));
        }
        let known = environment.resources.keys().map(|name| &**name);
        self.unknown("E213", &format!("there is no resource `{name}`"), name, position, known)
    }

    /// Refuses what a resource has no pool for.
    pub(super) fn asked_of_resource(&mut self, name: &str, values: &[Typed], position: Position) {
        let [Typed { shape: Shape::Supply(Some(resource)), .. }, what, ..] = values else { return };
        let (resource, covers) = (Arc::clone(resource), name == "covers");
        let unfit = self.unfit_for(&resource, what, covers, position);
        if let Some(unfit) = unfit {
            let pools = match &resource.per {
                Per::Table(table) => format!("a row of `{table}`, its key, or a row that names one"),
                Per::Day => "a day, or a row that names one".to_owned(),
            };
            let message = format!("`resource.{}` is asked about {pools}: {unfit}", resource.name);
            self.error("E215", position, name.chars().count(), message, None);
        }
    }

    /// Why a resource has no pool for something; what can't be an argument at all is told elsewhere.
    fn unfit_for(&mut self, resource: &Resource, what: &Typed, covers: bool, position: Position) -> Option<String> {
        if let (Shape::Row(_, RowKind::Table(table)), false) = (&what.shape, covers) {
            let fits = resource.per == Per::Table(Arc::clone(table));
            return (!fits).then(|| format!("the row of `{table}` is none"));
        }
        if let Shape::Row(schema, kind) = &what.shape {
            let unfit = resource.unfit(schema);
            if unfit.is_none() {
                self.named_in_row(resource, what, kind, covers, position);
            }
            return unfit.map(|unfit| format!("such records {unfit}"));
        }
        let fits = covers
            || matches!(what.shape, Shape::Any | Shape::Missing | Shape::Text)
            || (matches!(what.shape, Shape::Date) && resource.per == Per::Day);
        (!fits).then(|| format!("{} is none", what.shape.title()))
    }

    /// The row must say which pool it means, and how much of it where that counts.
    fn named_in_row(&mut self, resource: &Resource, row: &Typed, kind: &RowKind, covers: bool, position: Position) {
        let Shape::Row(schema, _) = &row.shape else { return };
        let needed = [Some(&resource.key), covers.then_some(&resource.quantity)];
        for field in needed.into_iter().flatten().filter_map(|name| schema.get(name)) {
            let path = row.path.as_ref().map(|path| format!("{path}.{}", field.name));
            let typed = self.field(field, kind).at(path);
            self.needs(&typed, position);
        }
    }
}
