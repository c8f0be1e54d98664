//! Why a deadline lies where it lies: every stretch that counted or was skipped, and why.

use crate::calendar::{Span, Special, Why};
use crate::model::{Case, Clock, Name, Timestamp, Title};
use crate::workflow::{Definition, Sla};

use super::{calendar, runs};

/// A clock and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldClock {
    /// The clock as the ledger has it.
    pub clock: Clock,
    /// The title of its SLA.
    pub title: Title,
    /// How its limit is written; nothing when there is no such SLA any more.
    pub within: Name,
    /// Its deadline: as it is worked out now for an open one, as it was told last for a closed one.
    pub due: Option<Timestamp>,
    /// Every stretch from the start to the deadline, end to end. None for a closed clock whose calendar has changed
    /// since, and where a year is not known.
    pub spans: Vec<ToldSpan>,
}

/// A stretch of time, and why it counts or does not.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldSpan {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// Whether it counts.
    pub counted: bool,
    /// The stable code of the reason.
    pub code: &'static str,
    /// The reason.
    pub why: Title,
}

/// Every clock of the case, in the order in which they were started.
#[must_use]
pub fn explain(definition: &Definition, case: &Case) -> Vec<ToldClock> {
    let workflow = definition.workflows.get(&case.workflow);
    let told = case.clocks.iter().map(|clock| {
        let sla = workflow.and_then(|workflow| workflow.slas.iter().find(|sla| sla.name == clock.sla));
        let (Some(workflow), Some(sla)) = (workflow, sla) else {
            let title = Title::both(&clock.sla);
            return ToldClock { clock: clock.clone(), title, within: "".into(), due: clock.due, spans: Vec::new() };
        };
        let calendar = calendar(workflow);
        let mut spans = Vec::new();
        let counted = sla.within.count(&calendar, &runs(clock), &mut |span| spans.push(told_span(clock, &span)));
        let (due, spans) = match counted {
            Ok(due) if clock.is_open() || due == clock.due => (due, spans),
            Ok(_) | Err(_) => (clock.due, Vec::new()),
        };
        told_clock(clock, sla, due, spans)
    });
    told.collect()
}

fn told_clock(clock: &Clock, sla: &Sla, due: Option<Timestamp>, spans: Vec<ToldSpan>) -> ToldClock {
    let within = Name::clone(&sla.within_text);
    ToldClock { clock: clock.clone(), title: sla.title.clone(), within, due, spans }
}

fn told_span(clock: &Clock, span: &Span<'_>) -> ToldSpan {
    let (code, why) = reason(clock, span.why);
    ToldSpan { from: span.from, to: span.to, counted: span.counted, code, why }
}

fn reason(clock: &Clock, why: Why<'_>) -> (&'static str, Title) {
    match why {
        Why::Elapsed => ("elapsed", Title::new("自然时间", "all time counts")),
        Why::Working => ("working_hours", Title::new("工作时间", "working hours")),
        Why::MakeUp(special) => ("make_up_day", reason_of(special)),
        Why::OutsideHours => ("outside_hours", Title::new("非工作时间", "outside working hours")),
        Why::NotWorked => ("not_worked", Title::new("休息日", "not a working day")),
        Why::Off(special) => ("day_off", reason_of(special)),
        Why::Paused(place) => {
            let cause = clock.pauses.get(place).map_or("", |pause| &pause.cause);
            ("paused", Title::new(&format!("暂停于 `{cause}`"), &format!("paused by `{cause}`")))
        }
        Why::StartDay => ("start_day", Title::new("起始日不计", "the day of the start is not counted")),
        Why::Day => ("counted_day", Title::new("计入的一天", "a day that counts")),
        Why::TooLate => ("too_late", Title::new("当日时点已过", "the time of the day was past")),
        Why::Interrupted => {
            ("interrupted", Title::new("当日未计至时点", "the clock did not run to the end of the day or its time"))
        }
        Why::Before => ("before", Title::new("未到该日", "before the day of the week")),
    }
}

fn reason_of(special: &Special) -> Title {
    match special {
        Special::Off(why) | Special::Work { why, .. } => why.clone(),
    }
}
