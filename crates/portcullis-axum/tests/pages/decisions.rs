//! Decisions that are too late, of somebody else, or about something else than was shown.

use portcullis_login::Role;

use crate::{
    client::Answer,
    html::Form,
    world::{ADA, BOB, Device, MINUTE, SECOND, World},
};

const PENDING: &str = "authorization_pending";

/// Out of date, and says so.
#[track_caller]
fn ended(answer: &Answer) {
    let html = answer.page(409);
    assert!(
        html.text.contains("This request has ended"),
        "{}",
        html.text
    );
    assert!(html.buttons("decision").is_empty(), "{html:?}");
}

async fn told(world: &World, device: &Device) -> String {
    crate::world::text(&world.poll(device).await, "error")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_elsewhere_stays_so() {
    for (first, second, result) in [
        ("deny", "approve", Some("access_denied")),
        ("approve", "deny", None),
        ("approve", "approve", None),
    ] {
        let world = World::new().await;
        let device = world.start("cli", "notes:read").await;
        let mut ada = world.ada().await;
        let one = ada.decision(&device.user_code, first).await;
        let other = ada.decision(&device.user_code, second).await;
        ada.post("/device", &one).await.page(200);
        ended(&ada.post("/device", &other).await);
        ended(&ada.post("/device", &one).await);
        let told = world.poll(&device).await;
        assert_eq!(told["error"].as_str(), result, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_ten_minutes_ago_decides_nothing() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let form = ada.decision(&device.user_code, "approve").await;
    world.clock.advance(MINUTE * 10);
    ended(&ada.post("/device", &form).await);
    assert_eq!(told(&world, &device).await, "expired_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_has_changed_is_to_be_shown_first() {
    let world = World::new().await;
    let bobs = world.org(BOB).await;
    let auditor = Some(Role::Auditor);
    world.set_role(ADA, &bobs, None, auditor).await;
    let device = world.start("cli", "notes:write").await;
    let mut ada = world.ada().await;
    let form = ada.decision(&device.user_code, "approve").await;
    let form = form.with("org", bobs.as_str());
    // It grows: nobody has seen what it would give.
    world.set_role(ADA, &bobs, auditor, Some(Role::Owner)).await;
    ended(&ada.post("/device", &form).await);
    let form = ada.decision(&device.user_code, "approve").await;
    let form = form.with("org", bobs.as_str());
    // It goes.
    world.set_role(ADA, &bobs, Some(Role::Owner), None).await;
    ended(&ada.post("/device", &form).await);
    assert_eq!(told(&world, &device).await, PENDING);
    let form = ada.decision(&device.user_code, "approve").await;
    ada.post("/device", &form).await.page(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_who_was_shown_the_page_decides() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let mut elsewhere = world.ada().await;
    let shown = ada.decision(&device.user_code, "approve").await;
    let handle = shown.field("handle").unwrap();
    let other = world.start("cli", "notes:read").await;
    // Each with a token of their own, from a page about something else.
    for visitor in [&mut bob, &mut elsewhere] {
        for decision in ["approve", "deny"] {
            let form = visitor.decision(&other.user_code, decision).await;
            let org = form.field("org").unwrap().to_owned();
            for org in [org.as_str(), shown.field("org").unwrap()] {
                let form = form.clone().with("handle", handle).with("org", org);
                ended(&visitor.post("/device", &form).await);
            }
        }
    }
    assert_eq!(told(&world, &device).await, PENDING);
    assert_eq!(told(&world, &other).await, PENDING);
    ada.post("/device", &shown).await.page(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_about_the_request_that_was_shown() {
    let world = World::new().await;
    let (device, other) = (
        world.start("cli", "notes:read").await,
        world.start("cli", "notes:write").await,
    );
    let mut ada = world.ada().await;
    let shown = ada.decision(&device.user_code, "approve").await;
    let others = ada.decision(&other.user_code, "approve").await;
    let (mac, seal) = shown.field("handle").unwrap().split_once('.').unwrap();
    let (other_mac, other_seal) = others.field("handle").unwrap().split_once('.').unwrap();
    for handle in [
        format!("{other_mac}.{seal}"),
        format!("{mac}.{other_seal}"),
        format!("{mac}."),
        mac.to_owned(),
        "x".into(),
    ] {
        let form = shown.clone().with("handle", &handle);
        ended(&ada.post("/device", &form).await);
    }
    assert_eq!(told(&world, &device).await, PENDING);
    assert_eq!(told(&world, &other).await, PENDING);
    // A consent is no decision about a device.
    let path = crate::world::authorize(&[]);
    let consent = ada.get(&path).await.html().form("decision");
    let form = shown.with("handle", consent.field("handle").unwrap());
    ended(&ada.post("/device", &form).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_was_not_offered_is_not_entered() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let (mut ada, bobs) = (world.ada().await, world.org(BOB).await);
    let form = ada.decision(&device.user_code, "approve").await;
    for org in [bobs.as_str(), "org_none", "", "<b>"] {
        let form = form.clone().with("org", org);
        let answer = ada.post("/device", &form).await;
        answer.page(400);
    }
    let answer = ada.post("/device", &form.clone().without("org")).await;
    answer.page(400);
    assert_eq!(told(&world, &device).await, PENDING);
    ada.post("/device", &form).await.page(200);
    // It has asked a moment ago.
    world.clock.advance(SECOND * 5);
    let tokens = world.poll(&device).await;
    assert_eq!(tokens["scope"], "notes:read");
    assert_eq!(form.field("org"), Some(world.org(ADA).await.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_one_of_two_and_stands_once() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let form = ada.decision(&device.user_code, "approve").await;
    for decision in ["", "Approve", "approved", "yes", "approve deny"] {
        let form = form.clone().with("decision", decision);
        let answer = ada.post("/device", &form).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{decision}: {answer:?}"
        );
        answer.html();
    }
    for (name, value) in [
        ("decision", "deny"),
        ("decision", "approve"),
        ("org", "org_none"),
        ("handle", "x"),
    ] {
        let twice = Form {
            fields: [form.fields.clone(), vec![(name.into(), value.into())]].concat(),
            ..form.clone()
        };
        ada.post("/device", &twice).await.page(400);
    }
    // Nor is it to be had by an address.
    let path = format!("/device?{}", form.encoded());
    ada.get(&path).await.page(200);
    assert_eq!(told(&world, &device).await, PENDING);
    ada.post("/device", &form).await.page(200);
}
