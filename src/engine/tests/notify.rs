//! `notify`: to whom, in which words, and how often.

use super::*;
use crate::model::{Notice, Recipient};

const JOB: &str = r#"
workflow: job
fields:
  thing: { type: reference, table: things }
  mail: { type: email }
  phone: { type: phone }
  owner: { type: user }
  language: { type: choice, of: { zh: 中文, en: 英文 } }
  amount: { type: money }
  due: { type: datetime }
  kind: { type: choice, of: { big: { zh: 大, en: Big } } }
  lines: { type: list, of: { name: { type: text, required: true }, fallback: { type: text } } }
open: { by: clerk, ask: [thing, mail, phone, owner, language, amount, due, kind, lines], to: new }
stages:
  new:
    title: { zh: 新, en: New }
    transitions:
      tell: { by: clerk, stay: true, do: [ notify: hello ] }
      once: { by: clerk, stay: true, do: [ notify: { message: hello, to: [boss, owner], once: true, with: { reason: "=number" } } ] }
      list: { by: clerk, to: done, do: [ set: { amount: 7 }, notify: { message: listed, to: "=owner" } ] }
  done: { title: { zh: 完, en: Done }, final: success }
"#;

const HELLO: &str = r#"
message: hello
channels: [email, sms, inbox]
to: [mail, phone, owner]
language: =language ?? "zh"
subject: { zh: "关于 {{ number }}", en: "About {{ number }}\n{{ thing.name }}" }
body:
  zh: "{{ thing.name }} {{ amount | money }} 于{{ due | when }}({{ titles.kind }})"
  en: "{{ thing.name }} ({{ thing }}) {{ amount | money }} by {{ due | when }}, {{ titles.kind }}, {{ titles.stage }}"
html: { en: "<b>{{ thing.name }}</b> {{ mail }}" }
"#;

const LISTED: &str = r#"
message: listed
channels: [inbox]
body:
  zh: "{% for line in lines if line.fallback %}{{ loop.index }} {{ line.name }}={{ line.fallback }};{% endfor %} {{ amount }} {{ stage }}"
  en: "{{ cases | length }}: {% for c in cases %}{{ c.number }} {{ c.thing | default('none') }} {{ c.titles.stage }}{% endfor %} by {{ actor.user }} at {{ now | time }}"
"#;

fn job() -> Play {
    Play::with_rules(JOB, &[("workflows/messages/hello.yaml", HELLO), ("workflows/messages/listed.yaml", LISTED)])
}

/// Everything that a notice says, a line for each part.
fn said(notice: &Notice) -> String {
    let to = notice.sendings.iter().map(|sending| {
        let kind = match &sending.to {
            Recipient::Role(_) => "role",
            Recipient::User(_) => "user",
            Recipient::Email(_) => "email",
            Recipient::Phone(_) => "phone",
            Recipient::Nobody => "nobody",
        };
        format!("{}:{kind}:{}", sending.channel.name(), sending.to.name())
    });
    let mut lines = vec![to.collect::<Vec<_>>().join(" ")];
    for (name, title) in [("subject", &notice.subject), ("body", &notice.body), ("html", &notice.html)] {
        lines.extend(title.zh.iter().map(|text| format!("{name} zh {text:?}")));
        lines.extend(title.en.iter().map(|text| format!("{name} en {text:?}")));
    }
    lines.extend(notice.failed.iter().map(|why| format!("failed: {why}")));
    lines.join("\n")
}

fn last(play: &Play) -> String {
    let notice = |recorded: &Recorded| {
        if let Event::Notified { notice } = &recorded.event { Some(said(notice)) } else { None }
    };
    play.history.iter().filter_map(notice).next_back().unwrap_or_default()
}

fn full() -> Json {
    json!({
        "thing": "a", "mail": "a@example.com", "phone": "+86 138 0000 0000", "owner": "ann", "language": "en",
        "amount": "1234.5", "due": "2026-10-15T09:00:00Z", "kind": "big",
        "lines": [{ "name": "x", "fallback": "y" }, { "name": "z" }],
    })
}

#[test]
fn a_message_is_written_in_the_words_of_the_case() {
    let mut play = job();
    play.open("ann:clerk", full(), OPENED).take("ann:clerk", "tell", json!({}), "new: tell, notify hello");
    insta::assert_snapshot!(last(&play), @r#"
    email:user:ann sms:user:ann inbox:user:ann email:email:a@example.com sms:phone:+86 138 0000 0000
    subject en "About job-0001 Anvil"
    body en "Anvil (a) 1,234.50 by October 15, 09:00, Big, New"
    html en "<b>Anvil</b> a@example.com"
    "#);
}

const OPENED: &str = "new: open amount=1234.5 due=2026-10-15T09:00:00Z kind=big language=en \
    lines=[{fallback:y,name:x},{name:z}] mail=a@example.com owner=ann phone=+86 138 0000 0000 thing=a";

#[test]
fn it_sees_the_values_after_the_change_and_the_stage() {
    let mut play = job();
    play.open("ann:clerk", full(), OPENED).take("ann:clerk", "list", json!({}), "done: list amount=7, notify listed");
    insta::assert_snapshot!(last(&play), @r#"
    inbox:user:ann
    body zh "1 x=y; 7 done"
    body en "1: job-0001 a Done by ann at 01:00"
    "#);
}

#[test]
fn what_is_once_is_told_once() {
    let mut play = job();
    play.open("ann:clerk", full(), OPENED)
        .take("ann:clerk", "once", json!({}), "new: once, notify hello")
        .take("ann:clerk", "once", json!({}), "new: once")
        .take("ann:clerk", "tell", json!({}), "new: tell, notify hello")
        .take("ann:clerk", "once", json!({}), "new: once");
    assert!(play.case.unwrap().told.contains("hello"));
}

#[test]
fn a_message_that_cannot_be_written_refuses_nothing_and_says_why() {
    for (fields, transition, why) in [
        (json!({ "owner": "ann", "language": "en" }), "tell", "missing value"),
        (json!({}), "tell", "nobody"),
        (json!({}), "list", "nobody"),
        (json!({ "owner": "ann", "thing": "zz" }), "once", "no such row"),
    ] {
        let mut play = job();
        let command = |act| Command { actor: actor("ann:clerk"), act };
        let open = Act::Open {
            id: CaseId::new(1, 1),
            workflow: "job".into(),
            sequence: 1,
            fields: input(fields.clone()),
            comment: None,
        };
        let opened = decide(&play.definition, None, &command(open), &play.world, play.now);
        let Ok(opened) = opened else { continue };
        let act = Act::Take { transition: transition.into(), input: Input::new(), comment: None };
        let decision = decide(&play.definition, Some(&opened.case), &command(act), &play.world, play.now).unwrap();
        play.history = decision.events;
        let text = last(&play);
        assert!(text.contains("failed: "), "{why}: {text}");
        assert!(decision.case.told.is_empty(), "{why}");
    }
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let endless = "message: hello\nchannels: [inbox]\nto: boss\nbody: |\n  {% for a in lines %}{% for b in lines %}\
        {% for c in lines %}{{ a.name }}{% endfor %}{% endfor %}{% endfor %}\n";
    let mut play = Play::with_rules(
        JOB,
        &[("workflows/messages/hello.yaml", endless), ("workflows/messages/listed.yaml", LISTED)],
    );
    let lines: Vec<Json> = (0..200).map(|_| json!({ "name": "x" })).collect();
    let open = Act::Open {
        id: CaseId::new(1, 1),
        workflow: "job".into(),
        sequence: 1,
        fields: input(json!({ "lines": lines })),
        comment: None,
    };
    let command = |act| Command { actor: actor("ann:clerk"), act };
    let opened = decide(&play.definition, None, &command(open), &play.world, play.now).unwrap();
    let act = Act::Take { transition: "tell".into(), input: Input::new(), comment: None };
    let decision = decide(&play.definition, Some(&opened.case), &command(act), &play.world, play.now).unwrap();
    play.history = decision.events;
    assert!(last(&play).contains("takes too long"), "{}", last(&play));
}

#[test]
fn one_message_tells_of_many_cases() {
    let mut play = job();
    play.open("ann:clerk", full(), OPENED);
    let first = Arc::new(play.case.clone().unwrap());
    let mut second = Case::clone(&first);
    second.number = "job-2".into();
    second.fields.clear("thing");
    second.fields.set("owner".into(), Value::text("bob"));
    let workflow = &play.definition.workflows["job"];
    let transition = workflow.transition("new", "list").unwrap();
    let notify = transition
        .actions
        .iter()
        .find_map(|action| if let crate::action::Action::Notify(notify) = action { Some(notify) } else { None });
    let cases = [first, Arc::new(second)];
    let notice = together(&play.definition, workflow, notify.unwrap(), &cases, &play.world, play.now).unwrap();
    insta::assert_snapshot!(said(&notice), @r#"
    inbox:user:ann inbox:user:bob
    body zh "1 x=y; 1234.5 new"
    body en "2: job-0001 a Newjob-2 none New by system at 01:00"
    "#);
}
