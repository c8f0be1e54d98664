//! Values that the process owner gave: literals, expressions behind `=`, times of the present day.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use serde_json::{Map, Value as Json};

use crate::field::{Bounds, Field, Items, Kind, ListKind, Reader, Required, read_value};
use crate::model::limit::LIST_ROWS_MAX;
use crate::model::{Language, Name, Title, Value};
use crate::rule::Expression;
use crate::workflow::definition::Given;
use crate::workflow::source::{Code, ScalarKind, is_null, literal_of};
use crate::workflow::walk::{Entry, Node, Scalar, What};

use super::workflow::Compiler;

impl Compiler<'_> {
    /// A value for `field`.
    pub(super) fn given(&mut self, field: &Field, node: &Node) -> Option<Given> {
        if let What::Scalar(scalar) = &node.what {
            if is_null(scalar) {
                return Some(Given::Nothing);
            }
            if let Some(code) = computed(scalar, node) {
                return self.fitting(&code, None, field).map(Given::Expression);
            }
            if let (Kind::Datetime, Some(time)) = (&field.kind, today(&scalar.text)) {
                return Some(Given::Today(time));
            }
        }
        if matches!(node.what, What::Broken) {
            return None;
        }
        self.literal(field, node)
    }

    /// A literal, read by the field's type.
    fn literal(&mut self, field: &Field, node: &Node) -> Option<Given> {
        let json = json(&field.kind, node);
        let exists = |_: &str, _: &str| true;
        let mut reader = Reader::new(self.zone, &exists);
        let value = read_value(&mut reader, &field.kind, &json, &field.name);
        for problem in reader.problems {
            let path = problem.path.strip_prefix(&*field.name).unwrap_or(&problem.path);
            let place = if path.is_empty() { format!("`{}`", field.name) } else { format!("`{}{path}`", field.name) };
            let message = format!("{place}: {}", problem.message.text(Language::En));
            self.found.push(node.spot.error("E110", message).help("an expression begins with `=`"));
        }
        Some(value.map_or(Given::Nothing, Given::Value))
    }

    /// The parameters of a rule, and what each of them holds.
    pub(super) fn parameters(&mut self, entries: &[Entry]) -> (Vec<(Name, Given)>, crate::field::Schema) {
        let mut given = Vec::new();
        let mut schema = crate::field::Schema::default();
        for entry in entries {
            let name = &entry.key.value;
            let Some((kind, value)) = self.parameter(&entry.value) else { continue };
            let mut field = parameter(name, kind);
            if let Given::Expression(expression) = &value
                && expression.gives.optional
            {
                field.required = Required::Never;
            }
            schema.fields.insert(Name::clone(name), field);
            given.push((Name::clone(name), value));
        }
        (given, schema)
    }

    fn parameter(&mut self, node: &Node) -> Option<(Kind, Given)> {
        match &node.what {
            What::Scalar(scalar) => {
                if let Some(code) = computed(scalar, node) {
                    let expression = self.expression(&code, None)?;
                    return Some((given_kind(&expression), Given::Expression(expression)));
                }
                let inferred = inferred(scalar);
                Some(inferred.map_or((Kind::Text, Given::Nothing), |(kind, value)| (kind, Given::Value(value))))
            }
            What::List(items) => {
                let read = items.iter().map(|item| self.plain(item)).collect::<Option<Vec<_>>>()?;
                let of = read.first().map_or(Kind::Text, |(kind, _)| kind.clone());
                let list = ListKind { min: 0, max: LIST_ROWS_MAX, of: Items::Plain(of), subsets: Vec::new() };
                let values = read.into_iter().map(|(_, value)| value).collect();
                Some((Kind::List(Box::new(list)), Given::Value(Value::List(values))))
            }
            What::Map(entries) => {
                let mut map = BTreeMap::new();
                for entry in entries {
                    let (_, value) = self.plain(&entry.value)?;
                    let text = value.to_json();
                    let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                    map.insert(Name::clone(&entry.key.value), text.into());
                }
                Some((Kind::Map, Given::Value(Value::Map(map))))
            }
            What::Broken => None,
        }
    }

    fn plain(&mut self, node: &Node) -> Option<(Kind, Value)> {
        let What::Scalar(scalar) = &node.what else {
            self.found.push(node.spot.error("E022", "a parameter is a value, a list of values or a map of texts"));
            return None;
        };
        let inferred = inferred(scalar);
        if inferred.is_none() {
            self.found.push(node.spot.error("E023", "there is no value here"));
        }
        inferred
    }
}

/// The expression in a scalar that begins with `=`.
pub(super) fn computed(scalar: &Scalar, node: &Node) -> Option<Code> {
    scalar.text.starts_with('=').then(|| Code::of(scalar, &node.spot, 1))
}

/// What an expression gives; a reference to no table stands for what only the run time decides.
fn given_kind(expression: &Expression) -> Kind {
    expression.gives.kind.clone().unwrap_or_else(|| Kind::Reference { table: "".into() })
}

/// A field that stands for a setting or parameter.
pub(super) fn parameter(name: &Name, kind: Kind) -> Field {
    Field {
        name: Name::clone(name),
        title: Title::default(),
        kind,
        required: Required::Always,
        unique: false,
        write_once: false,
        append_only: false,
        computed: false,
    }
}

/// What a scalar holds where nothing around it says so; `None` for no value.
pub(super) fn inferred(scalar: &Scalar) -> Option<(Kind, Value)> {
    Some(match literal_of(scalar) {
        ScalarKind::Nothing => return None,
        ScalarKind::Boolean(flag) => (Kind::Boolean, Value::Boolean(flag)),
        ScalarKind::Integer(number) => (Kind::Integer(Bounds::default()), Value::Integer(number)),
        ScalarKind::Decimal(number) => (Kind::Decimal(Bounds::default()), Value::Decimal(number)),
        ScalarKind::Text => (Kind::Text, Value::Text(Name::clone(&scalar.text))),
    })
}

/// `17:00 today`.
pub(super) fn today(text: &str) -> Option<NaiveTime> {
    let time = text.trim().strip_suffix("today")?.trim_end();
    NaiveTime::parse_from_str(time, "%H:%M").ok()
}

/// A node as the JSON that the type of a field reads. Numbers that must be exact go as their text.
pub(super) fn json(kind: &Kind, node: &Node) -> Json {
    match &node.what {
        What::Scalar(scalar) => scalar_json(kind, scalar),
        What::List(nodes) => nodes.iter().map(|node| item_json(kind, node)).collect(),
        What::Map(entries) => {
            let value = |entry: &Entry| (entry.key.value.to_string(), json(&Kind::Text, &entry.value));
            Json::Object(entries.iter().map(value).collect())
        }
        What::Broken => Json::Null,
    }
}

fn item_json(kind: &Kind, node: &Node) -> Json {
    let Kind::List(list) = kind else { return json(&Kind::Text, node) };
    match (&list.of, &node.what) {
        (Items::Plain(kind), _) => json(kind, node),
        (Items::Rows(rows), What::Map(entries)) => {
            let mut row = Map::new();
            for entry in entries {
                let kind = rows.get(&entry.key.value).map_or(&Kind::Text, |field| &field.kind);
                row.insert(entry.key.value.to_string(), json(kind, &entry.value));
            }
            Json::Object(row)
        }
        (Items::Rows(_), What::Scalar(_) | What::List(_) | What::Broken) => json(&Kind::Text, node),
    }
}

fn scalar_json(kind: &Kind, scalar: &Scalar) -> Json {
    match (kind, literal_of(scalar)) {
        (_, ScalarKind::Nothing) => Json::Null,
        (Kind::Boolean, ScalarKind::Boolean(flag)) => Json::Bool(flag),
        (Kind::Integer(_) | Kind::Duration, ScalarKind::Integer(number)) => Json::from(number),
        _ => Json::from(&*scalar.text),
    }
}
