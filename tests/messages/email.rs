//! E-mail: how it looks, and what becomes of it when the server does not take it.

use gendan::store::Wanted;
use serde_json::json;

use crate::bed::{Bed, ann, channels};
use crate::smtp::{Mood, Smtp};

/// The parts of a multipart message have a random border.
fn steady(text: &str) -> String {
    let border = text.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"'));
    border.map_or_else(|| text.to_owned(), |(border, _)| text.replace(border, "BORDER"))
}

fn taken(smtp: &Smtp, id: &str) -> String {
    let all = smtp.taken().into_iter().map(|(to, text)| format!("{to}\n{}", steady(&text)));
    all.collect::<Vec<_>>().join("\n---\n").replace(id, "CASE")
}

#[tokio::test]
async fn a_message_leaves_after_the_commit_with_its_id_and_the_moment_of_the_clock() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(ann()).await;
    bed.take(case, "mail").await;
    assert_eq!(smtp.taken(), []);
    bed.wait(60);
    bed.round().await;
    insta::assert_snapshot!(taken(&smtp, &case.to_string()), @r#"
    RCPT TO:<ann@example.com>
    From: Gendan <no-reply@example.com>
    To: ann@example.com
    Subject: About Ann
    Date: Thu, 24 Sep 2026 01:01:00 +0000
    Message-ID: <CASE-3-0@example.com>
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit

    Dear Ann,
    it is 01:00.
    "#);
    assert_eq!(bed.list(Wanted::Sent(None)).await, "mail email ann@example.com sent after 1");
    bed.round().await;
    assert_eq!(smtp.taken().len(), 1, "what was sent is not sent again");
    bed.sound().await;
}

#[tokio::test]
async fn html_is_escaped_and_stands_beside_the_text() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(json!({ "name": "<b>&甲" })).await;
    bed.take(case, "rich").await;
    bed.round().await;
    insta::assert_snapshot!(taken(&smtp, &case.to_string()), @r#"
    RCPT TO:<boss@example.com>
    From: Gendan <no-reply@example.com>
    To: boss@example.com
    Subject: =?utf-8?b?5YWz5LqOPGI+JueUsg==?=
    Date: Thu, 24 Sep 2026 01:00:00 +0000
    Message-ID: <CASE-3-0@example.com>
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="BORDER"

    --BORDER
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: base64

    PGI+JueUsiDlpb0=
    --BORDER
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <p>&lt;b&gt;&amp;=E7=94=B2</p>
    --BORDER--
    "#);
}

#[tokio::test]
async fn no_value_ends_a_header() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(json!({ "name": "x\r\nBcc: eve@example.com\r\n\r\nevil", "mail": "ann@example.com" })).await;
    bed.take(case, "mail").await;
    bed.round().await;
    let (to, text) = smtp.taken().remove(0);
    let head = text.split("\n\n").next().unwrap();
    assert_eq!(to, "RCPT TO:<ann@example.com>");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(head.contains("Subject: About x Bcc: eve@example.com evil"), "{head}");
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_the_order_of_a_case_is_kept() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(ann()).await;
    smtp.mood(Mood::Refuses("451 not now"));
    bed.take(case, "mail").await;
    bed.round().await;
    bed.take(case, "rich").await;
    bed.round().await;
    let waiting = bed.pending().await;
    assert_eq!(waiting.iter().map(|delivery| delivery.tries).collect::<Vec<_>>(), [0, 1], "the second waits its turn");
    assert!(bed.runtime.notices().iter().any(|notice| notice.contains("the channel `email` fails")));
    smtp.mood(Mood::Takes);
    bed.wait(1);
    bed.round().await;
    assert_eq!(smtp.taken().len(), 0, "it is not tried before its time");
    bed.wait(3_600);
    bed.round().await;
    let subjects = smtp.taken().into_iter().map(|(to, _)| to).collect::<Vec<_>>();
    assert_eq!(subjects, ["RCPT TO:<ann@example.com>", "RCPT TO:<boss@example.com>"]);
    assert_eq!(bed.runtime.notices(), Vec::<String>::new());
    bed.sound().await;
}

#[tokio::test]
async fn a_message_dies_after_its_tries_and_is_sent_again_by_hand() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(ann()).await;
    smtp.mood(Mood::Refuses("451 not now"));
    bed.take(case, "mail").await;
    for _ in 0..20 {
        bed.round().await;
        bed.wait(3_600);
    }
    let dead = bed.runtime.deliveries(Wanted::Dead(None), 10).await.unwrap();
    assert_eq!(dead.iter().map(|delivery| delivery.tries).collect::<Vec<_>>(), [15]);
    smtp.mood(Mood::Takes);
    let root = gendan::model::Actor::new("root", &["admin"]);
    let again = bed.runtime.send_again(dead[0].id, &root).await.unwrap();
    assert_eq!((again.tries, again.again_by.as_deref()), (0, Some("root")));
    bed.round().await;
    assert_eq!(smtp.taken().len(), 1);
    assert!(bed.runtime.send_again(dead[0].id, &root).await.is_err(), "what was sent is not dead");
    bed.sound().await;
}

#[tokio::test]
async fn what_can_never_be_sent_is_dead_at_once_and_says_why() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    smtp.mood(Mood::Refuses("550 no such user"));
    let case = bed.open(ann()).await;
    bed.take(case, "mail").await;
    bed.take(case, "call").await;
    bed.take(case, "text").await;
    // Cases that are opened at the same moment have no order.
    bed.clock.advance(std::time::Duration::from_secs(1));
    let other = bed.open(json!({ "name": "Nobody" })).await;
    bed.take(other, "mail").await;
    bed.take(other, "note").await;
    bed.round().await;
    insta::assert_snapshot!(bed.list(Wanted::Dead(None)).await, @r#"
    mail email ann@example.com dead after 1: permanent error (550): no such user
    call webhook boss dead after 1: the channel `webhook` is not configured (`channels.webhook` in the settings)
    call webhook ann@example.com dead after 1: the channel `webhook` is not configured (`channels.webhook` in the settings)
    text sms +86 138 dead after 1: the channel `sms` is not configured (`channels.sms` in the settings)
    mail email  dead after 0: `mail` has no value
    noted log boss dead after 0: workflows/messages/noted.yaml:4: undefined value
    "#);
    assert_eq!(bed.pending().await, []);
    bed.sound().await;
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(ann()).await;
    let input = serde_json::Map::new();
    let want = gendan::runtime::Want::Take { id: case, transition: "mail".into(), input, comment: None };
    bed.execute(want, true).await;
    bed.round().await;
    assert_eq!((smtp.taken(), bed.pending().await), (vec![], vec![]));
}
