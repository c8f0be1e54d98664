//! Walking a plan.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::Facts;
use super::super::function::finding;
use super::super::operator::Op;
use super::node::{Function, Node, Plan, Report, Word};
use super::row::{Arena, Rows};
use super::value::Val;
use crate::model::limit::{
    RULE_DIRECT_LEVELS_MAX, RULE_ELEMENTS_MAX, RULE_FINDING_BYTES_MAX, RULE_FINDINGS_MAX, RULE_STRING_BYTES_MAX,
};
use crate::model::{Finding, Name, Record, Title};

/// Why a walk does not go on where it is.
#[derive(Debug)]
pub(super) enum Stop<'a> {
    /// Only Rhai can go on.
    Slow,
    Return(Val<'a>),
    Break,
    Continue,
}

/// What a part of a plan gives.
pub(super) type Answer<'a> = Result<Val<'a>, Stop<'a>>;

/// One walk over a plan.
pub(super) struct Walk<'a> {
    plan: &'a Plan,
    pub(super) facts: &'a Facts,
    /// The list and the position of the row that is `line`.
    pub(super) line: Option<(&'a str, usize)>,
    pub(super) rows: Rows<'a>,
    pub(super) findings: Vec<Finding>,
    messages: Option<&'a BTreeMap<Name, Title>>,
    finding_bytes: usize,
    frame: Vec<Val<'a>>,
    /// Where the frame of the present function begins.
    base: usize,
    levels: usize,
    steps: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        facts: &'a Facts,
        arena: &'a Arena,
        steps: u64,
        messages: Option<&'a BTreeMap<Name, Title>>,
    ) -> Self {
        let (frame, findings) = (Vec::new(), Vec::new());
        let rows = Rows::new(arena);
        let (finding_bytes, base, levels, line) = (0, 0, 0, None);
        Self { plan, facts, line, rows, findings, messages, finding_bytes, frame, base, levels, steps }
    }

    /// The value of an expression.
    pub(super) fn expression(&mut self, function: &'a Function) -> Answer<'a> {
        self.frame.resize(function.places, Val::Unit);
        returned(self.walk(&function.body))
    }

    /// Calls the function `name` with the case and, where it takes them, its parameters.
    pub(super) fn function(&mut self, name: &str, with: Option<&'a Record>) -> Answer<'a> {
        let number = *self.plan.named.get(name).ok_or(Stop::Slow)?;
        self.frame.push(Val::Case);
        self.frame.extend(with.map(|with| Val::Row(with, None)));
        self.enter(number, 0)
    }

    /// Counts steps: a part of a plan is one, and so is an element that a function goes through.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop<'a>> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.steps = self.steps.checked_sub(steps).ok_or(Stop::Slow)?;
        Ok(())
    }

    /// Does what a part of the plan says.
    pub(super) fn walk(&mut self, node: &'a Node) -> Answer<'a> {
        self.spend(1)?;
        match node {
            Node::Unit => Ok(Val::Unit),
            Node::Boolean(flag) => Ok(Val::Boolean(*flag)),
            Node::Integer(number) => Ok(Val::Integer(*number)),
            Node::Decimal(number) => Ok(Val::Decimal(*number)),
            Node::Text(text) => Ok(Val::Text(text)),
            Node::Local(place) => self.frame.get(self.base + place).cloned().ok_or(Stop::Slow),
            Node::Word(word) => self.word(*word),
            Node::Field(member) => self.field(member),
            Node::Property(base, member) => {
                let base = self.walk(base)?;
                self.property(&base, member)
            }
            Node::Index(both) => {
                let (base, at) = (self.walk(&both.0)?, self.walk(&both.1)?);
                self.index(&base, &at)
            }
            Node::Operate(op, both) => {
                let (left, right) = (self.walk(&both.0)?, self.walk(&both.1)?);
                self.operate(*op, &left, &right)
            }
            Node::Not(operand) => Ok(Val::Boolean(!self.truth(operand)?)),
            Node::Negate(operand) => self.negated(operand),
            Node::All(parts) => self.until(parts, false),
            Node::Any(parts) => self.until(parts, true),
            Node::Coalesce(parts) => self.coalesce(parts),
            Node::Written(parts) => self.written(parts),
            Node::Array(items) => self.array(items),
            Node::Map(entries) => self.map(entries),
            Node::If(parts) => {
                let held = self.truth(&parts.0)?;
                self.walk(if held { &parts.1 } else { &parts.2 })
            }
            Node::Block(nodes) => nodes.iter().try_fold(Val::Unit, |_, node| self.walk(node)),
            Node::Put(place, value) => {
                let value = self.walk(value)?;
                self.put(*place, value)
            }
            Node::PutBy(op, place, value) => self.put_by(*op, *place, value),
            Node::PutAt(place, both) => self.put_at(*place, &both.0, &both.1),
            Node::Push(place, item) => self.push(*place, item),
            Node::For(item, position, parts) => self.repeat(*item, *position, &parts.0, &parts.1),
            Node::Return(value) => Err(Stop::Return(self.walk(value)?)),
            Node::Break => Err(Stop::Break),
            Node::Continue => Err(Stop::Continue),
            Node::Call(number, arguments) => self.call(*number, arguments),
            Node::Of(of, argument) => {
                let argument = self.walk(argument)?;
                self.of(*of, &argument)
            }
            Node::OfTwo(of, both) => {
                let (one, other) = (self.walk(&both.0)?, self.walk(&both.1)?);
                self.of_two(*of, one, other)
            }
            Node::Each(each, place, both) => {
                let list = self.walk(&both.0)?;
                self.each(*each, &list, *place, &both.1)
            }
            Node::Report(report) => self.report(report),
        }
    }

    /// What a closure gives for an item.
    pub(super) fn closure(&mut self, place: usize, item: Val<'a>, body: &'a Node) -> Answer<'a> {
        self.put(place, item)?;
        returned(self.walk(body))
    }

    /// A condition: a boolean and nothing else.
    pub(super) fn truth(&mut self, node: &'a Node) -> Result<bool, Stop<'a>> {
        truth(&self.walk(node)?)
    }

    /// An array or map of a script, when it is not too large.
    pub(super) fn bounded(&self, value: Val<'a>) -> Answer<'a> {
        let (elements, bytes) = value.weight();
        if elements > RULE_ELEMENTS_MAX || bytes > RULE_STRING_BYTES_MAX {
            return Err(Stop::Slow);
        }
        Ok(value)
    }

    fn word(&mut self, word: Word) -> Answer<'a> {
        let facts = self.facts;
        Ok(match word {
            Word::Today => Val::Date(facts.now.day(facts.zone)),
            Word::Now => Val::Moment(facts.now),
            Word::Stage => Val::Text(&facts.stage),
            Word::Number => Val::Text(&facts.number),
            Word::OpenedAt => Val::Moment(facts.opened_at),
            Word::OpenedBy => Val::Text(&facts.opened_by),
            Word::Actor => Val::Actor,
            Word::Setting => Val::Row(&facts.settings, Some(&facts.setting_schema)),
            Word::Input => Val::Row(&facts.input, Some(&facts.schema)),
            Word::Entered => Val::Entered,
            Word::Line => return self.line(),
        })
    }

    fn until(&mut self, parts: &'a [Node], wanted: bool) -> Answer<'a> {
        for part in parts {
            if self.truth(part)? == wanted {
                return Ok(Val::Boolean(wanted));
            }
        }
        Ok(Val::Boolean(!wanted))
    }

    fn coalesce(&mut self, parts: &'a [Node]) -> Answer<'a> {
        for part in parts {
            let value = self.walk(part)?;
            if !matches!(value, Val::Unit) {
                return Ok(value);
            }
        }
        Ok(Val::Unit)
    }

    fn array(&mut self, items: &'a [Node]) -> Answer<'a> {
        let items: Result<Vec<_>, _> = items.iter().map(|item| self.walk(item)).collect();
        self.bounded(Val::Array(Rc::new(items?)))
    }

    fn map(&mut self, entries: &'a [(Name, Node)]) -> Answer<'a> {
        let mut map = BTreeMap::new();
        for (name, value) in entries {
            map.insert(Name::clone(name), self.walk(value)?);
        }
        self.bounded(Val::Map(Rc::new(map)))
    }

    fn put(&mut self, place: usize, value: Val<'a>) -> Answer<'a> {
        *self.frame.get_mut(self.base + place).ok_or(Stop::Slow)? = value;
        Ok(Val::Unit)
    }

    fn put_by(&mut self, op: Op, place: usize, value: &'a Node) -> Answer<'a> {
        let right = self.walk(value)?;
        let left = self.frame.get(self.base + place).cloned().ok_or(Stop::Slow)?;
        let value = self.operate(op, &left, &right)?;
        self.put(place, value)
    }

    fn put_at(&mut self, place: usize, at: &'a Node, value: &'a Node) -> Answer<'a> {
        let (at, value) = (self.walk(at)?, self.walk(value)?);
        let target = self.frame.get_mut(self.base + place).ok_or(Stop::Slow)?;
        let (Val::Map(map), Some(name)) = (target, at.text()) else { return Err(Stop::Slow) };
        Rc::make_mut(map).insert(Name::clone(name), value);
        self.still_bounded(place)
    }

    fn push(&mut self, place: usize, item: &'a Node) -> Answer<'a> {
        let item = self.walk(item)?;
        let target = self.frame.get_mut(self.base + place).ok_or(Stop::Slow)?;
        let Val::Array(items) = target else { return Err(Stop::Slow) };
        Rc::make_mut(items).push(item);
        self.still_bounded(place)
    }

    fn still_bounded(&mut self, place: usize) -> Answer<'a> {
        let (elements, bytes) = self.frame.get(self.base + place).ok_or(Stop::Slow)?.weight();
        self.spend(elements / 8)?;
        if elements > RULE_ELEMENTS_MAX || bytes > RULE_STRING_BYTES_MAX {
            return Err(Stop::Slow);
        }
        Ok(Val::Unit)
    }

    fn repeat(&mut self, place: usize, position: Option<usize>, over: &'a Node, body: &'a Node) -> Answer<'a> {
        let list = self.walk(over)?;
        for index in 0..length(&list).ok_or(Stop::Slow)? {
            let item = self.item_at(&list, index)?;
            self.put(place, item)?;
            if let Some(position) = position {
                self.put(position, Val::Integer(i64::try_from(index).unwrap_or(i64::MAX)))?;
            }
            match self.walk(body) {
                Ok(_) | Err(Stop::Continue) => {}
                Err(Stop::Break) => break,
                Err(stop) => return Err(stop),
            }
        }
        Ok(Val::Unit)
    }

    /// The item of a list or array; the index is within it.
    pub(super) fn item_at(&mut self, list: &Val<'a>, index: usize) -> Answer<'a> {
        if let Val::List(values, items) = list {
            let value = values.get(index).ok_or(Stop::Slow)?;
            return self.item(*items, value);
        }
        let (Val::Items(items) | Val::Array(items)) = list else { return Err(Stop::Slow) };
        items.get(index).cloned().ok_or(Stop::Slow)
    }

    fn call(&mut self, number: usize, arguments: &'a [Node]) -> Answer<'a> {
        let base = self.frame.len();
        for argument in arguments {
            let value = self.walk(argument)?;
            self.frame.push(value);
        }
        self.enter(number, base)
    }

    /// Does what a function does; its arguments stand at the end of the frame, from `base` on.
    fn enter(&mut self, number: usize, base: usize) -> Answer<'a> {
        let function = self.plan.functions.get(number).ok_or(Stop::Slow)?;
        if self.levels >= RULE_DIRECT_LEVELS_MAX {
            return Err(Stop::Slow);
        }
        self.frame.resize(base + function.places, Val::Unit);
        let before = std::mem::replace(&mut self.base, base);
        self.levels += 1;
        let given = returned(self.walk(&function.body))?;
        self.levels -= 1;
        self.base = before;
        self.frame.truncate(base);
        Ok(given)
    }

    fn report(&mut self, report: &'a Report) -> Answer<'a> {
        let (code, path) = (self.walk(&report.code)?, self.walk(&report.path)?);
        let facts = match &report.facts {
            Some(facts) => self.walk(facts)?,
            None => Val::Map(Rc::default()),
        };
        let (Some(code), Some(path), Val::Map(facts)) = (code.text(), path.text(), &facts) else {
            return Err(Stop::Slow);
        };
        let sentence = self.messages.ok_or(Stop::Slow)?.get(code).cloned().unwrap_or_default();
        let facts = self.record(facts)?;
        let (finding, bytes) = finding(report.severity, code, path, facts, &sentence, report.place.clone());
        self.finding_bytes += bytes;
        if self.findings.len() >= RULE_FINDINGS_MAX || self.finding_bytes > RULE_FINDING_BYTES_MAX {
            return Err(Stop::Slow);
        }
        self.findings.push(finding);
        Ok(Val::Unit)
    }
}

/// A condition: a boolean and nothing else.
pub(super) fn truth<'a>(value: &Val<'a>) -> Result<bool, Stop<'a>> {
    if let Val::Boolean(flag) = value { Ok(*flag) } else { Err(Stop::Slow) }
}

/// How many items a list or array has.
pub(super) fn length(value: &Val<'_>) -> Option<usize> {
    if let Val::List(values, _) = value {
        return Some(values.len());
    }
    if let Val::Items(items) | Val::Array(items) = value { Some(items.len()) } else { None }
}

/// What a function gives, by its end or by `return`.
fn returned<'a>(answer: Answer<'a>) -> Answer<'a> {
    match answer {
        Err(Stop::Return(value)) => Ok(value),
        Err(Stop::Break | Stop::Continue) => Err(Stop::Slow),
        Ok(_) | Err(Stop::Slow) => answer,
    }
}
