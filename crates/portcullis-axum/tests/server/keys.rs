//! The routes for keys, as HTTP.md describes them, for callers with credentials.

use serde_json::{Value, json};

use crate::{
    app::{KEYS_READ, KEYS_WRITE, READ, WRITE, served},
    client::{Answer, Call},
};

const START: &str = "2026-01-01T00:00:00Z";

fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    members
}

fn path(key: &Value) -> String {
    format!("/keys/{}", key["id"].as_str().unwrap())
}

async fn create(server: std::net::SocketAddr, by: &str, body: &str) -> Answer {
    Call::new("POST", "/keys")
        .bearer(by)
        .json(body)
        .send(server)
        .await
}

#[tokio::test]
async fn a_key_is_made_shown_changed_and_revoked() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;

    let made = create(
        server,
        &session,
        r#"{"name":" laptop ","scopes":["notes:read"]}"#,
    )
    .await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.data();
    let expected = [
        "createdAt",
        "enabled",
        "expiresAt",
        "id",
        "key",
        "keyHint",
        "name",
        "scopes",
        "updatedAt",
    ];
    assert_eq!(members(&made), expected);
    assert_eq!(
        (&made["name"], &made["scopes"]),
        (&json!("laptop"), &json!(["notes:read"]))
    );
    assert_eq!(
        (&made["expiresAt"], &made["createdAt"]),
        (&Value::Null, &json!(START))
    );
    assert!(made["id"].as_str().unwrap().starts_with("key_"));

    let key = made["key"].as_str().unwrap();
    assert_eq!(
        Call::get("/notes").bearer(key).send(server).await.text,
        "notes of acme"
    );

    let shown = Call::get(&path(&made))
        .bearer(&session)
        .send(server)
        .await
        .data();
    assert!(!members(&shown).contains(&"key"), "{shown}");
    assert_eq!(shown["lastUsedAt"], Value::Null, "it is not flushed yet");
    bed.registry().flush().await.unwrap();
    let shown = Call::get(&path(&made))
        .bearer(&session)
        .send(server)
        .await
        .data();
    assert_eq!(
        (&shown["lastUsedAt"], &shown["keyHint"]),
        (&json!(START), &made["keyHint"])
    );

    let change = Call::new("PATCH", &path(&made)).bearer(&session);
    let answer = change
        .clone()
        .json(r#"{"name":"desk","expiresAt":"2026-02-01T00:00:00Z"}"#);
    let changed = answer.send(server).await.data();
    assert_eq!(
        (&changed["name"], &changed["expiresAt"]),
        (&json!("desk"), &json!("2026-02-01T00:00:00Z"))
    );
    let changed = change
        .clone()
        .json(r#"{"expiresAt":null}"#)
        .send(server)
        .await
        .data();
    assert_eq!(
        (&changed["name"], &changed["expiresAt"]),
        (&json!("desk"), &Value::Null)
    );
    let changed = change
        .clone()
        .json(r#"{"scopes":["notes:write"]}"#)
        .send(server)
        .await
        .data();
    assert_eq!(changed["scopes"], json!(["notes:write"]));
    assert_eq!(
        Call::new("POST", "/notes")
            .bearer(key)
            .send(server)
            .await
            .text,
        "noted"
    );
    change
        .clone()
        .json(r#"{"enabled":false}"#)
        .send(server)
        .await
        .data();
    assert_eq!(
        Call::get("/notes").bearer(key).send(server).await.status,
        401
    );
    change
        .clone()
        .json(r#"{"enabled":true}"#)
        .send(server)
        .await
        .data();
    assert_eq!(
        Call::get("/notes").bearer(key).send(server).await.status,
        200
    );

    let revoke = Call::new("DELETE", &path(&made)).bearer(&session);
    let answer = revoke.clone().send(server).await;
    assert_eq!((answer.status, answer.data()), (200, json!({})));
    assert_eq!(
        Call::get("/notes").bearer(key).send(server).await.status,
        401
    );
    assert_eq!(revoke.send(server).await.error(), (404, "not_found".into()));
    assert_eq!(
        Call::get(&path(&made))
            .bearer(&session)
            .send(server)
            .await
            .status,
        404
    );
    let answer = change.json(r#"{"enabled":true}"#).send(server).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn nobody_hands_on_what_they_lack() {
    let (bed, server) = served().await;
    let maker = bed.key([READ, KEYS_WRITE]).await;
    let answer = create(server, &maker, r#"{"name":"k","scopes":["notes:write"]}"#).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    assert!(
        answer.message().contains("`notes:write`"),
        "{}",
        answer.message()
    );
    let challenge = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"notes:write\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));

    let made = create(server, &maker, r#"{"name":"k","scopes":["notes:read"]}"#)
        .await
        .data();
    let widen = Call::new("PATCH", &path(&made)).bearer(&maker);
    let answer = widen
        .json(r#"{"scopes":["notes:write"]}"#)
        .send(server)
        .await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    // A wildcard asks for all that it stands for.
    let answer = create(server, &maker, r#"{"name":"k","scopes":["*"]}"#).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    // What it holds is handed on as it stands today, by name.
    let made = create(server, &maker, r#"{"name":"k","scopes":["keys:*"]}"#).await;
    assert_eq!(made.data()["scopes"], json!(["keys:read", "keys:write"]));
}

#[tokio::test]
async fn reading_asks_for_one_scope_and_changing_for_the_other() {
    let (bed, server) = served().await;
    let reader = bed.key([KEYS_READ]).await;
    let stranger = bed.key([WRITE]).await;
    assert_eq!(
        Call::get("/keys").bearer(&reader).send(server).await.status,
        200
    );
    assert_eq!(
        Call::get("/keys")
            .bearer(&stranger)
            .send(server)
            .await
            .status,
        403
    );
    assert_eq!(Call::get("/keys").send(server).await.status, 401);
    let one = Call::get("/keys").bearer(&reader).send(server).await.data();
    let one = path(&one[0]);
    assert_eq!(
        Call::get(&one).bearer(&reader).send(server).await.status,
        200
    );
    for call in [
        Call::new("POST", "/keys").json("{}"),
        Call::new("PATCH", &one).json("{}"),
        Call::new("DELETE", &one),
        Call::new("POST", &format!("{one}/rotate")),
    ] {
        let answer = call.bearer(&reader).send(server).await;
        assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    }
}

#[tokio::test]
async fn a_key_can_not_change_itself() {
    let (bed, server) = served().await;
    let maker = bed.key([KEYS_WRITE]).await;
    let own = Call::get("/keys").bearer(&maker).send(server).await.data();
    let rename = Call::new("PATCH", &path(&own[0]))
        .bearer(&maker)
        .json(r#"{"name":"me"}"#);
    assert_eq!(
        rename.send(server).await.error(),
        (403, "session_required".into())
    );
}

#[tokio::test]
async fn the_keys_of_another_owner_do_not_exist() {
    let (bed, server) = served().await;
    let theirs = bed.session_of("globex", "eve", [WRITE, KEYS_WRITE]).await;
    let made = create(server, &theirs, r#"{"name":"k","scopes":["notes:read"]}"#)
        .await
        .data();
    let ours = bed.session([WRITE, KEYS_WRITE]).await;
    for call in [
        Call::get(&path(&made)),
        Call::new("PATCH", &path(&made)).json(r#"{"enabled":false}"#),
        Call::new("DELETE", &path(&made)),
        Call::new("POST", &format!("{}/rotate", path(&made))),
    ] {
        let answer = call.bearer(&ours).send(server).await;
        assert_eq!(answer.error(), (404, "not_found".into()));
    }
    assert_eq!(
        Call::get("/keys").bearer(&ours).send(server).await.data(),
        json!([])
    );
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        Call::get("/notes").bearer(key).send(server).await.text,
        "notes of globex"
    );
}

#[tokio::test]
async fn the_ids_of_sessions_and_of_nothing_are_not_found() {
    let (bed, server) = served().await;
    let session = bed.session([KEYS_WRITE]).await;
    let id = bed
        .registry()
        .format()
        .recognize(session.as_bytes())
        .unwrap()
        .id();
    for id in [
        format!("ses_{id}"),
        format!("key_{id}"),
        id.to_string(),
        "key_".into(),
        "%20".into(),
    ] {
        let path = format!("/keys/{id}");
        for method in ["GET", "DELETE"] {
            let answer = Call::new(method, &path).bearer(&session).send(server).await;
            assert_eq!(answer.error(), (404, "not_found".into()), "{method} {id}");
        }
    }
    assert_eq!(
        Call::get("/keys")
            .bearer(&session)
            .send(server)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_change_says_in_the_audit_log_from_where_it_came() {
    let (bed, server) = served().await;
    let session = bed.session([READ, KEYS_WRITE]).await;
    create(server, &session, r#"{"name":"k","scopes":["notes:read"]}"#)
        .await
        .data();
    let audit = bed.store().audit();
    let entry = audit
        .iter()
        .find(|entry| entry.action == "key.issued")
        .unwrap();
    assert!(entry.actor.starts_with("ses_"), "{entry:?}");
    assert_eq!(entry.ip, Some("127.0.0.1".parse().unwrap()));
}
