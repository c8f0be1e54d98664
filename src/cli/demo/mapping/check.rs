//! What can be wrong in a mapping although it can be read: names of sources, columns, rows and people.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::{Loaded, Mapping, TableFrom};
use crate::cli::demo::make::Sources;
use crate::cli::demo::play::{Move, Play};
use crate::cli::demo::recipe::{Group, Recipe, has_weight};
use crate::cli::demo::template::{Reference, Template};
use crate::diagnostic::did_you_mean;

/// The files, to find the line of a mistake.
pub(super) struct Texts<'t> {
    /// The mapping: its name and its text.
    pub(super) mapping: (String, &'t str),
    /// The play.
    pub(super) play: (String, &'t str),
}

/// The names of all sources that are used.
pub(super) fn source_names(mapping: &Mapping, play: &Play) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let tables = mapping.tables.values().chain(mapping.resources.values().map(|resource| &resource.rows));
    let groups = tables.filter_map(|from| match from {
        TableFrom::Group(group) => Some(&**group),
        TableFrom::File(_) => None,
    });
    for group in groups.chain([&mapping.cases]) {
        names_of_group(group, &mut names);
    }
    for step in play.moves() {
        step.input.values().for_each(|recipe| names_of(recipe, &mut names));
    }
    names
}

/// Finds every mistake, and prepares the sources for the look-ups that the mapping makes.
pub(super) fn check(loaded: &mut Loaded, texts: &Texts<'_>) -> Vec<String> {
    let Loaded { mapping, play, sources, .. } = loaded;
    let mut checker = Checker { sources, found: Vec::new(), wanted: BTreeSet::new() };
    let people: Vec<String> = play.staff.keys().cloned().collect();
    let staff = Known { near: None, named: vec![("staff", Some(&people))], parent: None };
    for from in mapping.tables.values().chain(mapping.resources.values().map(|resource| &resource.rows)) {
        if let TableFrom::Group(group) = from {
            checker.group(group, &Known::default(), None);
        }
    }
    checker.group(&mapping.cases, &staff, mapping.opened.as_ref());
    let mut mistakes = located(&checker.found, &texts.mapping);
    checker.found.clear();
    checker.play(play, &people);
    mistakes.extend(located(&checker.found, &texts.play));
    let wanted = checker.wanted;
    for (source, column) in wanted {
        if let Some(source) = sources.get_mut(&source) {
            source.index(&column);
        }
    }
    mistakes
}

/// A mistake and the words by which its line is found.
struct Found {
    words: String,
    message: String,
}

fn located(found: &[Found], (file, text): &(String, &str)) -> Vec<String> {
    let place = |words: &str| {
        let (index, line) = text.lines().enumerate().find(|(_, line)| line.contains(words))?;
        let column = line.split(words).next().unwrap_or_default().chars().count() + 1;
        Some(format!("{file}:{}:{column}", index + 1))
    };
    found.iter().map(|one| format!("{}: {}", place(&one.words).unwrap_or_else(|| file.clone()), one.message)).collect()
}

/// The columns in reach at one place; a `None` inside stands for a row whose columns are not known beforehand.
#[derive(Default)]
struct Known<'k> {
    near: Option<Option<&'k [String]>>,
    named: Vec<(&'k str, Option<&'k Vec<String>>)>,
    parent: Option<&'k Known<'k>>,
}

/// The names that every place knows.
const BUILT_IN: [&str; 2] = ["n", "today"];

impl<'k> Known<'k> {
    fn rows(&self) -> Vec<&'k str> {
        let around = self.parent.map(Known::rows).unwrap_or_default();
        self.named.iter().map(|(name, _)| *name).chain(around).collect()
    }

    fn columns(&self, row: &str) -> Option<Option<&'k Vec<String>>> {
        let here = self.named.iter().find(|(name, _)| *name == row).map(|(_, columns)| *columns);
        here.or_else(|| self.parent.and_then(|parent| parent.columns(row)))
    }

    /// The columns that may be named bare, and whether there may be others.
    fn bare(&self) -> (Vec<&'k str>, bool) {
        let (mut columns, mut open) = self.parent.map(Known::bare).unwrap_or_default();
        match self.near {
            Some(Some(near)) => columns.extend(near.iter().map(String::as_str)),
            Some(None) => open = true,
            None => {}
        }
        (columns, open)
    }
}

struct Checker<'s> {
    sources: &'s Sources,
    found: Vec<Found>,
    /// The columns by which rows are looked up.
    wanted: BTreeSet<(String, String)>,
}

impl<'s> Checker<'s> {
    fn say(&mut self, words: &str, message: String) {
        self.found.push(Found { words: words.to_owned(), message });
    }

    fn group(&mut self, group: &Group, around: &Known<'_>, also: Option<&Recipe>) {
        if group.each.is_some() && group.count.is_some() {
            self.say("count:", "`count` stands beside `each`, which makes one for each row of the source".into());
        }
        let list = group.each.as_deref().and_then(|each| each.split_once('.'));
        if let Some((row, column)) = list {
            let reference = Reference { row: Some(row.to_owned()), column: column.to_owned() };
            unknown_reference(&reference, around).into_iter().for_each(|message| self.say("each:", message));
        }
        let near = group.each.as_deref().map(|each| self.columns(each));
        self.matching(group.each.as_deref(), &group.matching, around);
        let mut known = Known { near, named: Vec::new(), parent: Some(around) };
        for (name, pick) in &group.rows {
            self.matching(Some(&pick.of), &pick.matching, &known);
            known.named.push((name, self.sources.get(&pick.of).map(|source| &source.columns)));
        }
        for recipe in group.fields.values().chain(also) {
            self.recipe(recipe, &known);
        }
    }

    fn columns(&self, source: &str) -> Option<&'s [String]> {
        self.sources.get(source).map(|source| source.columns.as_slice())
    }

    fn matching(&mut self, source: Option<&str>, matching: &IndexMap<String, Template>, known: &Known<'_>) {
        for (column, template) in matching {
            self.template(template, known);
            let Some(source) = source else {
                self.say("where:", "`where` stands without `each`; name the source whose rows are meant".into());
                continue;
            };
            match self.columns(source) {
                Some(columns) if !columns.contains(column) => {
                    let what = format!("`{source}` has no column");
                    self.say(&format!("{column}:"), unknown(&what, column, columns.iter().map(String::as_str)));
                }
                Some(_) => {
                    self.wanted.insert((source.to_owned(), column.clone()));
                }
                None => {}
            }
        }
    }

    fn recipe(&mut self, recipe: &Recipe, known: &Known<'_>) {
        match recipe {
            Recipe::Constant(_) | Recipe::Between(..) => {}
            Recipe::Text(template) | Recipe::Hash(template) => self.template(template, known),
            Recipe::List(recipes) | Recipe::OneOf(recipes) | Recipe::LeastOf(recipes) | Recipe::FirstOf(recipes) => {
                recipes.iter().for_each(|recipe| self.recipe(recipe, known));
            }
            Recipe::Number(of) | Recipe::Percent(of) => self.recipe(of, known),
            Recipe::Date(moved) => {
                self.recipe(&moved.of, known);
                moved.at.iter().for_each(|template| self.template(template, known));
            }
            Recipe::Choose(weights) => {
                if !has_weight(weights) {
                    self.say("choose:", "`choose` has nothing with a weight above 0".into());
                }
            }
            Recipe::Times(times) => [&times.of, &times.by].into_iter().for_each(|recipe| self.recipe(recipe, known)),
            Recipe::Sometimes(sometimes) => self.recipe(&sometimes.value, known),
            Recipe::Mistake(mistake) => {
                [&mistake.right, &mistake.wrong].into_iter().for_each(|recipe| self.recipe(recipe, known));
            }
            Recipe::Map(recipes) => recipes.values().for_each(|recipe| self.recipe(recipe, known)),
            Recipe::Rows(group) => self.group(group, known, None),
        }
    }

    fn template(&mut self, template: &Template, known: &Known<'_>) {
        for reference in template.references() {
            if let Some(message) = unknown_reference(reference, known) {
                self.say(&template.written, message);
            }
        }
    }

    fn play(&mut self, play: &Play, people: &Vec<String>) {
        let known = Known {
            near: Some(None),
            named: vec![("case", None), ("parent", None), ("refusal", None), ("staff", Some(people))],
            parent: None,
        };
        self.who(&play.open.by, people);
        for step in play.moves() {
            self.step(step, people, &known);
        }
    }

    fn step(&mut self, step: &Move, people: &[String], known: &Known<'_>) {
        self.who(&step.by, people);
        if step.deed().is_none() {
            let words = step.take.as_ref().map_or_else(|| "as:".to_owned(), |take| format!("take: {take}"));
            let deeds = "takes a transition (`take`), completes a task (`do`), agrees to one (`agree`) or changes fields (`edit`)";
            self.say(&words, format!("a move {deeds}, one of these"));
        }
        step.input.values().for_each(|recipe| self.recipe(recipe, known));
        step.comment.iter().for_each(|template| self.template(template, known));
        step.refused.values().for_each(|instead| self.step(instead, people, known));
    }

    fn who(&mut self, by: &str, people: &[String]) {
        if !people.iter().any(|known| known == by) {
            self.say(&format!("as: {by}"), unknown("the staff has no", by, people.iter().map(String::as_str)));
        }
    }
}

fn unknown_reference(reference: &Reference, known: &Known<'_>) -> Option<String> {
    let column = reference.column.as_str();
    let Some(row) = &reference.row else {
        let (columns, open) = known.bare();
        let there = open || columns.contains(&column) || BUILT_IN.contains(&column);
        let all = columns.into_iter().chain(BUILT_IN);
        return (!there).then(|| unknown("no row in reach has a column", column, all));
    };
    match known.columns(row) {
        None => Some(unknown("there is no row called", row, known.rows())),
        Some(Some(columns)) if !columns.iter().any(|known| known == column) => {
            Some(unknown(&format!("`{row}` has no column"), column, columns.iter().map(String::as_str)))
        }
        Some(_) => None,
    }
}

fn unknown<'w>(what: &str, word: &str, known: impl IntoIterator<Item = &'w str>) -> String {
    match did_you_mean(word, known) {
        Some(near) => format!("{what} `{word}`; did you mean `{near}`?"),
        None => format!("{what} `{word}`"),
    }
}

fn names_of_group(group: &Group, names: &mut BTreeSet<String>) {
    names.extend(group.each.clone().filter(|each| !each.contains('.')));
    names.extend(group.rows.values().map(|pick| pick.of.clone()));
    group.fields.values().for_each(|recipe| names_of(recipe, names));
}

fn names_of(recipe: &Recipe, names: &mut BTreeSet<String>) {
    match recipe {
        Recipe::Constant(_) | Recipe::Between(..) | Recipe::Text(_) | Recipe::Hash(_) | Recipe::Choose(_) => {}
        Recipe::List(recipes) | Recipe::OneOf(recipes) | Recipe::LeastOf(recipes) | Recipe::FirstOf(recipes) => {
            recipes.iter().for_each(|recipe| names_of(recipe, names));
        }
        Recipe::Number(of) | Recipe::Percent(of) => names_of(of, names),
        Recipe::Date(moved) => names_of(&moved.of, names),
        Recipe::Times(times) => [&times.of, &times.by].into_iter().for_each(|recipe| names_of(recipe, names)),
        Recipe::Sometimes(sometimes) => names_of(&sometimes.value, names),
        Recipe::Mistake(mistake) => {
            [&mistake.right, &mistake.wrong].into_iter().for_each(|recipe| names_of(recipe, names));
        }
        Recipe::Map(recipes) => recipes.values().for_each(|recipe| names_of(recipe, names)),
        Recipe::Rows(group) => names_of_group(group, names),
    }
}
