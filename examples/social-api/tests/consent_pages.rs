//! A person in Chromium lets an app in that asks for a code and listens on this machine.
#![cfg(test)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::browser::Page;
use common::client::text;
use common::pages::{Visit, post_form};

/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What the app shows in the end.
const DONE: &str = "<!doctype html><title>The app</title><h1>You can close this window</h1>";

/// An app with a server of its own, and a browser.
struct App {
    visit: Visit,
    page: Page,
    id: String,
}

impl App {
    fn new() -> Self {
        Self {
            visit: Visit::with_args(&["--client-registration", "open"]),
            page: Page::serve(DONE),
            id: "social-cli".to_owned(),
        }
    }

    fn redirect(&self) -> String {
        format!("{}/callback", self.page.origin())
    }

    /// Sends the browser to ask.
    fn ask(&self, scope: &str) {
        let redirect = self.redirect().replace(':', "%3A").replace('/', "%2F");
        let (id, scope) = (&self.id, scope.replace(' ', "+"));
        self.visit.open(&format!(
            "/oauth/authorize?response_type=code&client_id={id}&redirect_uri={redirect}\
             &scope={scope}&state=a%26b+c%22&code_challenge={CHALLENGE}&code_challenge_method=S256"
        ));
    }

    /// The parameters that the browser came back with.
    fn answered(&self) -> BTreeMap<String, String> {
        self.visit.wait_for_heading("You can close this window");
        let address = self.visit.at();
        assert!(
            address.starts_with(&format!("{}?", self.redirect())),
            "{address}"
        );
        let all = "Object.fromEntries(new URL(location).searchParams)";
        let all = self.visit.browser.evaluate(all, Vec::new());
        serde_json::from_value(all).unwrap()
    }

    fn exchange(&self, code: &str) -> Value {
        let redirect = self.redirect().replace(':', "%3A").replace('/', "%2F");
        let id = &self.id;
        let form = format!(
            "grant_type=authorization_code&client_id={id}&code={code}&redirect_uri={redirect}\
             &code_verifier={VERIFIER}"
        );
        post_form(&self.visit.world.client, "/oauth/token", form).json()
    }
}

#[test]
fn a_person_who_signs_in_and_agrees_gives_the_app_its_tokens() {
    let app = App::new();
    app.ask("posts:read");
    app.visit.wait_for("#password");
    app.visit.sign_in_with(common::server::EMAIL, "wrong");
    app.visit.wait_for("#error");
    assert_eq!(app.visit.status(), 401);
    app.visit.sign_in();
    app.visit.wait_for("button[value=approve]");
    assert!(app.visit.at().starts_with("/oauth/authorize?"));
    let said = app.visit.text("main");
    for shown in ["posts:read", "a program on this computer"] {
        assert!(said.contains(shown), "no {shown} in {said}");
    }
    assert!(!said.contains("posts:write"), "{said}");
    app.visit.press("button[value=approve]");
    let answered = app.answered();
    let names: Vec<_> = answered.keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "iss", "state"]);
    assert_eq!(answered["state"], "a&b c\"");
    assert_eq!(answered["iss"], app.visit.origin());
    let tokens = app.exchange(&answered["code"]);
    assert_eq!(tokens["scope"], "posts:read");
    let token = text(&tokens, "access_token");
    assert_eq!(app.visit.posts(&token), 200);
    // The code comes again: whoever has it, the login is over.
    assert_eq!(app.exchange(&answered["code"])["error"], "invalid_grant");
    assert_eq!(app.visit.posts(&token), 401);
}

#[test]
fn a_person_who_refuses_sends_that_back() {
    let app = App::new();
    app.visit.signed_in_at_device();
    app.ask("posts:read");
    app.visit.press("button[value=deny]");
    let answered = app.answered();
    let names: Vec<_> = answered.keys().map(String::as_str).collect();
    assert_eq!(names, ["error", "iss", "state"]);
    assert_eq!(answered["error"], "access_denied");
    assert_eq!(answered["state"], "a&b c\"");
    assert_eq!(answered["iss"], app.visit.origin());
}

#[test]
fn an_app_that_has_registered_itself_is_marked_and_may_be_let_in() {
    let mut app = App::new();
    let metadata = json!({
        "client_name": "<i>Your</i> \"bank\"",
        "redirect_uris": ["http://127.0.0.1/callback"],
    });
    let client = &app.visit.world.client;
    let made = client.send_json("POST", "/oauth/register", None, &metadata);
    app.id = text(&made.json(), "client_id");
    app.visit.signed_in_at_device();
    app.ask("posts:read");
    app.visit.wait_for("button[value=approve]");
    let said = app.visit.text("main");
    assert!(said.contains("registered itself"), "{said}");
    assert!(said.contains("<i>Your</i> \"bank\""), "{said}");
    assert_eq!(app.visit.count("main i"), 0);
    app.visit.press("button[value=approve]");
    let tokens = app.exchange(&app.answered()["code"]);
    assert_eq!(app.visit.posts(&text(&tokens, "access_token")), 200);
}

#[test]
fn an_app_that_nobody_knows_is_told_on_a_page_of_the_server() {
    let mut app = App::new();
    app.id = "nobody".to_owned();
    app.ask("posts:read");
    assert_eq!(app.visit.status(), 400);
    assert!(app.visit.at().starts_with("/oauth/authorize?"));
    assert_eq!(app.visit.count("button[name=decision]"), 0);
}
