//! Reading recipes from YAML. Every mistake is raised where it stands, so that it gets its line.

use std::fmt;

use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::{Recipe, Share, Span};
use crate::cli::demo::template::Template;
use crate::diagnostic::did_you_mean;

/// The words that may stand for a way to make a value.
const WORDS: [&str; 14] = [
    "number",
    "percent",
    "date",
    "choose",
    "one_of",
    "between",
    "times",
    "least_of",
    "sometimes",
    "mistake",
    "first_of",
    "hash",
    "map",
    "list",
];

impl<'de> Deserialize<'de> for Recipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecipeVisitor)
    }
}

struct RecipeVisitor;

impl<'de> Visitor<'de> for RecipeVisitor {
    type Value = Recipe;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a list, or one way to make a value, as `{ number: \"{Price}\" }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Recipe, E> {
        Template::parse(text).map(Recipe::Text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Recipe, E> {
        Ok(Recipe::Constant(Json::from(flag)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Recipe, E> {
        Ok(Recipe::Constant(Json::from(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Recipe, E> {
        Ok(Recipe::Constant(Json::from(number)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Recipe, E> {
        exact(number).map(|number| Recipe::Constant(Json::from(number.to_string())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Recipe, E> {
        Ok(Recipe::Constant(Json::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Recipe, A::Error> {
        let mut recipes = Vec::new();
        while let Some(recipe) = items.next_element()? {
            recipes.push(recipe);
        }
        Ok(Recipe::List(recipes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Recipe, A::Error> {
        let Some(word) = map.next_key::<String>()? else {
            return Err(de::Error::custom("`{}` makes no value; write `null` for none"));
        };
        let recipe = match word.as_str() {
            "number" => Recipe::Number(map.next_value()?),
            "percent" => Recipe::Percent(map.next_value()?),
            "date" => Recipe::Date(map.next_value()?),
            "choose" => Recipe::Choose(map.next_value()?),
            "one_of" => Recipe::OneOf(map.next_value()?),
            "between" => {
                let Bounds(low, high) = map.next_value()?;
                Recipe::Between(low, high)
            }
            "times" => Recipe::Times(map.next_value()?),
            "least_of" => Recipe::LeastOf(map.next_value()?),
            "sometimes" => Recipe::Sometimes(map.next_value()?),
            "mistake" => Recipe::Mistake(map.next_value()?),
            "first_of" => Recipe::FirstOf(map.next_value()?),
            "hash" => Recipe::Hash(map.next_value()?),
            "map" => Recipe::Map(map.next_value()?),
            "list" => Recipe::Rows(map.next_value()?),
            _ => return Err(de::Error::custom(unknown_word(&word))),
        };
        match map.next_key::<String>()? {
            Some(other) => {
                Err(de::Error::custom(format!("`{other}` stands beside `{word}`; a value is made in one way")))
            }
            None => Ok(recipe),
        }
    }
}

fn unknown_word(word: &str) -> String {
    match did_you_mean(word, WORDS) {
        Some(near) => format!("`{word}` is no way to make a value; did you mean `{near}`?"),
        None => format!("`{word}` is no way to make a value; the ways are {}", WORDS.join(", ")),
    }
}

/// A decimal from the float that YAML reads, by its shortest text, which is what stood there.
fn exact<E: de::Error>(number: f64) -> Result<Decimal, E> {
    number.to_string().parse().map_err(|_| E::custom(format!("`{number}` is not a number that can be kept exactly")))
}

/// Two numbers.
struct Bounds(Decimal, Decimal);

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [low, high] = <[Exact; 2]>::deserialize(deserializer)?;
        if low.0 > high.0 {
            return Err(de::Error::custom(format!(
                "`{}` to `{}` is no range: the smaller number comes first",
                low.0, high.0
            )));
        }
        Ok(Self(low.0, high.0))
    }
}

/// A number that YAML may read as an integer or as a float.
struct Exact(Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExactVisitor).map(Self)
    }
}

struct ExactVisitor;

impl Visitor<'_> for ExactVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        exact(number)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Exact(share) = Exact::deserialize(deserializer)?;
        if share < Decimal::ZERO || share > Decimal::ONE {
            return Err(de::Error::custom(format!("a share of `{share}` is not from 0 to 1")));
        }
        Ok(Self(share))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl<'de> Visitor<'de> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or the smallest and the largest as `[1, 5]`")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Span, E> {
        Ok(Span { low: number, high: number })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
        let number = i64::try_from(number).map_err(|_| E::custom(format!("`{number}` is too large")))?;
        self.visit_i64(number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Span, A::Error> {
        let (low, high) = (items.next_element::<i64>()?, items.next_element::<i64>()?);
        match (low, high, items.next_element::<i64>()?) {
            (Some(low), Some(high), None) if low <= high => Ok(Span { low, high }),
            _ => Err(de::Error::custom("a range is two whole numbers, the smaller one first, as `[1, 5]`")),
        }
    }
}

/// Weights that are all 0 choose nothing.
pub(crate) fn has_weight(weights: &IndexMap<String, u32>) -> bool {
    weights.values().any(|weight| *weight > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &str) {
        let said = match serde_yaml::from_str::<Recipe>(yaml) {
            Ok(recipe) => format!("{recipe:?}"),
            Err(problem) => problem.to_string(),
        };
        assert!(said.contains(expected), "{yaml}\n{said}");
    }

    #[test]
    fn recipes_are_read() {
        check("5", "Constant(Number(5))");
        check("0.15", "Constant(String(\"0.15\"))");
        check("~", "Constant(Null)");
        check("on", "Text(Template { written: \"on\"");
        check("{ number: \"{A}\" }", "Number(Text(");
        check("{ between: [0.9, 1] }", "Between(0.9, 1)");
        check("{ date: { of: \"{D}\", years: 28, days: [1, 5] } }", "years: 28, days: Span { low: 1, high: 5 }");
        check("{ mistake: { share: 0.05, right: a } }", "wrong: Constant(Null)");
        check("{ list: { count: 3, fields: { a: 1 } } }", "count: Some(Span { low: 3, high: 3 })");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        check("{ nmber: 5 }", "`nmber` is no way to make a value; did you mean `number`?");
        check("{ xyz: 5 }", "`xyz` is no way to make a value; the ways are number, percent");
        check("{ number: 5, percent: 6 }", "`percent` stands beside `number`; a value is made in one way");
        check("{}", "`{}` makes no value");
        check("{ between: [2, 1] }", "`2` to `1` is no range");
        check("{ sometimes: { share: 1.5, value: x } }", "a share of `1.5` is not from 0 to 1");
        check("{ sometimes: { shar: 1, value: x } }", "unknown field `shar`");
        check("\n\n- { date: { of: x, days: [5, 1] } }", "line 3");
        check("\n- \"{A\"", "line 2");
    }
}
