//! Devices that are let in, or not.

use portcullis_login::Role;

use crate::{
    visitor::Visitor,
    world::{ADA, BOB, MINUTE, PASSWORD, SECOND, World, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_who_asks_for_what_and_lets_it_in() {
    let world = World::new().await;
    let device = world.start("cli", "notes:write").await;
    let mut ada = Visitor::new(&world);
    // Nobody is signed in: the form for that, at this very address.
    let page = ada.get("/device").await.page(200);
    let form = page.form("password");
    let form = form.with("email", ADA).with("password", PASSWORD);
    let to = form.action.clone().unwrap();
    assert_eq!(to, "/login");
    assert_eq!(ada.post(&to, &form).await.location(), "/device");
    let page = ada
        .type_code(&device.user_code.to_lowercase())
        .await
        .page(200);
    for shown in [
        "The command line",
        "127.0.0.1",
        "social-cli/1.0 (Linux)",
        "Read your notes",
        "Change your notes",
        "notes:read",
        "notes:write",
    ] {
        assert!(page.text.contains(shown), "no {shown} in {}", page.text);
    }
    for other in ["Read the audit log", "Look tokens up", "registered itself"] {
        assert!(!page.text.contains(other), "{other} in {}", page.text);
    }
    let times = page.all("time").map(|time| time.get("datetime").unwrap());
    assert!(times.count() > 0, "{page:?}");
    let mut decisions = page.buttons("decision");
    decisions.sort();
    assert_eq!(decisions, ["approve", "deny"]);
    let form = page.form("decision").with("decision", "approve");
    assert_eq!(form.field("org"), Some(world.org(ADA).await.as_str()));
    let done = ada.post("/device", &form).await.page(200);
    let h1 = done.all("h1").next().unwrap();
    assert_eq!(h1.text.trim(), "Approved");
    let tokens = world.poll(&device).await;
    // By the name that it asked for.
    assert_eq!(tokens["scope"], "notes:write");
    assert_eq!(world.notes(&text(&tokens, "access_token")).await, 200);
    // Delivered once, and the code is used up.
    world.clock.advance(SECOND * 5);
    assert_eq!(world.poll(&device).await["error"], "invalid_grant");
    let again = ada.type_code(&device.user_code).await.page(404);
    assert!(again.by_id("error").is_some(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_denied_gets_nothing() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let form = ada.decision(&device.user_code, "deny").await;
    let done = ada.post("/device", &form).await.page(200);
    assert_eq!(done.all("h1").next().unwrap().text.trim(), "Denied");
    assert_eq!(world.poll(&device).await["error"], "access_denied");
    ada.type_code(&device.user_code).await.page(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_late_code_shows_the_form_again() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let (cut, _) = device.user_code.split_at(8);
    for typed in ["BBBB-BBBB", "no code", "", "BCDF", cut] {
        let page = ada.type_code(typed).await.page(404);
        assert_eq!(page.by_id("error").unwrap().get("role"), Some("alert"));
        let field = page.by_id("user_code").unwrap();
        assert_eq!(field.get("name"), Some("user_code"));
        // The form that is shown again is one.
        page.form("user_code");
    }
    world.clock.advance(MINUTE * 10);
    let page = ada.type_code(&device.user_code).await.page(404);
    assert!(page.by_id("error").is_some());
    assert_eq!(world.poll(&device).await["error"], "expired_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_not_to_be_guessed() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    for _ in 0..10 {
        ada.type_code("BBBB-BBBB").await.page(404);
    }
    // Also from another sign-in, and with the right one.
    for mut ada in [ada.clone(), world.ada().await] {
        for typed in ["BBBB-BBBB", &device.user_code] {
            let answer = ada.type_code(typed).await;
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((840..=900).contains(&wait), "{wait}");
            let page = answer.page(429);
            assert!(page.by_id("error").is_some(), "{page:?}");
            assert!(!page.text.contains("The command line"), "{page:?}");
        }
    }
    // It is the person who waits, not everybody.
    let mut bob = world.bob().await;
    bob.type_code(&device.user_code).await.page(200);
    world.clock.advance(MINUTE * 15);
    let later = world.start("cli", "notes:read").await;
    ada.type_code(&later.user_code).await.page(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_types_codes_without_having_signed_in() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let form = ada.get("/device").await.html().form("user_code");
    let form = form.with("user_code", &device.user_code);
    ada.cookies.clear();
    let answer = ada.post("/device", &form).await;
    assert!([401, 403].contains(&answer.status), "{answer:?}");
    assert!(!answer.text.contains("The command line"), "{answer:?}");
    // A code in the address is typed by nobody: the page has yet to be sent.
    let mut ada = world.ada().await;
    let path = format!("/device?user_code={}", device.user_code);
    let page = ada.get(&path).await.page(200);
    assert!(page.buttons("decision").is_empty(), "{page:?}");
    assert!(!page.text.contains("The command line"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_several_organisations_chooses_one() {
    let world = World::new().await;
    let (adas, bobs) = (world.org(ADA).await, world.org(BOB).await);
    world.set_role(ADA, &bobs, None, Some(Role::Auditor)).await;
    let device = world.start("cli", "notes:write audit:read").await;
    let mut ada = world.ada().await;
    let page = ada.type_code(&device.user_code).await.page(200);
    let radios: Vec<_> = page
        .all("input")
        .filter(|input| input.get("type") == Some("radio") && input.get("name") == Some("org"))
        .collect();
    let values: Vec<_> = radios
        .iter()
        .map(|radio| radio.get("value").unwrap())
        .collect();
    assert_eq!(values, [adas.as_str(), bobs.as_str()]);
    let checked: Vec<_> = radios
        .iter()
        .map(|radio| radio.get("checked").is_some())
        .collect();
    assert_eq!(checked, [true, false]);
    assert_eq!(page.all("fieldset").count(), 1);
    assert!(page.text.contains("Bob & sons"), "{}", page.text);
    let form = page.form("decision").with("decision", "approve");
    let form = form.with("org", bobs.as_str());
    ada.post("/device", &form).await.page(200);
    let tokens = world.poll(&device).await;
    // What an auditor has of it there.
    let mut scopes: Vec<_> = tokens["scope"].as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["audit:read", "notes:read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_typed_too_late_is_there_after_the_password() {
    let world = World::new().await;
    // Signed in too long ago, or not any more.
    for pauses in [[50, 11], [1, 61]] {
        let mut ada = world.ada().await;
        let form = ada.get("/device").await.page(200).form("user_code");
        for pause in pauses {
            world.clock.advance(MINUTE * pause);
            ada.get("/sessions").await;
        }
        let device = world.start("cli", "notes:read").await;
        let typed = form.with("user_code", &device.user_code);
        let page = ada.post("/device", &typed).await.page(401);
        assert!(page.text.starts_with("Error: Sign in"), "{}", page.text);
        let form = page.form("password");
        assert_eq!(form.field("user_code"), Some(&*device.user_code));
        // Also after a password that is wrong.
        let wrong = form.with("email", ADA).with("password", "wrong");
        let form = ada.post("/login", &wrong).await.page(401).form("password");
        let right = form.with("email", ADA).with("password", PASSWORD);
        let page = ada.post("/login", &right).await.page(200);
        assert!(page.text.starts_with("Add a device"), "{}", page.text);
        assert!(page.by_id("error").is_none());
        let form = page.form("user_code");
        assert_eq!(form.field("user_code"), Some(&*device.user_code));
        let page = ada.post("/device", &form).await.page(200);
        assert!(page.text.contains("The command line"), "{}", page.text);
    }
}
