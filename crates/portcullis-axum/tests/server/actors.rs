//! The routes for keys behind an application's own login.

use std::net::SocketAddr;

use axum::{Extension, Router};
use portcullis_axum::keys;
use portcullis_registry::Actor;
use portcullis_scope::Scope;
use portcullis_testkit::TestBed;
use serde_json::json;

use crate::{
    app::{READ, WRITE, bed, serve},
    client::Call,
};

fn user(bed: &TestBed, scopes: &[Scope]) -> Actor {
    let scopes = bed.registry().catalogue().set(scopes).unwrap();
    Actor::user("acme".parse().unwrap(), "ada".parse().unwrap(), scopes)
}

/// The routes under `/keys`, for this actor if there is one.
async fn served(bed: &TestBed, actor: Option<Actor>) -> SocketAddr {
    let app = Router::new().nest("/keys", keys::router(bed.registry().clone()));
    serve(match actor {
        Some(actor) => app.layer(Extension(actor)),
        None => app,
    })
    .await
}

#[tokio::test]
async fn whom_the_application_has_signed_in_manages_keys_without_a_credential_of_ours() {
    let bed = bed().await;
    let server = served(&bed, Some(user(&bed, &[WRITE]))).await;
    let create = Call::new("POST", "/keys").json(r#"{"name":"k","scopes":["notes:read"]}"#);
    let made = create.send(server).await;
    assert_eq!(made.status, 201);
    let made = made.data();
    let path = format!("/keys/{}", made["id"].as_str().unwrap());

    let list = Call::get("/keys").send(server).await;
    assert_eq!(
        (list.data()[0]["id"].clone(), list.header("x-total-count")),
        (made["id"].clone(), Some("1"))
    );
    assert_eq!(Call::get(&path).send(server).await.data()["name"], "k");
    let rename = Call::new("PATCH", &path).json(r#"{"name":"new"}"#);
    assert_eq!(rename.send(server).await.data()["name"], "new");
    let rotate = Call::new("POST", &format!("{path}/rotate"));
    let rotated = rotate.json(r#"{"overlapSeconds":60}"#).send(server).await;
    assert_eq!(
        (rotated.status, rotated.data()["replaces"].clone()),
        (201, made["id"].clone())
    );
    assert_eq!(
        Call::new("DELETE", &path).send(server).await.data(),
        json!({})
    );
    assert_eq!(Call::new("DELETE", &path).send(server).await.error().0, 404);

    let audit = bed.store().audit();
    assert!(
        audit.iter().all(|entry| entry.actor == "user:ada"),
        "{audit:?}"
    );
}

#[tokio::test]
async fn the_actor_hands_on_no_more_than_its_scopes() {
    let bed = bed().await;
    let server = served(&bed, Some(user(&bed, &[READ]))).await;
    let create = Call::new("POST", "/keys").json(r#"{"name":"k","scopes":["notes:write"]}"#);
    let answer = create.send(server).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    assert!(answer.message().contains("`notes:write`"));
}

#[tokio::test]
async fn without_an_actor_every_route_is_a_401_even_with_a_good_key() {
    let bed = bed().await;
    let server = served(&bed, None).await;
    let key = bed.key([WRITE]).await;
    let id = bed
        .registry()
        .format()
        .recognize(key.as_bytes())
        .unwrap()
        .id();
    let one = format!("/keys/key_{id}");
    for call in [
        Call::new("POST", "/keys").json(r#"{"name":"k","scopes":["notes:read"]}"#),
        Call::get("/keys"),
        Call::get("/keys?limit=x"),
        Call::get(&one),
        Call::get("/keys/nonsense"),
        Call::new("PATCH", &one).json(r#"{"enabled":false}"#),
        Call::new("DELETE", &one),
        Call::new("POST", &format!("{one}/rotate")),
    ] {
        for call in [call.clone(), call.bearer(&key)] {
            let answer = call.send(server).await;
            assert_eq!(answer.error(), (401, "unauthorized".into()));
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer realm=\"api\"")
            );
        }
    }
    assert!(bed.registry().load(id).await.unwrap());
    assert_eq!(bed.store().audit().len(), 1, "the key that the test made");
}

#[tokio::test]
async fn the_application_itself_has_no_keys_to_manage() {
    let bed = bed().await;
    let server = served(&bed, Some(Actor::dangerous_system())).await;
    assert_eq!(
        Call::get("/keys").send(server).await.error(),
        (401, "unauthorized".into())
    );
}

#[tokio::test]
async fn without_an_actor_no_body_is_read() {
    let bed = bed().await;
    let server = served(&bed, None).await;
    let answer = Call::new("POST", "/keys").json("{").send(server).await;
    assert_eq!(answer.error(), (401, "unauthorized".into()));
}

#[tokio::test]
async fn behind_a_gate_the_actor_is_the_caller_and_nobody_else() {
    let bed = bed().await;
    let boss = user(&bed, &[WRITE]);
    let app = crate::app::guarded(&bed).into_router().unwrap();
    let server = serve(app.layer(Extension(boss))).await;
    let weak = bed.key([crate::app::KEYS_WRITE]).await;
    let create = Call::new("POST", "/keys").bearer(&weak);
    let create = create.json(r#"{"name":"k","scopes":["notes:write"]}"#);
    assert_eq!(
        create.send(server).await.error(),
        (403, "insufficient_scope".into())
    );
}
