//! Pools in tests: what there is of them, and what is expected of them.

use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::field::Resource;
use crate::model::Name;
use crate::model::command::Input;
use crate::workflow::compile::names::unknown;
use crate::workflow::definition::suite::{Expected, PoolPart, Rows};
use crate::workflow::source::PoolSource;
use crate::workflow::walk::{At, What};

use super::Ground;

impl<'a> Ground<'a, '_> {
    /// Rows of each resource.
    pub(super) fn pools(&mut self, written: &[PoolSource]) -> Rows {
        let mut rows = Rows::new();
        for source in written {
            let Some(resource) = self.resource(&source.resource) else { continue };
            let Some(row) = self.pool(resource, source) else { continue };
            rows.push((Name::clone(&resource.name), vec![row]));
        }
        rows
    }

    /// What is expected of a pool, part by part.
    pub(super) fn expected_pool(&mut self, source: &PoolSource) -> Vec<Expected> {
        let Some(resource) = self.resource(&source.resource) else { return Vec::new() };
        let (resource, key) = (Name::clone(&resource.name), Name::clone(&source.key.value));
        let expected = |part, quantity| {
            let (resource, key) = (Name::clone(&resource), Name::clone(&key));
            Expected::Pool { resource, key, part, quantity }
        };
        let mut all = Vec::new();
        match &source.what.what {
            What::Scalar(scalar) => {
                let text = At { value: Name::clone(&scalar.text), spot: source.what.spot.clone() };
                all.extend(self.quantity(&text).map(|quantity| expected(PoolPart::OnHand, quantity)));
            }
            What::Map(entries) => {
                for entry in entries {
                    let part = PoolPart::WORDS.into_iter().find(|(word, _)| *word == &*entry.key.value);
                    let Some((_, part)) = part else {
                        let known = PoolPart::WORDS.map(|(word, _)| word);
                        self.found.push(unknown("E103", "part of a pool", &entry.key, known));
                        continue;
                    };
                    let What::Scalar(scalar) = &entry.value.what else { continue };
                    let text = At { value: Name::clone(&scalar.text), spot: entry.value.spot.clone() };
                    all.extend(self.quantity(&text).map(|quantity| expected(part, quantity)));
                }
            }
            What::List(_) | What::Broken => {}
        }
        all
    }

    fn resource(&mut self, name: &At<Name>) -> Option<&'a Resource> {
        let known = self.shared.resources.get(&name.value);
        if known.is_none() && !self.shared.sources.resources_broken {
            self.found.push(unknown("E109", "resource", name, self.shared.resources.keys().map(|name| &**name)));
        }
        known
    }

    /// A pool as a row: a number alone is what is on hand.
    fn pool(&mut self, resource: &Resource, source: &PoolSource) -> Option<Input> {
        let mut row = match &source.what.what {
            What::Scalar(scalar) => {
                let text = At { value: Name::clone(&scalar.text), spot: source.what.spot.clone() };
                let quantity = self.quantity(&text)?;
                Input::from_iter([("on_hand".to_owned(), quantity.to_string().into())])
            }
            What::Map(entries) => self.fields(&resource.table().columns, Tz::UTC, entries, "part of a pool"),
            What::List(_) => {
                let error = source.what.spot.error("E022", "a pool is a number, or a map");
                self.found.push(error.help("write `A: 3` or `A: { on_hand: 3, arrivals: [...] }`"));
                return None;
            }
            What::Broken => return None,
        };
        row.insert("key".to_owned(), (&*source.key.value).into());
        Some(row)
    }

    fn quantity(&mut self, text: &At<Name>) -> Option<Decimal> {
        let quantity = text.value.parse().ok();
        if quantity.is_none() {
            self.found.push(text.spot.error("E023", format!("`{}` is no quantity", text.value)));
        }
        quantity
    }
}
