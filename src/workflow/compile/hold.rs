//! Resources, and the actions on them.

use crate::action::{Action, Hold, Rows};
use crate::diagnostic::Diagnostic;
use crate::field::{Bounds, Kind, Per, Resource, Resources, Tables};
use crate::model::{Name, Value};
use crate::workflow::definition::Given;
use crate::workflow::source::{HoldSource, ResourceSource, RowsSource};
use crate::workflow::walk::{At, Node, What};

use super::given::{computed, parameter};
use super::names::unknown;
use super::set::readable;
use super::sources::Sources;
use super::workflow::Compiler;

/// The word in `per` for a pool for each calendar day.
const DAY: &str = "day";

/// The resources of a set.
pub(super) fn resources(sources: &Sources, tables: &Tables, found: &mut Vec<Diagnostic>) -> Resources {
    let compiled = sources.resources.iter().filter_map(|source| {
        let resource = resource(source, sources, tables, found)?;
        Some((Name::clone(&resource.name), resource))
    });
    compiled.collect()
}

fn resource(
    source: &ResourceSource,
    sources: &Sources,
    tables: &Tables,
    found: &mut Vec<Diagnostic>,
) -> Option<Resource> {
    let (per, (key, quantity)) = (source.per.as_ref()?, source.row.as_ref()?);
    let per = if &*per.value == DAY {
        Per::Day
    } else if tables.contains_key(&per.value) {
        Per::Table(Name::clone(&per.value))
    } else {
        if !sources.tables_broken {
            found.push(unknown("E104", "table", per, tables.keys().map(|name| &**name).chain([DAY])));
        }
        return None;
    };
    let name = Name::clone(&source.name.value);
    let title = source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone());
    let (key, quantity) = (Name::clone(key), Name::clone(quantity));
    Some(Resource { name, title, per, key, quantity, default: source.default.normalize() })
}

impl Compiler<'_> {
    /// Compiles an action on resources.
    pub(super) fn hold(&mut self, source: &HoldSource) -> Option<Action> {
        let mut parts = Vec::new();
        for (name, rows) in &source.parts {
            let Some(resource) = self.resource(name) else { continue };
            let rows = self.hold_rows(&resource, rows)?;
            parts.push((Name::clone(&resource.name), rows));
        }
        let used_as = source.used_as.as_ref().and_then(|node| self.hold_text(node));
        Some(Action::Hold(Hold { verb: source.verb, parts, up_to_available: source.up_to, used_as }))
    }

    fn resource(&mut self, name: &At<Name>) -> Option<Resource> {
        let found = self.shared.resources.get(&name.value).cloned();
        if found.is_none() && !self.shared.sources.resources_broken {
            let error = unknown("E109", "resource", name, self.shared.resources.keys().map(|name| &**name));
            self.found.push(match error.help {
                Some(_) => error,
                None => error.help("declare it in `workflows/resources.yaml`"),
            });
        }
        found
    }

    fn hold_rows(&mut self, resource: &Resource, source: &RowsSource) -> Option<Rows> {
        match source {
            RowsSource::All => Some(Rows::All),
            RowsSource::One(key, quantity) => {
                let key = self.given(&parameter(&"key".into(), resource.key_kind()), key)?;
                let number = Kind::Decimal(Bounds::default());
                let quantity = self.given(&parameter(&"quantity".into(), number), quantity)?;
                Some(Rows::One(key, quantity))
            }
            RowsSource::List(path) => self.hold_list(resource, path),
        }
    }

    fn hold_list(&mut self, resource: &Resource, path: &At<Name>) -> Option<Rows> {
        let (list, subset) = match path.value.split_once('.') {
            Some((list, subset)) => (list, Some(Name::from(subset))),
            None => (&*path.value, None),
        };
        let list = self.field(&At { value: Name::from(list), spot: path.spot.clone() })?;
        self.used.words.insert(Name::clone(&list));
        if self.broken.contains(&list) {
            return None;
        }
        let unfit = match self.rows(&list) {
            Some(rows) => resource.unfit(&rows).map(|unfit| format!("the rows of `{list}` {unfit}")),
            None => Some(format!("`{list}` is not a list of rows")),
        };
        if let Some(unfit) = unfit {
            let error = path.spot.error("E135", unfit);
            let help = "the resource says under `row` which fields of a row it looks at; or write one row as \
                        `{ key: \"=...\", quantity: \"=...\" }`";
            self.found.push(error.help(help));
            return None;
        }
        if let Some(subset) = &subset {
            let known = self.source.fields.iter().filter(|field| field.name.value == list);
            let known: Vec<&str> = known.flat_map(|field| &field.subsets).map(|(name, _)| &*name.value).collect();
            if !known.contains(&&**subset) {
                let at = At { value: Name::clone(subset), spot: path.spot.clone() };
                self.found.push(unknown("E103", "subset", &at, known));
                return None;
            }
        }
        Some(Rows::List(list, subset))
    }

    /// A text, or an expression.
    fn hold_text(&mut self, node: &Node) -> Option<Given> {
        let What::Scalar(scalar) = &node.what else {
            self.found.push(node.spot.error("E022", "`as` is a text"));
            return None;
        };
        match computed(scalar, node) {
            Some(code) => self.expression(&code, None).map(Given::Expression),
            None => Some(Given::Value(Value::Text(Name::clone(&scalar.text)))),
        }
    }
}
