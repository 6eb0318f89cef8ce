//! Rotating keys over the wire, as HTTP.md describes it.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::{KEYS_READ, KEYS_WRITE, READ, WRITE, served},
    client::{Answer, Call},
};

async fn make(server: SocketAddr, by: &str, scopes: &str) -> Value {
    let body = format!(r#"{{"name":"deploy","scopes":{scopes}}}"#);
    let call = Call::new("POST", "/keys").bearer(by).json(&body);
    call.send(server).await.data()
}

fn path(key: &Value) -> String {
    format!("/keys/{}/rotate", key["id"].as_str().unwrap())
}

async fn rotate(server: SocketAddr, by: &str, key: &Value, body: &str) -> Answer {
    let call = Call::new("POST", &path(key)).bearer(by);
    call.json(body).send(server).await
}

async fn status_of(server: SocketAddr, key: &Value) -> u16 {
    let token = key["key"].as_str().unwrap();
    Call::get("/notes").bearer(token).send(server).await.status
}

#[tokio::test]
async fn a_rotation_shows_the_successor_once_and_both_work_until_the_overlap_ends() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    let old = make(server, &session, r#"["notes:read"]"#).await;
    let answer = rotate(server, &session, &old, r#"{"overlapSeconds":60}"#).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let new = answer.data();
    let mut members: Vec<_> = new.as_object().unwrap().keys().collect();
    members.sort_unstable();
    let expected = [
        "createdAt",
        "enabled",
        "expiresAt",
        "id",
        "key",
        "keyHint",
        "name",
        "replaces",
        "scopes",
        "updatedAt",
    ];
    assert_eq!(members, expected);
    assert_eq!(new["replaces"], old["id"]);
    assert_ne!(new["id"], old["id"]);
    assert_eq!(
        (&new["name"], &new["scopes"]),
        (&json!("deploy"), &json!(["notes:read"]))
    );
    assert_eq!(new["expiresAt"], Value::Null);

    let one = format!("/keys/{}", old["id"].as_str().unwrap());
    let shown = Call::get(&one).bearer(&session).send(server).await.data();
    assert_eq!(shown["expiresAt"], "2026-01-01T00:01:00Z");
    bed.clock().advance(Duration::from_micros(59_999_999));
    assert_eq!(
        (status_of(server, &old).await, status_of(server, &new).await),
        (200, 200)
    );
    bed.clock().advance(Duration::from_micros(1));
    assert_eq!(
        (status_of(server, &old).await, status_of(server, &new).await),
        (401, 200)
    );
}

#[tokio::test]
async fn without_a_body_there_is_no_overlap() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    for body in [None, Some("{}"), Some(r#"{"overlapSeconds":0}"#)] {
        let old = make(server, &session, r#"["notes:read"]"#).await;
        assert_eq!(status_of(server, &old).await, 200);
        let call = Call::new("POST", &path(&old)).bearer(&session);
        let answer = match body {
            None => call.send(server).await,
            Some(body) => call.json(body).send(server).await,
        };
        assert_eq!(answer.status, 201, "{body:?}");
        assert_eq!(status_of(server, &old).await, 401, "{body:?}");
        assert_eq!(status_of(server, &answer.data()).await, 200, "{body:?}");
    }
}

#[tokio::test]
async fn a_key_that_has_a_successor_is_a_conflict_that_names_it() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    let old = make(server, &session, r#"["notes:read"]"#).await;
    let overlap = r#"{"overlapSeconds":60}"#;
    let new = rotate(server, &session, &old, overlap).await.data();
    let again = rotate(server, &session, &old, overlap).await;
    assert_eq!(again.error(), (409, "conflict".into()));
    assert!(again.message().contains(new["id"].as_str().unwrap()));
    let one = format!("/keys/{}", old["id"].as_str().unwrap());
    let longer = Call::new("PATCH", &one).bearer(&session);
    let longer = longer.json(r#"{"expiresAt":null}"#).send(server).await;
    assert_eq!(longer.error(), (409, "conflict".into()));
    // Without an overlap there is no such key any more.
    let newest = rotate(server, &session, &new, "{}").await;
    assert_eq!(newest.status, 201);
    let gone = rotate(server, &session, &new, "{}").await;
    assert_eq!(gone.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn an_overlap_is_a_whole_number_of_seconds() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    let old = make(server, &session, r#"["notes:read"]"#).await;
    for body in [
        r#"{"overlapSeconds":-1}"#,
        r#"{"overlapSeconds":1.5}"#,
        r#"{"overlapSeconds":"60"}"#,
        r#"{"overlapSeconds":null}"#,
        r#"{"overlapSeconds":4294967296}"#,
        r#"{"overlap":60}"#,
    ] {
        let answer = rotate(server, &session, &old, body).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{body}");
        assert!(answer.message().contains("overlap"), "{}", answer.message());
    }
    let text = Call::new("POST", &path(&old)).bearer(&session);
    let text = text.header("content-type", "text/plain").body("60");
    assert_eq!(text.send(server).await.error().0, 415);
    assert_eq!(status_of(server, &old).await, 200);
    let list = Call::get("/keys").bearer(&session).send(server).await;
    assert_eq!(list.header("x-total-count"), Some("1"), "no key was issued");
}

#[tokio::test]
async fn nobody_rotates_what_they_may_not_hand_on() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    let strong = make(server, &session, r#"["notes:write"]"#).await;
    let manager = make(server, &session, r#"["keys:write","notes:read"]"#).await;
    let by = manager["key"].as_str().unwrap();
    let excess = rotate(server, by, &strong, "{}").await;
    assert_eq!(excess.error(), (403, "insufficient_scope".into()));
    assert!(excess.message().contains("`notes:write`"));
    let itself = rotate(server, by, &manager, "{}").await;
    assert_eq!(itself.error(), (403, "session_required".into()));
    let weak = make(server, &session, r#"["notes:read"]"#).await;
    assert_eq!(rotate(server, by, &weak, "{}").await.status, 201);

    let reader = bed.key([KEYS_READ, READ]).await;
    let refused = rotate(server, &reader, &strong, "{}").await;
    assert_eq!(refused.error(), (403, "insufficient_scope".into()));
    let theirs = bed.session_of("globex", "eve", [WRITE, KEYS_WRITE]).await;
    let foreign = rotate(server, &theirs, &strong, "{}").await;
    assert_eq!(foreign.error(), (404, "not_found".into()));
    let nobody = Call::new("POST", &path(&strong)).send(server).await;
    assert_eq!(nobody.error(), (401, "unauthorized".into()));
    assert_eq!(status_of(server, &strong).await, 200);
}
