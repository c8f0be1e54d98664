//! What people do, as chance decides: mostly what makes sense where a case stands, and now and then what does not.

use gendan::model::command::Input;
use gendan::model::{CaseId, TaskStep, Timestamp};
use gendan::runtime::Want;
use serde_json::{Value as Json, json};

use crate::dice::Dice;
use crate::whole::book::{Book, Life};
use crate::whole::days::{self, HOUR, MINUTE};
use crate::whole::facts::{self, PEOPLE, THINGS, has};

/// A command that somebody sends, under a key of its own.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) user: &'static str,
    pub(crate) want: Want,
}

fn input(json: &Json) -> Input {
    json.as_object().unwrap().clone()
}

/// Somebody with the role; now and then anybody.
fn somebody(dice: &mut Dice, role: &str) -> &'static str {
    let anybody = dice.one_in(6);
    let people: Vec<&'static str> =
        PEOPLE.iter().map(|(user, _)| *user).filter(|user| anybody || has(user, role)).collect();
    people[dice.place(people.len())]
}

fn lines(dice: &mut Dice) -> Json {
    let line = |dice: &mut Dice| json!({ "thing": THINGS[dice.place(3)], "count": 1 + dice.below(4) });
    (0..=dice.below(2)).map(|_| line(dice)).collect()
}

/// A new batch.
pub(crate) fn open(dice: &mut Dice, number: u64) -> Sent {
    let (user, keeper) = (somebody(dice, "clerk"), somebody(dice, "clerk"));
    let fields = input(&json!({ "mark": format!("m{number}"), "keeper": keeper, "lines": lines(dice) }));
    let comment = Some(format!("#{number}").as_str().into());
    Sent { number, user, want: Want::Open { workflow: "batch".into(), fields, comment } }
}

/// What somebody does next with some case; nothing, when there is none.
pub(crate) fn next(dice: &mut Dice, book: &Book, now: i64, number: u64) -> Option<Sent> {
    let all = dice.one_in(8);
    let lives: Vec<&Life> = in_order(book).into_iter().filter(|life| all || !facts::ended(&life.stage)).collect();
    if lives.is_empty() {
        return None;
    }
    let life = lives[dice.place(lives.len())];
    let writing = Writing { life, number, now };
    Some(match (life.stage.as_str(), dice.below(12)) {
        _ if book.duties.pending(life.id) && dice.one_in(2) => writing.approve(dice),
        (_, 0) if life.workflow == "batch" => writing.edit(dice),
        (_, 1) => writing.comment(dice),
        (_, 2) if life.workflow == "batch" && dice.one_in(2) => writing.take(dice, "cancel"),
        ("draft", 3) => writing.edit_lines(dice),
        ("draft", _) => writing.take(dice, "submit"),
        ("review", 3 | 4) => writing.query(dice),
        ("review", 5) => writing.take(dice, "reject"),
        ("review", _) => writing.take(dice, "approve"),
        ("asked", _) => writing.take(dice, "answer"),
        ("ready", 3..=5) => writing.plan(dice, 1 + dice.clone().below(6)),
        ("ready", _) => writing.task(dice),
        ("making", _) => writing.look(dice),
        ("open", 3 | 4) => writing.take(dice, "spoil"),
        ("open", _) => writing.take(dice, "finish"),
        (_, 3) => writing.take(dice, "serve"),
        _ => writing.comment(dice),
    })
}

/// Commands that race for the same: every case that may reserve does, and some are cancelled beside it.
pub(crate) fn race(dice: &mut Dice, book: &Book, now: i64, number: u64) -> Vec<Sent> {
    let mut sent = Vec::new();
    for life in in_order(book) {
        let writing = Writing { life, number: number + sent.len() as u64, now };
        let cancelled = dice.one_in(8);
        match life.stage.as_str() {
            "review" | "ready" if cancelled => sent.push(writing.take(dice, "cancel")),
            "review" => sent.push(writing.take(dice, "approve")),
            "ready" => sent.push(writing.plan(dice, 3)),
            "open" if dice.one_in(2) => sent.push(writing.take(dice, "finish")),
            _ => {}
        }
    }
    sent.truncate(10);
    sent
}

/// The cases in the order in which they were opened.
fn in_order(book: &Book) -> Vec<&Life> {
    let mut lives: Vec<&Life> = book.lives.values().collect();
    lives.sort_by(|one, other| (&one.workflow, &one.number).cmp(&(&other.workflow, &other.number)));
    lives
}

struct Writing<'a> {
    life: &'a Life,
    number: u64,
    now: i64,
}

impl Writing<'_> {
    fn sent(&self, user: &'static str, want: Want) -> Sent {
        Sent { number: self.number, user, want }
    }

    fn id(&self) -> CaseId {
        self.life.id
    }

    fn mark(&self) -> Option<gendan::model::Name> {
        Some(format!("#{}", self.number).as_str().into())
    }

    fn take_with(&self, user: &'static str, transition: &str, json: &Json) -> Sent {
        let (id, transition, input) = (self.id(), transition.into(), input(json));
        self.sent(user, Want::Take { id, transition, input, comment: self.mark() })
    }

    fn take(&self, dice: &mut Dice, transition: &str) -> Sent {
        let role = match transition {
            "approve" | "reject" => "checker",
            "finish" | "spoil" => "worker",
            _ => "clerk",
        };
        self.take_with(somebody(dice, role), transition, &json!({}))
    }

    fn query(&self, dice: &mut Dice) -> Sent {
        let most = if dice.one_in(2) { 30 * HOUR } else { 3 * HOUR };
        let due = self.now + 7 * MINUTE + i64::try_from(dice.below(most.unsigned_abs())).unwrap();
        let due = Timestamp(due).to_string();
        self.take_with(somebody(dice, "checker"), "query", &json!({ "answer_due": due }))
    }

    /// Some hours of one of the next two days.
    fn plan(&self, dice: &mut Dice, hours: u64) -> Sent {
        let day = days::day(self.now) + i64::try_from(dice.below(2)).unwrap();
        let json = json!({ "day": days::date(day).to_string(), "hours": hours });
        self.take_with(somebody(dice, "boss"), "plan", &json)
    }

    fn edit(&self, dice: &mut Dice) -> Sent {
        let fields =
            if dice.one_in(3) { json!({ "note": null }) } else { json!({ "note": format!("n{}", self.number) }) };
        let fields = input(&fields);
        self.sent(somebody(dice, "clerk"), Want::Edit { id: self.id(), fields, comment: self.mark() })
    }

    fn edit_lines(&self, dice: &mut Dice) -> Sent {
        let fields = input(&json!({ "lines": lines(dice) }));
        self.sent(somebody(dice, "clerk"), Want::Edit { id: self.id(), fields, comment: self.mark() })
    }

    fn comment(&self, dice: &mut Dice) -> Sent {
        let text = format!("#{}", self.number).as_str().into();
        self.sent(somebody(dice, "clerk"), Want::Comment { id: self.id(), text })
    }

    fn approve(&self, dice: &mut Dice) -> Sent {
        let approve = !dice.one_in(6);
        self.sent(somebody(dice, "boss"), Want::Approve { id: self.id(), approve, comment: self.mark() })
    }

    fn step(&self, dice: &mut Dice, json: &Json) -> TaskStep {
        match dice.below(8) {
            0 => TaskStep::Claim,
            1 => TaskStep::Release,
            _ => TaskStep::Complete { input: input(json), comment: self.mark() },
        }
    }

    fn task(&self, dice: &mut Dice) -> Sent {
        let (task, json) = if dice.one_in(2) {
            ("pick", json!({ "place": "here" }))
        } else {
            ("check", json!({ "fine": !dice.one_in(4) }))
        };
        let user = somebody(dice, "worker");
        let step = self.step(dice, &json);
        self.sent(user, Want::Task { id: self.id(), task: task.into(), step })
    }

    fn look(&self, dice: &mut Dice) -> Sent {
        let step = self.step(dice, &json!({}));
        self.sent(somebody(dice, "clerk"), Want::Task { id: self.id(), task: "look".into(), step })
    }
}

/// Whether a command leaves a mark in the log when it is done.
pub(crate) fn marks(sent: &Sent) -> bool {
    let Want::Task { step, .. } = &sent.want else { return true };
    matches!(step, TaskStep::Complete { .. })
}

/// A command, in a few words.
pub(crate) fn told(sent: &Sent, book: &Book) -> String {
    let number = |id: &CaseId| book.lives.get(id).map_or_else(|| id.to_string(), |life| life.number.clone());
    let what = match &sent.want {
        Want::Open { fields, .. } => format!("opens {}", fields["lines"]),
        Want::Take { id, transition, input, .. } => {
            let input = Json::Object(input.clone());
            format!("takes `{transition}` of {} with {input}", number(id))
        }
        Want::Edit { id, fields, .. } => format!("edits {}: {}", number(id), Json::Object(fields.clone())),
        Want::Comment { id, .. } => format!("comments on {}", number(id)),
        Want::Task { id, task, step } => format!("{}s `{task}` of {}", step.word(), number(id)),
        Want::Approve { id, approve: true, .. } => format!("agrees in {}", number(id)),
        Want::Approve { id, .. } => format!("refuses in {}", number(id)),
        Want::Attach { .. } | Want::Wake { .. } | Want::Scheduled { .. } => format!("{:?}", sent.want),
    };
    format!("#{} {} {what}", sent.number, sent.user)
}
