//! Fields as written: of a workflow, of a list's row, or the columns of a table.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Diagnostic;
use crate::field::{Bounds, Field, Items, Kind, ListKind, Required, Schema};
use crate::model::limit::{FIELDS_MAX, LIST_ROWS_MAX};
use crate::model::{Name, Title};
use crate::rule::is_reserved;
use crate::workflow::walk::{At, Node, What};

use super::condition::{Code, expression};
use super::read::{Keys, check_name, count, decimal, entries, flag, one_or_more, scalar, text, title, word};

/// The types, and the keys that say something about each beside those for all.
const TYPES: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("integer", &["min", "max"]),
    ("decimal", &["min", "max"]),
    ("money", &["min", "max"]),
    ("percent", &["min", "max"]),
    ("boolean", &[]),
    ("date", &[]),
    ("datetime", &[]),
    ("duration", &[]),
    ("choice", &["of"]),
    ("reference", &["table"]),
    ("list", &["of", "min", "max", "append_only", "subsets"]),
    ("map", &[]),
    ("user", &["role"]),
    ("phone", &[]),
    ("email", &[]),
    ("attachment", &[]),
];

/// The keys for fields of every type.
const COMMON: &[&str] = &["type", "title", "required", "unique", "write", "default", "formula"];

/// All keys of a field.
const ALL: &[&str] = &[
    "type",
    "title",
    "required",
    "unique",
    "write",
    "default",
    "formula",
    "of",
    "min",
    "max",
    "append_only",
    "subsets",
    "table",
    "role",
];

/// The keys that mean nothing for a column of a table, and in a row.
const NOT_IN_COLUMN: &[&str] = &["unique", "write", "default", "formula", "append_only", "subsets"];
const NOT_IN_ROW: &[&str] = &["unique", "write", "append_only", "subsets"];

/// Where fields stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::workflow) enum Where {
    Case,
    Row,
    Column,
}

/// A field as written. What it names (a table, a role, transitions) is not looked up yet.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct FieldSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// The field.
    pub(in crate::workflow) field: Field,
    /// Whether something about it could not be read, so that what follows from it is not worth saying.
    pub(in crate::workflow) broken: bool,
    /// Its title, where it has one.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The titles of its choices.
    pub(in crate::workflow) choice_titles: Vec<At<Title>>,
    /// The transitions from which on it is required.
    pub(in crate::workflow) required_by: Vec<At<Name>>,
    /// The table it refers to.
    pub(in crate::workflow) table: Option<At<Name>>,
    /// The role that its person should have.
    pub(in crate::workflow) role: Option<At<Name>>,
    /// What it begins with.
    pub(in crate::workflow) default: Option<Node>,
    /// What computes it.
    pub(in crate::workflow) formula: Option<Code>,
    /// The fields of its rows.
    pub(in crate::workflow) rows: Vec<FieldSource>,
    /// Its subsets.
    pub(in crate::workflow) subsets: Vec<(At<Name>, Code)>,
}

/// Reads a map of fields.
pub(in crate::workflow) fn fields(node: &Node, here: Where, found: &mut Vec<Diagnostic>) -> Vec<FieldSource> {
    let what = match here {
        Where::Case => "`fields`",
        Where::Row => "`of`",
        Where::Column => "`columns`",
    };
    let entries = entries(node, what, found).unwrap_or_default();
    if entries.len() > FIELDS_MAX {
        found.push(node.spot.error("E130", format!("{what} holds {} fields, more than {FIELDS_MAX}", entries.len())));
    }
    entries.iter().take(FIELDS_MAX).map(|entry| one(&entry.key, &entry.value, here, found)).collect()
}

/// The schema of some fields.
pub(in crate::workflow) fn schema_of(fields: &[FieldSource]) -> Schema {
    Schema { fields: fields.iter().map(|source| (Name::clone(&source.field.name), source.field.clone())).collect() }
}

fn one(name: &At<Name>, node: &Node, here: Where, found: &mut Vec<Diagnostic>) -> FieldSource {
    check_name(name, "a field", found);
    if here != Where::Column && is_reserved(&name.value) {
        let error = name.spot.error("E026", format!("`{}` is reserved and can't be the name of a field", name.value));
        found.push(error.help("in an expression it would mean something else; choose another name"));
    }
    let before = found.len();
    let mut source = empty(name);
    if let Some(keys) = Keys::of(node, "a field", ALL, found) {
        read(&mut source, &keys, here, found);
    }
    let errors = found.get(before..).unwrap_or_default();
    source.broken = matches!(node.what, What::Broken) || !errors.is_empty();
    source
}

fn empty(name: &At<Name>) -> FieldSource {
    let field = Field {
        name: Name::clone(&name.value),
        title: Title::default(),
        kind: Kind::Text,
        required: Required::Never,
        unique: false,
        write_once: false,
        append_only: false,
        computed: false,
    };
    FieldSource {
        name: name.clone(),
        field,
        broken: false,
        title: None,
        choice_titles: Vec::new(),
        required_by: Vec::new(),
        table: None,
        role: None,
        default: None,
        formula: None,
        rows: Vec::new(),
        subsets: Vec::new(),
    }
}

fn read(source: &mut FieldSource, keys: &Keys<'_>, here: Where, found: &mut Vec<Diagnostic>) {
    let kind = keys.need("type", "a field", found).and_then(|node| {
        let known: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        word::<String>(node, "the type of a field", &known, found)
    });
    source.title = keys.get("title").and_then(|node| title(node, "a title", found));
    source.field.title = source.title.as_ref().map(|title| title.value.clone()).unwrap_or_default();
    let mut told = |key: &str| keys.get(key).and_then(|node| flag(node, &format!("`{key}`"), found)).unwrap_or(false);
    source.field.unique = told("unique");
    source.field.append_only = told("append_only");
    let once = keys.get("write").and_then(|node| word::<String>(node, "`write`", &["once"], found));
    source.field.write_once = once.is_some();
    if let Some(node) = keys.get("required") {
        required(source, node, here, found);
    }
    source.default = keys.get("default").cloned();
    source.formula = keys.get("formula").and_then(|node| expression(node, "a formula", found));
    source.field.computed = keys.get("formula").is_some();
    excluded(source, keys, found);
    if let Some(kind) = kind {
        fitting(&kind, keys, here, found);
        source.field.kind = kind_of(source, &kind, keys, found);
    }
}

/// Says which keys say nothing about a field of this type, or at this place.
fn fitting(kind: &str, keys: &Keys<'_>, here: Where, found: &mut Vec<Diagnostic>) {
    let own = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, keys)| *keys).unwrap_or_default();
    let (refused, what) = match here {
        Where::Case => (&[] as &[&str], ""),
        Where::Row => (NOT_IN_ROW, "a field of a row"),
        Where::Column => (NOT_IN_COLUMN, "a column of a table"),
    };
    for key in ALL.iter().filter_map(|key| keys.key(key)) {
        let word = &*key.value;
        if refused.contains(&word) {
            found.push(key.spot.error("E027", format!("`{word}` says nothing about {what}")));
        } else if !COMMON.contains(&word) && !own.contains(&word) {
            found.push(key.spot.error("E027", format!("`{word}` says nothing about a field of the type `{kind}`")));
        }
    }
}

/// A computed field takes no value from anybody.
fn excluded(source: &FieldSource, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) {
    if !source.field.computed {
        return;
    }
    for key in ["default", "required", "write", "unique", "append_only"].iter().filter_map(|key| keys.key(key)) {
        let error = key.spot.error("E030", format!("`{}` and `formula` exclude each other", key.value));
        found.push(error.help("nobody writes a field that a formula computes"));
    }
}

fn required(source: &mut FieldSource, node: &Node, here: Where, found: &mut Vec<Diagnostic>) {
    let transitions = matches!(node.what, What::List(_));
    if transitions && here == Where::Case {
        source.required_by = one_or_more(node, "`required`", found)
            .iter()
            .filter_map(|item| text(item, "a transition", found))
            .collect();
        source.field.required = Required::By(source.required_by.iter().map(|at| Name::clone(&at.value)).collect());
    } else if transitions {
        found.push(node.spot.error("E022", "in a row or a table `required` is `true` or `false`"));
    } else if flag(node, "`required`", found) == Some(true) {
        source.field.required = Required::Always;
    }
}

fn kind_of(source: &mut FieldSource, kind: &str, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Kind {
    match kind {
        "choice" => match keys.need("of", "a choice", found) {
            Some(of) => choice(source, of, found),
            None => Kind::Text,
        },
        "reference" => {
            source.table =
                keys.need("table", "a reference", found).and_then(|node| text(node, "the name of a table", found));
            source.table.as_ref().map_or(Kind::Text, |table| Kind::Reference { table: Name::clone(&table.value) })
        }
        "user" => {
            source.role = keys.get("role").and_then(|node| text(node, "the name of a role", found));
            Kind::User { role: source.role.as_ref().map(|role| Name::clone(&role.value)) }
        }
        "list" => list(source, keys, found),
        other => plain(other, bounds(other, keys, found)).unwrap_or(Kind::Text),
    }
}

/// A kind that needs no more than its name and bounds.
fn plain(kind: &str, bounds: Bounds) -> Option<Kind> {
    Some(match kind {
        "text" => Kind::Text,
        "integer" => Kind::Integer(bounds),
        "decimal" => Kind::Decimal(bounds),
        "money" => Kind::Money(bounds),
        "percent" => Kind::Percent(bounds),
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "datetime" => Kind::Datetime,
        "duration" => Kind::Duration,
        "map" => Kind::Map,
        "phone" => Kind::Phone,
        "email" => Kind::Email,
        "attachment" => Kind::Attachment,
        "user" => Kind::User { role: None },
        _ => return None,
    })
}

fn bounds(kind: &str, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Bounds {
    if !matches!(kind, "integer" | "decimal" | "money" | "percent") {
        return Bounds::default();
    }
    let mut bound = |key: &str| keys.get(key).and_then(|node| decimal(node, &format!("`{key}`"), found));
    let bounds = Bounds { min: bound("min"), max: bound("max") };
    if let (Some(min), Some(max), Some(node)) = (bounds.min, bounds.max, keys.get("max"))
        && min > max
    {
        found.push(node.spot.error("E116", format!("`max` is {max}, less than `min`, which is {min}")));
    }
    bounds
}

fn choice(source: &mut FieldSource, of: &Node, found: &mut Vec<Diagnostic>) -> Kind {
    let mut names = IndexMap::new();
    match &of.what {
        What::Map(entries) => {
            for entry in entries {
                let title = title(&entry.value, "the title of a choice", found);
                names.insert(
                    Name::clone(&entry.key.value),
                    title.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
                );
                source.choice_titles.extend(title);
            }
        }
        What::List(items) => {
            for item in items {
                let Some(name) = text(item, "a choice", found) else { continue };
                if names.insert(Name::clone(&name.value), Title::both(&name.value)).is_some() {
                    found.push(name.spot.error("E010", format!("`{}` stands here twice", name.value)));
                }
            }
        }
        What::Scalar(_) => {
            found.push(of.spot.error("E022", "the choices are a list of names, or a map from each name to its title"));
            return Kind::Text;
        }
        What::Broken => return Kind::Text,
    }
    if names.is_empty() {
        found.push(of.spot.error("E023", "a choice needs at least one name to choose"));
    }
    Kind::Choice(names)
}

fn list(source: &mut FieldSource, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Kind {
    let mut limit = |key: &str| keys.get(key).and_then(|node| count(node, &format!("`{key}` of a list"), found));
    let (min, max) = (limit("min").unwrap_or(0), limit("max").unwrap_or(LIST_ROWS_MAX));
    if let Some(node) = keys.get("max").or_else(|| keys.get("min")) {
        if max > LIST_ROWS_MAX {
            found.push(node.spot.error("E130", format!("a list holds at most {LIST_ROWS_MAX} items")));
        } else if min > max {
            found.push(node.spot.error("E116", format!("`max` is {max}, less than `min`, which is {min}")));
        }
    }
    let of = keys.need("of", "a list", found).map_or(Items::Plain(Kind::Text), |of| items_of(source, of, found));
    for entry in keys.get("subsets").and_then(|node| entries(node, "`subsets`", found)).unwrap_or_default() {
        check_name(&entry.key, "a subset", found);
        let condition = expression(&entry.value, "the condition of a subset", found);
        source.subsets.extend(condition.map(|code| (entry.key.clone(), code)));
    }
    let subsets = source.subsets.iter().map(|(name, _)| Name::clone(&name.value)).collect();
    Kind::List(Box::new(ListKind { min, max, of, subsets }))
}

fn items_of(source: &mut FieldSource, of: &Node, found: &mut Vec<Diagnostic>) -> Items {
    if matches!(of.what, What::Map(_)) {
        source.rows = fields(of, Where::Row, found);
        for row in source.rows.iter().filter(|row| !row.rows.is_empty()) {
            found.push(row.name.spot.error("E027", "a row holds no lists of rows"));
        }
        return Items::Rows(Arc::new(schema_of(&source.rows)));
    }
    let kind = scalar(of, "`of`", found).map(|scalar| Name::clone(&scalar.text));
    let read = kind.as_ref().and_then(|kind| plain(kind, Bounds::default()));
    if let (Some(kind), None) = (kind, &read) {
        let error = of.spot.error("E024", format!("a list can't be of `{kind}`"));
        found.push(error.help("write the fields of a row as a map, or a type that needs no more than its name"));
    }
    Items::Plain(read.unwrap_or(Kind::Text))
}
