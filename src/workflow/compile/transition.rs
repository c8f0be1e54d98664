//! Transitions: whom, what and where they name.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Name;
use crate::workflow::definition::{Ask, Branch, Target, Transition};
use crate::workflow::source::{FieldSource, FromSource, ToSource, TransitionSource};
use crate::workflow::walk::{At, Spot};

use super::field::begins;
use super::names::unknown;
use super::set::readable;
use super::workflow::Compiler;

/// The name of the opening.
const OPEN: &str = "open";

impl Compiler<'_> {
    /// The transitions of all stages, those of `any_stage` last.
    pub(super) fn transitions(&mut self) -> Vec<Transition> {
        let source = self.source;
        let mut transitions = Vec::new();
        let mut taken = BTreeMap::new();
        for stage in &source.stages {
            if let (true, Some(transition)) = (stage.ends, stage.transitions.first()) {
                let name = &transition.name;
                let message = format!("`{}` is final, and `{}` leaves it", stage.name.value, name.value);
                self.found.push(name.spot.error("E123", message).help("leave out `final`, or the transitions"));
            }
            for transition in &stage.transitions {
                let from = BTreeSet::from([Name::clone(&stage.name.value)]);
                transitions.extend(self.leaving(transition, from, &mut taken));
            }
        }
        for transition in &source.any_stage {
            let from = self.from(transition);
            transitions.extend(self.leaving(transition, from, &mut taken));
        }
        transitions
    }

    fn leaving<'s>(
        &mut self,
        source: &'s TransitionSource,
        from: BTreeSet<Name>,
        taken: &mut BTreeMap<(Name, &'s str), &'s Spot>,
    ) -> Option<Transition> {
        for stage in &from {
            let name = &source.name;
            if let Some(first) = taken.insert((Name::clone(stage), &name.value), &name.spot) {
                let message = format!("`{}` leaves `{stage}` twice", name.value);
                let help = format!("the other one stands in line {}", first.place.line);
                self.found.push(name.spot.error("E122", message).help(help));
            }
        }
        self.transition(source, from)
    }

    /// What a transition of `any_stage` leaves; final stages are always excepted.
    fn from(&mut self, source: &TransitionSource) -> BTreeSet<Name> {
        let finals: BTreeSet<Name> = self.finals();
        match &source.from {
            Some(FromSource::Except(except)) => self.all_but(except),
            Some(FromSource::Stages(stages)) => {
                for stage in stages.iter().filter(|stage| finals.contains(&stage.value)) {
                    let message = format!("`{}` is final, and `{}` leaves it", stage.value, source.name.value);
                    self.found.push(stage.spot.error("E123", message));
                }
                self.some_stages(&Some(stages.clone()))
            }
            None => BTreeSet::new(),
        }
    }

    /// The stages that are no end, but for some.
    pub(super) fn all_but(&mut self, except: &[At<Name>]) -> BTreeSet<Name> {
        let (finals, except) = (self.finals(), self.some_stages(&Some(except.to_vec())));
        let all = self.environment.stages.iter();
        all.filter(|stage| !except.contains(*stage) && !finals.contains(*stage)).cloned().collect()
    }

    fn finals(&self) -> BTreeSet<Name> {
        let finals = self.source.stages.iter().filter(|stage| stage.ends);
        finals.map(|stage| Name::clone(&stage.name.value)).collect()
    }

    /// Compiles one transition that leaves `from`.
    pub(super) fn transition(&mut self, source: &TransitionSource, from: BTreeSet<Name>) -> Option<Transition> {
        self.watching(source.auto, |compiler| compiler.compile_transition(source, from))
    }

    fn compile_transition(&mut self, source: &TransitionSource, from: BTreeSet<Name>) -> Option<Transition> {
        self.taker(source);
        let at = self.timed(source);
        let by = self.people(source.by.as_deref().unwrap_or_default());
        let not_by = self.kept_out(source);
        let ask = self.ask(source);
        let change = self.writable(&source.change);
        // What the transition requires is there when it is judged; while it is only offered, a condition on what
        // is still to be answered is left open.
        let before = self.environment.always.clone();
        self.environment.always.extend(self.required(source));
        let when = self.condition(source.when.as_ref());
        let checks = self.checks(&source.checks);
        let to = self.target(source);
        let actions = self.actions(&source.actions);
        let approvals = self.approvals(source, &by);
        self.environment.always = before;
        Some(Transition {
            name: Name::clone(&source.name.value),
            title: source.title.as_ref().map_or_else(|| readable(&source.name.value), |title| title.value.clone()),
            from,
            by,
            not_by,
            ask,
            change,
            when,
            checks,
            to: to?,
            actions,
            auto: source.auto,
            approvals,
            at,
            place: source.name.spot.place.clone(),
        })
    }

    /// Somebody must be able to take it, and the engine answers no questions.
    fn taker(&mut self, source: &TransitionSource) {
        let name = &source.name;
        let nobody = source.by.as_ref().is_none_or(Vec::is_empty);
        if nobody && !source.auto && source.at.is_none() {
            let error = name.spot.error("E120", format!("nobody could take `{}`", name.value));
            let help = if &*name.value == OPEN {
                "say who with `by`"
            } else {
                "say who with `by`, or write `auto: true` or `at: ...`"
            };
            self.found.push(error.help(help));
        }
        if let (Some(at), true) = (&source.at, source.auto) {
            let error =
                at.spot.error("E030", format!("`{}` is taken as soon as it is possible, or at a moment", name.value));
            self.found.push(error.help("leave out `auto`, or `at`"));
        }
        if let (true, true, Some((asked, _))) = (source.auto, nobody, source.ask.first()) {
            let message = format!("the engine takes `{}` and can't answer `{}`", name.value, asked.value);
            self.found.push(asked.spot.error("E126", message));
        }
    }

    /// The fields that are set once the transition is taken.
    fn required(&self, source: &TransitionSource) -> BTreeSet<Name> {
        let fields = &self.source.fields;
        let begun = |name: &Name| fields.iter().any(|field| field.name.value == *name && begins(field));
        let asked = source.ask.iter().filter(|(field, must)| *must || begun(&field.value));
        let named = |field: &&FieldSource| field.required_by.iter().any(|by| by.value == source.name.value);
        let required = fields.iter().filter(named).map(|field| &field.name.value);
        asked.map(|(field, _)| &field.value).chain(required).cloned().collect()
    }

    fn ask(&mut self, source: &TransitionSource) -> Vec<Ask> {
        let mut asks: Vec<Ask> = Vec::new();
        for (name, must) in &source.ask {
            let Some(field) = self.writable_field(name) else { continue };
            if asks.iter().any(|ask| ask.field == field) {
                self.found.push(name.spot.error("E010", format!("`{field}` stands here twice")));
                continue;
            }
            asks.push(Ask { field, must: *must });
        }
        asks
    }

    fn target(&mut self, source: &TransitionSource) -> Option<Target> {
        match &source.to {
            None => Some(Target::Stay),
            Some(ToSource::Broken) => None,
            Some(ToSource::Stage(stage)) => {
                let branch = Branch { when: None, stage: self.stage(stage)?, actions: Vec::new() };
                Some(Target::Branches(vec![branch]))
            }
            Some(ToSource::Branches(branches)) => {
                let mut compiled = Vec::new();
                for branch in branches {
                    let when = self.condition(branch.when.as_ref());
                    let stage = branch.stage.as_ref().and_then(|stage| self.stage(stage));
                    let actions = self.actions(&branch.actions);
                    compiled.extend(stage.map(|stage| Branch { when, stage, actions }));
                }
                self.always(source);
                Some(Target::Branches(compiled))
            }
        }
    }

    /// A branch behind one that always holds is never taken.
    fn always(&mut self, source: &TransitionSource) {
        let Some(ToSource::Branches(branches)) = &source.to else { return };
        let after = branches.iter().skip_while(|branch| branch.when.is_some()).skip(1);
        for branch in after {
            let warning = branch.spot.warning("W108", "this branch is never taken: one before it always holds");
            self.found.push(warning.help("put the branch without `when` last"));
        }
    }

    /// A transition by its name; `open` where it may be meant too.
    pub(super) fn transition_name(&mut self, name: &At<Name>, or_open: bool) -> Option<Name> {
        let source = self.source;
        let of_stages = source.stages.iter().flat_map(|stage| &stage.transitions);
        let mut known: BTreeSet<&str> =
            of_stages.chain(&source.any_stage).map(|transition| &*transition.name.value).collect();
        if or_open {
            known.insert(OPEN);
        }
        if known.contains(&*name.value) {
            return Some(Name::clone(&name.value));
        }
        self.found.push(unknown("E107", "transition", name, known));
        None
    }
}
