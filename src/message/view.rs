//! What a template sees: objects over the shared values of a case, resolved when they are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use crate::field::{Items, Kind, Schema};
use crate::model::{self, Documents, Language, Name, Record, Title};
use crate::rule::{Facts, Relative};

use super::filter::MOMENT;
use super::{Scene, Seen};

/// Everything that a template can name.
pub(super) fn root(scene: &Scene, language: Language) -> Value {
    Value::from_object(Root { scene: scene.clone(), language })
}

#[derive(Debug)]
struct Root {
    scene: Scene,
    language: Language,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let (language, first) = (self.language, self.scene.cases.first()?);
        let facts = &first.facts;
        let row = |record: &Arc<Record>, schema: Option<&Arc<Schema>>| {
            Some(View::of(facts, language).row(record, schema.cloned(), None))
        };
        match name {
            "now" => Some(Value::from(local(facts, facts.now))),
            "today" => Some(Value::from(facts.now.day(facts.zone).to_string())),
            "actor" => Some(actor(facts)),
            "input" => row(&facts.input, Some(&facts.schema)),
            "setting" => row(&facts.settings, Some(&facts.setting_schema)),
            "with" => row(&self.scene.with, None),
            "document" if self.scene.document.is_some() => row(self.scene.document.as_ref()?, None),
            "documents" if facts.schema.get(name).is_none() => Some(issued(facts, &first.documents)),
            "cases" => {
                let cases = self.scene.cases.iter().map(|seen| case(seen, language));
                Some(Value::from(cases.collect::<Vec<_>>()))
            }
            _ => CaseView { seen: first.clone(), language }.member(name),
        }
    }
}

fn actor(facts: &Facts) -> Value {
    let roles: Vec<Value> = facts.actor.roles.iter().map(|role| Value::from(&**role)).collect();
    texts([("user".to_owned(), Value::from(&*facts.actor.user)), ("roles".to_owned(), Value::from(roles))])
}

/// The documents that were issued, each as it was issued last.
fn issued(facts: &Facts, documents: &Documents) -> Value {
    let latest = documents.iter().filter_map(|(name, all)| Some((name.to_string(), all.last()?)));
    let told = latest.map(|(name, issued)| {
        let told =
            [("number", issued.number.to_string()), ("at", local(facts, issued.at)), ("by", issued.by.to_string())];
        (name, texts(told.map(|(name, text)| (name.to_owned(), Value::from(text)))))
    });
    texts(told)
}

fn case(seen: &Seen, language: Language) -> Value {
    Value::from_object(CaseView { seen: seen.clone(), language })
}

/// A case.
#[derive(Debug)]
struct CaseView {
    seen: Seen,
    language: Language,
}

impl CaseView {
    fn member(&self, name: &str) -> Option<Value> {
        let facts = &self.seen.facts;
        if facts.schema.get(name).is_some() {
            return View::of(facts, self.language).field(&facts.fields, Some(&facts.schema), name);
        }
        match name {
            "parent" => {
                let view = View::of(facts, self.language);
                facts.kin.as_ref()?.parent().map(|relative| view.kin(relative))
            }
            "children" => Some(Value::from_object(Children { view: View::of(facts, self.language) })),
            "tasks" => Some(Value::from_object(Tasks { view: View::of(facts, self.language) })),
            "number" => Some(Value::from(&*facts.number)),
            "stage" => Some(Value::from(&*facts.stage)),
            "opened_by" => Some(Value::from(&*facts.opened_by)),
            "opened_at" => Some(Value::from(local(facts, facts.opened_at))),
            "titles" => Some(Value::from_object(Titles {
                record: Arc::clone(&facts.fields),
                schema: Arc::clone(&facts.schema),
                stage: Some(self.seen.stage.clone()),
                language: self.language,
            })),
            _ => None,
        }
    }
}

impl Object for CaseView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.member(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// How values are turned into those of a template.
#[derive(Clone)]
struct View {
    facts: Arc<Facts>,
    language: Language,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("language", &self.language).finish_non_exhaustive()
    }
}

impl View {
    fn of(facts: &Facts, language: Language) -> Self {
        Self { facts: Arc::new(facts.clone()), language }
    }

    fn field(&self, record: &Record, schema: Option<&Arc<Schema>>, name: &str) -> Option<Value> {
        let kind = schema.and_then(|schema| schema.get(name)).map(|field| &field.kind);
        match (record.get(name), kind) {
            (Some(value), kind) => Some(self.value(value, kind)),
            // A list or map without a value is an empty one, as in rules.
            (None, Some(Kind::List(_))) => Some(Value::from(Vec::<Value>::new())),
            (None, Some(Kind::Map)) => Some(texts([])),
            (None, _) => None,
        }
    }

    fn value(&self, value: &model::Value, kind: Option<&Kind>) -> Value {
        match (value, kind) {
            (model::Value::Text(key), Some(Kind::Reference { table })) => self.referred(table, key),
            (model::Value::Text(text), _) => Value::from(&**text),
            (model::Value::Integer(number), _) => Value::from(*number),
            (model::Value::Decimal(number), _) => Value::from(number.to_string()),
            (model::Value::Boolean(flag), _) => Value::from(*flag),
            (model::Value::Date(day), _) => Value::from(day.to_string()),
            (model::Value::Datetime(moment), _) => Value::from(local(&self.facts, *moment)),
            (model::Value::Duration(seconds), _) => Value::from(*seconds),
            (model::Value::List(items), kind) => {
                let of = if let Some(Kind::List(list)) = kind { Some(&list.of) } else { None };
                Value::from(items.iter().map(|item| self.item(item, of)).collect::<Vec<_>>())
            }
            (model::Value::Row(record), _) => self.row(&Arc::new(record.clone()), None, None),
            (model::Value::Map(map), _) => texts(map.iter().map(|(key, text)| (key.to_string(), Value::from(&**text)))),
        }
    }

    fn item(&self, item: &model::Value, of: Option<&Items>) -> Value {
        match (item, of) {
            (model::Value::Row(record), Some(Items::Rows(schema))) => {
                self.row(&Arc::new(record.clone()), Some(Arc::clone(schema)), None)
            }
            (item, Some(Items::Plain(kind))) => self.value(item, Some(kind)),
            (item, _) => self.value(item, None),
        }
    }

    /// The row of a table; without one, all of it is missing.
    fn referred(&self, table: &Name, key: &Name) -> Value {
        let schema = self.facts.tables.get(table).map(|table| Arc::clone(&table.columns));
        let row = self.facts.world.row(table, key).unwrap_or_default();
        self.row(&row, schema, Some(Name::clone(key)))
    }

    fn kin(&self, relative: Relative) -> Value {
        Value::from_object(KinView { view: self.clone(), relative })
    }

    fn row(&self, record: &Arc<Record>, schema: Option<Arc<Schema>>, key: Option<Name>) -> Value {
        Value::from_object(RowView { view: self.clone(), record: Arc::clone(record), schema, key })
    }
}

/// A row of a list or table, settings, or what an action gives.
#[derive(Debug)]
struct RowView {
    view: View,
    record: Arc<Record>,
    schema: Option<Arc<Schema>>,
    /// The key, for a row of a table: that is how it is written.
    key: Option<Name>,
}

impl Object for RowView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let ("titles", Some(schema)) = (name, self.schema.as_ref().filter(|schema| schema.get(name).is_none())) {
            let (record, schema) = (Arc::clone(&self.record), Arc::clone(schema));
            return Some(Value::from_object(Titles { record, schema, stage: None, language: self.view.language }));
        }
        self.view.field(&self.record, self.schema.as_ref(), name)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.as_deref().unwrap_or_default())
    }
}

/// Another case.
#[derive(Debug)]
struct KinView {
    view: View,
    relative: Relative,
}

impl Object for KinView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (name, relative) = (key.as_str()?, &self.relative);
        if relative.schema.get(name).is_some() {
            return self.view.field(&relative.fields, Some(&relative.schema), name);
        }
        match name {
            "number" => Some(Value::from(&*relative.number)),
            "stage" => Some(Value::from(&*relative.stage)),
            "opened_by" => Some(Value::from(&*relative.opened_by)),
            "opened_at" => Some(Value::from(local(&self.view.facts, relative.opened_at))),
            "titles" => Some(Value::from_object(Titles {
                record: Arc::clone(&relative.fields),
                schema: Arc::clone(&relative.schema),
                stage: Some(relative.stage_title.clone()),
                language: self.view.language,
            })),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// `children`.
#[derive(Debug)]
struct Children {
    view: View,
}

impl Object for Children {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let kin = self.view.facts.kin.as_ref();
        let cases = kin.map(|kin| kin.children(key.as_str().unwrap_or_default())).unwrap_or_default();
        Some(Value::from_object(Brood { view: self.view.clone(), cases }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// The children of one name: a list.
#[derive(Debug)]
struct Brood {
    view: View,
    cases: Vec<Relative>,
}

impl Object for Brood {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            None => self.cases.get(key.as_usize()?).map(|relative| self.view.kin(relative.clone())),
            Some("open") => Some(Value::from(self.cases.iter().filter(|case| !case.ended).count())),
            Some("live") => {
                let cases = self.cases.iter().filter(|case| !case.cancelled).cloned().collect();
                Some(Value::from_object(Self { view: self.view.clone(), cases }))
            }
            Some(_) => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.cases.len())
    }
}

/// `tasks`.
#[derive(Debug)]
struct Tasks {
    view: View,
}

impl Object for Tasks {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (record, schema) = self.view.facts.tasks.tasks.get(key.as_str()?)?;
        Some(self.view.row(record, Some(Arc::clone(schema)), None))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// The titles of what the choices of a record hold.
#[derive(Debug)]
struct Titles {
    record: Arc<Record>,
    schema: Arc<Schema>,
    stage: Option<Title>,
    language: Language,
}

impl Object for Titles {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let ("stage", Some(stage), None) = (name, &self.stage, self.schema.get(name)) {
            return Some(Value::from(stage.text(self.language)));
        }
        let Kind::Choice(choices) = &self.schema.get(name)?.kind else { return None };
        let chosen = self.record.text(name)?;
        let title = choices.get(chosen).map(|title| title.text(self.language)).filter(|title| !title.is_empty());
        Some(Value::from(title.unwrap_or(chosen)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// A map.
fn texts(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::from(entries.into_iter().collect::<BTreeMap<String, Value>>())
}

/// A moment by the clock of the case's calendar.
fn local(facts: &Facts, moment: model::Timestamp) -> String {
    moment.local(facts.zone).format(MOMENT).to_string()
}
