//! What messages can name beyond their own case.

use super::*;

/// Every message that the cases have told.
fn letters(play: &Play) -> String {
    let cases = play.village.cases.lock().unwrap();
    let events = cases.values().flat_map(|(case, events)| events.iter().map(move |event| (case, event)));
    let told = events.filter_map(|(case, recorded)| {
        let Event::Notified { notice } = &recorded.event else { return None };
        let to: Vec<String> = notice.sendings.iter().map(|sending| format!("{:?}", sending.to)).collect();
        let failed = notice.failed.as_deref().unwrap_or_default();
        Some(format!("{} to {}: {}{failed}", case.number, to.join(", "), notice.body.text(Language::En)))
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn messages_name_the_parent_the_children_and_the_tasks() {
    const ABOUT: &str = "message: about
channels: [inbox, email]
to: [=parent.buyer, parent.mail]
body: \"{{ parent.number }} {{ parent.titles.stage }} {{ parent.kind }} {{ parent.titles.kind }}: {{ tasks.look.by }} found {{ tasks.look.rows[0].seen }}\"
";
    const ALL: &str = "message: all
channels: [log]
to: [clerk]
body: \"{{ children.jobs | length }} of which {{ children.jobs.open }} open, {{ children.jobs.live | length }} live:{% for job in children.jobs %} {{ job.number }} {{ job.part }} {{ job.titles.stage }};{% endfor %} last {{ (children.jobs | last).number }}, none {{ children.defects | length }}\"
";
    const NEWS: &str = "news: { type: text }\n  buyer: { type: user, default: bob }\n  mail: { type: email, default: a@b.cn }\n  kind: { type: choice, of: { big: Large one }, default: big }";
    let job = "finish: { by: worker, to: done, when: tasks_done, do: [ notify: about ] }";
    let look = "  running:\n    tasks: { look: { by: worker, ask: [{ seen: { type: text } }] } }";
    let list =
        "making:\n    title: Being made\n    transitions:\n      list: { by: clerk, stay: true, do: [ notify: all ] }";
    let changes = [
        ("order", "news: { type: text }", NEWS),
        ("order", "making:\n    transitions:", list),
        ("job", "finish: { by: worker, to: done }", job),
        ("job", "  running:", look),
    ];
    let mut files = Files::new();
    for (name, text) in [("about", ABOUT), ("all", ALL)] {
        files.insert(format!("workflows/messages/{name}.yaml").into(), Arc::from(text.as_bytes()));
    }
    let play = Play { definition: family_with(&changes, files), village: Arc::default() };
    play.open("one");
    play.take("ann:clerk", "O001", "start", rows(&["a", "b"]));
    let step = crate::model::TaskStep::Complete { input: input(json!({ "seen": "a crack" })), comment: None };
    play.act("wil:worker", Some("J002"), Act::Task { task: "look".into(), step });
    play.take("wil:worker", "J002", "finish", json!({}));
    play.take("ann:clerk", "O001", "list", json!({}));
    insta::assert_snapshot!(letters(&play), @r#"
    O001 to Role("clerk"): 2 of which 1 open, 2 live: J002 a done; J003 b running; last J003, none 0
    J002 to User("bob"), User("bob"), Email("a@b.cn"): O001 Being made big Large one: wil found a crack
    "#);
}
