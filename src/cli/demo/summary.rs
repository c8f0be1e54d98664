//! The summary: what happened, counted from the stories of the cases and from the server's own lists.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;

use super::judge::Judged;
use super::mapping::Mapping;
use super::story::{Reason, Story};
use crate::cli::Failed;
use crate::cli::client::{Client, segment};
use crate::model::{Language, Title};

pub(crate) use text::text;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// What the data is.
    pub(crate) title: String,
    /// The seed.
    pub(crate) seed: u64,
    /// What the rules said beforehand, when the mapping asks them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) judged: Option<Judged>,
    /// The cases.
    pub(crate) cases: Cases,
    /// The commands.
    pub(crate) commands: Commands,
    /// What was refused, the most frequent first.
    pub(crate) refusals: Vec<Refused>,
    /// How many cases came to certain stages.
    pub(crate) reached: Vec<Reached>,
    /// Where the cases are now, by the server's count, in the order of the workflow.
    pub(crate) stages: Vec<InStage>,
    /// Seconds of work; not the same twice.
    pub(crate) seconds: f64,
    /// Commands a second; not the same twice.
    pub(crate) per_second: u64,
}

/// How many cases there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cases {
    /// That were to be opened.
    pub(crate) planned: usize,
    /// That were opened.
    pub(crate) opened: usize,
    /// Whose opening was refused.
    pub(crate) not_opened: usize,
}

/// How many commands there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Commands {
    /// All of them.
    pub(crate) sent: u64,
    /// Those that were done.
    pub(crate) done: u64,
    /// Those that were refused.
    pub(crate) refused: u64,
}

/// One reason for which commands were refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// The rule, when it was one.
    pub(crate) rule: Option<String>,
    /// The code.
    pub(crate) code: String,
    /// Commands that were refused for it, perhaps among other reasons.
    pub(crate) commands: usize,
    /// Cases in which that happened.
    pub(crate) cases: usize,
    /// The first of them, as a sentence.
    pub(crate) example: String,
}

/// How many cases came to a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reached {
    /// The stage.
    pub(crate) stage: String,
    /// What is said about it.
    pub(crate) title: String,
    /// The cases.
    pub(crate) cases: usize,
}

/// How many cases are in a stage now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InStage {
    /// The stage.
    pub(crate) stage: String,
    /// Its title.
    pub(crate) title: String,
    /// How a case has ended there, when it is an end.
    pub(crate) end: Option<String>,
    /// The cases.
    pub(crate) cases: usize,
}

impl Summary {
    /// Takes note of how long the work took.
    pub(crate) fn take(&mut self, seconds: f64) {
        self.seconds = (seconds * 1_000.0).round() / 1_000.0;
        let milliseconds = std::time::Duration::from_secs_f64(seconds.max(0.0)).as_millis().max(1);
        self.per_second = u64::try_from(u128::from(self.commands.sent) * 1_000 / milliseconds).unwrap_or(u64::MAX);
    }
}

impl Refused {
    fn new(reason: &Reason) -> Self {
        let (rule, code) = (reason.rule.clone(), reason.code.clone());
        Self { rule, code, commands: 0, cases: 0, example: reason.sentence() }
    }
}

/// Counts the stories.
pub(crate) fn summarize(
    mapping: &Mapping,
    seed: u64,
    language: Language,
    stories: &[Story],
    stages: Vec<InStage>,
) -> Summary {
    let opened = stories.iter().filter(|story| story.opened).count();
    let sent = stories.iter().map(|story| story.sent).sum();
    let refused = stories.iter().map(|story| story.refusals.len() as u64).sum();
    let reached = |(stage, title): (&String, &Title)| Reached {
        stage: stage.clone(),
        title: title.text(language).to_owned(),
        cases: stories.iter().filter(|story| story.visited.contains(stage)).count(),
    };
    Summary {
        title: mapping.title.text(language).to_owned(),
        seed,
        judged: None,
        cases: Cases { planned: stories.len(), opened, not_opened: stories.len() - opened },
        commands: Commands { sent, done: sent - refused, refused },
        refusals: refusals(stories),
        reached: mapping.reached.iter().map(reached).collect(),
        stages,
        seconds: 0.0,
        per_second: 0,
    }
}

/// Asks the server how many cases each stage of the workflow has.
///
/// # Errors
/// When the server does not say.
pub(crate) fn count_stages(client: &Client, workflow: &str) -> Result<Vec<InStage>, Failed> {
    let workflow = segment(workflow);
    let described = client.get(&format!("/v1/workflows/{workflow}"))?.ok()?.json;
    let mut stages = Vec::new();
    for stage in described.get("stages").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default() {
        let text = |name: &str| stage.get(name).and_then(Json::as_str).map(str::to_owned);
        let name = text("stage").unwrap_or_default();
        let query = format!("/v1/cases?workflow={workflow}&stage={}&limit=1&count=true", segment(&name));
        let count = client.get(&query)?.ok()?.json.get("count").and_then(Json::as_u64).unwrap_or_default();
        let cases = usize::try_from(count).unwrap_or(usize::MAX);
        stages.push(InStage {
            title: text("title").unwrap_or_else(|| name.clone()),
            end: text("end"),
            stage: name,
            cases,
        });
    }
    Ok(stages)
}

fn refusals(stories: &[Story]) -> Vec<Refused> {
    let mut found: BTreeMap<Key<'_>, (Refused, BTreeSet<usize>)> = BTreeMap::new();
    for (n, reason) in stories.iter().flat_map(reasons) {
        let (refused, cases) = found.entry(key(reason)).or_insert_with(|| (Refused::new(reason), BTreeSet::new()));
        refused.commands += 1;
        cases.insert(n);
    }
    let counted = |(refused, cases): (Refused, BTreeSet<usize>)| Refused { cases: cases.len(), ..refused };
    let mut refusals: Vec<Refused> = found.into_values().map(counted).collect();
    refusals.sort_by_key(|refused| std::cmp::Reverse(refused.commands));
    refusals
}

/// The rule and the code of a reason.
type Key<'s> = (Option<&'s str>, &'s str);

fn key(reason: &Reason) -> Key<'_> {
    (reason.rule.as_deref(), &reason.code)
}

/// The reasons of each refused command of a story, those of one rule and code once.
fn reasons(story: &Story) -> Vec<(usize, &Reason)> {
    let mut different = Vec::new();
    for command in &story.refusals {
        let by_key: BTreeMap<Key<'_>, &Reason> = command.iter().rev().map(|reason| (key(reason), reason)).collect();
        different.extend(by_key.into_values().map(|reason| (story.n, reason)));
    }
    different
}
