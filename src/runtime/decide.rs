//! Deciding one request, on a decider's thread, and handing what was decided to the committer.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{self, Decision, Touched};
use crate::model::limit::PAGE_ITEMS_MAX;
use crate::model::world::Hold;
use crate::model::{Act, Case, CaseId, Command, Event, Mode, Name, Recorded, Refusal, Timestamp, World};
use crate::store::{self, Answer, AnswerKey, CaseItem, CommandItem, Item, Outcome, PoolUse};
use crate::workflow::Definition;

use super::committer::{Pending, Unwritten};
use super::execute::replay;
use super::pools::{freed, pool_use};
use super::rows::Reads;
use super::series::Ticket;
use super::snapshot::Seen;
use super::turn::{Settled, settled};
use super::{Answering, Done, Failure, Render, Reply, Request, Runtime, Want, not_found, random, store_failure};

/// A request that is to be decided.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) render: Render,
    pub(super) key: Option<AnswerKey>,
}

/// What was decided.
enum Decided {
    /// Nothing is to be written.
    Reply(Answer),
    /// This is to be written, and then answered.
    Commit(Box<Written>),
}

struct Written {
    item: CommandItem,
    reads: Reads,
    answer: Answer,
    tickets: Vec<Ticket>,
    /// The pools of which others can have more afterwards.
    freed: Vec<(Name, Name)>,
}

impl Runtime {
    /// One round of deciding. The answer comes at once when nothing is to be written, else from the committer.
    pub(super) fn decide_and_submit(&self, asked: &Asked, reply: Answering<Result<Settled<Reply>, Failure>>) {
        let written = match self.decide(asked) {
            Ok(Decided::Commit(written)) => *written,
            Ok(Decided::Reply(answer)) => {
                return drop(reply.send(Ok(Settled::Done(Reply { answer, replayed: false }))));
            }
            Err(failure) => return drop(reply.send(Err(failure))),
        };
        let Written { item, reads, answer, tickets, freed } = written;
        let waiting = Arc::clone(&self.0.waiting);
        let runtime = self.clone();
        let written: Vec<_> = item.cases.iter().map(|case| Arc::clone(&case.events)).collect();
        let timed: Vec<_> = item.cases.iter().filter_map(|item| Some((item.due?, item.case.id))).collect();
        let timers = Arc::clone(&self.0.timers);
        let answer = move |committed: Result<Outcome, Unwritten>| {
            // Given back before anybody is told, so that who comes next has them.
            let used = uses_number(&committed);
            tickets.into_iter().filter(|_| used).for_each(Ticket::keep);
            if matches!(committed, Ok(Outcome::Done(_))) {
                waiting.more(freed);
            }
            if let Ok(Outcome::Done(_)) = &committed {
                written.iter().for_each(|events| runtime.0.outbox.tell(events));
            }
            // Where nobody knows what was written, a look too many does no harm.
            if matches!(committed, Ok(Outcome::Done(_)) | Err(Unwritten::Failed)) {
                timed.into_iter().for_each(|(due, case)| timers.expect(due, case));
            }
            drop(reply.send(reply_of(committed, answer)));
        };
        self.0.committer.submit(Pending { item: Item::Command(Box::new(item)), reads, answer: Box::new(answer) });
    }

    fn decide(&self, asked: &Asked) -> Result<Decided, Failure> {
        let (request, definition, now) = (&asked.request, self.0.library.live(), self.now());
        let case = self.wanted_case(&request.want)?;
        if let (Some(case), Some(expected)) = (&case, request.expected)
            && case.version != expected
        {
            return Err(self.stale(case, expected));
        }
        let (act, ticket) = self.act(&definition, &request.want, now)?;
        let command = Command { actor: request.actor.clone(), act };
        let snapshot = Arc::new(self.snapshot());
        let world: Arc<dyn World> = Arc::clone(&snapshot) as Arc<dyn World>;
        let decision = engine::decide(&definition, case.as_deref(), &command, &world, now).map_err(|refusal| {
            log_refusal(request, case.as_deref(), &refusal);
            Failure::Refused(Box::new(refusal))
        })?;
        let (leans, freed) = (snapshot.take_leans(), freed(&decision));
        let Decision { events, case: after, because, hold, release, series, others } = decision;
        let because = because.into_iter().filter(|verdict| verdict.mode != Mode::Shadow).collect();
        let done = Done { case: Arc::new(after), events: events.into(), because };
        let mut answer = (asked.render)(&done);
        answer.at = now;
        let due = engine::due(&definition, &done.case, now);
        let moved = matches!(request.want, Want::Wake { .. })
            && self.0.store.due_of(done.case.id).map_err(store_failure)? != due;
        if request.dry_run || (done.events.is_empty() && !moved) {
            return Ok(Decided::Reply(answer));
        }
        if let Some(retry) = &request.retry {
            answer.fingerprint = Arc::clone(&retry.fingerprint);
        }
        let pools = pool_use(&definition, &done.events, &done.case, &leans);
        let mut cases = Vec::with_capacity(others.len().saturating_add(1));
        cases.push(CaseItem { pools, ..case_item(case.as_deref(), done.events, done.case, hold, release, series) });
        cases.extend(others.into_iter().map(|other| {
            let Touched { before, events, case, hold, release, series } = other;
            let pools = pool_use(&definition, &events, &case, &leans);
            CaseItem { pools, ..case_item(before.as_deref(), events.into(), case.into(), hold, release, series) }
        }));
        for item in &mut cases {
            item.due = engine::due(&definition, &item.case, now);
        }
        let Seen { rows: reads, cases: seen, drawn, files } = snapshot.take_seen();
        let answer_under = asked.key.clone().map(|key| (key, answer.clone()));
        let item = CommandItem { cases, reads: seen, answer: answer_under, files };
        // What was drawn for a step that was given up in the end is given back.
        let used = |ticket: &Ticket| item.cases.iter().flat_map(places).any(|place| ticket.is(Some(&place)));
        let tickets = ticket.into_iter().chain(drawn.into_iter().filter(used)).collect();
        Ok(Decided::Commit(Box::new(Written { item, reads, answer, tickets, freed })))
    }

    fn wanted_case(&self, want: &Want) -> Result<Option<Arc<Case>>, Failure> {
        match want {
            Want::Open { .. } => Ok(None),
            Want::Take { id, .. }
            | Want::Edit { id, .. }
            | Want::Comment { id, .. }
            | Want::Attach { id, .. }
            | Want::Wake { id }
            | Want::Task { id, .. }
            | Want::Approve { id, .. }
            | Want::Scheduled { id, .. } => self.stored(*id).map(Some),
        }
    }

    /// The command's act; an opening gets its id and its place in the number series here.
    fn act(&self, definition: &Definition, want: &Want, now: Timestamp) -> Result<(Act, Option<Ticket>), Failure> {
        Ok(match want {
            Want::Open { workflow, fields, comment } => {
                let Some(known) = definition.workflows.get(workflow) else {
                    return Err(not_found("workflow", workflow));
                };
                let series = known.number.series(workflow, now.day(known.zone));
                let ticket = self.0.series.draw(&series).map_err(store_failure)?;
                let (id, sequence) = (CaseId::new(now.0, random()?), ticket.sequence);
                let (workflow, fields, comment) = (Arc::clone(workflow), fields.clone(), comment.clone());
                (Act::Open { id, workflow, sequence, fields, comment }, Some(ticket))
            }
            Want::Take { transition, input, comment, .. } => {
                let (transition, input, comment) = (Arc::clone(transition), input.clone(), comment.clone());
                (Act::Take { transition, input, comment }, None)
            }
            Want::Edit { fields, comment, .. } => {
                (Act::Edit { fields: fields.clone(), comment: comment.clone() }, None)
            }
            Want::Comment { text, .. } => (Act::Comment { text: Arc::clone(text) }, None),
            Want::Attach { attachment, .. } => (Act::Attach { attachment: attachment.clone() }, None),
            Want::Wake { .. } => (Act::Wake, None),
            Want::Task { task, step, .. } => (Act::Task { task: Arc::clone(task), step: step.clone() }, None),
            Want::Approve { approve, comment, .. } => {
                (Act::Approve { approve: *approve, comment: comment.clone() }, None)
            }
            Want::Scheduled { schedule, due, .. } => {
                (Act::Scheduled { schedule: Arc::clone(schedule), due: *due }, None)
            }
        })
    }

    fn stale(&self, case: &Case, expected: u64) -> Failure {
        let since = self.0.store.history(case.id, expected, PAGE_ITEMS_MAX).unwrap_or_default();
        Failure::Stale { expected, since, version: case.version }
    }
}

/// What the client is told.
fn reply_of(committed: Result<Outcome, Unwritten>, answer: Answer) -> Result<Settled<Reply>, Failure> {
    match settled(committed)? {
        Settled::Done(None) => Ok(Settled::Done(Reply { answer, replayed: false })),
        Settled::Done(Some(earlier)) => replay(earlier, &answer.fingerprint).map(Settled::Done),
        Settled::Lost(race) => Ok(Settled::Lost(race)),
    }
}

/// Whether a number is used up: also where nobody knows what was written, and where another case has it.
fn uses_number(committed: &Result<Outcome, Unwritten>) -> bool {
    match committed {
        Ok(Outcome::Done(_)) | Err(Unwritten::Failed) => true,
        Ok(Outcome::Held { hold, .. }) => &*hold.field == "number" || hold.field.starts_with("documents/"),
        Ok(Outcome::Moved { .. } | Outcome::Answered(_) | Outcome::Short { .. }) => false,
        Err(Unwritten::Stale | Unwritten::Crowded | Unwritten::Overloaded) => false,
    }
}

/// The places in number series that a case and its documents take.
fn places(item: &CaseItem) -> impl Iterator<Item = (Name, u64)> {
    let issued = item.events.iter().filter_map(|recorded| {
        let Event::Issued { series, place, .. } = &recorded.event else { return None };
        Some((Name::clone(series), *place))
    });
    item.series.clone().into_iter().chain(issued)
}

/// What is written of one case.
fn case_item(
    before: Option<&Case>,
    events: Arc<[Recorded]>,
    case: Arc<Case>,
    hold: Vec<Hold>,
    release: Vec<Hold>,
    series: Option<(Name, u64)>,
) -> CaseItem {
    let (index_add, index_remove) = reindexed(before, &case);
    let expected = before.map_or(0, |case| case.version);
    let pools = PoolUse::default();
    CaseItem { expected, events, case, index_add, index_remove, hold, release, series, pools, due: None }
}

/// The index entries that a case gains and loses.
fn reindexed(before: Option<&Case>, after: &Case) -> (BTreeSet<store::IndexKey>, BTreeSet<store::IndexKey>) {
    let keys = |case: &Case| {
        let keys = engine::facets(case).into_iter().map(|(facet, value)| store::IndexKey {
            workflow: Arc::clone(&case.workflow),
            facet,
            value,
        });
        keys.collect::<BTreeSet<_>>()
    };
    let (old, new) = (before.map(keys).unwrap_or_default(), keys(after));
    (new.difference(&old).cloned().collect(), old.difference(&new).cloned().collect())
}

/// Who was refused what, and why (R11).
fn log_refusal(request: &Request, case: Option<&Case>, refusal: &Refusal) {
    let codes = refusal.reasons.iter().map(|reason| &*reason.code).collect::<Vec<_>>().join(" ");
    let (number, dry_run) = (case.map(|case| &*case.number).unwrap_or_default(), request.dry_run);
    let wanted = match &request.want {
        Want::Open { workflow, .. } => format!("open {workflow}"),
        Want::Take { transition, .. } => format!("take {transition}"),
        Want::Edit { .. } => "edit".to_owned(),
        Want::Comment { .. } => "comment".to_owned(),
        Want::Attach { .. } => "attach".to_owned(),
        Want::Wake { .. } => "wake".to_owned(),
        Want::Task { task, step, .. } => format!("{} {task}", step.word()),
        Want::Approve { .. } => "approve".to_owned(),
        Want::Scheduled { schedule, .. } => format!("schedule {schedule}"),
    };
    tracing::info!(actor = %request.actor.user, case = number, wanted, codes, dry_run, "refused");
}
