//! The pages take their own cookies alone, and nothing else takes those.

use crate::{
    client::Call,
    visitor::{BEFORE, SIGNED_IN, Visitor},
    world::{ADA, BASE, PASSWORD, World, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_the_pages_is_no_credential_of_the_api() {
    let world = World::new().await;
    let ada = world.ada().await;
    let cookie = ada.cookies[SIGNED_IN].clone();
    for path in ["/notes", "/auth/profile", "/auth/sessions"] {
        let answer = ada.clone().send(ada.call("GET", path)).await;
        assert_eq!(answer.error(), (401, "unauthorized".into()), "{path}");
        let answer = world.send(Call::get(path).bearer(&cookie)).await;
        assert_eq!(answer.error(), (401, "invalid_token".into()), "{path}");
        let answer = world
            .send(Call::get(path).header("x-api-key", &cookie))
            .await;
        assert_eq!(answer.error(), (401, "invalid_token".into()), "{path}");
    }
    for path in ["/auth/logout", "/auth/logout-all"] {
        let answer = ada.clone().send(ada.call("POST", path)).await;
        assert_eq!(answer.error(), (401, "unauthorized".into()), "{path}");
    }
    assert!(ada.clone().is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signs_nobody_in_to_the_pages() {
    let world = World::new().await;
    let body = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}"}}"#);
    let login = world
        .send(Call::new("POST", "/auth/login").json(&body))
        .await;
    let login = login.data();
    let mut ada = world.ada().await;
    let device = world.start("cli", "notes:read").await;
    let form = ada.decision(&device.user_code, "approve").await;
    ada.post("/device", &form).await.page(200);
    let tokens = world.poll(&device).await;
    for token in [
        text(&login, "token"),
        text(&login, "refreshToken"),
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
        device.user_code,
    ] {
        let mut visitor = Visitor::new(&world);
        for path in ["/sessions", "/device"] {
            for call in [
                visitor.call("GET", path).bearer(&token),
                visitor.call("GET", path).header("x-api-key", &token),
                visitor
                    .call("GET", path)
                    .header("cookie", &format!("{SIGNED_IN}={token}")),
            ] {
                let html = visitor.send(call).await.page(200);
                assert!(html.by_id("password").is_some(), "{html:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_beside_a_form_makes_it_nobodys() {
    let world = World::new().await;
    let body = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}"}}"#);
    let login = world
        .send(Call::new("POST", "/auth/login").json(&body))
        .await;
    let token = text(&login.data(), "token");
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let form = ada.decision(&device.user_code, "approve").await;
    ada.cookies.clear();
    let call = ada
        .form("/device", &form)
        .header("origin", BASE)
        .bearer(&token);
    let answer = ada.send(call).await;
    assert!([401, 403].contains(&answer.status), "{answer:?}");
    assert_eq!(world.poll(&device).await["error"], "authorization_pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_under_another_name_or_twice_is_none() {
    let world = World::new().await;
    let ada = world.ada().await;
    let value = ada.cookies[SIGNED_IN].clone();
    for name in [
        "portcullis",
        "__Secure-portcullis",
        "__host-portcullis",
        "__Host-portcullis2",
        BEFORE,
    ] {
        let mut other = Visitor::new(&world);
        other.cookies.insert(name.into(), value.clone());
        assert!(!other.is_signed_in().await, "{name}");
    }
    // Another host of the domain may have set a cookie of the same name before or after ours.
    for cookies in [
        format!("{SIGNED_IN}={value}; {SIGNED_IN}=planted"),
        format!("{SIGNED_IN}=planted; {SIGNED_IN}={value}"),
        format!("{SIGNED_IN}={value}x"),
        format!("{SIGNED_IN}="),
        format!("a=b; {SIGNED_IN}"),
    ] {
        let call = Call::get("/sessions").header("cookie", &cookies);
        let html = world.send(call).await.page(200);
        // Whichever it takes, nobody else is signed in by it.
        assert!(!html.text.contains("planted"), "{html:?}");
        if !cookies.contains("planted") {
            assert!(html.by_id("password").is_some(), "{cookies}");
        }
    }
}
