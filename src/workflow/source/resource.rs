//! Resources as written, and the actions that hold, release, consume and put them.

use rust_decimal::Decimal;

use crate::action::Verb;
use crate::diagnostic::Diagnostic;
use crate::model::limit::{RESOURCE_DECIMALS_MAX, RESOURCE_QUANTITY_MAX};
use crate::model::resource::is_quantity;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Node, What};

use super::read::{Keys, check_name, decimal, entries, text, title, word};

/// Keys of the actions that are no resource.
const OPTIONS: [&str; 2] = ["up_to", "as"];

/// A resource as written.
#[derive(Debug)]
pub(in crate::workflow) struct ResourceSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The table that has its pools, or `day`.
    pub(in crate::workflow) per: Option<At<Name>>,
    /// The field of a row that names the pool, and the one that says how much.
    pub(in crate::workflow) row: Option<(Name, Name)>,
    /// What is on hand in a pool that nobody has set.
    pub(in crate::workflow) default: Decimal,
}

/// An action on resources as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct HoldSource {
    /// What is done.
    pub(in crate::workflow) verb: Verb,
    /// The resources, and of which rows.
    pub(in crate::workflow) parts: Vec<(At<Name>, RowsSource)>,
    /// Whether what there is will do.
    pub(in crate::workflow) up_to: bool,
    /// As what it is consumed.
    pub(in crate::workflow) used_as: Option<Node>,
}

/// The rows of an action on resources as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum RowsSource {
    /// All that is held.
    All,
    /// The rows of a list, or of a subset of it.
    List(At<Name>),
    /// One row: the pool, and how much of it.
    One(Node, Node),
}

/// Reads `workflows/resources.yaml`.
pub(in crate::workflow) fn resources(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<ResourceSource> {
    let Some(keys) = Keys::of(root, "the file of resources", &["resources"], found) else { return Vec::new() };
    let Some(node) = keys.need("resources", "the file of resources", found) else { return Vec::new() };
    let entries = entries(node, "`resources`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| resource(&entry.key, &entry.value, found)).collect()
}

fn resource(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<ResourceSource> {
    check_name(name, "a resource", found);
    if OPTIONS.contains(&&*name.value) {
        found.push(name.spot.error("E026", format!("`{}` is reserved and can't be a resource", name.value)));
    }
    let keys = Keys::of(node, "a resource", &["title", "per", "row", "default"], found)?;
    Some(ResourceSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        per: keys.need("per", "a resource", found).and_then(|node| text(node, "`per`", found)),
        row: keys.need("row", "a resource", found).and_then(|node| row(node, found)),
        default: keys.get("default").and_then(|node| quantity(node, found)).unwrap_or_default(),
    })
}

fn quantity(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Decimal> {
    let quantity = decimal(node, "`default`", found)?;
    if is_quantity(quantity) {
        return Some(quantity);
    }
    let most = format!("from 0 to {RESOURCE_QUANTITY_MAX}, with at most {RESOURCE_DECIMALS_MAX} decimals");
    found.push(node.spot.error("E023", format!("`default` is a quantity {most}")));
    None
}

fn row(node: &Node, found: &mut Vec<Diagnostic>) -> Option<(Name, Name)> {
    let keys = Keys::of(node, "`row`", &["key", "quantity"], found)?;
    let key = keys.need("key", "`row`", found).and_then(|node| text(node, "`key`", found));
    let quantity = keys.need("quantity", "`row`", found).and_then(|node| text(node, "`quantity`", found));
    Some((key?.value, quantity?.value))
}

/// Reads `reserve`, `release`, `consume` or `put`.
pub(super) fn hold(verb: Verb, node: &Node, found: &mut Vec<Diagnostic>) -> Option<HoldSource> {
    let what = format!("`{}`", verb.word());
    let mut hold = HoldSource { verb, parts: Vec::new(), up_to: false, used_as: None };
    let entries = entries(node, &what, found)?;
    for entry in entries {
        match (&*entry.key.value, verb) {
            ("up_to", Verb::Reserve) => {
                let said: Option<String> = word(&entry.value, "`up_to`", &["available"], found);
                hold.up_to = said.is_some();
            }
            ("as", Verb::Consume) => hold.used_as = Some(entry.value.clone()),
            (option, _) if OPTIONS.contains(&option) => {
                let error = entry.key.spot.error("E027", format!("`{option}` says nothing about {what}"));
                found.push(error);
            }
            (_, _) => {
                let rows = rows(verb, &entry.value, found);
                hold.parts.extend(rows.map(|rows| (entry.key.clone(), rows)));
            }
        }
    }
    if entries.iter().all(|entry| OPTIONS.contains(&&*entry.key.value)) {
        let error = node.spot.error("E021", format!("{what} names no resource"));
        found.push(error.help(format!("write it as `{}: {{ RESOURCE: LIST }}`", verb.word())));
    }
    Some(hold)
}

fn rows(verb: Verb, node: &Node, found: &mut Vec<Diagnostic>) -> Option<RowsSource> {
    match &node.what {
        What::Map(_) => {
            let keys = Keys::of(node, "a row", &["key", "quantity"], found)?;
            let (key, quantity) = (keys.need("key", "a row", found), keys.need("quantity", "a row", found));
            Some(RowsSource::One(key?.clone(), quantity?.clone()))
        }
        What::Scalar(scalar) if &*scalar.text == "all" && matches!(verb, Verb::Release | Verb::Consume) => {
            Some(RowsSource::All)
        }
        What::Scalar(_) => text(node, "the rows", found).map(RowsSource::List),
        What::List(_) => {
            let error =
                node.spot.error("E022", "the rows are the name of a list, or one row with `key` and `quantity`");
            found.push(error);
            None
        }
        What::Broken => None,
    }
}
