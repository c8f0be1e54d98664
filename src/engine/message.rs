//! Messages: written from the values after the change, recorded with the command, sent after the commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::action::Notify;
use crate::message::{Scene, Seen, Speaks, To};
use crate::model::limit::SENDINGS_MAX;
use crate::model::{
    Actor, Case, Channel, Event, Language, Name, Notice, Recipient, Record, Refusal, Sending, Timestamp, Title, Value,
    World,
};
use crate::rule::Facts;
use crate::workflow::{Definition, Workflow};

use super::draft::Draft;

impl Draft<'_> {
    /// Records the messages that actions have left to be written, last of all that follows from them. One that can't
    /// be written refuses nothing: what it is about has happened. It is recorded with the reason, and the outbox shows
    /// it as dead.
    pub(super) fn write_notices(&mut self) {
        for notify in std::mem::take(&mut self.notices) {
            if notify.once && self.case.told.contains(&notify.message.name) {
                continue;
            }
            let notice = match self.facts() {
                Ok(facts) => self.written(&notify, facts),
                Err(reason) => unwritten(&notify, reason.message.text(Language::En)),
            };
            self.record(Event::Notified { notice }, Vec::new());
        }
    }

    fn written(&self, notify: &Notify, facts: Facts) -> Notice {
        let with = self.parameters(&notify.with, &facts).map_err(|error| error.message.to_string());
        let (stage, documents) = (stage_title(self.workflow, &self.case.stage), Arc::new(self.case.documents.clone()));
        let seen = Seen { facts, stage, documents };
        write(self.definition, notify, vec![seen], with)
    }
}

/// Writes one message about many cases of a workflow, as a schedule does with `together`. It is for everybody whom
/// one of the cases names, and its templates see the cases as `cases`.
///
/// # Errors
/// When a case can't be seen, such as for a subset of a list that can't be judged.
pub fn together(
    definition: &Definition,
    workflow: &Workflow,
    notify: &Notify,
    cases: &[Arc<Case>],
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Notice, Refusal> {
    let mut seen = Vec::with_capacity(cases.len());
    let mut with = Ok(Record::new());
    for (place, case) in cases.iter().enumerate() {
        let draft = Draft::new(definition, workflow, Case::clone(case), Actor::system(), world, now);
        let facts = draft.facts().map_err(Refusal::because)?;
        if place == 0 {
            with = draft.parameters(&notify.with, &facts).map_err(|error| error.message.to_string());
        }
        let documents = Arc::new(case.documents.clone());
        seen.push(Seen { stage: stage_title(workflow, &case.stage), facts, documents });
    }
    Ok(write(definition, notify, seen, with))
}

fn write(definition: &Definition, notify: &Notify, cases: Vec<Seen>, with: Result<Record, String>) -> Notice {
    let message = &notify.message;
    let (sendings, mut trouble) = sendings(definition, notify, &cases);
    let language = match language(definition, notify.language.as_ref(), cases.first()) {
        Ok(language) => language,
        Err(wrong) => {
            trouble.get_or_insert(wrong);
            None
        }
    };
    let words = with.and_then(|with| {
        let scene = Scene { cases: Arc::new(cases), with: Arc::new(with), document: None };
        message.write(&scene, language)
    });
    let (words, failed) = match (words, trouble) {
        (Ok(words), None) => (words, None),
        (Ok(_), Some(why)) | (Err(why), _) => (<(Title, Title, Title)>::default(), Some(Name::from(why))),
    };
    let (subject, body, html) = words;
    Notice { message: Arc::clone(&message.name), language, subject, body, html, sendings, failed }
}

/// A message about a case that can't even be seen.
fn unwritten(notify: &Notify, why: &str) -> Notice {
    let channel = notify.message.channels.first().copied().unwrap_or(Channel::Log);
    Notice {
        message: Arc::clone(&notify.message.name),
        language: None,
        subject: Title::default(),
        body: Title::default(),
        html: Title::default(),
        sendings: vec![Sending { channel, to: Recipient::Nobody }],
        failed: Some(why.into()),
    }
}

/// Every recipient on every channel that reaches it, and why there is nobody, or somebody could not be found. There
/// is always one sending at least, so that what became of the message can be seen.
fn sendings(definition: &Definition, notify: &Notify, cases: &[Seen]) -> (Vec<Sending>, Option<String>) {
    let (mut recipients, mut trouble) = (BTreeSet::new(), None);
    for to in &notify.to {
        recipients.extend(found(definition, to, cases, &mut trouble));
    }
    let channels = &notify.message.channels;
    let each = recipients.iter().flat_map(|to| channels.iter().map(move |channel| (*channel, to)));
    let reaching = each.filter(|(channel, to)| channel.reaches(to));
    let mut sendings: Vec<Sending> =
        reaching.map(|(channel, to)| Sending { channel, to: to.clone() }).take(SENDINGS_MAX).collect();
    if sendings.is_empty() {
        let channel = channels.first().copied().unwrap_or(Channel::Log);
        sendings.push(Sending { channel, to: Recipient::Nobody });
        trouble.get_or_insert_with(|| format!("{} has no value", names(notify)));
    }
    (sendings, trouble)
}

/// Those whom an entry of `to` names. Who has no address is left out, as long as somebody is left.
fn found(definition: &Definition, to: &To, cases: &[Seen], trouble: &mut Option<String>) -> Vec<Recipient> {
    let (expression, address) = match to {
        To::Role(role) => return vec![Recipient::Role(Arc::clone(role))],
        To::Value(expression, address) => (expression, address),
    };
    let mut found = Vec::new();
    for seen in cases {
        match definition.engine.evaluate(expression, &seen.facts, None) {
            Ok(Some(Value::Text(value))) => found.push(address.recipient(&value)),
            Ok(None) => {}
            Ok(Some(_)) => *trouble = Some(format!("`{}` gives no text", expression.text)),
            Err(error) => *trouble = Some(error.message.to_string()),
        }
    }
    found
}

fn names(notify: &Notify) -> String {
    let names = notify.to.iter().map(|to| match to {
        To::Role(role) => format!("`{role}`"),
        To::Value(expression, _) => format!("`{}`", expression.text),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn language(definition: &Definition, speaks: Option<&Speaks>, case: Option<&Seen>) -> Result<Option<Language>, String> {
    let (expression, seen) = match (speaks, case) {
        (None, _) => return Ok(None),
        (Some(Speaks::Always(language)), _) => return Ok(Some(*language)),
        (Some(Speaks::Value(_)), None) => return Ok(None),
        (Some(Speaks::Value(expression)), Some(seen)) => (expression, seen),
    };
    match definition.engine.evaluate(expression, &seen.facts, None) {
        Ok(None) => Ok(None),
        Ok(Some(value)) => match value.as_text() {
            Some("zh") => Ok(Some(Language::Zh)),
            Some("en") => Ok(Some(Language::En)),
            _ => Err(format!("`{}` gives neither `zh` nor `en`", expression.text)),
        },
        Err(error) => Err(error.message.to_string()),
    }
}

fn stage_title(workflow: &Workflow, stage: &Name) -> Title {
    workflow.stages.get(stage).map_or_else(|| Title::both(stage), |stage| stage.title.clone())
}
