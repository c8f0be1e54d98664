//! API keys.

use super::*;

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let mut api = Api::start().await;
    let body = json!({ "user": "new", "roles": ["clerk"], "expires_at": "2026-09-25T00:00:00Z" });
    let answer = api.post("root", "/v1/keys", body).await;
    let last4 = answer.json()["last4"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(answer.to_string().replace(&last4, "<last4>"), @r#"
    201
    {
      "id": "<key id>",
      "last4": "<last4>",
      "user": "new",
      "roles": [
        "clerk"
      ],
      "created_at": "2026-09-24T01:00:00Z",
      "expires_at": "2026-09-25T00:00:00Z",
      "key": "<key>"
    }
    "#);
    let (id, key) =
        (answer.json()["id"].as_str().unwrap().to_owned(), answer.json()["key"].as_str().unwrap().to_owned());
    api.keys.insert("new".into(), key.clone());
    assert_eq!(api.get("new", "/v1/workflows").await.status, 200);
    let listed = api.get("root", "/v1/keys").await;
    assert!(listed.text.contains(&id) && !listed.text.contains(&key), "{listed}");
    assert!(!listed.text.contains("sha256"), "{listed}");
    let revoked = api.ask("root", "DELETE", &format!("/v1/keys/{id}")).send(&api).await;
    insta::assert_snapshot!(revoked.to_string().replace(&last4, "<last4>"), @r#"
    200
    {
      "id": "<key id>",
      "last4": "<last4>",
      "user": "new",
      "roles": [
        "clerk"
      ],
      "created_at": "2026-09-24T01:00:00Z",
      "expires_at": "2026-09-25T00:00:00Z",
      "revoked_at": "2026-09-24T01:00:00Z"
    }
    "#);
    assert_eq!(api.get("new", "/v1/workflows").await.status, 401);
}

#[tokio::test]
async fn every_wrong_key_gets_the_same_answer() {
    let mut api = Api::start().await;
    let body = json!({ "user": "new", "roles": ["clerk"], "expires_at": "2026-09-24T01:00:01Z" });
    let expiring = api.post("root", "/v1/keys", body).await.json()["key"].as_str().unwrap().to_owned();
    api.keys.insert("expired".into(), expiring);
    assert_eq!(api.get("expired", "/v1/workflows").await.status, 200);
    api.clock.advance(std::time::Duration::from_secs(1));
    let wrong_secret = format!("{}0", api.keys["ann"]);
    for (name, key) in
        [("wrong", wrong_secret.as_str()), ("unknown", "gk_0123456789ab_0123"), ("strange", "gk_"), ("other", "abc")]
    {
        api.keys.insert(name.into(), key.into());
    }
    let nobody = api.get("", "/v1/workflows").await;
    insta::assert_snapshot!(nobody, @r#"
    401
    www-authenticate: Bearer realm="gendan"
    {
      "type": "/problems/unauthenticated",
      "title": "not authenticated",
      "status": 401,
      "detail": "a valid API key is needed: `Authorization: Bearer <key>...`",
      "code": "unauthenticated",
      "instance": "r1",
      "retryable": false
    }
    "#);
    for who in ["expired", "wrong", "unknown", "strange", "other"] {
        let answer = api.get(who, "/v1/workflows").await;
        assert_eq!((answer.status, &answer.text), (nobody.status, &nobody.text), "{who}");
    }
}

#[tokio::test]
async fn keys_are_the_admins_and_every_mistake_is_told() {
    let api = Api::start().await;
    let body = json!({ "user": "", "roles": ["clrk", "admin"], "expires_at": "2020-01-01T00:00:00Z", "id": 1 });
    insta::assert_snapshot!(api.post("root", "/v1/keys", body).await.faults(), @r#"
    422 bad_body: "`user` is required (and 3 more)"
    - required /user `user` is required
    - unknown_role /roles/0 `roles[0]` names no role: `clrk`, did you mean `clerk`?
    - past /expires_at `expires_at` must be in the future
    - unknown_key /id unknown key `id`; known are `user`, `roles`, `expires_at`
    "#);
    insta::assert_snapshot!(api.post("root", "/v1/keys", json!({ "user": "system" })).await.faults(), @r#"
    422 bad_body: "`user` can't be `system`, which is the engine itself (and 1 more)"
    - bad_user /user `user` can't be `system`, which is the engine itself
    - required /roles `roles` is required
    "#);
    insta::assert_snapshot!(api.ask("root", "DELETE", "/v1/keys/nope").send(&api).await.faults(), @r#"404 not_found: "there is no key `nope`""#);
    let own = api.keys["root"].split('_').nth(1).unwrap();
    insta::assert_snapshot!(api.ask("root", "DELETE", &format!("/v1/keys/{own}")).send(&api).await.faults(), @r#"409 own_key: "a key can't revoke itself; use another admin key""#);
    let ask =
        api.ask("root", "POST", "/v1/keys").header("idempotency-key", "k").json(json!({ "user": "x", "roles": [] }));
    insta::assert_snapshot!(ask.send(&api).await.faults(), @r#"400 bad_header: "a key is shown once and never stored, so `Idempotency-Key` is not taken here""#);
    for who in ["ann", "bob", "dat"] {
        assert_eq!(api.get(who, "/v1/keys").await.status, 403);
        assert_eq!(api.post(who, "/v1/keys", json!({ "user": "x", "roles": ["admin"] })).await.status, 403);
        assert_eq!(api.ask(who, "DELETE", &format!("/v1/keys/{own}")).send(&api).await.status, 403);
    }
}
