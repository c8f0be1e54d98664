//! Shapes: what is known of a value of a template before there is one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::field::{Items, Kind, Schema, Tables};
use crate::model::Name;

use super::Names;

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Only the run time knows.
    Any,
    /// A text, a whole number, a flag: what a template may compare.
    Plain,
    /// A decimal: it is written and never computed with.
    Exact,
    /// A day or a moment: they compare with each other.
    Time,
    /// The case.
    Case,
    /// A record: settings, what the action gives, a row of a list.
    Row(Arc<Schema>),
    /// A row of a table.
    Table(Arc<Schema>),
    /// A list.
    List(Box<Shape>),
    /// A map of free names to texts.
    Texts,
    /// The titles of the choices of a record.
    Titles(Arc<Schema>, bool),
    /// The documents that were issued, by name.
    Documents(Arc<BTreeSet<Name>>),
    /// A document that was issued.
    Issued,
    /// Who commands.
    Actor,
    /// `loop`.
    Loop,
    /// Another case, of a workflow with these fields.
    Kin(Arc<Schema>),
    /// `children`.
    Children,
    /// The children of one name.
    Brood(Arc<Schema>),
    /// `tasks`.
    Tasks,
}

impl Shape {
    /// The shape of a field's value.
    pub(super) fn of(kind: &Kind, tables: &Tables) -> Self {
        match kind {
            Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_) => Self::Exact,
            Kind::Date | Kind::Datetime => Self::Time,
            Kind::Map => Self::Texts,
            Kind::Reference { table } => {
                tables.get(table).map_or(Self::Any, |table| Self::Table(Arc::clone(&table.columns)))
            }
            Kind::List(list) => Self::List(Box::new(match &list.of {
                Items::Rows(schema) => Self::Row(Arc::clone(schema)),
                Items::Plain(kind) => Self::of(kind, tables),
            })),
            Kind::Text
            | Kind::Integer(_)
            | Kind::Boolean
            | Kind::Duration
            | Kind::Choice(_)
            | Kind::User { .. }
            | Kind::Phone
            | Kind::Email
            | Kind::Attachment => Self::Plain,
        }
    }

    /// What people call it.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::Any | Self::Plain => "a value",
            Self::Exact => "a decimal",
            Self::Time => "a day or moment",
            Self::Case => "the case",
            Self::Row(_) => "a record",
            Self::Table(_) => "a row of a table",
            Self::List(_) => "a list",
            Self::Texts => "a map",
            Self::Titles(..) => "`titles`",
            Self::Documents(_) => "`documents`",
            Self::Issued => "a document",
            Self::Actor => "the actor",
            Self::Loop => "`loop`",
            Self::Kin(_) => "a case",
            Self::Children => "`children`",
            Self::Brood(_) => "a list of cases",
            Self::Tasks => "`tasks`",
        }
    }

    /// The items, when it can be gone through.
    pub(super) fn item(&self) -> Option<Self> {
        match self {
            Self::List(item) => Some((**item).clone()),
            Self::Brood(schema) => Some(Self::Kin(Arc::clone(schema))),
            Self::Any => Some(Self::Any),
            Self::Texts => Some(Self::Plain),
            Self::Plain
            | Self::Exact
            | Self::Time
            | Self::Case
            | Self::Row(_)
            | Self::Table(_)
            | Self::Titles(..)
            | Self::Documents(_)
            | Self::Issued
            | Self::Actor
            | Self::Loop
            | Self::Kin(_)
            | Self::Children
            | Self::Tasks => None,
        }
    }
}

/// What a case has besides its fields.
pub(super) const CASE_MEMBERS: [&str; 7] = ["number", "stage", "opened_at", "opened_by", "titles", "children", "tasks"];

/// What another case has besides its fields.
const KIN_MEMBERS: [&str; 5] = ["number", "stage", "opened_at", "opened_by", "titles"];

/// What the children of one name have together.
const BROOD_MEMBERS: [&str; 2] = ["open", "live"];

/// What `loop` has.
pub(super) const LOOP_MEMBERS: [&str; 9] =
    ["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"];

/// The shape of a member of a record; the names that could have been meant when there is none.
pub(super) fn member(shape: &Shape, name: &str, known: &Names) -> Result<Shape, Vec<Name>> {
    let (case, tables) = (&known.schema, &*known.tables);
    let field = |schema: &Arc<Schema>| schema.get(name).map(|field| Shape::of(&field.kind, tables));
    let names = |schema: &Arc<Schema>, more: &[&str]| {
        schema.fields.keys().cloned().chain(more.iter().map(|name| Name::from(*name))).collect::<Vec<_>>()
    };
    match shape {
        Shape::Any => Ok(Shape::Any),
        Shape::Texts => Ok(Shape::Plain),
        Shape::Case => case_member(name, known).ok_or_else(|| names(case, &CASE_MEMBERS)),
        Shape::Row(schema) if name == "titles" && schema.get(name).is_none() => {
            Ok(Shape::Titles(Arc::clone(schema), false))
        }
        Shape::Row(schema) | Shape::Table(schema) => field(schema).ok_or_else(|| names(schema, &[])),
        Shape::Titles(schema, staged) => {
            let choices: Vec<Name> = schema
                .fields
                .values()
                .filter(|field| matches!(field.kind, Kind::Choice(_)))
                .map(|field| Arc::clone(&field.name))
                .chain(staged.then(|| "stage".into()))
                .collect();
            if choices.iter().any(|choice| **choice == *name) { Ok(Shape::Plain) } else { Err(choices) }
        }
        Shape::Documents(known) if known.contains(name) => Ok(Shape::Issued),
        Shape::Documents(known) => Err(known.iter().cloned().collect()),
        Shape::Issued => match name {
            "number" | "by" => Ok(Shape::Plain),
            "at" => Ok(Shape::Time),
            _ => Err(["number", "at", "by"].map(Name::from).to_vec()),
        },
        Shape::Actor => {
            let known = ["user", "roles"];
            let there = known.contains(&name);
            if there { Ok(Shape::Any) } else { Err(known.map(Name::from).to_vec()) }
        }
        Shape::Loop => {
            let there = LOOP_MEMBERS.contains(&name);
            if there { Ok(Shape::Plain) } else { Err(LOOP_MEMBERS.map(Name::from).to_vec()) }
        }
        Shape::Kin(schema) => kin_member(name, schema, tables).ok_or_else(|| names(schema, &KIN_MEMBERS)),
        Shape::Children => {
            let child = known.kin.children.get(name);
            let child = child.ok_or_else(|| known.kin.children.keys().cloned().collect::<Vec<_>>())?;
            Ok(Shape::Brood(Arc::clone(&child.schema)))
        }
        Shape::Brood(schema) => match name {
            "open" => Ok(Shape::Plain),
            "live" => Ok(Shape::Brood(Arc::clone(schema))),
            _ => Err(BROOD_MEMBERS.map(Name::from).to_vec()),
        },
        Shape::Tasks => {
            let seen = known.tasks.get(name).ok_or_else(|| known.tasks.keys().cloned().collect::<Vec<_>>())?;
            Ok(Shape::Row(Arc::clone(seen)))
        }
        Shape::Plain | Shape::Exact | Shape::Time | Shape::List(_) => Err(Vec::new()),
    }
}

/// A field of the case, or what it has besides them.
pub(super) fn case_member(name: &str, names: &Names) -> Option<Shape> {
    if names.schema.get(name).is_none() {
        match (name, &names.kin.parent) {
            ("parent", Some(parent)) => return Some(Shape::Kin(Arc::clone(&parent.schema))),
            ("children", _) => return Some(Shape::Children),
            ("tasks", _) => return Some(Shape::Tasks),
            (_, _) => {}
        }
    }
    kin_member(name, &names.schema, &names.tables)
}

/// A field of a case, this or another one, or what every case has besides them.
fn kin_member(name: &str, case: &Arc<Schema>, tables: &Tables) -> Option<Shape> {
    if let Some(field) = case.get(name) {
        return Some(Shape::of(&field.kind, tables));
    }
    match name {
        "number" | "stage" | "opened_by" => Some(Shape::Plain),
        "opened_at" => Some(Shape::Time),
        "titles" => Some(Shape::Titles(Arc::clone(case), true)),
        _ => None,
    }
}
