//! The list of a person's sessions and sign-ins, and their end.

use crate::{
    visitor::Visitor,
    world::{ADA, MINUTE, World, text},
};

/// The access and the refresh token of a device that Ada has let in.
async fn let_in(world: &World, ada: &mut Visitor) -> (String, String) {
    // The list is ordered by when.
    world.clock.advance(MINUTE);
    let device = world.start("cli", "notes:read").await;
    let form = ada.decision(&device.user_code, "approve").await;
    ada.post("/device", &form).await.page(200);
    let tokens = world.poll(&device).await;
    (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_listed_by_name_and_ended() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let (kept, ended) = (
        let_in(&world, &mut ada).await,
        let_in(&world, &mut ada).await,
    );
    let html = ada.get("/sessions").await.page(200);
    assert!(html.text.contains("The command line"), "{}", html.text);
    let ids = html.buttons("session");
    assert_eq!(ids.len(), 2, "{html:?}");
    // The newest first.
    let form = html.form_of_button("session", &ids[0]);
    let answer = ada.post("/sessions", &form.with("session", &ids[0])).await;
    assert_eq!(answer.location(), "/sessions");
    assert_eq!(world.notes(&ended.0).await, 401);
    assert_eq!(world.refresh(&ended.1).await["error"], "invalid_grant");
    assert_eq!(world.notes(&kept.0).await, 200);
    let html = ada.get("/sessions").await.page(200);
    assert_eq!(html.buttons("session"), ids[1..]);
    for secret in [
        &kept.0,
        &kept.1,
        &ended.0,
        &ada.cookies[crate::visitor::SIGNED_IN],
    ] {
        assert!(!format!("{html:?}").contains(secret.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_ended_elsewhere_or_here() {
    let world = World::new().await;
    let (mut here, mut there) = (world.ada().await, world.ada().await);
    let html = here.get("/sessions").await.page(200);
    let ids = html.buttons("sign_in");
    assert_eq!(ids.len(), 2, "{html:?}");
    // Which one is the other's: the one that stays when it is ended from there.
    let form = html.form_of_button("sign_in", &ids[0]);
    let answer = here.post("/sessions", &form.with("sign_in", &ids[0])).await;
    let (ended, mut stays) = match answer.location() {
        "/login" => (&mut here, there),
        to => {
            assert_eq!(to, "/sessions");
            (&mut there, here)
        }
    };
    assert!(!ended.is_signed_in().await);
    assert!(stays.is_signed_in().await);
    let html = stays.get("/sessions").await.page(200);
    assert_eq!(html.buttons("sign_in"), ids[1..]);
    let form = html.form_of_button("sign_in", &ids[1]);
    let answer = stays
        .post("/sessions", &form.with("sign_in", &ids[1]))
        .await;
    assert_eq!(answer.location(), "/login");
    assert!(!stays.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_everywhere_ends_all_of_one_person() {
    let world = World::new().await;
    let (mut ada, mut elsewhere) = (world.ada().await, world.ada().await);
    let mut bob = world.bob().await;
    let tokens = let_in(&world, &mut ada).await;
    let form = ada.get("/sessions").await.html().form("everywhere");
    for value in ["", "no", "YES"] {
        let answer = ada
            .post("/sessions", &form.clone().with("everywhere", value))
            .await;
        assert!([303, 400].contains(&answer.status), "{answer:?}");
        assert!(ada.is_signed_in().await, "{value}");
    }
    let answer = ada.post("/sessions", &form.with("everywhere", "yes")).await;
    assert_eq!(answer.location(), "/login");
    assert!(!ada.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(world.notes(&tokens.0).await, 401);
    assert_eq!(world.refresh(&tokens.1).await["error"], "invalid_grant");
    assert!(bob.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_what_is_another_persons() {
    let world = World::new().await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let tokens = let_in(&world, &mut ada).await;
    let html = ada.get("/sessions").await.page(200);
    let theirs = [
        ("session", html.buttons("session")[0].clone()),
        ("sign_in", html.buttons("sign_in")[0].clone()),
    ];
    let own = bob.get("/sessions").await.page(200).form("everywhere");
    let own = own.without("everywhere");
    let made_up = [("session", "x".to_owned()), ("sign_in", "<b>".repeat(20))];
    for (name, value) in theirs.iter().chain(&made_up) {
        let answer = bob.post("/sessions", &own.clone().with(name, value)).await;
        assert!([303, 400, 404].contains(&answer.status), "{answer:?}");
    }
    let answer = bob.post("/sessions", &own).await;
    assert!([303, 400].contains(&answer.status), "{answer:?}");
    assert_eq!(world.notes(&tokens.0).await, 200);
    assert!(ada.is_signed_in().await);
    assert!(bob.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_nothing_of_another() {
    let world = World::new().await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let_in(&world, &mut ada).await;
    world.clock.advance(MINUTE);
    let html = bob.get("/sessions").await.page(200);
    assert!(html.buttons("session").is_empty(), "{html:?}");
    assert_eq!(html.buttons("sign_in").len(), 1);
    assert!(!html.text.contains("The command line"), "{}", html.text);
    assert!(!html.text.contains(ADA), "{}", html.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ended_is_told_apart_by_ear() {
    let world = World::new().await;
    let (mut ada, _there) = (world.ada().await, world.ada().await);
    let_in(&world, &mut ada).await;
    let_in(&world, &mut ada).await;
    let html = ada.get("/sessions").await.page(200);
    assert!(html.text.contains(" Browsers A browser"), "{}", html.text);
    for name in ["session", "sign_in"] {
        for id in html.buttons(name) {
            let button = html.by_id(&format!("end-{id}")).unwrap();
            let labels = button.get("aria-labelledby").unwrap();
            assert_eq!(labels, format!("end-{id} name-{id} since-{id}"));
            for label in labels.split(' ') {
                assert!(html.by_id(label).is_some(), "{label}");
            }
        }
    }
}
