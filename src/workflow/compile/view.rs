//! Views: what their columns and keys read, and what each column is called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Diagnostic;
use crate::field::{Field, Items, Kind, Schema};
use crate::model::{Language, Name, Title};
use crate::workflow::source::{Code, ColumnSource, ViewSource};
use crate::workflow::view::{Column, ColumnValue, Reads, Shown, Sort, View};
use crate::workflow::walk::At;

use super::set::readable;
use super::sources::Sources;
use super::words::words;
use super::workflow::Compiler;

/// In `Environment::always`: everything is taken for set, and what is missing shows when it is read.
const EVERYTHING: &str = "*";

/// Says so where two views, or two measures, of the set have one name: an address has no room for the workflow.
pub(super) fn names(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let all = || sources.workflows.values().flatten();
    let views = all().flat_map(|workflow| workflow.views.iter().map(|view| &view.name));
    let measures = all().flat_map(|workflow| workflow.measures.iter().map(|measure| &measure.name));
    once("view", views, found);
    once("measure", measures, found);
}

fn once<'n>(what: &str, names: impl Iterator<Item = &'n At<Name>>, found: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<&Name, &At<Name>> = BTreeMap::new();
    for name in names {
        let Some(first) = taken.insert(&name.value, name) else { continue };
        let place = &first.spot.place;
        let error = name.spot.error("E190", format!("there is another {what} `{}`", name.value));
        found.push(
            error.help(format!("it stands in `{}`, line {}; call one of them otherwise", place.file, place.line)),
        );
    }
}

impl Compiler<'_> {
    /// The views, by name.
    pub(super) fn views(&mut self) -> IndexMap<Name, View> {
        let source = self.source;
        source.views.iter().map(|view| (Name::clone(&view.name.value), self.view(view))).collect()
    }

    fn view(&mut self, source: &ViewSource) -> View {
        let name = Name::clone(&source.name.value);
        let title = source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone());
        let rows = source.rows.as_ref().map(|rows| self.list_of_rows(rows));
        let stages = source.stages.is_some().then(|| self.some_stages(&source.stages));
        let when = self.condition(source.when.as_ref());
        let mut view = View { name, title, rows: None, stages, when, sort: Vec::new(), columns: Vec::new() };
        // What stands in rows can't be judged without them.
        if rows == Some(None) {
            return view;
        }
        view.rows = rows.flatten();
        let line = view.rows.clone();
        self.presuming(|compiler| {
            let columns = source.columns.iter().filter_map(|column| compiler.view_column(column, line.as_ref()));
            view.columns = distinct(columns.collect());
            let sort = source
                .sort
                .iter()
                .filter_map(|(by, down)| Some(Sort { by: compiler.view_column(by, line.as_ref())?.0, down: *down }));
            view.sort = sort.collect();
        });
        view
    }

    /// Does `work` with everything taken for set.
    pub(super) fn presuming<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.environment.always.clone();
        self.environment.always.insert(EVERYTHING.into());
        let done = work(self);
        self.environment.always = before;
        done
    }

    /// A list whose items are rows, by its name.
    pub(super) fn list_of_rows(&mut self, name: &At<Name>) -> Option<Name> {
        let list = self.field(name)?;
        if self.rows(&list).is_none() {
            self.found.push(name.spot.error("E103", format!("`{list}` is not a list of rows")));
            return None;
        }
        Some(list)
    }

    /// The fields that an expression may read.
    pub(super) fn reads(&self, text: &str, line: Option<&Name>) -> Reads {
        let words = words(text);
        let bare: BTreeSet<&str> = words.iter().filter(|word| !word.member).map(|word| word.name).collect();
        let members: BTreeSet<&str> = words.iter().filter(|word| word.member).map(|word| word.name).collect();
        let mut reads = BTreeSet::new();
        for name in self.environment.schema.fields.keys() {
            let row = line == Some(name) && bare.contains("line");
            if !bare.contains(&**name) && !row {
                continue;
            }
            reads.insert(Name::clone(name));
            let rows = self.rows(name);
            let columns = rows.iter().flat_map(|rows| rows.fields.keys());
            let named = columns.filter(|column| members.contains(&***column));
            reads.extend(named.map(|column| Name::from(format!("{name}.{column}"))));
        }
        Reads(reads)
    }

    /// A column, and the title of what it is a part of.
    fn view_column(&mut self, source: &ColumnSource, line: Option<&Name>) -> Option<(Column, Option<Title>)> {
        if source.path {
            return self.path_column(source, line);
        }
        let expression = self.expression(&source.code, line)?;
        let title = source.title.as_ref().map(|title| title.value.clone()).unwrap_or_default();
        let name = source.name.as_ref().map_or_else(|| Name::clone(&source.code.text), |name| Name::clone(&name.value));
        let column = Column {
            name,
            title,
            shown: Shown::Of(expression.gives.kind.clone()),
            value: ColumnValue::Expression(expression),
            reads: self.reads(&source.code.text, line),
        };
        Some((column, None))
    }

    fn path_column(&mut self, source: &ColumnSource, line: Option<&Name>) -> Option<(Column, Option<Title>)> {
        let Code { text, spot, place } = &source.code;
        if !is_path(text) {
            let error = spot.error("E023", format!("`{text}` is not a path such as `a.b`"));
            self.found.push(error.help("write an expression as `{ title: ..., value: ... }`"));
            return None;
        }
        let mut walk = Walk::new(self, line);
        text.split('.').for_each(|name| walk.step(name));
        let Walk { code, title, of, kind, value, .. } = walk;
        let (value, shown) = match value {
            Some(value) => (value, Shown::Of(kind)),
            None => {
                let code = Code { text: code.into(), place: place.clone(), spot: spot.clone() };
                let expression = self.expression(&code, line)?;
                let stage = &**text == "stage" && self.known_field("stage").is_none();
                let kind = kind.or_else(|| expression.gives.kind.clone());
                (ColumnValue::Expression(expression), if stage { Shown::Stage } else { Shown::Of(kind) })
            }
        };
        Some((Column { name: Name::clone(text), title, shown, value, reads: self.reads(text, line) }, of))
    }
}

/// A walk along a path, which finds out what its end is called and holds.
struct Walk<'c, 's> {
    compiler: &'c Compiler<'s>,
    line: Option<&'c Name>,
    here: Here,
    /// The path as an expression.
    code: String,
    /// What the last step is called.
    title: Title,
    /// What the step before it is called.
    of: Option<Title>,
    /// What is there.
    kind: Option<Kind>,
    /// What no expression has.
    value: Option<ColumnValue>,
}

/// Where a walk has come.
enum Here {
    Case,
    Row(Arc<Schema>),
    List(Items),
    Entered,
    Entry(Title),
    /// Only the expression knows.
    Somewhere,
}

impl<'c, 's> Walk<'c, 's> {
    fn new(compiler: &'c Compiler<'s>, line: Option<&'c Name>) -> Self {
        let (code, title) = (String::new(), Title::default());
        Self { compiler, line, here: Here::Case, code, title, of: None, kind: None, value: None }
    }

    fn step(&mut self, name: &str) {
        if !self.code.is_empty() {
            self.code.push('.');
        }
        self.code.push_str(name);
        let before = std::mem::take(&mut self.title);
        self.of = (!before.is_empty()).then_some(before);
        (self.kind, self.value) = (None, None);
        self.title = readable(name);
        let here = std::mem::replace(&mut self.here, Here::Somewhere);
        match here {
            Here::Case => self.of_case(name),
            Here::Row(schema) => self.field(schema.get(name)),
            Here::List(items) => self.of_list(name, &items),
            Here::Entered => {
                let stage = self.compiler.source.stages.iter().find(|stage| &*stage.name.value == name);
                let title = stage.and_then(|stage| stage.title.as_ref()).map(|title| title.value.clone());
                self.title = title.unwrap_or_else(|| readable(name));
                self.here = Here::Entry(self.title.clone());
            }
            Here::Entry(stage) => self.of_entry(name, &stage),
            Here::Somewhere => {}
        }
    }

    fn of_case(&mut self, name: &str) {
        let schema = Arc::clone(&self.compiler.environment.schema);
        if let Some(field) = schema.get(name) {
            return self.field(Some(field));
        }
        let (zh, en, kind, value) = match name {
            "line" => {
                self.here = self.line.and_then(|line| self.compiler.rows(line)).map_or(Here::Somewhere, Here::Row);
                // The row itself is not worth a word in a title.
                self.title = Title::default();
                return;
            }
            "entered" => {
                (self.here, self.title) = (Here::Entered, Title::default());
                return;
            }
            "number" => ("编号", "Number", Kind::Text, None),
            "stage" => ("阶段", "Stage", Kind::Text, None),
            "opened_by" => ("登记人", "Opened by", Kind::User { role: None }, None),
            "opened_at" => ("登记时间", "Opened at", Kind::Datetime, None),
            "entered_at" => ("进入本阶段时间", "In this stage since", Kind::Datetime, Some(ColumnValue::EnteredAt)),
            "updated_at" => ("更新时间", "Updated at", Kind::Datetime, Some(ColumnValue::UpdatedAt)),
            "version" => {
                ("版本", "Version", Kind::Integer(crate::field::Bounds::default()), Some(ColumnValue::Version))
            }
            _ => return,
        };
        (self.title, self.kind, self.value) = (Title::new(zh, en), Some(kind), value);
    }

    fn field(&mut self, field: Option<&Field>) {
        let Some(field) = field else { return };
        if !field.title.is_empty() {
            self.title = field.title.clone();
        }
        self.kind = Some(field.kind.clone());
        self.go_into(&field.kind);
    }

    fn go_into(&mut self, kind: &Kind) {
        if let Kind::List(list) = kind {
            self.here = Here::List(list.of.clone());
        }
        if let Kind::Reference { table } = kind
            && let Some(table) = self.compiler.environment.tables.get(table)
        {
            self.here = Here::Row(Arc::clone(&table.columns));
        }
    }

    /// The first or last item, or their number; a subset is a list again.
    fn of_list(&mut self, name: &str, items: &Items) {
        let (zh, en) = match name {
            "last" => ("最近", "last"),
            "first" => ("最早", "first"),
            "len" => ("数量", "count"),
            _ => return,
        };
        self.code.push_str("()");
        let of = self.of.take().unwrap_or_default();
        self.title = joined(&of, &Title::new(zh, en));
        match items {
            _ if name == "len" => {}
            Items::Rows(schema) => self.here = Here::Row(Arc::clone(schema)),
            Items::Plain(kind) => {
                self.kind = Some(kind.clone());
                self.go_into(kind);
            }
        }
    }

    fn of_entry(&mut self, name: &str, stage: &Title) {
        let (zh, en) = match name {
            "at" => ("时间", "at"),
            "by" => ("操作人", "by"),
            "times" => ("次数", "times"),
            _ => return,
        };
        (self.of, self.title) = (None, joined(stage, &Title::new(zh, en)));
    }
}

fn is_path(text: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split('.').all(|name| name.starts_with(|first: char| !first.is_ascii_digit()) && name.chars().all(letter))
}

/// Where two columns would have one title, each also says what it is a part of.
fn distinct(columns: Vec<(Column, Option<Title>)>) -> Vec<Column> {
    let same = |title: &Title| columns.iter().filter(|(column, _)| column.title == *title).count() > 1;
    let told = columns.iter().map(|(column, of)| {
        let title = match of {
            Some(of) if same(&column.title) => joined(of, &column.title),
            Some(_) | None => column.title.clone(),
        };
        Column { title, ..column.clone() }
    });
    told.collect()
}

/// Two titles as one.
fn joined(of: &Title, title: &Title) -> Title {
    let join = |language| {
        let (of, title) = (of.text(language), title.text(language));
        let ascii = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii());
        let space = if ascii(of.chars().last()) || ascii(title.chars().next()) { " " } else { "" };
        format!("{of}{space}{title}")
    };
    Title::new(&join(Language::Zh), &join(Language::En))
}
