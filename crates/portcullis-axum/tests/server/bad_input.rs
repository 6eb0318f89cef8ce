//! Bodies that can't be taken, each with a clear answer, and nothing made.

use serde_json::json;

use crate::{
    app::{KEYS_READ, KEYS_WRITE, READ, WRITE, served},
    client::Call,
};

#[tokio::test]
async fn a_body_that_is_not_taken_says_why_and_makes_nothing() {
    let (bed, server) = served().await;
    let session = bed.session([READ, KEYS_WRITE]).await;
    let long = "n".repeat(101);
    let long = format!(r#"{{"name":"{long}","scopes":["notes:read"]}}"#);
    for (body, code, told) in [
        ("{", "invalid_request", "line 1 column 1"),
        ("[]", "invalid_request", "expected an object"),
        ("{}", "invalid_request", "`name`"),
        (r#"{"name":"k"}"#, "invalid_request", "`scopes`"),
        (
            r#"{"name":"k","scopes":["notes:read"],"admin":true}"#,
            "invalid_request",
            "`admin`",
        ),
        (
            r#"{"name":7,"scopes":["notes:read"]}"#,
            "invalid_request",
            "`name`",
        ),
        (
            r#"{"name":"k","scopes":"notes:read"}"#,
            "invalid_request",
            "`scopes`",
        ),
        (
            r#"{"name":"k","scopes":[7]}"#,
            "invalid_request",
            "`scopes[0]`",
        ),
        (r#"{"name":"k","scopes":[]}"#, "invalid_request", "`scopes`"),
        (
            r#"{"name":" ","scopes":["notes:read"]}"#,
            "invalid_request",
            "name",
        ),
        (
            r#"{"name":"a\nb","scopes":["notes:read"]}"#,
            "invalid_request",
            "name",
        ),
        (&long, "invalid_request", "name"),
        (
            r#"{"name":"k","scopes":["notes:burn"]}"#,
            "unknown_scope",
            "`notes:burn`",
        ),
        (
            r#"{"name":"k","scopes":["no scope"]}"#,
            "unknown_scope",
            "`no scope`",
        ),
        (
            r#"{"name":"k","scopes":["notes:read"],"expiresAt":"2026-01-01T00:00:00Z"}"#,
            "invalid_request",
            "2026-01-01T00:00:00Z",
        ),
        (
            r#"{"name":"k","scopes":["notes:read"],"expiresAt":"tomorrow"}"#,
            "invalid_request",
            "`expiresAt`",
        ),
    ] {
        let call = Call::new("POST", "/keys").bearer(&session).json(body);
        let answer = call.send(server).await;
        assert_eq!(answer.error(), (400, code.into()), "{body}");
        let message = answer.message();
        assert!(message.contains(told), "{body}: {message}");
        assert!(
            !message.contains('\n') && !message.ends_with('.'),
            "{message}"
        );
    }
    let list = Call::get("/keys").bearer(&session).send(server).await;
    assert_eq!(
        (list.data(), list.header("x-total-count")),
        (json!([]), Some("0"))
    );
}

#[tokio::test]
async fn the_wrong_media_type_is_a_415_and_too_large_a_body_a_413() {
    let (bed, server) = served().await;
    let session = bed.session([READ, KEYS_WRITE]).await;
    let create = || Call::new("POST", "/keys").bearer(&session);
    let good = r#"{"name":"k","scopes":["notes:read"]}"#;
    for media_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = create()
            .header("content-type", media_type)
            .body(good)
            .send(server)
            .await;
        assert_eq!(answer.error(), (415, "unsupported_media_type".into()));
    }
    assert_eq!(create().body(good).send(server).await.status, 415);
    let large = format!("{good}{}", " ".repeat(1_100_000));
    assert_eq!(
        create().json(&large).send(server).await.error(),
        (413, "too_large".into())
    );
}

#[tokio::test]
async fn a_change_that_is_not_taken_leaves_the_key_as_it_is() {
    let (bed, server) = served().await;
    let session = bed.session([READ, KEYS_WRITE]).await;
    let create = Call::new("POST", "/keys").bearer(&session);
    let made = create
        .json(r#"{"name":"k","scopes":["notes:read"]}"#)
        .send(server)
        .await
        .data();
    let path = format!("/keys/{}", made["id"].as_str().unwrap());
    for (body, code) in [
        (r#"{"name":"new","enabled":"yes"}"#, "invalid_request"),
        (r#"{"name":"new","key":"x"}"#, "invalid_request"),
        (r#"{"name":"new","scopes":["notes:burn"]}"#, "unknown_scope"),
        (
            r#"{"name":"new","expiresAt":"2020-01-01T00:00:00Z"}"#,
            "invalid_request",
        ),
        (r#"{"name":"new","name":"newer"}"#, "invalid_request"),
    ] {
        let answer = Call::new("PATCH", &path)
            .bearer(&session)
            .json(body)
            .send(server)
            .await;
        assert_eq!(answer.error(), (400, code.into()), "{body}");
    }
    let shown = Call::get(&path).bearer(&session).send(server).await.data();
    assert_eq!(
        (&shown["name"], &shown["updatedAt"]),
        (&json!("k"), &made["updatedAt"])
    );
}

#[tokio::test]
async fn a_body_is_not_even_read_of_a_caller_who_is_refused() {
    let (bed, server) = served().await;
    let reader = bed.key([READ]).await;
    let create = Call::new("POST", "/keys")
        .header("content-type", "text/plain")
        .body("{");
    assert_eq!(
        create.clone().send(server).await.error(),
        (401, "unauthorized".into())
    );
    let answer = create.bearer(&reader).send(server).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
}

#[tokio::test]
async fn members_that_cannot_be_null_are_refused() {
    let (bed, server) = served().await;
    let session = bed.session([WRITE, KEYS_WRITE]).await;
    let create = Call::new("POST", "/keys").bearer(&session);
    let made = create
        .json(r#"{"name":"k","scopes":["notes:read"]}"#)
        .send(server)
        .await
        .data();
    let path = format!("/keys/{}", made["id"].as_str().unwrap());
    for member in ["name", "scopes", "enabled"] {
        let body = format!("{{\"{member}\":null}}");
        let answer = Call::new("PATCH", &path)
            .bearer(&session)
            .json(&body)
            .send(server)
            .await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{member}");
    }
    let kept = Call::new("PATCH", &path)
        .bearer(&session)
        .json(r#"{"expiresAt":null}"#);
    assert_eq!(kept.send(server).await.status, 200);
}

#[tokio::test]
async fn an_id_that_is_no_text_is_an_id_of_nothing() {
    let (bed, server) = served().await;
    let session = bed.session([KEYS_READ]).await;
    let answer = Call::get("/keys/%FF").bearer(&session).send(server).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
}
