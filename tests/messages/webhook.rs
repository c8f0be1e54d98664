//! Webhooks: what they say, who can trust it, and where they never go.

use base64::Engine as _;
use gendan::store::Wanted;
use hmac::{Hmac, KeyInit as _, Mac as _};

use crate::bed::{Bed, SECRET, ann, channels};
use crate::hook::Hook;

#[tokio::test]
async fn a_webhook_is_signed_over_id_time_and_body() {
    let hook = Hook::start().await;
    let bed = Bed::start(channels(None, Some(&hook)));
    let case = bed.open(ann()).await;
    bed.take(case, "call").await;
    bed.take(case, "text").await;
    bed.round().await;
    let taken = hook.taken();
    assert_eq!(taken.len(), 3);
    let key = base64::engine::general_purpose::STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut said = Vec::new();
    for (headers, body) in &taken {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
        let signature = header("webhook-signature");
        let given = base64::engine::general_purpose::STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        mac.verify_slice(&given).unwrap();
        said.push(format!("{} {body}", header("webhook-id")));
    }
    said.sort();
    insta::assert_snapshot!(said.join("\n").replace(&case.to_string(), "CASE"), @r#"
    CASE-3-0 {"type":"gendan.message.v1","timestamp":"2026-09-24T01:00:00Z","data":{"message":"call","channel":"webhook","case":"CASE","to":{"kind":"role","name":"boss","email":"boss@example.com","phone":"+86 10"},"language":"zh","subject":"","body":"Ann"}}
    CASE-3-1 {"type":"gendan.message.v1","timestamp":"2026-09-24T01:00:00Z","data":{"message":"call","channel":"webhook","case":"CASE","to":{"kind":"email","name":"ann@example.com","email":"ann@example.com","phone":null},"language":"zh","subject":"","body":"Ann"}}
    CASE-5-0 {"type":"gendan.message.v1","timestamp":"2026-09-24T01:00:00Z","data":{"message":"text","channel":"sms","case":"CASE","to":{"kind":"phone","name":"+86 138","email":null,"phone":"+86 138"},"language":"zh","subject":"","body":"Ann"}}
    "#);
}

#[tokio::test]
async fn an_answer_says_whether_it_is_tried_again() {
    for (status, expected) in [
        (200, "sent after 1"),
        (500, "pending after 1: the webhook answered 500"),
        (429, "pending after 1: the webhook answered 429"),
        (401, "pending after 1: the webhook answered 401"),
        (302, "pending after 1: the webhook answered 302"),
        (422, "dead after 1: the webhook answered 422"),
        (410, "dead after 1: the webhook answered 410"),
    ] {
        let hook = Hook::start().await;
        hook.answers(status);
        let bed = Bed::start(channels(None, Some(&hook)));
        let case = bed.open(ann()).await;
        bed.take(case, "text").await;
        bed.round().await;
        let lists = [Wanted::Pending(None), Wanted::Sent(None), Wanted::Dead(None)];
        let mut all = String::new();
        for wanted in lists {
            all.push_str(&bed.list(wanted).await);
        }
        assert_eq!(all, format!("text sms +86 138 {expected}"), "{status}");
        assert_eq!(hook.taken().len(), 1, "a redirect leads nowhere");
        bed.sound().await;
    }
}

#[tokio::test]
async fn an_address_of_a_private_network_is_never_called_unless_the_settings_say_so() {
    let hook = Hook::start().await;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"] {
        let mut channels = channels(None, Some(&hook));
        let webhook = channels.webhook.as_mut().unwrap();
        webhook.private = false;
        webhook.url = format!("https://{host}:{}/", hook.address.port());
        let bed = Bed::start(channels);
        let case = bed.open(ann()).await;
        bed.take(case, "call").await;
        bed.round().await;
        let dead = bed.list(Wanted::Dead(None)).await;
        assert!(dead.contains("an address of a private network"), "{host}: {dead}");
    }
    assert_eq!(hook.taken().len(), 0);
}

#[tokio::test]
async fn settings_that_can_not_be_used_say_why() {
    use gendan::runtime::dispatch::Dispatcher;
    let hook = Hook::start().await;
    let bed = Bed::start(channels(None, None));
    for (url, secret, why) in [
        ("ftp://a", SECRET, "`channels.webhook`: `ftp://a` is no URL such as `https://example.com/hook`"),
        ("https://user@host/", SECRET, "is no URL"),
        ("http://example.com", SECRET, "plain HTTP is only for private networks"),
        ("https://example.com", "short", "the secret is written `whsec_`"),
        ("https://example.com", "", "the secret is empty"),
    ] {
        let mut channels = channels(None, Some(&hook));
        channels.sms = None;
        let webhook = channels.webhook.as_mut().unwrap();
        (webhook.private, webhook.url) = (false, url.to_owned());
        let error = Dispatcher::new(bed.runtime.clone(), &channels, &|_| Some(secret.to_owned())).unwrap_err();
        assert!(error.contains(why), "{url}: {error}");
    }
    let channels = channels(None, Some(&hook));
    let error = Dispatcher::new(bed.runtime, &channels, &|_| None).unwrap_err();
    assert_eq!(error, "`channels.sms`: the variable `SECRET` is not set");
}
