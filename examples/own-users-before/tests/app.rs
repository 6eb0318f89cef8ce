//! What people do in their browsers. These tests stay as they are when the app gets API keys.
#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::{App, PASSWORD, answer, email};

#[test]
fn somebody_signs_up_and_notes_what_the_team_alone_reads() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (ada, bob) = (app.signed_up("ada"), app.signed_up("bob"));
    let (status, note) = answer(ada.post("/notes", &json!({ "text": "buy milk" })));
    assert_eq!((status, &note["text"]), (201, &json!("buy milk")));
    assert_eq!(answer(ada.get("/notes")), (200, json!([note])));
    assert_eq!(answer(bob.get("/notes")), (200, json!([])));

    let (_, me) = answer(ada.get("/me"));
    assert_eq!(
        (&me["email"], &me["team"]),
        (&json!("ada@example.com"), &json!("ada"))
    );
    let mut eve = app.browser();
    let new = json!({ "email": email("eve"), "password": PASSWORD, "invite": me["invite"] });
    eve.keep_cookie(&eve.post("/signup", &new).send().unwrap());
    assert_eq!(answer(eve.get("/notes")), (200, json!([note])));
}

#[test]
fn people_log_in_with_their_password_and_out_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    app.signed_up("ada");
    let mut ada = app.browser();
    assert_eq!(answer(ada.get("/notes")).0, 401);
    let log_in = |email: &str, password| json!({ "email": email, "password": password });

    let wrong = answer(ada.post("/login", &log_in("ada@example.com", "hunter2hunter2")));
    let nobody = answer(ada.post("/login", &log_in("nobody@example.com", PASSWORD)));
    assert_eq!(
        (wrong.0, &wrong),
        (401, &nobody),
        "neither says what is wrong"
    );
    let right = ada
        .post("/login", &log_in("Ada@example.com", PASSWORD))
        .send()
        .unwrap();
    assert_eq!(right.status(), 204);
    let cookie = right.headers()["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
    }
    ada.keep_cookie(&right);
    assert_eq!(answer(ada.get("/notes")).0, 200);

    assert_eq!(
        answer(ada.call(Method::POST, "/logout")),
        (204, Value::Null)
    );
    assert_eq!(
        answer(ada.get("/notes")).0,
        401,
        "the old cookie is worth nothing"
    );
}

#[test]
fn bad_accounts_and_notes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let ada = app.signed_up("ada");
    let sign_up = |email: &str, password, team: Value| {
        let mut new = json!({ "email": email, "password": password });
        new.as_object_mut()
            .unwrap()
            .extend(team.as_object().unwrap().clone());
        answer(app.browser().post("/signup", &new)).0
    };
    let team = json!({ "team": "x" });
    assert_eq!(sign_up("ADA@example.com", PASSWORD, team.clone()), 409);
    assert_eq!(sign_up("bob", PASSWORD, team.clone()), 400);
    assert_eq!(sign_up("bob@example.com", "short", team), 400);
    assert_eq!(
        sign_up("bob@example.com", PASSWORD, json!({ "invite": "x" })),
        400
    );
    assert_eq!(answer(ada.post("/notes", &json!({ "text": "" }))).0, 400);
}

#[test]
fn no_other_site_acts_with_somebodys_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let ada = app.signed_up("ada");
    let own = app.url.clone();
    for (name, value, status) in [
        ("sec-fetch-site", "same-origin", 201),
        ("sec-fetch-site", "none", 201),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("origin", &own, 201),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
    ] {
        let note = ada.post("/notes", &json!({ "text": "buy milk" }));
        assert_eq!(
            answer(note.header(name, value)).0,
            status,
            "{name}: {value}"
        );
        assert_eq!(answer(ada.get("/notes").header(name, value)).0, 200);
    }
    let log_out = ada.call(Method::POST, "/logout");
    assert_eq!(
        answer(log_out.header("sec-fetch-site", "cross-site")).0,
        403
    );
    assert_eq!(answer(ada.get("/notes")).0, 200);
}
