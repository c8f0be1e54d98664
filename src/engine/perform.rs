//! What a transition does: its branch's actions, its own, the stage, the event.

use std::sync::Arc;

use crate::action::Action;
use crate::field::{Reader, coerce, read_value};
use crate::model::{Event, Name, Reason, Title, Value, Verdict};
use crate::rule::{Facts, Rule};
use crate::workflow::{Branch, Given, Sla, Target, Transition};

use super::draft::{Draft, conflict};
use super::judge;
use super::kin::Reach;

impl Draft<'_> {
    /// The branch that the transition takes: the first that holds; `None` when it stays.
    pub(super) fn branch<'t>(&self, transition: &'t Transition, facts: &Facts) -> Result<Option<&'t Branch>, Reason> {
        let branches = match &transition.to {
            Target::Stay => return Ok(None),
            Target::Branches(branches) => branches,
        };
        for branch in branches {
            let holds = branch.when.as_ref().map_or(Ok(true), |condition| self.condition(condition, facts, None))?;
            if holds {
                return Ok(Some(branch));
            }
        }
        Err(conflict("no_branch", "没有成立的分支", "none of its branches holds as things stand"))
    }

    /// Does what the transition does and records it. Actions see the values that those before them left.
    pub(super) fn perform(
        &mut self,
        transition: &Transition,
        branch: Option<&Branch>,
        comment: Option<Name>,
        because: Vec<Verdict>,
    ) -> Result<(), Reason> {
        let actions = branch.iter().flat_map(|branch| &branch.actions).chain(&transition.actions);
        let follows = self.act(actions, &transition.name, None)?;
        let since = self.events.len();
        let to = branch.map_or_else(|| Arc::clone(&self.case.stage), |branch| Arc::clone(&branch.stage));
        let event = self.event(transition, to, comment);
        self.record(event, because);
        self.follows(follows)?;
        self.settle(since)
    }

    /// Does actions in order, whoever they belong to; each sees the values that those before it left. Gives what is to
    /// be recorded after the step's own event. `doing` is the transition, task or SLA that they belong to; `breach` is the SLA whose breach it is.
    pub(super) fn act<'t>(
        &mut self,
        actions: impl IntoIterator<Item = &'t Action>,
        doing: &Name,
        breach: Option<&Sla>,
    ) -> Result<Vec<Event>, Reason> {
        let before = self.fields.clone();
        let (mut told, mut holds, mut reaches) = (Vec::new(), Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Set(values) => self.set(values)?,
                Action::Run { rule, with } => self.run(rule, with)?,
                Action::Open(open) => reaches.push(Reach::Open(open)),
                Action::Signal(signal) => reaches.push(Reach::Signal(signal)),
                Action::Hold(hold) => holds.push(hold),
                Action::Comment(given) => told.extend(self.remark(given)?.map(|text| Event::Commented { text })),
                Action::Escalate(role) => told.push(self.escalation(role, breach)),
                Action::Notify(notify) => self.notices.push(Arc::clone(notify)),
                Action::Issue(document) => self.to_issue.push(Name::clone(document)),
            }
        }
        if self.fields != before {
            self.compute()?;
        }
        let mut follows = self.hold(&holds)?;
        // What reaches other cases comes after what changes this one, and before it moves (Meaning 5).
        follows.extend(self.reach(&reaches, doing)?);
        follows.extend(told);
        Ok(follows)
    }

    /// Records what follows from actions: the documents after everything that they could show, and the messages last,
    /// so that these can name the numbers of those. A document that can't be printed refuses the command.
    pub(super) fn follows(&mut self, events: Vec<Event>) -> Result<(), Reason> {
        events.into_iter().for_each(|event| self.record(event, Vec::new()));
        self.release_at_the_end();
        self.issue()?;
        self.write_notices();
        Ok(())
    }

    fn event(&mut self, transition: &Transition, to: Name, comment: Option<Name>) -> Event {
        let changes = self.changes();
        if self.case.version == 0 {
            let (workflow, number) = (Arc::clone(&self.case.workflow), Arc::clone(&self.case.number));
            let parent = self.case.kin.parent.clone();
            return Event::Opened { workflow, number, stage: to, changes, comment, parent };
        }
        let from = Arc::clone(&self.case.stage);
        let due = super::due::moment(self.workflow, transition, &self.case);
        let (transition, signal) = (Arc::clone(&transition.name), self.signalled_by.take());
        Event::Taken { transition, from, to, changes, comment, signal, due }
    }

    fn set(&mut self, values: &[(Name, Given)]) -> Result<(), Reason> {
        let facts = self.facts()?;
        for (name, given) in values {
            let Some(field) = self.workflow.schema.get(name) else { continue };
            // A field that is written once keeps its first value when the case comes by again.
            if field.write_once && self.fields.get(name).is_some() {
                continue;
            }
            match self.given(given, &field.kind, &facts, None)? {
                Some(value) => self.fields.set(Arc::clone(name), value),
                None => drop(self.fields.clear(name)),
            }
        }
        Ok(())
    }

    fn run(&mut self, rule: &Rule, with: &[(Name, Given)]) -> Result<(), Reason> {
        let facts = self.facts()?;
        let broken = |error| judge::broken(Some(&rule.name), &error);
        let parameters = self.parameters(with, &facts).map_err(broken)?;
        let returned = self.definition.engine.run(rule, &facts, &parameters).map_err(broken)?;
        for (name, json) in &returned {
            self.put(rule, name, json)?;
        }
        Ok(())
    }

    /// Writes one field that a rule returned; it is read like a client's, so a rule can't write what no client
    /// could.
    fn put(&mut self, rule: &Rule, name: &str, json: &serde_json::Value) -> Result<(), Reason> {
        let wrong = |what: &str| {
            let title = Title::both(&format!("the rule `{}` returned `{name}`, which {what}", rule.name));
            let reason = Reason::new(crate::model::RefusalKind::Invalid, "bad_result", title).at(name);
            Reason { rule: Some(Arc::clone(&rule.name)), place: Some(rule.place.clone()), ..reason }
        };
        let Some(field) = self.workflow.schema.get(name).filter(|field| !field.computed) else {
            return Err(wrong("is not a field that can be set"));
        };
        let world = Arc::clone(self.world);
        let exists = move |table: &str, key: &str| world.row(table, key).is_some();
        let mut reader = Reader::new(self.workflow.zone, &exists);
        let json = super::decide::without_computed(&field.kind, json);
        let value = read_value(&mut reader, &field.kind, &json, name);
        if let Some(problem) = reader.problems.first() {
            return Err(wrong(problem.message.text(crate::model::Language::En)));
        }
        match value {
            Some(value) => self.fields.set(Arc::clone(&field.name), value),
            None => drop(self.fields.clear(name)),
        }
        Ok(())
    }

    fn remark(&self, given: &Given) -> Result<Option<Name>, Reason> {
        let facts = self.facts()?;
        let value = match given {
            Given::Value(value) => Some(value.clone()),
            Given::Nothing | Given::Today(_) => None,
            Given::Expression(expression) => {
                let value = self.definition.engine.evaluate(expression, &facts, None);
                value.map_err(|error| judge::broken(None, &error))?
            }
        };
        Ok(value.map(|value| match coerce(&crate::field::Kind::Text, value.clone()) {
            Some(Value::Text(text)) => text,
            _ => super::facet::value_text(&value),
        }))
    }
}
