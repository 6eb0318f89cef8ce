//! Authorization codes: what the person agrees to, and where the browser goes then.

use crate::{
    html::{Form, encoded},
    visitor::Visitor,
    world::{ADA, BASE, BOB, PASSWORD, REDIRECT, World, authorize, request, text},
};

const AUTHORIZE: &str = "/oauth/authorize";

/// A parameter of the query of an address, decoded.
fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut all = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = all.find(|(found, _)| *found == name)?;
    let mut bytes = value.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// The form of the consent page of a request.
async fn consent(visitor: &mut Visitor, path: &str, decision: &str) -> Form {
    let page = visitor.get(path).await.page(200);
    let form = page.form("decision");
    assert_eq!(form.action.as_deref().unwrap_or(AUTHORIZE), AUTHORIZE);
    form.with("decision", decision)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_agrees_and_the_client_has_a_code() {
    let world = World::new().await;
    let mut ada = Visitor::new(&world);
    let path = authorize(&[]);
    let page = ada.get(&path).await.page(200);
    let form = page.form("password");
    let form = form.with("email", ADA).with("password", "wrong");
    // What was asked for survives a wrong password.
    let again = ada.post("/login", &form).await.page(401);
    let form = again.form("password").with("password", PASSWORD);
    let answer = ada.post("/login", &form).await;
    let back = answer.location().to_owned();
    for (name, value) in request(&[]) {
        assert_eq!(parameter(&back, &name), Some(value), "{back}");
    }
    assert!(back.starts_with("/oauth/authorize?"), "{back}");
    let page = ada.get(&back).await;
    let html = page.page(200);
    for shown in [
        "The command line",
        "Read your notes",
        "notes:read",
        "a program on this computer",
    ] {
        assert!(html.text.contains(shown), "no {shown} in {}", html.text);
    }
    let form = consent(&mut ada, &back, "approve").await;
    let answer = ada.post(AUTHORIZE, &form).await;
    let to = answer.location();
    assert!(to.starts_with(&format!("{REDIRECT}?")), "{to}");
    assert_eq!(parameter(to, "state").as_deref(), Some("s t&a=te"));
    assert_eq!(parameter(to, "iss").as_deref(), Some(BASE));
    assert_eq!(parameter(to, "error"), None);
    let tokens = world.exchange(&parameter(to, "code").unwrap()).await;
    assert_eq!(tokens["scope"], "notes:read");
    assert_eq!(world.notes(&text(&tokens, "access_token")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_refuses_sends_no_code() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let form = consent(&mut ada, &authorize(&[]), "deny").await;
    let answer = ada.post(AUTHORIZE, &form).await;
    let to = answer.location();
    assert!(to.starts_with(&format!("{REDIRECT}?")), "{to}");
    assert_eq!(parameter(to, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(to, "state").as_deref(), Some("s t&a=te"));
    assert_eq!(parameter(to, "iss").as_deref(), Some(BASE));
    assert_eq!(parameter(to, "code"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_agreed_to_is_what_was_shown() {
    let world = World::new().await;
    let dynamic = world.register("A tool").await;
    let mut ada = world.ada().await;
    let form = consent(&mut ada, &authorize(&[]), "approve").await;
    for (name, value) in [
        ("scope", "notes:write"),
        ("scope", ""),
        ("state", "another"),
        ("redirect_uri", "http://127.0.0.1:51005/callback"),
        ("client_id", &dynamic),
        ("code_challenge", &"A".repeat(43)),
        ("handle", "x"),
        ("handle", ""),
    ] {
        let answer = ada.post(AUTHORIZE, &form.clone().with(name, value)).await;
        assert!(
            [400, 409].contains(&answer.status),
            "{name}={value}: {answer:?}"
        );
        assert_eq!(answer.header("location"), None, "{name}={value}");
        answer.html();
    }
    for (name, value) in [
        ("redirect_uri", "https://evil.example/"),
        ("client_id", "nobody"),
        ("org", world.org(BOB).await.as_str()),
        ("org", ""),
    ] {
        let answer = ada.post(AUTHORIZE, &form.clone().with(name, value)).await;
        answer.page(400);
        assert_eq!(answer.header("location"), None, "{name}={value}");
    }
    let answer = ada.post(AUTHORIZE, &form).await;
    assert!(parameter(answer.location(), "code").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_agrees_for_another_person_or_sign_in() {
    let world = World::new().await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let mut elsewhere = world.ada().await;
    let path = authorize(&[]);
    let shown = consent(&mut ada, &path, "approve").await;
    for visitor in [&mut bob, &mut elsewhere] {
        let own = consent(visitor, &path, "approve").await;
        let org = own.field("org").unwrap().to_owned();
        for org in [org.as_str(), shown.field("org").unwrap()] {
            let form = own.clone().with("handle", shown.field("handle").unwrap());
            let answer = visitor.post(AUTHORIZE, &form.with("org", org)).await;
            assert!([400, 409].contains(&answer.status), "{answer:?}");
            assert_eq!(answer.header("location"), None);
        }
    }
    assert_eq!(ada.post(AUTHORIZE, &shown).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_page_is_of_no_use_ten_minutes_later() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let form = consent(&mut ada, &authorize(&[]), "approve").await;
    world.clock.advance(crate::world::MINUTE * 10);
    let answer = ada.post(AUTHORIZE, &form).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.header("location"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_registered_itself_is_shown_as_such() {
    let world = World::new().await;
    let dynamic = world.register("The command line").await;
    let mut ada = world.ada().await;
    let html = ada
        .get(&authorize(&[("client_id", &dynamic)]))
        .await
        .page(200);
    assert!(html.text.contains("registered itself"), "{}", html.text);
    let device = world.start(&dynamic, "notes:read").await;
    let html = ada.type_code(&device.user_code).await.page(200);
    assert!(html.text.contains("registered itself"), "{}", html.text);
    let html = ada.get(&authorize(&[])).await.page(200);
    assert!(!html.text.contains("registered itself"), "{}", html.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parameters_are_nowhere_but_in_the_form() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let path = format!("{AUTHORIZE}?{}", encoded(&request(&[("unheard_of", "1")])));
    let form = consent(&mut ada, &path, "approve").await;
    for (name, value) in request(&[]) {
        assert_eq!(form.field(&name), Some(value.as_str()), "{form:?}");
    }
    assert_eq!(form.field("unheard_of"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_app_that_has_registered_itself_people_are_warned() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let id = world.register("An editor").await;
    let own = [("client_id", &*id)];
    for (with, is_warned) in [(&own[..], true), (&[], false)] {
        let page = ada.get(&authorize(with)).await.page(200);
        let paragraphs = page.all("p");
        let mut classes = paragraphs.filter_map(|paragraph| paragraph.get("class"));
        assert_eq!(classes.any(|class| class == "warning"), is_warned);
    }
}
