//! Recipes: how a value is made from rows, constants and seeded chance. This is the language of a mapping.

mod read;

use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value as Json;

use super::template::Template;

pub(crate) use read::has_weight;

/// How a value is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Recipe {
    /// Always this: a number, `true`, `false` or `null` (no value).
    Constant(Json),
    /// A text with names in braces. A name that stands alone gives the cell as it is; a text that comes out
    /// empty is no value.
    Text(Template),
    /// A list of values.
    List(Vec<Recipe>),
    /// `number`: a text read as a number.
    Number(Box<Recipe>),
    /// `percent`: a share as a percentage: 0.15 is 15.
    Percent(Box<Recipe>),
    /// `date`: a day, moved.
    Date(Box<Moved>),
    /// `choose`: one of these texts, by weight.
    Choose(IndexMap<String, u32>),
    /// `one_of`: one of these, each as often.
    OneOf(Vec<Recipe>),
    /// `between`: a number from one to the other, with as many decimals as the bounds have.
    Between(Decimal, Decimal),
    /// `times`: a number times another.
    Times(Box<Times>),
    /// `least_of`: the smallest of some numbers.
    LeastOf(Vec<Recipe>),
    /// `sometimes`: a value in a share of cases, else none.
    Sometimes(Box<Sometimes>),
    /// `mistake`: the wrong value in a share of cases, else the right one.
    Mistake(Box<Mistake>),
    /// `first_of`: the first that is a value.
    FirstOf(Vec<Recipe>),
    /// `hash`: the SHA-256 of a text, in hexadecimal. For a field of a move, the text is attached to the case before.
    Hash(Template),
    /// `map`: names with a value each.
    Map(IndexMap<String, Recipe>),
    /// `list`: a row for each row of a source, or some rows made up.
    Rows(Box<Group>),
}

/// A day, moved.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moved {
    /// The day, as `2026-09-24`; what follows it (a time) is left out.
    pub(crate) of: Recipe,
    /// Years to add. The 29th of February becomes the 28th where there is none.
    #[serde(default)]
    pub(crate) years: i32,
    /// Days to add after that.
    #[serde(default)]
    pub(crate) days: Span,
    /// Weekdays to add after that.
    #[serde(default)]
    pub(crate) weekdays: Span,
    /// A time of that day, as `08:50`; with it the value is a moment.
    #[serde(default)]
    pub(crate) at: Option<Template>,
}

/// A number times another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Times {
    /// The number.
    pub(crate) of: Recipe,
    /// The other.
    pub(crate) by: Recipe,
    /// Decimals of the product.
    #[serde(default)]
    pub(crate) digits: u32,
}

/// A value in a share of cases.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sometimes {
    /// The share, from 0 to 1.
    pub(crate) share: Share,
    /// The value.
    pub(crate) value: Recipe,
}

/// A value that is sometimes wrong, until somebody corrects it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mistake {
    /// The share of cases in which it is wrong, from 0 to 1.
    pub(crate) share: Share,
    /// The right value.
    pub(crate) right: Recipe,
    /// The wrong one.
    #[serde(default = "nothing")]
    pub(crate) wrong: Recipe,
}

fn nothing() -> Recipe {
    Recipe::Constant(Json::Null)
}

/// Something that is made once for each row of a source, or some number of times: cases, rows of a table, rows
/// of a list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The source, or a list of a row in reach (`case.lines`).
    #[serde(default)]
    pub(crate) each: Option<String>,
    /// Which of its rows: a column and what stands in it.
    #[serde(default, rename = "where")]
    pub(crate) matching: IndexMap<String, Template>,
    /// How many, when there is no source.
    #[serde(default)]
    pub(crate) count: Option<Span>,
    /// Other rows that the fields name.
    #[serde(default)]
    pub(crate) rows: IndexMap<String, Pick>,
    /// The fields.
    pub(crate) fields: IndexMap<String, Recipe>,
}

/// A row of a source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pick {
    /// The source.
    pub(crate) of: String,
    /// Which of its rows: the first that has this in its columns. Without it, any row, and within a list each
    /// only once as long as there are others.
    #[serde(default, rename = "where")]
    pub(crate) matching: IndexMap<String, Template>,
    /// Whether it may be missing; its cells are then no values.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// One number, or one from a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The smallest.
    pub(crate) low: i64,
    /// The largest.
    pub(crate) high: i64,
}

/// A part of the whole, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share(pub(crate) Decimal);
