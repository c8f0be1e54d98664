//! A running server over a small process that writes messages.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gendan::clock::Clock;
use gendan::library::Library;
use gendan::model::{Actor, CaseId, Name, Timestamp};
use gendan::runtime::dispatch::Dispatcher;
use gendan::runtime::dispatch::settings::{Channels, Contact, Email, Secret, Security, Webhook};
use gendan::runtime::{Done, Request, Runtime, Want};
use gendan::store::{Answer, Delivery, DeliveryState, Memory, Shared, Wanted};
use serde_json::{Value as Json, json};

use crate::hook::Hook;
use crate::smtp::Smtp;

/// The secret of every webhook.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const FILES: &[(&str, &str)] = &[
    ("workflows/roles.yaml", "roles: { clerk: Clerk, boss: Boss }\n"),
    (
        "workflows/job.yaml",
        r#"
workflow: job
fields:
  mail: { type: email }
  phone: { type: phone }
  name: { type: text, required: true }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      mail: { by: clerk, stay: true, do: [ notify: mail ] }
      rich: { by: clerk, stay: true, do: [ notify: rich ] }
      call: { by: clerk, stay: true, do: [ notify: call ] }
      text: { by: clerk, stay: true, do: [ notify: text ] }
      tell: { by: clerk, stay: true, do: [ notify: { message: tell, to: [boss, clerk] } ] }
      all: { by: clerk, stay: true, do: [ { notify: mail }, { notify: call }, { notify: tell } ] }
      note: { by: clerk, stay: true, do: [ notify: noted ] }
      end: { by: clerk, to: done }
  done: { final: success }
"#,
    ),
    (
        "workflows/messages/mail.yaml",
        "message: mail\nchannels: [email]\nto: mail\nlanguage: en\nsubject: 'About {{ name }}'\nbody: |\n  Dear {{ name }},\n  it is {{ now | time }}.\n",
    ),
    (
        "workflows/messages/rich.yaml",
        "message: rich\nchannels: [email]\nto: boss\nsubject: { zh: '关于{{ name }}', en: 'On {{ name }}' }\nbody: { zh: '{{ name }} 好', en: 'Hello {{ name }}' }\nhtml: { zh: '<p>{{ name }}</p>', en: '<p>{{ name }}</p>' }\n",
    ),
    ("workflows/messages/call.yaml", "message: call\nchannels: [webhook]\nto: [mail, boss]\nbody: '{{ name }}'\n"),
    ("workflows/messages/text.yaml", "message: text\nchannels: [sms]\nto: phone\nbody: '{{ name }}'\n"),
    (
        "workflows/messages/tell.yaml",
        "message: tell\nchannels: [inbox]\nto: boss\nsubject: { zh: '甲 {{ number }}', en: 'A {{ number }}' }\nbody: { zh: '乙 {{ name }}', en: 'B {{ name }}' }\n",
    ),
    ("workflows/messages/noted.yaml", "message: noted\nchannels: [log]\nto: boss\nbody: '{{ mail }}'\n"),
];

/// A running server.
pub(crate) struct Bed {
    pub(crate) runtime: Runtime,
    pub(crate) store: Shared,
    pub(crate) clock: Clock,
    pub(crate) channels: Channels,
    pub(crate) definitions: Arc<tempfile::TempDir>,
}

/// Channels that lead to these peers.
pub(crate) fn channels(smtp: Option<&Smtp>, hook: Option<&Hook>) -> Channels {
    let email = smtp.map(|smtp| Email {
        server: "127.0.0.1".into(),
        port: Some(smtp.address.port()),
        security: Security::None,
        user: None,
        password: None,
        from: "Gendan <no-reply@example.com>".into(),
    });
    let webhook = hook.map(|hook| Webhook {
        url: format!("http://127.0.0.1:{}/hook?a=b", hook.address.port()),
        secret: Secret::Env("SECRET".into()),
        private: true,
    });
    let boss = Contact { email: Some("boss@example.com".into()), phone: Some("+86 10".into()) };
    Channels {
        email,
        sms: webhook.clone(),
        webhook,
        contacts: [("boss".to_owned(), boss)].into(),
        ..Channels::default()
    }
}

impl Bed {
    /// Over a store in memory.
    pub(crate) fn start(channels: Channels) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("rules")).unwrap();
        let clock = Clock::manual(Timestamp::parse("2026-09-24T01:00:00Z").unwrap());
        Self::over(Arc::new(Memory::new()), clock, channels, Arc::new(folder))
    }

    /// Over a store that is there already.
    pub(crate) fn over(store: Shared, clock: Clock, channels: Channels, definitions: Arc<tempfile::TempDir>) -> Self {
        let library = Library::open(definitions.path().to_owned(), Arc::clone(&store), clock.clone()).unwrap();
        let runtime = Runtime::start(Arc::clone(&store), library, clock.clone()).unwrap();
        Self { runtime, store, clock, channels, definitions }
    }

    pub(crate) fn definitions(&self) -> &Path {
        self.definitions.path()
    }

    pub(crate) fn dispatcher(&self) -> Dispatcher {
        let variable = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
        Dispatcher::new(self.runtime.clone(), &self.channels, &variable).unwrap()
    }

    /// Sends what is due.
    pub(crate) async fn round(&self) {
        self.dispatcher().round().await.unwrap();
    }

    /// Opens a case.
    pub(crate) async fn open(&self, fields: Json) -> CaseId {
        let fields = fields.as_object().unwrap().clone();
        self.execute(Want::Open { workflow: "job".into(), fields, comment: None }, false).await
    }

    /// Takes a transition.
    pub(crate) async fn take(&self, id: CaseId, transition: &str) {
        let input = serde_json::Map::new();
        self.execute(Want::Take { id, transition: transition.into(), input, comment: None }, false).await;
    }

    pub(crate) async fn execute(&self, want: Want, dry_run: bool) -> CaseId {
        let actor = Actor::new("ann", &["clerk"]);
        let render = |done: &Done| Answer {
            fingerprint: "".into(),
            at: Timestamp(0),
            status: 200,
            headers: Vec::new(),
            body: done.case.id.to_string().into(),
        };
        let request = Request { actor, want, expected: None, retry: None, dry_run };
        let reply = self.runtime.execute(request, Box::new(render)).await.unwrap();
        reply.answer.body.parse().unwrap()
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The sendings in a state, a line each: message, channel, recipient, tries, reason.
    pub(crate) async fn list(&self, wanted: Wanted) -> String {
        let found = self.runtime.deliveries(wanted, 100).await.unwrap();
        found.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn pending(&self) -> Vec<Delivery> {
        self.runtime.deliveries(Wanted::Pending(None), 100).await.unwrap()
    }

    /// The store says of itself that it is what its journal says.
    pub(crate) async fn sound(&self) {
        assert_eq!(self.runtime.verify().await.unwrap(), []);
    }

    /// A key for somebody.
    pub(crate) async fn key(&self, user: &str, roles: &[&str]) -> String {
        let roles: BTreeSet<Name> = roles.iter().map(|role| Name::from(*role)).collect();
        self.runtime.create_key(user, roles, None).await.unwrap().1
    }
}

fn line(delivery: &Delivery) -> String {
    let state = match delivery.state {
        DeliveryState::Pending { .. } => "pending",
        DeliveryState::Sent { .. } => "sent",
        DeliveryState::Dead { .. } => "dead",
    };
    let reason = delivery.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let (message, channel, to, tries) =
        (&delivery.message, delivery.channel.name(), delivery.to.name(), delivery.tries);
    format!("{message} {channel} {to} {state} after {tries}{reason}")
}

/// What opens a case that can be reached.
pub(crate) fn ann() -> Json {
    json!({ "name": "Ann", "mail": "ann@example.com", "phone": "+86 138" })
}
