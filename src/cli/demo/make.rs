//! Making values: a recipe, the rows in reach, and seeded chance.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::random::Random;
use super::recipe::{Group, Moved, Pick, Recipe, Times};
use super::source::{Row, Source, text_of};
use super::template::{Part, Reference, Template};

/// The sources by name.
pub(crate) type Sources = BTreeMap<String, Source>;

/// What values are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maker<'a> {
    /// The sources; every column that a `where` names is indexed.
    pub(crate) sources: &'a Sources,
    /// The day that `{today}` is.
    pub(crate) today: NaiveDate,
    /// Whether every `mistake` is put right.
    pub(crate) correct: bool,
}

/// The rows in reach at one place, and those around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope<'p> {
    /// The scope around this one.
    pub(crate) parent: Option<&'p Scope<'p>>,
    /// The row whose columns may be named bare.
    pub(crate) near: Option<&'p Row>,
    /// Rows that are named by their name; one that is missing has no cells.
    pub(crate) named: Vec<(&'p str, Option<&'p Row>)>,
    /// The place in what is being made; the first is 1.
    pub(crate) n: usize,
}

impl Scope<'_> {
    /// The cell that a reference names; nothing when the row is missing or has nothing there.
    fn cell(&self, reference: &Reference, today: NaiveDate) -> Option<Json> {
        if let Some(row) = &reference.row {
            return match self.named.iter().find(|(name, _)| name == row) {
                Some((_, row)) => row.and_then(|row| row.get(&reference.column)).cloned(),
                None => self.parent.and_then(|parent| parent.cell(reference, today)),
            };
        }
        if let Some(cell) = self.near.and_then(|row| row.get(&reference.column)) {
            return Some(cell.clone());
        }
        match (reference.column.as_str(), self.parent) {
            ("n", _) if self.n > 0 => Some(Json::from(self.n)),
            (_, Some(parent)) => parent.cell(reference, today),
            ("today", None) => Some(Json::from(today.to_string())),
            (_, None) => None,
        }
    }
}

impl Maker<'_> {
    /// Makes a value; nothing when there is none.
    ///
    /// # Errors
    /// A sentence about what can't be made.
    pub(crate) fn make(&self, recipe: &Recipe, scope: &Scope<'_>, random: &mut Random) -> Result<Option<Json>, String> {
        match recipe {
            Recipe::Constant(Json::Null) => Ok(None),
            Recipe::Constant(constant) => Ok(Some(constant.clone())),
            Recipe::Text(template) => Ok(self.cell(template, scope)),
            Recipe::List(items) => self.list(items, scope, random),
            Recipe::Number(of) => Ok(self.number(of, scope, random)?.map(written)),
            Recipe::Percent(of) => {
                Ok(self.number(of, scope, random)?.map(|share| written(share * Decimal::ONE_HUNDRED)))
            }
            Recipe::Date(moved) => self.date(moved, scope, random),
            Recipe::Choose(weights) => Ok(self.choose(weights, random)),
            Recipe::OneOf(recipes) => match recipes.get(random.index(recipes.len())) {
                Some(recipe) => self.make(recipe, scope, &mut random.fork()),
                None => Ok(None),
            },
            Recipe::Between(low, high) => Ok(Some(written(between(*low, *high, random)))),
            Recipe::Times(times) => self.times(times, scope, random),
            Recipe::LeastOf(recipes) => {
                let numbers: Result<Vec<_>, _> = recipes.iter().map(|of| self.number(of, scope, random)).collect();
                Ok(numbers?.into_iter().flatten().min().map(written))
            }
            Recipe::Sometimes(sometimes) => {
                let happens = random.happens(sometimes.share.0);
                let mut fork = random.fork();
                if happens { self.make(&sometimes.value, scope, &mut fork) } else { Ok(None) }
            }
            Recipe::Mistake(mistake) => {
                let wrong = random.happens(mistake.share.0) && !self.correct;
                self.make(if wrong { &mistake.wrong } else { &mistake.right }, scope, &mut random.fork())
            }
            Recipe::FirstOf(recipes) => {
                let mut fork = random.fork();
                recipes.iter().map(|recipe| self.make(recipe, scope, &mut fork)).find(made).unwrap_or(Ok(None))
            }
            Recipe::Hash(template) => Ok(Some(Json::from(hash(&self.text(template, scope))))),
            Recipe::Map(recipes) => Ok(Some(Json::Object(self.fields(recipes, scope, random)?))),
            Recipe::Rows(group) => {
                let rows = self.group(group, scope, random)?;
                Ok(Some(rows.into_iter().map(Json::Object).collect()))
            }
        }
    }

    /// Makes the fields of each thing of a group.
    ///
    /// # Errors
    /// A sentence about what can't be made.
    pub(crate) fn group(
        &self,
        group: &Group,
        scope: &Scope<'_>,
        random: &mut Random,
    ) -> Result<Vec<Map<String, Json>>, String> {
        let mut made = Vec::new();
        let mut used = BTreeMap::new();
        for (index, near) in self.members(group, scope, random)?.into_iter().enumerate() {
            let inner = Scope { parent: Some(scope), near: near.as_deref(), named: Vec::new(), n: index + 1 };
            made.push(self.one(group, &inner, random, &mut used)?);
        }
        Ok(made)
    }

    /// Makes the fields of one thing of a group; `scope` has its row.
    ///
    /// # Errors
    /// A sentence about what can't be made.
    pub(crate) fn one(
        &self,
        group: &Group,
        scope: &Scope<'_>,
        random: &mut Random,
        used: &mut BTreeMap<String, BTreeSet<usize>>,
    ) -> Result<Map<String, Json>, String> {
        let mut inner = Scope { parent: Some(scope), ..Scope::default() };
        // Later rows may be found by what stands in earlier ones.
        for (name, pick) in &group.rows {
            let row = self.pick(pick, &inner, random, used.entry(name.clone()).or_default())?;
            inner.named.push((name.as_str(), row));
        }
        self.fields(&group.fields, &inner, random)
    }

    /// The rows for each of which a group makes something; a group without a source makes some number.
    ///
    /// # Errors
    /// When the source is not there.
    pub(crate) fn members(
        &self,
        group: &Group,
        scope: &Scope<'_>,
        random: &mut Random,
    ) -> Result<Vec<Option<Cow<'_, Row>>>, String> {
        let Some(each) = &group.each else {
            let count = group.count.map_or(1, |count| random.between(count.low, count.high));
            return Ok(vec![None; usize::try_from(count).unwrap_or(0)]);
        };
        if let Some(rows) = rows_in_reach(each, scope, self.today) {
            return Ok(rows.into_iter().map(|row| Some(Cow::Owned(row))).collect());
        }
        let source = self.source(each)?;
        let places = self.matching(source, &group.matching, scope);
        Ok(places.into_iter().map(|place| source.rows.get(place).map(Cow::Borrowed)).collect())
    }

    /// Makes fields; those without a value are left out.
    ///
    /// # Errors
    /// A sentence about what can't be made, with the field.
    pub(crate) fn fields(
        &self,
        recipes: &IndexMap<String, Recipe>,
        scope: &Scope<'_>,
        random: &mut Random,
    ) -> Result<Map<String, Json>, String> {
        let mut fields = Map::new();
        for (field, recipe) in recipes {
            let value = self.make(recipe, scope, random).map_err(|problem| format!("`{field}`: {problem}"))?;
            if let Some(value) = value {
                fields.insert(field.clone(), value);
            }
        }
        Ok(fields)
    }

    /// The text that a template gives.
    pub(crate) fn text(&self, template: &Template, scope: &Scope<'_>) -> String {
        let parts = template.parts.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Name(reference) => scope.cell(reference, self.today).as_ref().map(text_of).unwrap_or_default(),
        });
        parts.collect()
    }

    fn cell(&self, template: &Template, scope: &Scope<'_>) -> Option<Json> {
        let value = match template.only() {
            Some(reference) => scope.cell(reference, self.today)?,
            None => Json::from(self.text(template, scope)),
        };
        (!value.is_null() && value != "").then_some(value)
    }

    fn list(&self, items: &[Recipe], scope: &Scope<'_>, random: &mut Random) -> Result<Option<Json>, String> {
        let mut list = Vec::new();
        for item in items {
            list.extend(self.make(item, scope, random)?);
        }
        Ok(Some(Json::Array(list)))
    }

    fn number(&self, of: &Recipe, scope: &Scope<'_>, random: &mut Random) -> Result<Option<Decimal>, String> {
        let Some(value) = self.make(of, scope, random)? else { return Ok(None) };
        let text = text_of(&value);
        text.trim().parse().map(Some).map_err(|_| format!("`{text}` is not a number"))
    }

    fn date(&self, moved: &Moved, scope: &Scope<'_>, random: &mut Random) -> Result<Option<Json>, String> {
        let days = random.between(moved.days.low, moved.days.high);
        let weekdays = random.between(moved.weekdays.low, moved.weekdays.high);
        let Some(value) = self.make(&moved.of, scope, random)? else { return Ok(None) };
        let text = text_of(&value);
        let written: String = text.chars().take("2026-09-24".len()).collect();
        let day: NaiveDate = written.parse().map_err(|_| format!("`{text}` is not a day such as 2026-09-24"))?;
        let day = in_other_year(day, moved.years)
            .and_then(|day| {
                let distance = Days::new(days.unsigned_abs());
                if days < 0 { day.checked_sub_days(distance) } else { day.checked_add_days(distance) }
            })
            .and_then(|day| weekdays_later(day, weekdays))
            .ok_or_else(|| format!("`{text}` can't be moved so far"))?;
        Ok(Some(Json::from(match &moved.at {
            Some(time) => format!("{day} {}", self.text(time, scope)),
            None => day.to_string(),
        })))
    }

    fn choose(&self, weights: &IndexMap<String, u32>, random: &mut Random) -> Option<Json> {
        let total: u64 = weights.values().map(|weight| u64::from(*weight)).sum();
        let mut left = random.below(total);
        for (text, weight) in weights {
            if left < u64::from(*weight) {
                return Some(Json::from(text.as_str()));
            }
            left -= u64::from(*weight);
        }
        None
    }

    fn times(&self, times: &Times, scope: &Scope<'_>, random: &mut Random) -> Result<Option<Json>, String> {
        let of = self.number(&times.of, scope, random)?;
        let by = self.number(&times.by, scope, random)?;
        Ok(of.zip(by).map(|(of, by)| written((of * by).round_dp(times.digits))))
    }

    fn pick(
        &self,
        pick: &Pick,
        scope: &Scope<'_>,
        random: &mut Random,
        used: &mut BTreeSet<usize>,
    ) -> Result<Option<&Row>, String> {
        let source = self.source(&pick.of)?;
        if pick.matching.is_empty() {
            return Ok(any_row(source, random, used));
        }
        let found = self.matching(source, &pick.matching, scope).first().and_then(|place| source.rows.get(*place));
        if found.is_some() || pick.optional {
            return Ok(found);
        }
        let wanted = pick.matching.iter().map(|(column, text)| format!("{column} = `{}`", self.text(text, scope)));
        Err(format!("{} has no row with {}", source.file, wanted.collect::<Vec<_>>().join(" and ")))
    }

    fn matching(&self, source: &Source, matching: &IndexMap<String, Template>, scope: &Scope<'_>) -> Vec<usize> {
        let mut wanted = matching.iter().map(|(column, template)| (column, self.text(template, scope)));
        let Some((column, text)) = wanted.next() else {
            return (0..source.rows.len()).collect();
        };
        let rest: Vec<_> = wanted.collect();
        let fits = |place: &usize| {
            let row = source.rows.get(*place);
            rest.iter().all(|(column, text)| row.and_then(|row| row.get(*column)).map(text_of).as_ref() == Some(text))
        };
        source.having(column, &text).iter().copied().filter(fits).collect()
    }

    fn source(&self, name: &str) -> Result<&Source, String> {
        self.sources.get(name).ok_or_else(|| format!("there is no source `{name}`"))
    }
}

/// The rows of a list that a row in reach has: `case.lines`; nothing when `each` is the name of a source.
fn rows_in_reach(each: &str, scope: &Scope<'_>, today: NaiveDate) -> Option<Vec<Row>> {
    let (row, column) = each.split_once('.')?;
    let list = scope.cell(&Reference { row: Some(row.to_owned()), column: column.to_owned() }, today);
    let rows = list.as_ref().and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    Some(rows.iter().filter_map(Json::as_object).cloned().collect())
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether there is a value, or something that can't be made: either ends the search for a first one.
fn made(value: &Result<Option<Json>, String>) -> bool {
    !matches!(value, Ok(None))
}

/// Any row, by preference one that was not used yet.
fn any_row<'s>(source: &'s Source, random: &mut Random, used: &mut BTreeSet<usize>) -> Option<&'s Row> {
    let start = random.index(source.rows.len());
    let places = (start..source.rows.len()).chain(0..start);
    let place = places.into_iter().find(|place| !used.contains(place)).unwrap_or(start);
    used.insert(place);
    source.rows.get(place)
}

fn between(low: Decimal, high: Decimal, random: &mut Random) -> Decimal {
    let digits = low.scale().max(high.scale());
    let steps = |bound: Decimal| {
        let mut whole = bound;
        whole.rescale(digits);
        i64::try_from(whole.mantissa()).unwrap_or(0)
    };
    Decimal::new(random.between(steps(low), steps(high)), digits)
}

fn in_other_year(day: NaiveDate, years: i32) -> Option<NaiveDate> {
    let year = day.year().checked_add(years)?;
    day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, day.month(), 28))
}

/// The n-th day after a day that is neither a Saturday nor a Sunday; the day itself when n is 0.
fn weekdays_later(day: NaiveDate, weekdays: i64) -> Option<NaiveDate> {
    let Some(nth) = usize::try_from(weekdays).ok().and_then(|weekdays| weekdays.checked_sub(1)) else {
        return Some(day);
    };
    let free = |day: &NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    day.iter_days().skip(1).filter(|day| !free(day)).nth(nth)
}

/// A number as clients write it: whole ones as JSON numbers, others as text, so that no float comes between.
fn written(number: Decimal) -> Json {
    let number = number.normalize();
    match i64::try_from(number) {
        Ok(whole) if number.is_integer() => Json::from(whole),
        Ok(_) | Err(_) => Json::from(number.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let mut orders = Source::from_csv("o.csv", b"Id,Name,Day\n1,One,1996-02-29\n2,,1997-01-31\n").unwrap();
        orders.index("Id");
        let mut lines = Source::from_csv("l.csv", b"Id,Price,Share\n1,9.80,0.15\n2,7,0\n1,14,0.1\n").unwrap();
        lines.index("Id");
        let things =
            Source::from_ndjson("t.ndjson", b"{\"code\":\"A\",\"spec\":{\"x\":\"y\"}}\n{\"code\":\"B\"}\n").unwrap();
        Sources::from([("orders".into(), orders), ("lines".into(), lines), ("things".into(), things)])
    }

    fn make_with(recipe: &str, correct: bool, seed: u64) -> String {
        let recipe: Recipe = serde_yaml::from_str(recipe).unwrap();
        let sources = sources();
        let maker = Maker { sources: &sources, today: "2026-09-24".parse().unwrap(), correct };
        let around = Scope { near: sources["orders"].rows.first(), n: 7, ..Scope::default() };
        let case = serde_json::json!({ "lines": [{ "q": 2 }, { "q": 5 }] });
        let scope = Scope {
            parent: Some(&around),
            named: vec![("thing", sources["things"].rows.first()), ("none", None), ("case", case.as_object())],
            ..Scope::default()
        };
        match maker.make(&recipe, &scope, &mut Random::new(seed, 0)) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "-".into(),
            Err(problem) => problem,
        }
    }

    fn check(recipe: &str, expected: &str) {
        assert_eq!(make_with(recipe, false, 1), expected, "{recipe}");
    }

    #[test]
    fn values_are_made_from_rows() {
        check("5", "5");
        check("~", "-");
        check("'{Name} x{n}'", "\"One x7\"");
        check("'{none.code}'", "-");
        check("'{thing.spec}'", "{\"x\":\"y\"}");
        check("'<{thing.spec}>'", "\"<{\\\"x\\\":\\\"y\\\"}>\"");
        check("{ number: '9.80' }", "\"9.8\"");
        check("{ number: '14' }", "14");
        check("{ number: x }", "`x` is not a number");
        check("{ percent: '0.15' }", "15");
        check("{ percent: '0.125' }", "\"12.5\"");
        check("{ date: { of: '{Day}', years: 28 } }", "\"2024-02-29\"");
        check("{ date: { of: '{Day}', years: 29 } }", "\"2025-02-28\"");
        check("{ date: { of: '{today}', days: -24, at: '08:50' } }", "\"2026-08-31 08:50\"");
        check("{ date: { of: '{Name}' } }", "`One` is not a day such as 2026-09-24");
        check("{ date: { of: '{today}', weekdays: 2 } }", "\"2026-09-28\"");
        check("{ date: { of: '2026-09-26', weekdays: 1 } }", "\"2026-09-28\"");
        check("{ times: { of: '9.99', by: 1.1, digits: 1 } }", "11");
        check("{ least_of: [ 15, '9.80', { percent: '0.2' } ] }", "\"9.8\"");
        check("{ least_of: [ '{none.x}' ] }", "-");
        check("{ first_of: ['{none.x}', '{Name}', z] }", "\"One\"");
        check("{ map: { a: '{Name}', b: ~ } }", "{\"a\":\"One\"}");
        check("[1, ~, '{Name}']", "[1,\"One\"]");
    }

    #[test]
    fn lists_are_joined_or_made_up() {
        check(
            "{ list: { each: lines, where: { Id: '{Id}' }, fields: { p: { number: '{Price}' }, d: { percent: '{Share}' } } } }",
            "[{\"p\":\"9.8\",\"d\":15},{\"p\":14,\"d\":10}]",
        );
        check(
            "{ list: { each: lines, rows: { o: { of: orders, where: { Id: '{Id}' } } }, fields: { x: '{o.Name}{n}' } } }",
            "[{\"x\":\"One1\"},{\"x\":\"2\"},{\"x\":\"One3\"}]",
        );
        check(
            "{ list: { each: lines, rows: { o: { of: orders, where: { Id: '9' } } }, fields: {} } }",
            "o.csv has no row with Id = `9`",
        );
        let made =
            make_with("{ list: { count: 2, rows: { t: { of: things } }, fields: { c: '{t.code}' } } }", false, 4);
        assert!(made.contains('A') && made.contains('B'), "each row is picked once: {made}");
    }

    #[test]
    fn a_mistake_put_right_changes_nothing_else() {
        let recipe = "{ list: { count: 40, fields: { a: { mistake: { share: 0.5, right: { between: [1, 9] }, wrong: bad } }, b: { between: [1, 1000] } } } }";
        let read = |correct| -> Vec<Json> { serde_json::from_str(&make_with(recipe, correct, 5)).unwrap() };
        let (wrong, right) = (read(false), read(true));
        let bad = |rows: &[Json]| rows.iter().filter(|row| row["a"] == "bad").count();
        assert!((10..30).contains(&bad(&wrong)), "{}", bad(&wrong));
        assert_eq!(bad(&right), 0);
        assert!(wrong.iter().zip(&right).all(|(wrong, right)| wrong["b"] == right["b"]));
    }

    #[test]
    fn chance_follows_the_seed() {
        let draw = |seed| {
            make_with("{ list: { count: [1, 9], fields: { c: { choose: { x: 3, y: 1, z: 0 } } } } }", false, seed)
        };
        assert_eq!(draw(1), draw(1));
        assert!((0..20).any(|seed| draw(seed) != draw(1)));
        let all = (0..200).map(draw).collect::<String>();
        assert!(all.matches('x').count() > 2 * all.matches('y').count() && !all.contains('z'));
    }
}
