//! The host types that scripts see: records, lists, maps of texts, days, moments and spans.
//!
//! A record or list is a path into the shared values of the case; nothing is copied until a single value is read,
//! and the limits on arrays and maps bind only what a script makes itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use rhai::Dynamic;

use crate::calendar::Calendar;
use crate::diagnostic::did_you_mean;
use crate::field::{Items, Kind, ListKind, Resource, Schema};
use crate::model::limit::RULE_LIST_DEPTH_MAX;
use crate::model::{Entry, Name, Record, Timestamp, Value};

use super::fault::Fault;
use super::kin::Relative;
use super::{TaskFacts, run};

/// A calendar day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date(pub(super) NaiveDate);

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Timestamp);

/// A span of elapsed time, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) i64);

/// A map of free names to texts.
#[derive(Clone, Debug)]
pub(super) struct Texts(pub(super) Arc<BTreeMap<Name, Name>>);

/// `calendar`: which days and hours are worked.
#[derive(Clone, Debug)]
pub(super) struct WorkCalendar(pub(super) Arc<Calendar>);

/// Who commands.
#[derive(Clone, Debug)]
pub(super) struct Person;

/// `entered`: the last entry into each stage.
#[derive(Clone, Debug)]
pub(super) struct Entered(pub(super) Arc<BTreeMap<Name, Entry>>);

/// `tasks`: what is seen of each task.
#[derive(Clone, Debug)]
pub(super) struct Tasks(pub(super) Arc<TaskFacts>);

/// One entry into a stage.
#[derive(Clone, Debug)]
pub(super) struct Entrance(pub(super) Entry);

/// `resource`: everything that is finite.
#[derive(Clone, Debug)]
pub(super) struct Supplies;

/// One resource.
#[derive(Clone, Debug)]
pub(super) struct Supply(pub(super) Arc<Resource>);

/// A record: the case, a row of a list, a row of a table, or parameters.
#[derive(Clone, Debug)]
pub(super) struct Row {
    at: At,
    schema: Option<Arc<Schema>>,
    role: RowRole,
}

/// What a record is.
#[derive(Clone, Debug)]
pub(super) enum RowRole {
    /// The case: besides its fields it has a number, a stage, and when and by whom it was opened.
    Case,
    /// Settings, parameters, input or a row of a list.
    Plain,
    /// A row of a table; it may not exist.
    Table {
        /// The table.
        table: Name,
        /// The key.
        key: Name,
        /// Whether the table has the row.
        exists: bool,
    },
    /// A case that belongs to the case.
    Kin(Arc<Relative>),
}

/// A place among shared values: a record, and the rows of lists that lead further in.
#[derive(Clone, Debug)]
struct At {
    root: Arc<Record>,
    steps: Vec<(Name, usize)>,
    /// Whether it is in another case, whose subsets nobody knows here.
    foreign: bool,
}

impl At {
    fn record(&self) -> Option<&Record> {
        self.behind(&self.steps)
    }

    /// The record to which these steps lead from the root.
    fn behind(&self, steps: &[(Name, usize)]) -> Option<&Record> {
        let mut record = &*self.root;
        for (field, position) in steps {
            record = record.get(field)?.as_list()?.get(*position)?.as_row()?;
        }
        Some(record)
    }

    fn further(&self, field: &Name, position: usize) -> Self {
        let mut steps = self.steps.clone();
        steps.push((Name::clone(field), position));
        Self { root: Arc::clone(&self.root), steps, foreign: self.foreign }
    }

    /// How people write it: `lines[0].`, or nothing at the top.
    fn path(&self) -> String {
        self.steps.iter().map(|(field, position)| format!("{field}[{position}].")).collect()
    }
}

impl Row {
    /// The case with these fields.
    pub(super) fn case(fields: &Arc<Record>, schema: &Arc<Schema>) -> Self {
        Self::new(fields, Some(schema), RowRole::Case)
    }

    /// Another case.
    pub(super) fn kin(relative: Relative) -> Self {
        let at = At { root: Arc::clone(&relative.fields), steps: Vec::new(), foreign: true };
        Self { at, schema: Some(Arc::clone(&relative.schema)), role: RowRole::Kin(Arc::new(relative)) }
    }

    /// A record that is not the case.
    pub(super) fn plain(values: &Arc<Record>, schema: Option<&Arc<Schema>>) -> Self {
        Self::new(values, schema, RowRole::Plain)
    }

    /// The row of a list of this record.
    pub(super) fn row_of(&self, list: &Name, position: usize) -> Option<Self> {
        let schema = match self.schema.as_ref().and_then(|schema| schema.get(list)).map(|field| &field.kind) {
            Some(Kind::List(kind)) => rows_schema(&kind.of),
            _ => None,
        };
        let at = self.at.further(list, position);
        at.record()?;
        Some(Self { at, schema, role: RowRole::Plain })
    }

    /// The row of `table` under `key`, whether or not it exists.
    pub(super) fn in_table(table: &Name, key: &Name) -> Self {
        let found = run::world().and_then(|world| world.row(table, key));
        let role = RowRole::Table { table: Name::clone(table), key: Name::clone(key), exists: found.is_some() };
        let schema = run::see(|run| Ok(run.facts.tables.get(table).map(|table| Arc::clone(&table.columns))));
        let root = found.unwrap_or_default();
        Self { at: At { root, steps: Vec::new(), foreign: true }, schema: schema.ok().flatten(), role }
    }

    fn new(values: &Arc<Record>, schema: Option<&Arc<Schema>>, role: RowRole) -> Self {
        Self { at: At { root: Arc::clone(values), steps: Vec::new(), foreign: false }, schema: schema.cloned(), role }
    }

    /// What it is.
    pub(super) fn role(&self) -> &RowRole {
        &self.role
    }

    /// Its values, when there is such a record.
    pub(super) fn record(&self) -> Option<&Record> {
        self.at.record()
    }

    /// The rows of its list up to this one; the record alone when it stands in no list.
    pub(super) fn so_far(&self) -> Vec<&Record> {
        let rows = self.at.steps.split_last().and_then(|((list, position), steps)| {
            let rows = self.at.behind(steps)?.get(list)?.as_list()?;
            Some(rows.iter().take(position.saturating_add(1)).filter_map(Value::as_row).collect())
        });
        rows.unwrap_or_else(|| self.record().into_iter().collect())
    }

    /// Whether both are the same row.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (&self.role, &other.role) {
            (RowRole::Table { table, key, .. }, RowRole::Table { table: of, key: other, .. }) => {
                table == of && key == other
            }
            (RowRole::Kin(one), RowRole::Kin(other)) => one.number == other.number && one.schema == other.schema,
            (RowRole::Case | RowRole::Plain | RowRole::Table { .. } | RowRole::Kin(_), _) => {
                self.record() == other.record()
            }
        }
    }

    /// The value of `field`; `()` when it is unset.
    ///
    /// # Errors
    /// When there is no such field, or no such row of a table.
    pub(super) fn get(&self, field: &str) -> Result<Dynamic, Fault> {
        if let RowRole::Table { table, key, exists: false } = &self.role {
            return Err(Fault::new(super::fault::MISSING, format!("table `{table}` has no row `{key}`")));
        }
        if let (RowRole::Case, Some(value)) = (&self.role, case_member(field)?) {
            return Ok(value);
        }
        if let RowRole::Kin(relative) = &self.role
            && let Some(value) = kin_member(relative, field)
        {
            return Ok(value);
        }
        let known = self.schema.as_ref().map(|schema| schema.get(field).ok_or_else(|| unknown_field(schema, field)));
        let known = known.transpose()?;
        let value = self.record().and_then(|record| record.get(field));
        match (known.map(|field| (&field.name, &field.kind)), value) {
            (Some((name, Kind::List(kind))), _) => Ok(self.list(name, Some(kind))),
            (Some((_, Kind::Map)), None) => Ok(Dynamic::from(Texts(Arc::default()))),
            (Some((_, kind)), Some(value)) => Ok(wrap(kind, value)),
            (None, Some(Value::List(_))) => Ok(self.list(&field.into(), None)),
            (None, Some(value)) => Ok(bare(value)),
            (_, None) => {
                run::remember_missing(Some(format!("{}{field}", self.label())));
                Ok(Dynamic::UNIT)
            }
        }
    }

    fn list(&self, field: &Name, kind: Option<&ListKind>) -> Dynamic {
        let items = kind.map(|kind| kind.of.clone());
        let at = self.at.clone();
        Dynamic::from(List::Field { at, field: Name::clone(field), items: items.map(Arc::new), positions: None })
    }

    fn label(&self) -> String {
        match &self.role {
            RowRole::Table { table, key, .. } => format!("{table}[{key}]."),
            RowRole::Kin(relative) => format!("{}.", relative.number),
            RowRole::Case | RowRole::Plain => self.at.path(),
        }
    }
}

/// What another case has besides its fields.
fn kin_member(relative: &Relative, name: &str) -> Option<Dynamic> {
    Some(match name {
        "number" => text(&relative.number),
        "stage" => text(&relative.stage),
        "opened_at" => Dynamic::from(Moment(relative.opened_at)),
        "opened_by" => text(&relative.opened_by),
        _ => return None,
    })
}

fn rows_schema(items: &Items) -> Option<Arc<Schema>> {
    match items {
        Items::Rows(schema) => Some(Arc::clone(schema)),
        Items::Plain(_) => None,
    }
}

/// What a case has besides its fields.
fn case_member(name: &str) -> Result<Option<Dynamic>, Fault> {
    run::see(|run| {
        Ok(match name {
            "number" => Some(text(&run.facts.number)),
            "stage" => Some(text(&run.facts.stage)),
            "opened_at" => Some(Dynamic::from(Moment(run.facts.opened_at))),
            "opened_by" => Some(text(&run.facts.opened_by)),
            _ => None,
        })
    })
}

fn unknown_field(schema: &Schema, field: &str) -> Fault {
    let near = did_you_mean(field, schema.fields.keys().map(|name| &**name));
    let near = near.map(|near| format!(", did you mean `{near}`")).unwrap_or_default();
    Fault::script(format!("there is no field `{field}`{near}"))
}

/// A text as Rhai has it.
pub(super) fn text(text: &str) -> Dynamic {
    Dynamic::from(rhai::ImmutableString::from(text))
}

/// A value of this kind as scripts see it. Lists are not values of their own: see [`Row::get`].
fn wrap(kind: &Kind, value: &Value) -> Dynamic {
    match (kind, value) {
        (Kind::Reference { table }, Value::Text(key)) => Dynamic::from(Row::in_table(table, key)),
        (Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), Value::Integer(number)) => {
            Dynamic::from(rust_decimal::Decimal::from(*number))
        }
        _ => bare(value),
    }
}

/// A value whose kind nobody declared.
fn bare(value: &Value) -> Dynamic {
    match value {
        Value::Text(name) => text(name),
        Value::Integer(number) => Dynamic::from(*number),
        Value::Decimal(number) => Dynamic::from(*number),
        Value::Boolean(flag) => Dynamic::from(*flag),
        Value::Date(day) => Dynamic::from(Date(*day)),
        Value::Datetime(moment) => Dynamic::from(Moment(*moment)),
        Value::Duration(seconds) => Dynamic::from(Span(*seconds)),
        Value::List(items) => Dynamic::from(List::made(items.iter().map(bare).collect()).unwrap_or_default()),
        Value::Row(record) => Dynamic::from(Row::plain(&Arc::new(record.clone()), None)),
        Value::Map(map) => Dynamic::from(Texts(Arc::new(map.clone()))),
    }
}

/// A list: a field of a record, some rows of one, or values that a function made.
#[derive(Clone, Debug)]
pub(super) enum List {
    /// A list field, or the rows of a subset of it.
    Field {
        /// The record that has the field.
        #[expect(private_interfaces, reason = "only this file walks the path")]
        at: At,
        /// The field.
        field: Name,
        /// What it holds, when that is declared.
        items: Option<Arc<Items>>,
        /// The positions of a subset.
        positions: Option<Arc<Vec<usize>>>,
    },
    /// Values that a function made.
    Made(Arc<Made>),
}

/// Values that a function made, and how deep they are nested.
#[derive(Debug)]
pub(super) struct Made {
    items: Vec<Dynamic>,
    depth: usize,
}

impl Default for List {
    fn default() -> Self {
        Self::Made(Arc::new(Made { items: Vec::new(), depth: 1 }))
    }
}

impl List {
    /// A list of these values.
    ///
    /// # Errors
    /// When lists are nested too deep: dropping them would need too much stack.
    pub(super) fn made(items: Vec<Dynamic>) -> Result<Self, Fault> {
        let depth = 1 + items.iter().map(depth).max().unwrap_or(0);
        if depth > RULE_LIST_DEPTH_MAX {
            return Err(Fault::budget(format!("lists are nested more than {RULE_LIST_DEPTH_MAX} deep")));
        }
        Ok(Self::Made(Arc::new(Made { items, depth })))
    }

    /// How many items it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Field { positions: Some(positions), .. } => positions.len(),
            Self::Field { .. } => self.values().len(),
            Self::Made(made) => made.items.len(),
        }
    }

    /// The item at `index`, as scripts count.
    pub(super) fn item(&self, index: usize) -> Option<Dynamic> {
        match self {
            Self::Field { at, field, items, positions } => {
                let position = positions.as_ref().map_or(Some(index), |some| some.get(index).copied())?;
                let value = self.values().get(position)?;
                Some(match (items.as_deref(), value) {
                    (Some(Items::Plain(kind)), value) => wrap(kind, value),
                    (items, Value::Row(_)) => Dynamic::from(Row {
                        at: at.further(field, position),
                        schema: items.and_then(rows_schema),
                        role: RowRole::Plain,
                    }),
                    (_, value) => bare(value),
                })
            }
            Self::Made(made) => made.items.get(index).cloned(),
        }
    }

    /// The items in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Dynamic> {
        (0..self.len()).filter_map(|index| self.item(index))
    }

    /// The rows of a subset of a list of the case.
    ///
    /// # Errors
    /// When the list has no such subset.
    pub(super) fn subset(&self, name: &str) -> Result<Self, Fault> {
        if let (Self::Made(_), super::kin::LIVE) = (self, name) {
            return super::kin::live(self);
        }
        let Self::Field { at: at @ At { foreign: false, .. }, field, items, positions: None } = self else {
            return Err(Fault::script(format!("a list that is not a field has no `{name}`")));
        };
        let positions = run::see(|run| {
            let key = (Name::clone(field), Name::from(name));
            Ok(run.facts.subsets.get(&key).map(|positions| Arc::new(positions.clone())))
        })?;
        let positions = positions.ok_or_else(|| Fault::script(format!("list `{field}` has no subset `{name}`")))?;
        Ok(Self::Field { at: at.clone(), field: Name::clone(field), items: items.clone(), positions: Some(positions) })
    }

    /// The list as a value.
    pub(super) fn stored(&self) -> Option<Vec<Value>> {
        let Self::Field { positions, .. } = self else { return None };
        let values = self.values();
        Some(match positions {
            Some(positions) => positions.iter().filter_map(|position| values.get(*position).cloned()).collect(),
            None => values.to_vec(),
        })
    }

    fn values(&self) -> &[Value] {
        match self {
            Self::Field { at, field, .. } => {
                at.record().and_then(|record| record.get(field)).and_then(Value::as_list).unwrap_or_default()
            }
            Self::Made(_) => &[],
        }
    }
}

impl IntoIterator for List {
    type Item = Dynamic;
    type IntoIter = Box<dyn Iterator<Item = Dynamic>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new((0..self.len()).filter_map(move |index| self.item(index)))
    }
}

/// How many lists that functions made lie inside each other in `value`.
fn depth(value: &Dynamic) -> usize {
    if let Some(list) = value.read_lock::<List>() {
        return if let List::Made(made) = &*list { made.depth } else { 1 };
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(depth).max().unwrap_or(0);
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().map(depth).max().unwrap_or(0);
    }
    0
}

/// How many elements arrays and maps have, nested ones counted; stops counting above `most`.
pub(super) fn elements(value: &Dynamic, most: usize) -> usize {
    let nested = |total: usize, item: &Dynamic| if total > most { total } else { total + 1 + elements(item, most) };
    if let Ok(items) = value.as_array_ref() {
        return items.iter().fold(0, nested);
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().fold(0, nested);
    }
    0
}
