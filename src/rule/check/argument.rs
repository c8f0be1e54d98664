//! Arguments: whether a function of the language takes what it is given.

use std::any::TypeId;

use rhai::{Array, Dynamic, FnPtr, ImmutableString, Map, Position};
use rust_decimal::Decimal;

use super::super::host::{
    Date, Entered, Entrance, List, Moment, Person, Row, Span, Supplies, Supply, Tasks, Texts, WorkCalendar,
};
use super::super::kin::Children;
use super::super::operator::Op;
use super::super::shape::{Shape, Typed, result};
use super::Checker;

impl Checker<'_> {
    /// Refuses arguments that no form of the function takes. A closure is `None`.
    pub(super) fn accepted(&mut self, name: &str, arguments: &[Option<&Typed>], position: Position) {
        let forms = self.library.forms(name).filter(|form| form.len() == arguments.len());
        let forms: Vec<_> = forms.collect();
        let takes = |form: &&Vec<TypeId>| form.iter().zip(arguments).all(|(wanted, given)| fits(*wanted, *given));
        if !forms.is_empty() && !forms.iter().copied().any(|form| takes(&form)) {
            self.refuse_arguments(name, arguments, position);
        }
    }

    /// Refuses what a function can't do with values of these shapes, and a closure that does not give what it needs.
    pub(super) fn usable(&mut self, name: &str, values: &[Typed], closure: Option<&Typed>, position: Position) {
        let item = values.first().and_then(|list| list.shape.item());
        let compared = match (name, closure, values) {
            ("filter" | "all" | "any" | "some" | "none" | "count" | "find", Some(given), _) => {
                self.condition(given, position);
                None
            }
            ("sum" | "sort_by" | "map", Some(given), _) => {
                if name != "map" {
                    self.needs(given, position);
                }
                Some((given.shape.clone(), given.shape.clone()))
            }
            ("sum" | "min" | "max", None, [_]) => item.clone().zip(item),
            ("min" | "max", None, [one, two]) => Some((one.shape.clone(), two.shape.clone())),
            ("abs" | "round" | "floor" | "ceiling", _, [number, ..]) => Some((number.shape.clone(), Shape::Integer)),
            _ => None,
        };
        let op = if name == "sum" { Op::Add } else { Op::Less };
        let fine = |(one, two): &(Shape, Shape)| {
            name == "map" || matches!(one, Shape::Missing) || result(op, one, two).is_some()
        };
        if compared.is_some_and(|pair| !fine(&pair)) {
            let given: Vec<Option<&Typed>> = values.iter().map(Some).collect();
            self.refuse_arguments(name, &given, position);
        }
    }

    fn refuse_arguments(&mut self, name: &str, arguments: &[Option<&Typed>], position: Position) {
        let given: Vec<&str> = arguments.iter().map(|given| given.map_or("a closure", |typed| titled(typed))).collect();
        let message = format!("`{name}` does not take {}", given.join(", "));
        self.error("E208", position, name.chars().count(), message, None);
    }
}

fn titled(typed: &Typed) -> &'static str {
    typed.shape.title()
}

/// Whether a parameter of this type can take a value of this shape.
fn fits(wanted: TypeId, given: Option<&Typed>) -> bool {
    let Some(typed) = given else { return wanted == TypeId::of::<FnPtr>() };
    if wanted == TypeId::of::<Dynamic>() {
        return true;
    }
    let text = || [TypeId::of::<ImmutableString>(), TypeId::of::<&str>(), TypeId::of::<String>()].contains(&wanted);
    match &typed.shape {
        Shape::Any | Shape::Missing => true,
        Shape::Boolean => wanted == TypeId::of::<bool>(),
        Shape::Integer => wanted == TypeId::of::<i64>(),
        // A quotient of integers may be one: what is only known as a number may fit.
        Shape::Decimal => wanted == TypeId::of::<Decimal>() || wanted == TypeId::of::<i64>(),
        Shape::Text => text() || wanted == TypeId::of::<char>(),
        Shape::Date => wanted == TypeId::of::<Date>(),
        Shape::Datetime => wanted == TypeId::of::<Moment>(),
        Shape::Duration => wanted == TypeId::of::<Span>(),
        Shape::Texts => wanted == TypeId::of::<Texts>(),
        Shape::Object => wanted == TypeId::of::<Map>(),
        Shape::Array(_) | Shape::List(..) => wanted == TypeId::of::<Array>() || wanted == TypeId::of::<List>(),
        Shape::Row(..) => wanted == TypeId::of::<Row>(),
        Shape::Actor => wanted == TypeId::of::<Person>(),
        Shape::Entered => wanted == TypeId::of::<Entered>(),
        Shape::Tasks => wanted == TypeId::of::<Tasks>(),
        Shape::Entry => wanted == TypeId::of::<Entrance>(),
        Shape::Children => wanted == TypeId::of::<Children>(),
        Shape::Supplies => wanted == TypeId::of::<Supplies>(),
        Shape::Supply(_) => wanted == TypeId::of::<Supply>(),
        Shape::Calendar => wanted == TypeId::of::<WorkCalendar>(),
        Shape::Range => {
            [TypeId::of::<std::ops::Range<i64>>(), TypeId::of::<std::ops::RangeInclusive<i64>>()].contains(&wanted)
        }
    }
}
