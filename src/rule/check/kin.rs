//! `parent` and `children`, as far as they are known at load.

use rhai::Position;

use crate::model::Name;

use super::super::kin::LIVE;
use super::super::shape::{RowKind, Shape, Typed};
use super::Checker;

pub(super) use super::super::kin::OPEN;

impl Checker<'_> {
    /// The case that opened this one: every case of a workflow with `parent:` has one.
    pub(super) fn parent(&mut self, position: Position) -> Typed {
        let Some(environment) = self.environment else { return Typed::set(Shape::Any) };
        match &environment.kin.parent {
            Some(parent) => Typed::set(Shape::Row(parent.schema.clone(), RowKind::Kin(Name::clone(&parent.workflow)))),
            None => {
                let message = "this workflow has no `parent`".to_owned();
                let help = "say at its top whose children its cases are: `parent: WORKFLOW`".to_owned();
                self.error("E203", position, "parent".len(), message, Some(help));
                Typed::set(Shape::Any)
            }
        }
    }

    /// The children that are opened under a name, or the names that there are.
    pub(super) fn children(&self, role: &str) -> Result<Typed, Vec<Name>> {
        let Some(environment) = self.environment else { return Ok(Typed::set(Shape::Any)) };
        let children = &environment.kin.children;
        let child = children.get(role).ok_or_else(|| children.keys().cloned().collect::<Vec<_>>())?;
        let row = Shape::Row(child.schema.clone(), RowKind::Kin(Name::clone(&child.workflow)));
        Ok(Typed::set(Shape::List(Box::new(row), vec![LIVE.into()])))
    }

    /// The stage of a case, which is one of its workflow's.
    pub(super) fn stage_of(&self, kind: &RowKind) -> Typed {
        let (RowKind::Kin(workflow), Some(environment)) = (kind, self.environment) else { return self.stage() };
        let kin = &environment.kin;
        let mut known = kin.parent.iter().chain(kin.children.values());
        match known.find(|relation| relation.workflow == *workflow) {
            Some(relation) => Typed::set(Shape::Text).one_of(relation.stages.iter()),
            None => Typed::set(Shape::Text),
        }
    }
}

/// A row of a list of another case: what of it is set for sure is what its own schema says.
pub(super) fn foreign(item: Shape) -> Shape {
    if let Shape::Row(schema, RowKind::Line(_)) = item {
        return Shape::Row(schema, RowKind::Parameters);
    }
    item
}
