//! Service levels: what they name, within what, and whether their clock can be stopped at all.

use std::collections::BTreeSet;

use crate::calendar::Limit;
use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::definition::{Edge, Rung, Sla, Target, Transition, Warn, WarnAt};
use crate::workflow::source::{BreachSource, EdgeSource, SlaSource, WarnSource};
use crate::workflow::walk::At;

use super::names::unknown;
use super::set::readable;
use super::workflow::Compiler;

impl Compiler<'_> {
    /// The service levels.
    pub(super) fn slas(&mut self, transitions: &[Transition]) -> Vec<Sla> {
        let source = self.source;
        source.slas.iter().filter_map(|sla| self.sla(sla, transitions)).collect()
    }

    fn sla(&mut self, source: &SlaSource, transitions: &[Transition]) -> Option<Sla> {
        let name = Name::clone(&source.name.value);
        let from = source.from.as_ref().and_then(|edge| self.edge(edge));
        let until = source.until.as_ref().and_then(|edge| self.edge(edge));
        let within = source.within.as_ref().and_then(|within| self.limit(within));
        let when = self.condition(source.when.as_ref());
        let owner = source.owner.as_ref().and_then(|owner| self.person(owner));
        let pauses: BTreeSet<Name> = source.pauses.iter().filter_map(|stage| self.stage(stage)).collect();
        let warn = source.warn.as_ref().and_then(|warn| self.warn(warn));
        let mut breach: Vec<Rung> = source.breach.iter().map(|rung| self.rung(rung)).collect();
        // That a deadline is past is recorded, also where nothing else follows at once.
        if breach.first().is_none_or(|rung| rung.after.is_some()) {
            breach.insert(0, Rung { after: None, actions: Vec::new() });
        }
        let (from, until) = (from?, until?);
        let alive = self.alive(&from, &until, &pauses, transitions);
        self.stoppable(source, &from, &until, &alive);
        Some(Sla {
            title: source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone()),
            from,
            until,
            when,
            within: within?,
            within_text: source.within.as_ref().map(|text| Name::clone(&text.value))?,
            owner,
            pauses,
            alive,
            warn,
            breach,
            place: source.name.spot.place.clone(),
            name,
        })
    }

    fn edge(&mut self, source: &EdgeSource) -> Option<Edge> {
        match source {
            EdgeSource::Opened => Some(Edge::Opened),
            EdgeSource::Enters(stages) => self.named_stages(stages).map(Edge::Enters),
            EdgeSource::Leaves(stages) => self.named_stages(stages).map(Edge::Leaves),
            EdgeSource::Transition(name) => self.transition_name(name, false).map(Edge::Transition),
            EdgeSource::Task(name) => self.any_task(name).map(Edge::Task),
            EdgeSource::Field(name) => {
                let field = self.field(name)?;
                self.used.words.insert(Name::clone(&field));
                Some(Edge::Field(field))
            }
        }
    }

    /// The stages; `None` when one of them is none, so that nothing is said that follows from it.
    fn named_stages(&mut self, stages: &[At<Name>]) -> Option<BTreeSet<Name>> {
        let named: Vec<Option<Name>> = stages.iter().map(|stage| self.stage(stage)).collect();
        named.into_iter().collect()
    }

    fn any_task(&mut self, name: &At<Name>) -> Option<Name> {
        let source = self.source;
        let tasks = source.stages.iter().flat_map(|stage| &stage.tasks);
        if tasks.clone().any(|task| task.name.value == name.value) {
            return Some(Name::clone(&name.value));
        }
        self.found.push(unknown("E168", "task", name, tasks.map(|task| &*task.name.value)));
        None
    }

    fn has_task(&self, stage: &str, task: &str) -> bool {
        let mut stages = self.source.stages.iter().filter(|known| *known.name.value == *stage);
        stages.any(|stage| stage.tasks.iter().any(|known| *known.name.value == *task))
    }

    /// A limit, and the calendar that it may need.
    fn limit(&mut self, text: &At<Name>) -> Option<Limit> {
        let Some(limit) = Limit::parse(&text.value) else {
            let error = text.spot.error("E144", format!("`{}` is not a limit", text.value));
            self.found.push(error.help(format!("write it as {}", Limit::FORMS)));
            return None;
        };
        if limit.needs_calendar() && self.source.calendar.is_none() {
            let error =
                text.spot.error("E145", format!("`{}` needs a calendar, and this workflow has none", text.value));
            self.found.push(error.help("name one with `calendar:`, or write elapsed hours: `2h`"));
            return None;
        }
        Some(limit)
    }

    fn warn(&mut self, source: &WarnSource) -> Option<Warn> {
        let actions = self.actions(&source.actions);
        let text = source.at.value.trim();
        let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
        let percent = percent.filter(|percent| (1..100).contains(percent)).map(WarnAt::Percent);
        let before = text.strip_suffix("before").map(str::trim_end).and_then(Limit::parse);
        let before = before.and_then(|limit| if let Limit::Elapsed(amount) = limit { Some(amount) } else { None });
        let at = percent.or(before.map(WarnAt::Before));
        if at.is_none() {
            let error = source.at.spot.error("E146", format!("`{}` does not say when to warn", source.at.value));
            self.found.push(error.help("write a share of the time, as `75%`, or `2h before`"));
        }
        Some(Warn { at: at?, actions })
    }

    fn rung(&mut self, source: &BreachSource) -> Rung {
        let after = source.after.as_ref().and_then(|after| self.limit(after));
        Rung { after, actions: self.actions(&source.actions) }
    }

    /// The stages from which what stops the clock can still happen, without what starts it happening again. From a
    /// stage in which it is paused it comes back as the same clock.
    fn alive(&self, from: &Edge, until: &Edge, pauses: &BTreeSet<Name>, transitions: &[Transition]) -> BTreeSet<Name> {
        let starts = match from {
            Edge::Enters(stages) => stages.clone(),
            Edge::Opened | Edge::Leaves(_) | Edge::Transition(_) | Edge::Field(_) | Edge::Task(_) => BTreeSet::new(),
        };
        let roads = roads(transitions);
        let leads = |(from, to, name): &(&Name, &Name, &Name)| match until {
            Edge::Opened => false,
            Edge::Enters(stages) => from != to && stages.contains(*to),
            Edge::Leaves(stages) => from != to && stages.contains(*from),
            Edge::Transition(transition) => *name == transition,
            Edge::Task(task) => self.has_task(from, task),
            // A field can be set wherever the case is not at its end.
            Edge::Field(_) => true,
        };
        let mut alive: BTreeSet<Name> =
            roads.iter().filter(|road| leads(road)).map(|(from, ..)| Name::clone(from)).collect();
        loop {
            let more = roads.iter().filter(|(from, to, _)| {
                !alive.contains(*from) && alive.contains(*to) && (pauses.contains(*from) || !starts.contains(*to))
            });
            let more: Vec<Name> = more.map(|(from, ..)| Name::clone(from)).collect();
            if more.is_empty() {
                return alive;
            }
            alive.extend(more);
        }
    }

    /// Refuses a clock that starts where nothing can stop it.
    fn stoppable(&mut self, source: &SlaSource, from: &Edge, until: &Edge, alive: &BTreeSet<Name>) {
        let ends = |stage: &Name| self.source.stages.iter().any(|known| known.name.value == *stage && known.ends);
        let dead = match from {
            Edge::Enters(stages) => stages.iter().find(|stage| !alive.contains(*stage)),
            Edge::Opened | Edge::Leaves(_) | Edge::Transition(_) | Edge::Field(_) | Edge::Task(_) => None,
        };
        let error = match dead {
            Some(stage) if ends(stage) => {
                let message = format!("nothing stops this clock: `{stage}` is an end");
                source.name.spot.error("E147", message)
            }
            Some(stage) => {
                let message = format!("nothing stops this clock: from `{stage}` what is said in `until` can't happen");
                source.name.spot.error("E147", message)
            }
            None if alive.is_empty() || from == until => {
                source.name.spot.error("E147", "nothing stops this clock: what is said in `until` can't happen")
            }
            None => return,
        };
        let error: Diagnostic = error.help("let `until` say what happens later than what `from` says");
        self.found.push(error);
    }
}

/// Which stages transitions lead from and to.
fn roads(transitions: &[Transition]) -> Vec<(&Name, &Name, &Name)> {
    let mut roads = Vec::new();
    for transition in transitions {
        for from in &transition.from {
            match &transition.to {
                Target::Stay => roads.push((from, from, &transition.name)),
                Target::Branches(branches) => {
                    roads.extend(branches.iter().map(|branch| (from, &branch.stage, &transition.name)));
                }
            }
        }
    }
    roads
}
