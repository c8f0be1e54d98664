//! Properties and indexes: `it.parent.name`, `lines[0]`, `lines.short`, `entered.review`.

use std::sync::Arc;

use rhai::{ASTFlags, Expr, Position};

use crate::field::{Field, Kind, Required};
use crate::model::Name;

use super::super::load::near;
use super::super::shape::{RowKind, Shape, Typed};
use super::{Checker, kin};

/// How a chain goes on.
#[derive(Clone, Copy)]
pub(super) enum Link {
    /// `.`
    Dot,
    /// `[ ]`
    Index,
}

/// What follows the present part of a chain.
type After<'e> = Option<(Link, ASTFlags, &'e Expr)>;

impl Link {
    /// The present part of a chain, and what follows it.
    pub(super) fn next(self, flags: ASTFlags, rest: &Expr) -> (&Expr, After<'_>) {
        let goes_on = matches!(self, Self::Dot) || !flags.intersects(ASTFlags::BREAK);
        if let (true, Expr::Dot(pair, flags, _)) = (goes_on, rest) {
            return (&pair.lhs, Some((Self::Dot, *flags, &pair.rhs)));
        }
        if let (true, Expr::Index(pair, flags, _)) = (goes_on, rest) {
            return (&pair.lhs, Some((Self::Index, *flags, &pair.rhs)));
        }
        (rest, None)
    }
}

impl<'a> Checker<'a> {
    /// Follows a chain of properties, indexes and methods from `base`.
    pub(super) fn link(&mut self, base: Typed, link: Link, flags: ASTFlags, rest: &'a Expr) -> Typed {
        let lenient = flags.intersects(ASTFlags::NEGATED);
        let (next, after) = link.next(flags, rest);
        let missing = lenient && base.optional && !self.is_guarded(&base);
        let base = if lenient { Typed { optional: false, ..base } } else { base };
        let mut typed = self.step(base, link, next);
        typed.optional |= missing;
        match after {
            Some((link, flags, rest)) => self.link(typed, link, flags, rest),
            None => typed,
        }
    }

    fn step(&mut self, base: Typed, link: Link, next: &'a Expr) -> Typed {
        match (link, next) {
            (Link::Dot, Expr::Property(names, position)) => self.property(&base, &names.2, *position),
            (Link::Dot, Expr::MethodCall(call, position)) => self.method(base, call, *position),
            (Link::Dot, _) => Typed::set(Shape::Any),
            (Link::Index, index) => self.index(&base, index),
        }
    }

    /// A property of a value.
    fn property(&mut self, base: &Typed, name: &str, position: Position) -> Typed {
        self.needs(base, before(base, position));
        let path = base.path.as_ref().map(|path| format!("{path}.{name}"));
        let tables = self.environment;
        let typed = match &base.shape {
            Shape::Any | Shape::Object | Shape::Missing => Typed::set(Shape::Any),
            Shape::Row(schema, kind) => match schema.get(name) {
                Some(field) => self.field(field, kind),
                None => match case_member(kind, name) {
                    Some(_) if name == "stage" => self.stage_of(kind),
                    Some(shape) => Typed::set(shape),
                    None => {
                        let known = schema.fields.keys().map(|name| &**name);
                        return self.unknown("E204", &format!("there is no field `{name}`"), name, position, known);
                    }
                },
            },
            Shape::List(item, subsets) if subsets.iter().any(|known| &**known == name) => {
                Typed::set(Shape::List(item.clone(), Vec::new()))
            }
            Shape::List(item, _) if name == kin::OPEN && matches!(**item, Shape::Row(_, RowKind::Kin(_))) => {
                Typed::set(Shape::Integer)
            }
            Shape::List(_, subsets) => {
                let known = subsets.iter().map(|name| &**name);
                return self.unknown("E213", &format!("the list has no subset `{name}`"), name, position, known);
            }
            Shape::Texts => Typed::maybe(Shape::Text),
            Shape::Children => match self.children(name) {
                Ok(typed) => typed,
                Err(known) => {
                    let message = format!("no children are opened as `{name}`");
                    return self.unknown("E213", &message, name, position, known.iter().map(|name| &**name));
                }
            },
            Shape::Entered => match tables {
                Some(environment) if !environment.stages.iter().any(|stage| &**stage == name) => {
                    let known = environment.stages.iter().map(|stage| &**stage);
                    return self.unknown("E213", &format!("there is no stage `{name}`"), name, position, known);
                }
                Some(_) | None => Typed::maybe(Shape::Entry),
            },
            Shape::Supplies => self.resource(name, position),
            Shape::Tasks => self.task(name, position),
            Shape::Boolean
            | Shape::Integer
            | Shape::Decimal
            | Shape::Text
            | Shape::Date
            | Shape::Datetime
            | Shape::Duration
            | Shape::Array(_)
            | Shape::Actor
            | Shape::Entry
            | Shape::Range
            | Shape::Supply(_)
            | Shape::Calendar => match part(&base.shape, name) {
                Some(shape) => Typed::set(shape),
                None => {
                    let message = format!("{} has no `{name}`", base.shape.title());
                    return self.unknown("E204", &message, name, position, std::iter::empty());
                }
            },
        };
        typed.at(path)
    }

    /// What is seen of a task.
    fn task(&mut self, name: &str, position: Position) -> Typed {
        let Some(environment) = self.environment else { return Typed::set(Shape::Any) };
        if let Some(seen) = environment.tasks.get(name) {
            return Typed::set(Shape::Row(Arc::clone(seen), RowKind::Parameters));
        }
        let known = environment.tasks.keys().map(|name| &**name);
        self.unknown("E213", &format!("there is no task `{name}`"), name, position, known)
    }

    /// An item of a value.
    fn index(&mut self, base: &Typed, index: &'a Expr) -> Typed {
        let position = index.start_position();
        self.needs(base, position);
        let at = self.infer(index);
        self.needs(&at, position);
        let named =
            matches!(base.shape, Shape::Row(..) | Shape::Entered | Shape::Tasks | Shape::Supplies | Shape::Children);
        if let (true, Expr::StringConstant(name, _)) = (named, index) {
            return self.property(base, name, position);
        }
        let written = written(index);
        let path = base.path.as_ref().zip(written).map(|(path, written)| format!("{path}[{written}]"));
        self.item(&base.shape, position).at(path)
    }

    fn item(&mut self, of: &Shape, position: Position) -> Typed {
        if matches!(of, Shape::Texts) {
            return Typed::maybe(Shape::Text);
        }
        if matches!(of, Shape::Text) {
            return Typed::set(Shape::Text);
        }
        if matches!(of, Shape::Entered) {
            return Typed::maybe(Shape::Entry);
        }
        if matches!(of, Shape::Object | Shape::Row(..) | Shape::Tasks | Shape::Missing) {
            return Typed::set(Shape::Any);
        }
        if of.item().is_none() {
            self.error("E208", position, 1, format!("{} has no items", of.title()), None);
        }
        Typed::set(of.item().unwrap_or(Shape::Any))
    }

    /// The value of a field.
    pub(super) fn field(&mut self, field: &Field, kind: &RowKind) -> Typed {
        let no_tables = crate::field::Tables::default();
        let tables = self.environment.map_or(&no_tables, |environment| &environment.tables);
        let shape = match (Shape::of(&field.kind, &field.name, tables), kind) {
            // The subsets of another case are not known here, nor is what its rows hold for sure.
            (Shape::List(item, _), RowKind::Kin(_)) => Shape::List(Box::new(kin::foreign(*item)), Vec::new()),
            (shape, _) => shape,
        };
        let always = |path: &str| self.environment.is_some_and(|environment| environment.always.contains(path));
        let declared = field.computed || field.required == Required::Always;
        let is_set = match kind {
            RowKind::Settings => true,
            RowKind::Input => false,
            RowKind::Case => declared || always(&field.name),
            RowKind::Line(list) => declared || always(&format!("{list}.{}", field.name)),
            RowKind::Table(_) | RowKind::Parameters | RowKind::Kin(_) => declared,
        };
        let empty = matches!(field.kind, Kind::List(_) | Kind::Map);
        let typed = if is_set || empty { Typed::set(shape) } else { Typed::maybe(shape) };
        match &field.kind {
            Kind::Choice(of) => typed.one_of(of.keys()),
            Kind::Text
            | Kind::Integer(_)
            | Kind::Decimal(_)
            | Kind::Money(_)
            | Kind::Percent(_)
            | Kind::Boolean
            | Kind::Date
            | Kind::Datetime
            | Kind::Duration
            | Kind::Reference { .. }
            | Kind::User { .. }
            | Kind::Phone
            | Kind::Email
            | Kind::Attachment
            | Kind::Map
            | Kind::List(_) => typed,
        }
    }

    /// The stage of a case: one of the workflow's.
    pub(super) fn stage(&self) -> Typed {
        let typed = Typed::set(Shape::Text);
        match self.environment {
            Some(environment) => typed.one_of(environment.stages.iter()),
            None => typed,
        }
    }

    /// Refuses a text that `typed` can never be.
    pub(super) fn possible(&mut self, typed: &Typed, text: &Expr) {
        let (Some(choices), Expr::StringConstant(text, position)) = (&typed.choices, text) else { return };
        if !choices.iter().any(|choice| &**choice == text.as_str()) {
            let written = typed.path.as_deref().unwrap_or("this");
            let message = format!("`{written}` is never `{text}`");
            let help = near(text, choices.iter().map(|choice| &**choice)).unwrap_or_else(|| {
                format!(
                    "it is one of {}",
                    choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
                )
            });
            self.error("E214", *position, text.chars().count() + 2, message, Some(help));
        }
    }

    pub(super) fn unknown<'k>(
        &mut self,
        code: &str,
        message: &str,
        name: &str,
        position: Position,
        known: impl Iterator<Item = &'k str>,
    ) -> Typed {
        let help = near(name, known);
        self.error(code, position, name.chars().count(), message.to_owned(), help);
        Typed::set(Shape::Any)
    }
}

/// An index as it is written, when it is simple enough to be part of a path.
pub(super) fn written(index: &Expr) -> Option<String> {
    if let Expr::IntegerConstant(number, _) = index {
        return Some(number.to_string());
    }
    if let Expr::StringConstant(text, _) = index {
        return Some(format!("\"{text}\""));
    }
    if let Expr::Variable(names, ..) = index { Some(names.1.to_string()) } else { None }
}

/// Where the path of `base` begins, when its property stands at `position` of the same line.
fn before(base: &Typed, position: Position) -> Position {
    let length = base.path.as_ref().map_or(0, |path| path.chars().count() + 1);
    let column = position.position().and_then(|column| u16::try_from(column.checked_sub(length)?).ok());
    match (position.line().and_then(|line| u16::try_from(line).ok()), column) {
        (Some(line), Some(column)) if column > 0 => Position::new(line, column),
        _ => position,
    }
}

/// What a case has besides its fields.
fn case_member(kind: &RowKind, name: &str) -> Option<Shape> {
    match (kind, name) {
        (RowKind::Case | RowKind::Kin(_), "number" | "stage" | "opened_by") => Some(Shape::Text),
        (RowKind::Case | RowKind::Kin(_), "opened_at") => Some(Shape::Datetime),
        _ => None,
    }
}

/// A part of a value that is no record.
fn part(shape: &Shape, name: &str) -> Option<Shape> {
    match (shape, name) {
        (Shape::Actor | Shape::Entry, "user" | "by") => Some(Shape::Text),
        (Shape::Actor, "roles") => Some(Shape::List(Box::new(Shape::Text), Vec::<Name>::new())),
        (Shape::Entry, "at") => Some(Shape::Datetime),
        (Shape::Entry, "times")
        | (Shape::Date, "year" | "month" | "day" | "weekday")
        | (Shape::Duration, "seconds")
        | (Shape::Range, "start" | "end") => Some(Shape::Integer),
        _ => None,
    }
}
