//! What others have written stays text, wherever a page shows it.

use serde_json::json;

use crate::{
    client::Call,
    html::{Html, encoded},
    visitor::Visitor,
    world::{ADA, World, authorize},
};

/// Ends attributes, tags, titles, comments and references of HTML, if it is not written as text.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</title></main></form><b>",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "--><!--<![CDATA[]]>{{7*7}}${7*7}",
];

/// The page is the same but for a text, which is there as it was written.
#[track_caller]
fn is_text(hostile: &Html, plain: &Html, text: &str) {
    assert_eq!(hostile.shape(), plain.shape(), "{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let values = hostile.tags.iter().flat_map(|tag| &tag.attributes);
    let mut values = values.map(|(_, value)| value.trim());
    let is_there = hostile.text.contains(&text) || values.any(|value| value == text);
    assert!(is_there, "no {text} in {hostile:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_calls_itself_is_text() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let mut shown = Vec::new();
    for agent in ["plain"].iter().chain(&HOSTILE) {
        let call = Call::new("POST", "/oauth/device_authorization")
            .header("user-agent", agent)
            .header("content-type", "application/x-www-form-urlencoded");
        let started = world
            .send(call.body("client_id=cli&scope=notes%3Aread"))
            .await;
        let code = crate::world::text(&started.json(), "user_code");
        shown.push((*agent, ada.type_code(&code).await.page(200)));
    }
    for (agent, html) in &shown {
        is_text(html, &shown[0].1, agent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_calls_itself_is_text() {
    let world = World::new().await;
    let mut shown = Vec::new();
    for agent in ["plain"].iter().chain(&HOSTILE) {
        let mut visitor = Visitor::new(&world);
        (*agent).clone_into(&mut visitor.agent);
        let form = visitor.get("/login").await.html().form("password");
        let form = form
            .with("email", ADA)
            .with("password", crate::world::PASSWORD);
        visitor.post("/login", &form).await;
        let html = visitor.get("/sessions").await.page(200);
        // Only this sign-in is left, for the next page to be of the same shape.
        let out = html.form_to("/logout");
        shown.push((*agent, html));
        assert_eq!(visitor.post("/logout", &out).await.status, 303);
    }
    for (agent, html) in &shown {
        is_text(html, &shown[0].1, agent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_calls_itself_is_text() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let mut shown = Vec::new();
    for name in ["plain"].iter().chain(&HOSTILE) {
        let id = world.register(name).await;
        let device = world.start(&id, "notes:read").await;
        let approval = ada.type_code(&device.user_code).await.page(200);
        let form = approval.form("decision").with("decision", "approve");
        let done = ada.post("/device", &form).await.page(200);
        world.poll(&device).await;
        let sessions = ada.get("/sessions").await.page(200);
        // One session at a time, for the next page to be of the same shape.
        let session = sessions.buttons("session").remove(0);
        let form = sessions.form_of_button("session", &session);
        ada.post("/sessions", &form.with("session", &session)).await;
        let consent = ada.get(&authorize(&[("client_id", &id)])).await.page(200);
        let nobody = Visitor::new(&world)
            .get(&authorize(&[("client_id", &id)]))
            .await;
        shown.push((
            *name,
            [approval, consent, sessions],
            [done, nobody.page(200)],
        ));
    }
    for (name, named, others) in &shown {
        for (html, plain) in named.iter().zip(&shown[0].1) {
            is_text(html, plain, name);
        }
        for (html, plain) in others.iter().zip(&shown[0].2) {
            assert_eq!(html.shape(), plain.shape(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_text_in_every_form_that_keeps_it() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let mut shown = Vec::new();
    for state in ["plain"].iter().chain(&HOSTILE) {
        let path = authorize(&[("state", state)]);
        let consent = ada.get(&path).await.page(200);
        let mut nobody = Visitor::new(&world);
        let sign_in = nobody.get(&path).await.page(200);
        assert_eq!(consent.form("decision").field("state"), Some(*state));
        assert_eq!(sign_in.form("password").field("state"), Some(*state));
        shown.push((*state, [consent, sign_in]));
    }
    for (state, pages) in &shown {
        for (html, plain) in pages.iter().zip(&shown[0].1) {
            is_text(html, plain, state);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_and_shown_again_is_text() {
    let world = World::new().await;
    let mut shown = Vec::new();
    for typed in ["plain"].iter().chain(&HOSTILE) {
        world.clock.advance(crate::world::MINUTE * 16);
        let mut visitor = Visitor::new(&world);
        let form = visitor.get("/login").await.html().form("password");
        let form = form.with("email", typed).with("password", typed);
        let wrong = visitor.post("/login", &form).await.page(401);
        assert_eq!(wrong.by_id("email").unwrap().get("value"), Some(*typed));
        let code = world.ada().await.type_code(typed).await.page(404);
        shown.push((*typed, wrong, code));
    }
    for (typed, wrong, code) in &shown {
        is_text(wrong, &shown[0].1, typed);
        is_text(code, &shown[0].2, typed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_request_can_have_is_text_or_nowhere() {
    let world = World::new().await;
    let mut nobody = Visitor::new(&world);
    let mut shapes = Vec::new();
    for text in ["plain"].iter().chain(&HOSTILE) {
        let next = format!("/login?{}", encoded(&[("next".into(), (*text).into())]));
        let pages = [
            nobody.get(&next).await.page(200),
            nobody
                .get(&authorize(&[("client_id", text)]))
                .await
                .page(400),
            nobody
                .get(&authorize(&[("redirect_uri", text)]))
                .await
                .page(400),
        ];
        shapes.push(pages.map(|html| html.shape()));
        let scope = nobody.get(&authorize(&[("scope", text)])).await;
        let to = scope.location();
        assert!(!to.contains(['<', '>', '"', '\'', ' ', '\r', '\n']), "{to}");
    }
    for of in &shapes {
        assert_eq!(*of, shapes[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_names_no_address_that_is_script() {
    let world = World::new().await;
    for uri in [
        "javascript:alert(1)",
        "data:text/html,<b>",
        "https://app.example/\"><b>",
        "https://app.example/;script-src *",
        "https://app.example;script-src%20*/",
        "https://app.example/\u{202e}",
    ] {
        let metadata = json!({"client_name": "x", "redirect_uris": [uri]});
        let call = Call::new("POST", "/oauth/register").json(&metadata.to_string());
        let answer = world.send(call).await;
        if answer.status == 201 {
            // It may be an address then, but it is none of a policy.
            let id = crate::world::text(&answer.json(), "client_id");
            let path = authorize(&[("client_id", &id), ("redirect_uri", uri)]);
            let page = world.ada().await.get(&path).await;
            let policy = page.header("content-security-policy").unwrap();
            // It would be asked about the redirects of the app too.
            assert!(!policy.contains("form-action"), "{policy}");
            assert!(!policy.contains("script"), "{policy}");
            page.page(200);
        }
    }
}
