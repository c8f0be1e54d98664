//! The play: who does what in which stage, and what next when the answer is no.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::recipe::{Recipe, Share, Span};
use super::source::Row;
use super::story::Reason;
use super::template::Template;

/// The entry of `refused` for every code that has none of its own.
pub(crate) const OTHERWISE: &str = "otherwise";
/// Moves that one case may make: whatever the play says, it comes to an end.
pub(crate) const MOVES_MAX: u64 = 200;

/// A play as it was written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Play {
    /// Who works, by what they are: the key of each has these roles.
    pub(crate) staff: IndexMap<String, Staff>,
    /// Who opens the cases.
    pub(crate) open: Opening,
    /// What is done in each stage, the first that is due.
    pub(crate) stages: Stages,
    /// The same for the cases that are opened under them, by their workflow.
    #[serde(default)]
    pub(crate) children: IndexMap<String, Stages>,
}

/// What is done in each stage of a workflow.
pub(crate) type Stages = IndexMap<String, Vec<Move>>;

/// Some people with the same roles. One case is always in the hands of the same of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Staff {
    /// Their roles; without it, the role they are called after.
    pub(crate) roles: Vec<String>,
    /// Their user names.
    pub(crate) people: Vec<String>,
}

/// How cases are opened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    /// Who opens them.
    #[serde(rename = "as")]
    pub(crate) by: String,
    /// The share of cases that somebody tries to open a second time.
    #[serde(default)]
    pub(crate) again: Share,
    /// Days that pass after it.
    #[serde(default)]
    pub(crate) rest: Span,
}

/// One thing that is done with a case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// The transition to take.
    #[serde(default)]
    pub(crate) take: Option<String>,
    /// Instead of a transition: the task to complete. It is due while the task is open.
    #[serde(default, rename = "do")]
    pub(crate) task: Option<String>,
    /// Instead of a transition: the one to agree to. It is due while that waits for approval.
    #[serde(default)]
    pub(crate) agree: Option<String>,
    /// Instead of a transition: fields to change to what they were meant to be.
    #[serde(default)]
    pub(crate) edit: Vec<String>,
    /// Who does it.
    #[serde(rename = "as")]
    pub(crate) by: String,
    /// What the case must have in its fields for it to be done; else the next one is looked at.
    #[serde(default)]
    pub(crate) when: IndexMap<String, String>,
    /// The share of cases in which it is done; in the others the next one is looked at.
    #[serde(default = "always")]
    pub(crate) share: Share,
    /// What the transition is given.
    #[serde(default)]
    pub(crate) input: IndexMap<String, Recipe>,
    /// Fields that are given to the transition as they were meant to be.
    #[serde(default)]
    pub(crate) correct: Vec<String>,
    /// A remark.
    #[serde(default)]
    pub(crate) comment: Option<Template>,
    /// How often it may be tried each time the case is in the stage.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// In how many visits of the stage it may be tried.
    #[serde(default = "twice")]
    pub(crate) visits: u32,
    /// Days that pass after it.
    #[serde(default)]
    pub(crate) rest: Span,
    /// What is done instead when it is refused, by the code of the refusal.
    #[serde(default)]
    pub(crate) refused: IndexMap<String, Move>,
}

fn always() -> Share {
    Share(rust_decimal::Decimal::ONE)
}

fn once() -> u32 {
    1
}

fn twice() -> u32 {
    2
}

/// What a move does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed<'p> {
    /// Take a transition.
    Take(&'p str),
    /// Complete a task.
    Do(&'p str),
    /// Agree to a transition that waits for approval.
    Agree(&'p str),
    /// Change fields.
    Edit,
}

impl Move {
    /// What it does; nothing when that is not one thing.
    pub(crate) fn deed(&self) -> Option<Deed<'_>> {
        let edit = (!self.edit.is_empty()).then_some(Deed::Edit);
        let named = [
            self.take.as_deref().map(Deed::Take),
            self.task.as_deref().map(Deed::Do),
            self.agree.as_deref().map(Deed::Agree),
            edit,
        ];
        let mut deeds = named.into_iter().flatten();
        deeds.next().filter(|_| deeds.next().is_none())
    }

    /// What is done instead when it is refused for these reasons: the first entry that fits one of them, with the
    /// reasons that it is about.
    pub(crate) fn instead<'m>(&'m self, reasons: &[Reason]) -> Option<(&'m Self, Vec<Reason>)> {
        for (code, instead) in &self.refused {
            let about: Vec<Reason> = reasons.iter().filter(|reason| reason.code == *code).cloned().collect();
            if !about.is_empty() {
                return Some((instead, about));
            }
        }
        self.refused.get(OTHERWISE).map(|instead| (instead, reasons.to_vec()))
    }

    /// The fields as they were meant to be, of those that this move puts right.
    pub(crate) fn corrections(&self, right: &Map<String, Json>) -> Map<String, Json> {
        let wanted = self.edit.iter().chain(&self.correct);
        wanted.map(|field| (field.clone(), right.get(field).cloned().unwrap_or(Json::Null))).collect()
    }
}

impl Play {
    /// Every move that is not only the answer to a refusal.
    pub(crate) fn moves(&self) -> impl Iterator<Item = &Move> {
        self.stages.values().chain(self.children.values().flat_map(IndexMap::values)).flatten()
    }

    /// The people in whose hands case number `n` is: user by what they are.
    pub(crate) fn hands(&self, n: usize) -> Row {
        let hand = |(kind, staff): (&String, &Staff)| {
            let person = staff.people.get(n.checked_rem(staff.people.len())?)?;
            Some((kind.clone(), Json::from(person.as_str())))
        };
        self.staff.iter().filter_map(hand).collect()
    }

    /// Everybody with their roles, each once.
    pub(crate) fn people(&self) -> IndexMap<String, Vec<String>> {
        let mut people: IndexMap<String, Vec<String>> = IndexMap::new();
        for (kind, staff) in &self.staff {
            let own = if staff.roles.is_empty() { std::slice::from_ref(kind) } else { staff.roles.as_slice() };
            for person in &staff.people {
                let roles = people.entry(person.clone()).or_default();
                let new: Vec<String> = own.iter().filter(|role| !roles.contains(role)).cloned().collect();
                roles.extend(new);
            }
        }
        people
    }
}

/// People as they are written: a list of names, or with roles of their own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStaff {
    roles: Vec<String>,
    people: Vec<String>,
}

impl<'de> Deserialize<'de> for Staff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StaffVisitor)
    }
}

struct StaffVisitor;

impl<'de> Visitor<'de> for StaffVisitor {
    type Value = Staff;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("user names as `[ada, ben]`, or `{ roles: [...], people: [...] }`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Staff, A::Error> {
        let mut people = Vec::new();
        while let Some(person) = items.next_element()? {
            people.push(person);
        }
        named(Staff { roles: Vec::new(), people })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Staff, A::Error> {
        let WrittenStaff { roles, people } = WrittenStaff::deserialize(MapAccessDeserializer::new(map))?;
        named(Staff { roles, people })
    }
}

fn named<E: de::Error>(staff: Staff) -> Result<Staff, E> {
    if staff.people.is_empty() { Err(E::custom("nobody is named")) } else { Ok(staff) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_the_roles_of_all_that_they_are() {
        let yaml = "staff: { clerk: [ann, bob], second: { roles: [clerk, boss], people: [bob] } }\nopen: { as: clerk }\nstages: {}";
        let play: Play = serde_yaml::from_str(yaml).unwrap();
        let people: Vec<String> =
            play.people().iter().map(|(user, roles)| format!("{user}={}", roles.join("+"))).collect();
        assert_eq!(people, ["ann=clerk", "bob=clerk+boss"]);
        let hands = |n| Json::Object(play.hands(n)).to_string();
        assert_eq!(hands(1), r#"{"clerk":"bob","second":"bob"}"#);
        assert_eq!(hands(2), r#"{"clerk":"ann","second":"bob"}"#);
    }

    #[test]
    fn the_answer_to_a_refusal_goes_by_its_codes() {
        let step: Move = serde_yaml::from_str(
            "{ take: go, as: a, refused: { high: { take: x, as: a }, low: { take: y, as: a }, otherwise: { take: z, as: a } } }",
        )
        .unwrap();
        let reason = |code: &str| Reason {
            rule: None,
            code: code.into(),
            message: String::new(),
            path: String::new(),
            facts: Json::Null,
        };
        for (codes, expected) in
            [(&["low", "other", "low"][..], "y low low"), (&["low", "high"], "x high"), (&["other"], "z other")]
        {
            let reasons: Vec<Reason> = codes.iter().map(|code| reason(code)).collect();
            let (instead, about) = step.instead(&reasons).unwrap();
            let about: Vec<&str> = about.iter().map(|reason| reason.code.as_str()).collect();
            assert_eq!(format!("{} {}", instead.take.as_deref().unwrap(), about.join(" ")), expected);
        }
        let plain: Move = serde_yaml::from_str("{ take: go, as: a }").unwrap();
        assert!(plain.instead(&[reason("x")]).is_none());
    }
}
