//! What the definitions in `set/` and `later/` say, said a second time: so that what the engine does is judged by
//! somebody else.

use gendan::model::Actor;

use crate::whole::days::{HOUR, Limit, MINUTE};

/// Who there is, with their roles.
pub(crate) const PEOPLE: [(&str, &[&str]); 8] = [
    ("ann", &["clerk"]),
    ("bob", &["clerk", "checker"]),
    ("wim", &["worker"]),
    ("eva", &["worker", "checker"]),
    ("kit", &["checker"]),
    ("max", &["boss", "clerk"]),
    ("zoe", &["boss"]),
    ("ray", &["boss", "worker"]),
];

/// The reference table's rows, which are also the keys of the pools of `stock`.
pub(crate) const THINGS: [&str; 3] = ["a", "b", "c"];

/// The stages of a batch that is open.
pub(crate) const OPEN: [&str; 6] = ["draft", "review", "asked", "waiting", "ready", "making"];

/// A transition: from where to where, and whose it is.
pub(crate) struct Way {
    workflow: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static [&'static str],
    pub(crate) by: &'static [&'static str],
}

const fn way(
    workflow: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static [&'static str],
    by: &'static [&'static str],
) -> Way {
    Way { workflow, name, from, to, by }
}

const WAYS: [Way; 16] = [
    way("batch", "submit", &["draft"], &["review"], &["clerk"]),
    way("batch", "approve", &["review"], &["ready", "waiting"], &["checker"]),
    way("batch", "query", &["review"], &["asked"], &["checker"]),
    way("batch", "reject", &["review"], &["draft"], &["checker"]),
    way("batch", "answer", &["asked"], &["review"], &["clerk"]),
    way("batch", "lapse", &["asked"], &["review"], &["system"]),
    way("batch", "serve", &["waiting"], &["ready"], &["system"]),
    way("batch", "nag", &["waiting"], &["waiting"], &["system"]),
    way("batch", "plan", &["ready"], &["ready"], &["boss"]),
    way("batch", "make", &["ready"], &["making"], &["system"]),
    way("batch", "report", &["making"], &["making"], &["signal"]),
    way("batch", "finish", &["making"], &["done"], &["system"]),
    way("batch", "cancel", &OPEN, &["dropped"], &["clerk", "boss"]),
    way("part", "finish", &["open"], &["made"], &["worker"]),
    way("part", "spoil", &["open"], &["spoilt"], &["worker"]),
    way("part", "stop", &["open"], &["stopped"], &["signal"]),
];

/// The one transition that is neither here nor there: a reminder that leaves a part where it is.
const REMIND: Way = way("part", "remind", &["open"], &["open"], &["system"]);

/// The transition of this name that leads from one stage to the other.
pub(crate) fn find(workflow: &str, name: &str, from: &str, to: &str) -> Option<&'static Way> {
    WAYS.iter()
        .chain([&REMIND])
        .find(|way| way.workflow == workflow && way.name == name && way.from.contains(&from) && way.to.contains(&to))
}

/// Whether a case in this stage has ended.
pub(crate) fn ended(stage: &str) -> bool {
    ["done", "dropped", "made", "spoilt", "stopped"].contains(&stage)
}

/// Somebody, as they authenticate.
pub(crate) fn actor(user: &str) -> Actor {
    let roles = PEOPLE.iter().find(|(name, _)| *name == user).map(|(_, roles)| *roles);
    Actor::new(user, roles.unwrap_or_default())
}

/// Whether somebody has a role.
pub(crate) fn has(user: &str, role: &str) -> bool {
    if role == "system" { user == "system" } else { actor(user).has(role) }
}

/// What comes right after something that causes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// A message.
    Told(&'static str),
    /// A message that a case gets once.
    ToldOnce(&'static str),
    /// The case is put before the boss.
    Escalated,
    /// A remark of the engine.
    Said(&'static str),
}

/// What follows from a transition.
pub(crate) fn after_way(workflow: &str, name: &str, to: &str) -> &'static [Follow] {
    match (workflow, name, to) {
        ("batch", "submit", _) => &[Follow::Told("told")],
        ("batch", "approve", "waiting") => &[Follow::Told("short")],
        ("batch", "lapse", _) => &[Follow::Told("lapsed")],
        ("batch", "nag", _) => &[Follow::ToldOnce("nagged")],
        ("batch", "finish", _) => &[Follow::Told("finished")],
        ("batch", "cancel", _) => &[Follow::Told("ended")],
        ("part", "remind", _) => &[Follow::Said("a day has gone by")],
        _ => &[],
    }
}

/// What follows when a schedule has come by.
pub(crate) fn after_schedule(name: &str) -> &'static [Follow] {
    if name == "daily" { &[Follow::Told("daily")] } else { &[Follow::Said("another week")] }
}

/// At what a clock starts or is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    Opened,
    Enters(&'static str),
    Leaves(&'static str),
    Taken(&'static str),
    Task(&'static str),
    Field(&'static str),
}

/// When a clock warns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Warn {
    /// At so many hundredths of its limit.
    Share(i64),
    /// So many milliseconds before its end.
    Before(i64),
}

/// A clock.
pub(crate) struct Sla {
    pub(crate) workflow: &'static str,
    pub(crate) name: &'static str,
    pub(crate) from: Edge,
    pub(crate) until: Edge,
    /// Where it stands still.
    pub(crate) pause: Option<&'static str>,
    /// Where it may run, or stand still.
    pub(crate) alive: &'static [&'static str],
    pub(crate) within: Limit,
    pub(crate) warn: Option<(Warn, &'static [Follow])>,
    /// The rungs of its breach: how long after the deadline, and what follows.
    pub(crate) rungs: &'static [(Option<Limit>, &'static [Follow])],
}

/// The clocks, as they are at first and after the change.
pub(crate) fn slas(later: bool) -> [Sla; 6] {
    [review(later), SERVE, WHOLE, PICK, NOTED, MADE]
}

fn review(later: bool) -> Sla {
    Sla {
        workflow: "batch",
        name: "review",
        from: Edge::Enters("review"),
        until: Edge::Taken("approve"),
        pause: Some("asked"),
        alive: &["review", "asked"],
        within: Limit::Elapsed(if later { 12 * HOUR } else { 8 * HOUR }),
        warn: Some((Warn::Share(75), &[Follow::Told("soon")])),
        rungs: &[
            (None, &[Follow::Escalated]),
            (Some(Limit::Elapsed(4 * HOUR)), &[Follow::Told("late")]),
            (Some(Limit::Elapsed(24 * HOUR)), &[Follow::Escalated]),
        ],
    }
}

const SERVE: Sla = Sla {
    workflow: "batch",
    name: "serve",
    from: Edge::Enters("waiting"),
    until: Edge::Leaves("waiting"),
    pause: None,
    alive: &["waiting"],
    within: Limit::Working(4 * HOUR),
    warn: Some((Warn::Share(50), &[Follow::Said("half of the time is gone")])),
    rungs: &[(None, &[Follow::Escalated]), (Some(Limit::Working(2 * HOUR)), &[Follow::Told("late")])],
};

const WHOLE: Sla = Sla {
    workflow: "batch",
    name: "whole",
    from: Edge::Opened,
    until: Edge::Enters("done"),
    pause: None,
    alive: &OPEN,
    within: Limit::WorkingDays(5),
    warn: None,
    rungs: &[(None, &[Follow::Escalated])],
};

const PICK: Sla = Sla {
    workflow: "batch",
    name: "pick",
    from: Edge::Enters("ready"),
    until: Edge::Task("check"),
    pause: None,
    alive: &["ready"],
    within: Limit::Elapsed(90 * MINUTE),
    warn: None,
    rungs: &[
        (None, &[Follow::Escalated]),
        (Some(Limit::Elapsed(30 * MINUTE)), &[Follow::Said("not checked yet")]),
        (Some(Limit::Elapsed(60 * MINUTE)), &[Follow::Told("late")]),
    ],
};

const NOTED: Sla = Sla {
    workflow: "batch",
    name: "noted",
    from: Edge::Opened,
    until: Edge::Field("note"),
    pause: None,
    alive: &OPEN,
    within: Limit::Elapsed(24 * HOUR),
    warn: Some((Warn::Before(2 * HOUR), &[Follow::Said("a note is missing")])),
    rungs: &[(None, &[Follow::Said("there is no note")])],
};

const MADE: Sla = Sla {
    workflow: "part",
    name: "made",
    from: Edge::Enters("open"),
    until: Edge::Leaves("open"),
    pause: None,
    alive: &["open"],
    within: Limit::NextWorkingDay(17 * HOUR),
    warn: None,
    rungs: &[(None, &[Follow::Escalated]), (Some(Limit::WorkingDays(1)), &[Follow::Told("late")])],
};
