//! The older shape: no envelope, and 200 whatever has become of it.

use serde_json::{Value, json};

use crate::{
    client::Call,
    world::{SECOND, World, refused, succeeded, text},
};

async fn start(world: &World) -> Value {
    let call = Call::new("POST", "/auth/cli/device-code");
    succeeded(&world.send(call).await, 200)
}

async fn poll(world: &World, code: &str) -> Value {
    let path = format!("/auth/cli/poll?device_code={code}");
    succeeded(&world.get(&path).await, 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_what_the_role_has() {
    let world = World::new().await;
    let started = start(&world).await;
    assert_eq!(started.as_object().unwrap().len(), 5, "{started}");
    assert_eq!(started["verificationUri"], "https://api.example.com/device");
    assert_eq!(
        (&started["expiresIn"], &started["interval"]),
        (&600.into(), &5.into())
    );
    let code = text(&started, "deviceCode");
    let waiting = json!({"status": "authorization_pending", "interval": 5});
    assert_eq!(poll(&world, &code).await, waiting);
    let slower = json!({"status": "slow_down", "interval": 10});
    assert_eq!(poll(&world, &code).await, slower);
    world.decide(&text(&started, "userCode"), true).await;
    world.clock.advance(SECOND * 10);
    let done = poll(&world, &code).await;
    assert_eq!(done.as_object().unwrap().len(), 3, "{done}");
    assert_eq!(done["status"], "complete");
    assert!(text(&done, "orgId").starts_with("org_"), "{done}");
    let token = text(&done, "sessionToken");
    assert_eq!(world.notes(&token).await, 200);
    // What the role has, also what no device gets that asks for nothing.
    let call = Call::new("POST", "/oauth/introspect")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("token=x");
    assert_eq!(world.send(call.bearer(&token)).await.status, 200);
    world.clock.advance(SECOND * 10);
    assert_eq!(
        poll(&world, &code).await,
        json!({"status": "expired_token"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_gets_nothing_is_told_why() {
    let world = World::new().await;
    let started = start(&world).await;
    world.decide(&text(&started, "userCode"), false).await;
    let denied = poll(&world, &text(&started, "deviceCode")).await;
    assert_eq!(denied, json!({"status": "access_denied"}));
    let expired = json!({"status": "expired_token"});
    for code in ["none-of-ours", "", "%zz", "a&device_code=b"] {
        assert_eq!(poll(&world, code).await, expired, "{code}");
    }
    assert_eq!(succeeded(&world.get("/auth/cli/poll").await, 200), expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_is_slowed_down() {
    let world = World::new().await;
    let mut told = poll(&world, "none-of-ours").await;
    for _ in 0..400 {
        if told["status"] != "expired_token" {
            break;
        }
        told = poll(&world, "none-of-ours").await;
    }
    assert_eq!(told["status"], "slow_down");
    assert!(
        told["interval"]
            .as_u64()
            .is_some_and(|of| (1..=60).contains(&of)),
        "{told}"
    );
    for _ in 0..60 {
        start(&world).await;
    }
    let answer = world.send(Call::new("POST", "/auth/cli/device-code")).await;
    assert_eq!(refused(&answer), (429, "slow_down".into()));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_client_for_it_has_no_older_shape() {
    let world = World::with(|oauth| oauth).await;
    let answer = world.send(Call::new("POST", "/auth/cli/device-code")).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
    let answer = world.get("/auth/cli/poll?device_code=x").await;
    assert_eq!(answer.error(), (404, "not_found".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_looks_takes_nothing_away() {
    let world = World::new().await;
    let started = start(&world).await;
    world.decide(&text(&started, "userCode"), true).await;
    let code = text(&started, "deviceCode");
    let path = format!("/auth/cli/poll?device_code={code}");
    let looked = world.send(Call::new("HEAD", &path)).await;
    assert_eq!((looked.status, looked.header("allow")), (405, Some("GET")));
    assert_eq!(poll(&world, &code).await["status"], "complete");
}
