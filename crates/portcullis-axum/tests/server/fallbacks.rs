//! Paths and methods that nobody mounted.

use http::Method;
use portcullis_axum::{Caller, Guarded, method_not_allowed_fallback, not_found_fallback, rendered};
use portcullis_error::Rendering;

use crate::{
    app::{KEYS_READ, KEYS_WRITE, READ, bed, gate, guarded, serve, served},
    client::Call,
};

#[tokio::test]
async fn what_is_not_mounted_needs_no_credential_and_costs_nothing() {
    let (bed, server) = served().await;
    let key = bed.key([READ]).await;
    for call in [Call::get("/nothing"), Call::get("/nothing").bearer(&key)] {
        assert_eq!(call.send(server).await.status, 404);
    }
    let answer = Call::new("PUT", "/notes").bearer(&key).send(server).await;
    assert_eq!(answer.status, 405);
    let allowed = answer.header("allow").unwrap();
    assert!(
        ["GET", "HEAD", "POST"]
            .iter()
            .all(|method| allowed.contains(method)),
        "{allowed}"
    );
    let answer = Call::get("/notes").bearer(&key).send(server).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("99"));
}

#[tokio::test]
async fn the_fallbacks_answer_in_the_envelope() {
    let bed = bed().await;
    let app = guarded(&bed).into_router().unwrap();
    let app = app.fallback(not_found_fallback);
    let server = serve(app.method_not_allowed_fallback(method_not_allowed_fallback)).await;
    let answer = Call::get("/nothing").send(server).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
    let answer = Call::new("PUT", "/notes").send(server).await;
    assert_eq!(answer.error(), (405, "method_not_allowed".into()));
    assert!(answer.header("allow").is_some());
}

#[tokio::test]
async fn refusals_of_handlers_and_fallbacks_have_the_form_that_the_client_accepts() {
    let bed = bed().await;
    let rendering = Rendering::new().with_realm("social");
    let gate = gate(&bed).with_rendering(rendering.clone());
    let app = Guarded::<()>::new(gate)
        .public(Method::GET, "/nobody", async |Caller(who): Caller| {
            who.owner().to_string()
        })
        .with_keys("/keys", KEYS_READ, KEYS_WRITE)
        .into_router()
        .unwrap()
        .fallback(not_found_fallback)
        .method_not_allowed_fallback(method_not_allowed_fallback);
    let server = serve(rendered(app, &rendering)).await;
    let key = bed.key([KEYS_WRITE]).await;
    let excess = r#"{"name":"k","scopes":["notes:write"]}"#;
    for (call, status) in [
        (Call::get("/nobody"), 401),
        (Call::get("/nowhere"), 404),
        (Call::new("PUT", "/keys"), 405),
        (Call::get("/keys/key_x").bearer(&key), 404),
        (Call::new("POST", "/keys").bearer(&key).json(excess), 403),
        (Call::new("POST", "/keys").bearer(&key).json("{"), 400),
    ] {
        let call = call
            .header("accept", "text/html")
            .header("accept", "application/problem+json");
        let answer = call.send(server).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{status}"
        );
        let body = answer.json();
        assert_eq!(
            (body["status"].as_u64(), body["success"].as_bool()),
            (Some(status.into()), Some(false))
        );
        let length = answer
            .header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap();
        assert_eq!(length, answer.text.len(), "{status}");
        let challenged = [401, 403].contains(&status);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(
            challenge.contains("realm=\"social\""),
            challenged,
            "{challenge}"
        );
        if [400, 403].contains(&status) {
            assert_eq!(answer.header("x-ratelimit-limit"), Some("100"), "{status}");
        }
    }
}
