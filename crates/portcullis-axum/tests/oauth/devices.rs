use serde_json::Value;

use crate::{
    client::Call,
    world::{SECOND, World, assert_refused, form_of, succeeded, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_let_in() {
    let world = World::new().await;
    let started = world.start("client_id=cli&scope=notes%3Awrite").await;
    let members = started.as_object().unwrap();
    assert_eq!(members.len(), 5, "{started}");
    assert_eq!(
        started["verification_uri"],
        "https://api.example.com/device"
    );
    assert_eq!(
        (&started["expires_in"], &started["interval"]),
        (&600.into(), &5.into())
    );
    let user_code = text(&started, "user_code");
    let letters: Vec<&str> = user_code.split('-').collect();
    assert_eq!(
        letters.iter().map(|half| half.len()).collect::<Vec<_>>(),
        [4, 4]
    );
    assert_eq!(text(&started, "device_code").len(), 43);

    assert_refused(
        &world.poll("cli", &started).await,
        400,
        "authorization_pending",
    );
    world.decide(&user_code.to_lowercase(), true).await;
    world.clock.advance(SECOND * 5);
    let tokens = succeeded(&world.poll("cli", &started).await, 200);
    assert_eq!(tokens.as_object().unwrap().len(), 5, "{tokens}");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "notes:write");
    assert!(tokens["expires_in"].as_u64().is_some_and(|of| of > 0));
    let notes = Call::get("/notes").bearer(&text(&tokens, "access_token"));
    let notes = world.send(notes).await;
    assert_eq!((notes.status, notes.text.as_str()), (200, "cli"));
    assert_ne!(tokens["refresh_token"], Value::Null);

    world.clock.advance(SECOND * 5);
    assert_refused(&world.poll("cli", &started).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_too_soon_is_told_to_slow_down() {
    let world = World::new().await;
    let started = world.start("client_id=cli").await;
    assert_refused(
        &world.poll("cli", &started).await,
        400,
        "authorization_pending",
    );
    world.clock.advance(SECOND * 4);
    assert_refused(&world.poll("cli", &started).await, 400, "slow_down");
    // From now on it waits ten.
    world.clock.advance(SECOND * 9);
    assert_refused(&world.poll("cli", &started).await, 400, "slow_down");
    world.clock.advance(SECOND * 15);
    assert_refused(
        &world.poll("cli", &started).await,
        400,
        "authorization_pending",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_or_late_is_told_so() {
    let world = World::new().await;
    let denied = world.start("client_id=cli").await;
    world.decide(&text(&denied, "user_code"), false).await;
    assert_refused(&world.poll("cli", &denied).await, 400, "access_denied");
    let late = world.start("client_id=cli").await;
    world.clock.advance(SECOND * 601);
    assert_refused(&world.poll("cli", &late).await, 400, "expired_token");
    let theirs = world.start("client_id=other").await;
    assert_refused(&world.poll("cli", &theirs).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_asked_for_is_refused() {
    let world = World::new().await;
    for (form, error) in [
        ("client_id=nobody", "invalid_client"),
        ("client_id=app", "unauthorized_client"),
        ("client_id=cli&scope=notes:burn", "invalid_scope"),
        (
            "client_id=cli&resource=https://elsewhere.example",
            "invalid_target",
        ),
        ("scope=notes:read", "invalid_request"),
        ("client_id=&scope=notes:read", "invalid_request"),
        ("", "invalid_request"),
    ] {
        let answer = world.post("/oauth/device_authorization", form).await;
        assert_refused(&answer, 400, error);
    }
    // An empty scope is none, and the resource is this service.
    world
        .start("client_id=cli&scope=&resource=https://api.example.com/")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_for_too_many_codes_waits() {
    let world = World::new().await;
    for _ in 0..60 {
        world.start("client_id=cli").await;
    }
    let answer = world
        .send(form_of("/oauth/device_authorization", "client_id=cli"))
        .await;
    assert_refused(&answer, 429, "slow_down");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    world.clock.advance(SECOND * u32::try_from(wait).unwrap());
    world.start("client_id=cli").await;
}
