//! Signing in to the pages, and out.

use crate::{
    client::Call,
    visitor::{BEFORE, SIGNED_IN, Visitor},
    world::{ADA, BOB, MINUTE, PASSWORD, SECOND, World},
};

/// The attributes of a cookie, in lower case and in order.
fn attributes(cookie: &str) -> Vec<String> {
    let mut all: Vec<String> = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_ascii_lowercase())
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_of_this_host_and_out_of_reach() {
    let world = World::new().await;
    let mut visitor = Visitor::new(&world);
    let page = visitor.get("/login").await;
    let form = page.html().form("password");
    let form = form.with("email", ADA).with("password", PASSWORD);
    let answer = visitor.post("/login", &form).await;
    let name = |cookie: &&str| cookie.split('=').next().unwrap().to_owned();
    let set: Vec<&str> = page.headers("set-cookie").collect();
    assert_eq!(set.iter().map(name).collect::<Vec<_>>(), [BEFORE]);
    let given: Vec<&str> = answer.headers("set-cookie").collect();
    assert!(
        given.iter().map(name).any(|of| of == SIGNED_IN),
        "{given:?}"
    );
    for cookie in set.iter().chain(&given) {
        let mut found = attributes(cookie);
        // How long it lasts is all that may stand there besides.
        found.retain(|of| !of.starts_with("max-age=") && !of.starts_with("expires="));
        assert_eq!(
            found,
            ["httponly", "path=/", "samesite=lax", "secure"],
            "{cookie}"
        );
    }
    let mut ada = visitor;
    let form = ada.get("/sessions").await.html().form_to("/logout");
    let answer = ada.post("/logout", &form).await;
    for cookie in answer.headers("set-cookie") {
        let mut found = attributes(cookie);
        found.retain(|of| !of.starts_with("max-age=") && !of.starts_with("expires="));
        assert_eq!(
            found,
            ["httponly", "path=/", "samesite=lax", "secure"],
            "{cookie}"
        );
    }
    assert!(!ada.cookies.contains_key(SIGNED_IN), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_with_a_cookie_that_was_there_before() {
    let world = World::new().await;
    let mut visitor = Visitor::new(&world);
    let planted = "A".repeat(43);
    visitor.cookies.insert(SIGNED_IN.into(), planted.clone());
    let form = visitor.get("/login").await.html().form("password");
    let before = visitor.cookies[BEFORE].clone();
    let form = form.with("email", ADA).with("password", PASSWORD);
    assert_eq!(visitor.post("/login", &form).await.location(), "/sessions");
    let after = visitor.cookies[SIGNED_IN].clone();
    assert_eq!(after.len(), 43, "{after}");
    assert!(after != planted && after != before, "{after}");
    assert!(visitor.is_signed_in().await);
    for value in [planted, before] {
        let mut other = Visitor::new(&world);
        other.cookies.insert(SIGNED_IN.into(), value);
        assert!(!other.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_again_ends_the_sign_in_before() {
    let world = World::new().await;
    for email in [ADA, BOB] {
        let mut ada = world.ada().await;
        let old = ada.clone();
        world.clock.advance(MINUTE * 40);
        assert!(ada.is_signed_in().await);
        world.clock.advance(MINUTE * 30);
        // Over an hour ago: the password is asked for again, before a device is let in.
        let page = ada.get("/device").await.page(200);
        let form = page.form("password");
        let form = form.with("email", email).with("password", PASSWORD);
        assert_eq!(ada.post("/login", &form).await.location(), "/device");
        ada.get("/device").await.page(200).form("user_code");
        assert!(!old.clone().is_signed_in().await, "{email}");
        assert!(ada.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_over_an_hour_old_decides_nothing() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    world.clock.advance(MINUTE * 55);
    assert!(ada.is_signed_in().await);
    let device = world.start("cli", "notes:read").await;
    let form = ada.decision(&device.user_code, "approve").await;
    let code = ada.get("/device").await.html().form("user_code");
    let path = crate::world::authorize(&[]);
    let consent = ada.get(&path).await.html().form("decision");
    world.clock.advance(MINUTE * 5);
    for (to, form) in [
        ("/device", form),
        ("/device", code.with("user_code", &device.user_code)),
        ("/oauth/authorize", consent.with("decision", "approve")),
    ] {
        let answer = ada.post(to, &form).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.html().by_id("password").is_some(), "{answer:?}");
    }
    for path in ["/device", &path] {
        let html = ada.get(path).await.page(200);
        assert!(html.by_id("password").is_some(), "{html:?}");
        assert!(html.form("password").buttons.is_empty() || !html.text.is_empty());
    }
    assert_eq!(world.poll(&device).await["error"], "authorization_pending");
    // Looking at the sessions is still allowed.
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_after_an_hour_without_use() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    world.clock.advance(MINUTE * 60 - SECOND);
    assert!(ada.is_signed_in().await);
    world.clock.advance(MINUTE * 60);
    assert!(!ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_it_on_the_server() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let (mut stolen, mut elsewhere) = (ada.clone(), world.ada().await);
    let device = world.start("cli", "notes:read").await;
    let old = stolen.decision(&device.user_code, "approve").await;
    let form = ada.get("/sessions").await.html().form_to("/logout");
    assert_eq!(ada.post("/logout", &form).await.location(), "/login");
    assert!(!stolen.is_signed_in().await);
    let answer = stolen.post("/device", &old).await;
    assert!([401, 403].contains(&answer.status), "{answer:?}");
    assert_eq!(world.poll(&device).await["error"], "authorization_pending");
    // Other sign-ins stay.
    assert!(elsewhere.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_says_nothing_about_the_account() {
    let world = World::new().await;
    let mut said = Vec::new();
    for email in [ADA, "nobody@example.com", "no address", ""] {
        let mut visitor = Visitor::new(&world);
        let form = visitor.get("/login").await.html().form("password");
        let wrong = "a-wrong-password-1234";
        let form = form.with("email", email).with("password", wrong);
        let answer = visitor.post("/login", &form).await;
        assert!(!answer.text.contains(wrong), "{answer:?}");
        let html = answer.page(401);
        let error = html.by_id("error").unwrap();
        assert_eq!(
            (error.get("role"), error.get("class")),
            (Some("alert"), Some("error"))
        );
        said.push(error.text.clone());
        assert_eq!(
            html.by_id("email")
                .unwrap()
                .get("value")
                .unwrap_or_default(),
            email
        );
        assert_eq!(html.by_id("password").unwrap().get("value"), None);
        assert!(!visitor.cookies.contains_key(SIGNED_IN));
        // The form that is shown again is one.
        let form = html.form("password").with("email", ADA);
        let form = form.with("password", PASSWORD);
        assert_eq!(visitor.post("/login", &form).await.status, 303);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_limited_together_with_those_of_the_api() {
    let world = World::new().await;
    let api = || {
        let body = format!(r#"{{"email":"{ADA}","password":"wrong"}}"#);
        world.send(Call::new("POST", "/auth/login").json(&body))
    };
    let mut visitor = Visitor::new(&world);
    let form = visitor.get("/login").await.html().form("password");
    let form = form.with("email", ADA).with("password", "wrong");
    // Five in all, of either kind.
    assert_eq!(api().await.status, 401);
    assert_eq!(api().await.status, 401);
    for _ in 0..3 {
        visitor.post("/login", &form).await.page(401);
    }
    let right = form.clone().with("password", PASSWORD);
    for form in [&form, &right] {
        let answer = visitor.post("/login", form).await;
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&wait), "{wait}");
        assert!(answer.page(429).by_id("error").is_some(), "{answer:?}");
        assert!(!visitor.cookies.contains_key(SIGNED_IN));
    }
    assert_eq!(api().await.error(), (429, "rate_limited".into()));
    world.clock.advance(MINUTE * 15);
    assert_eq!(visitor.post("/login", &right).await.status, 303);
}
