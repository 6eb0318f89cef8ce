//! Signing up, refreshing, logging out and own sessions, over HTTP.
#![cfg(test)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Key, text};
use common::person::{Person, THEIRS, try_refresh, try_sign_up};
use common::server::{EMAIL, PASSWORD, Place};
use common::shape::assert_time;
use common::token::{unknown, wrong_secret};
use common::world::World;

const OPEN: [&str; 2] = ["--signup", "open"];

fn members(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn signing_up_is_closed_unless_it_is_opened() {
    let world = World::new();
    // Whether there is such an account or not.
    for email in ["new@example.com", EMAIL] {
        let answer = try_sign_up(&world.client, email, THEIRS, "New");
        answer.refused(403, "signup_closed");
        assert_eq!(answer.challenge(), None);
        assert_eq!(answer.rate(), None);
    }
    world
        .client
        .try_login("new@example.com", THEIRS)
        .refused(401, "invalid_credentials");
    world.client.try_login(EMAIL, PASSWORD).data(200);
}

#[test]
fn who_signs_up_is_logged_in_to_an_organisation_of_their_own() {
    let world = World::with_args(&[&OPEN[..], &["--credits", "25"]].concat());
    let client = world.server.client_from(21, 1);
    let answer = try_sign_up(&client, "Zoe@Example.com", THEIRS, "Zoë O'Neil");
    let data = answer.data(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = ["expiresAt", "orgId", "refreshToken", "token", "user"];
    assert_eq!(members(&data), expected.into());
    assert_time(&data, "expiresAt");
    assert_eq!(data["user"]["email"], json!("Zoe@Example.com"));
    assert_eq!(data["user"]["name"], json!("Zoë O'Neil"));
    assert_eq!(members(&data["user"]), ["email", "id", "name"].into());

    let (token, org) = (text(&data, "token"), text(&data, "orgId"));
    let get = |path: &str| client.send("GET", path, Some(&token)).data(200);
    let profile = get("/auth/profile");
    assert_eq!(profile["authType"], json!("session"));
    assert_eq!(profile["orgId"], json!(org));
    assert_eq!(profile["id"], data["user"]["id"]);
    let orgs = get("/orgs");
    assert_eq!(orgs["activeOrgId"], json!(org));
    let listed = orgs["organizations"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{orgs}");
    assert_eq!(listed[0]["id"], json!(org));
    assert!(
        text(&listed[0], "slug").starts_with("zo-o-neil-"),
        "{listed:?}"
    );
    assert!(!text(&listed[0], "name").is_empty());
    assert_time(&listed[0], "createdAt");
    assert_eq!(get("/billing/credits")["balance"], json!(25));

    // It is a world of its own, from both sides.
    let (theirs, ours) = (
        client.create_post(&token),
        world.client.create_post(&world.session),
    );
    client
        .send("GET", &format!("/posts/{ours}"), Some(&token))
        .refused(404, "not_found");
    world
        .send_empty("GET", &format!("/posts/{theirs}"))
        .refused(404, "not_found");
    assert_ne!(json!(org), world.get("/auth/profile")["orgId"]);

    // And they come back, however the address is written.
    let again = client.try_login("zoe@EXAMPLE.com", THEIRS).data(200);
    assert_eq!(again["orgId"], json!(org));
}

#[test]
fn what_could_be_no_account_is_400_and_says_what_is_wrong_and_counts_for_nothing() {
    let world = World::with_args(&OPEN);
    let good = || json!({"email": "ada@people.example", "password": THEIRS, "name": "Ada"});
    let (long_name, long_password) = ("n".repeat(101), "p".repeat(1_025));
    let long_email = format!("{}@example.com", "a".repeat(65));
    let rows = [
        ("email", json!("")),
        ("email", json!("ada")),
        ("email", json!("ada@")),
        ("email", json!("@example.com")),
        ("email", json!("ada@b@example.com")),
        ("email", json!(" ada@example.com")),
        ("email", json!("ada@example.com\n")),
        ("email", json!("ada\u{0}@example.com")),
        ("email", json!("аda@example.com")), // The first letter is Cyrillic.
        ("email", json!("ada@exämple.com")),
        ("email", json!("ada@ex\u{ff41}mple.com")),
        ("email", json!(long_email)),
        ("email", json!(5)),
        ("email", json!(null)),
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("Ada\u{0}")),
        ("name", json!("Ada\nLovelace")),
        ("name", json!(long_name)),
        ("name", json!(["Ada"])),
        ("password", json!("")),
        ("password", json!("7-bytes")),
        ("password", json!(long_password)),
        ("password", json!(12_345_678)),
        ("remember", json!(true)),
    ];
    for (member, wrong) in rows {
        let mut body = good();
        body[member] = wrong.clone();
        let answer = world
            .client
            .send_json("POST", "/auth/signup", None, &body)
            .refused(400, "invalid_request");
        assert!(answer.contains(member), "{member} {wrong}: {answer}");
        if member == "password" && wrong != json!("") {
            let typed = wrong.as_str().unwrap_or("12345678");
            assert!(!answer.contains(typed), "it is repeated: {answer}");
        }
    }
    for member in ["email", "name", "password"] {
        let mut body = good();
        body.as_object_mut().unwrap().remove(member);
        let answer = world
            .client
            .send_json("POST", "/auth/signup", None, &body)
            .refused(400, "invalid_request");
        assert!(answer.contains(member), "{member}: {answer}");
    }
    // Far over five an hour, and none of them was one.
    let data = world
        .client
        .send_json("POST", "/auth/signup", None, &good())
        .data(201);
    assert_eq!(data["user"]["name"], json!("Ada"));
}

#[test]
fn an_address_that_is_taken_is_409_and_stays_whose_it_was() {
    let world = World::with_args(&OPEN);
    for taken in [EMAIL, "ADMIN@EXAMPLE.COM"] {
        let message = try_sign_up(&world.client, taken, THEIRS, "Thief").refused(409, "conflict");
        assert!(!message.contains("admin"), "{message}");
        world
            .client
            .try_login(taken, THEIRS)
            .refused(401, "invalid_credentials");
    }
    let data = world.client.try_login(EMAIL, PASSWORD).data(200);
    assert_eq!(data["user"]["email"], json!(EMAIL));
    assert_ne!(data["user"]["name"], json!("Thief"));
}

#[test]
fn an_address_signs_up_five_times_in_an_hour() {
    let world = World::with_args(&OPEN);
    let (here, there) = (
        world.server.client_from(21, 1),
        world.server.client_from(21, 2),
    );
    for number in 1..=4 {
        let email = format!("n{number}@example.com");
        try_sign_up(&here, &email, THEIRS, "N").data(201);
    }
    // One that comes to nothing is one as well.
    try_sign_up(&here, "n1@example.com", THEIRS, "N").refused(409, "conflict");
    for email in ["n5@example.com", "n1@example.com"] {
        let answer = try_sign_up(&here, email, THEIRS, "N");
        answer.refused(429, "rate_limited");
        let wait = answer.retry_after().expect("no Retry-After");
        assert!((60..=3_601).contains(&wait), "Retry-After: {wait}");
        assert_eq!(answer.rate(), None);
        assert_eq!(answer.challenge(), None);
    }
    try_sign_up(&there, "n5@example.com", THEIRS, "N").data(201);
    // Who has signed up logs in as ever.
    here.try_login("n1@example.com", THEIRS).data(200);
}

#[test]
fn a_refresh_gives_the_next_pair_as_a_login_does() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let answer = try_refresh(&ada.client, &ada.refresh);
    let data = answer.data(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = ["expiresAt", "orgId", "refreshToken", "token", "user"];
    assert_eq!(members(&data), expected.into());
    assert_eq!(data["user"]["email"], json!("ada@people.example"));
    assert_eq!(data["orgId"], json!(ada.org));
    let (token, refresh) = (text(&data, "token"), text(&data, "refreshToken"));
    assert!(token != ada.token && refresh != ada.refresh);
    ada.client
        .send("GET", "/auth/profile", Some(&token))
        .data(200);
    for wrong in [unknown(&refresh), wrong_secret(&refresh), "x".to_owned()] {
        try_refresh(&ada.client, &wrong).refused(401, "invalid_token");
    }
    // None of these was a use of the right one.
    try_refresh(&ada.client, &refresh).data(200);
    for body in [
        json!({}),
        json!({"refreshToken": null}),
        json!({"refreshToken": refresh, "more": 1}),
    ] {
        ada.client
            .send_json("POST", "/auth/refresh", None, &body)
            .refused(400, "invalid_request");
    }
}

#[test]
fn a_logout_ends_one_session_and_what_refreshes_it() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let phone = ada.again(world.server.client_from(20, 2));
    let key = ada.client.create_key(&ada.token, &["posts:read"]);
    let with_key = |path: &str| ada.client.send("POST", path, Some(&key.key));
    with_key("/auth/logout").refused(403, "session_required");
    with_key("/auth/logout-all").refused(403, "session_required");
    assert_eq!(phone.send("POST", "/auth/logout").data(200), json!({}));
    assert!(!phone.is_in());
    try_refresh(&phone.client, &phone.refresh).refused(401, "invalid_token");
    assert!(ada.is_in());
    try_refresh(&ada.client, &ada.refresh).data(200);
    ada.client.send("GET", "/posts", Some(&key.key)).data(200);
}

#[test]
fn logging_out_everywhere_ends_all_sessions_of_the_person_and_no_key() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    let key = ada.client.create_key(&ada.token, &["posts:read"]);
    // One of the sessions speaks for another organisation.
    bob.add(&ada.email, "member").data(201);
    let phone = ada.again(world.server.client_from(20, 3));
    phone.switch(&bob.org).data(200);
    let laptop = ada.again(world.server.client_from(20, 4));

    assert_eq!(laptop.send("POST", "/auth/logout-all").data(200), json!({}));
    let still_in = |client: &common::client::Client, token: &str| {
        client.send("GET", "/auth/profile", Some(token)).status == 200
    };
    for session in [&ada, &phone, &laptop] {
        assert!(!session.is_in());
        try_refresh(&session.client, &session.refresh).refused(401, "invalid_token");
    }
    assert!(bob.is_in());
    ada.client.send("GET", "/posts", Some(&key.key)).data(200);
    let back = ada.again(world.server.client_from(20, 5));
    assert!(back.is_in());

    let World { place, server, .. } = world;
    drop(server);
    let server = place.start();
    let client = server.client();
    for session in [&ada, &phone, &laptop] {
        assert!(!still_in(&client, &session.token));
    }
    assert!(still_in(&client, &back.token) && still_in(&client, &bob.token));
    client.send("GET", "/posts", Some(&key.key)).data(200);
}

#[test]
fn a_profile_is_of_the_session_or_of_the_key() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let expected = ["authType", "email", "id", "name", "orgId", "scopes"];
    let profile = ada.get("/auth/profile");
    assert_eq!(members(&profile), expected.into());
    assert_eq!(profile["id"], json!(ada.id));
    assert_eq!(profile["orgId"], json!(ada.org));
    assert_eq!(
        (&profile["name"], &profile["email"], &profile["authType"]),
        (
            &json!("ada"),
            &json!("ada@people.example"),
            &json!("session")
        )
    );
    assert!(ada.scopes().contains(&"audit:read".to_owned()), "{profile}");

    let body = json!({"name": "of the shop", "scopes": ["posts:write", "brands:read"]});
    let made = ada.send_json("POST", "/api-keys", &body).data(201);
    let key = text(&made, "key");
    let profile = ada
        .client
        .send("GET", "/auth/profile", Some(&key))
        .data(200);
    assert_eq!(members(&profile), expected.into());
    assert_eq!(profile["id"], made["id"]);
    assert_eq!(profile["orgId"], json!(ada.org));
    assert_eq!(
        (&profile["name"], &profile["email"], &profile["authType"]),
        (
            &json!("of the shop"),
            &json!("ada@people.example"),
            &json!("api_key")
        )
    );
    // What it has implies `posts:read`.
    let scopes: BTreeSet<&str> = profile["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope.as_str().unwrap())
        .collect();
    assert!(
        scopes.contains("posts:write") && scopes.contains("brands:read"),
        "{scopes:?}"
    );
    assert!(!scopes.contains("brands:write"), "{scopes:?}");
    ada.client
        .send("GET", "/auth/profile", None)
        .refused(401, "unauthorized");
}

#[test]
fn own_sessions_are_listed_and_ended_and_those_of_others_do_not_exist() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    // Even of a member of one's own organisation, for which the session speaks.
    ada.add(&bob.email, "member").data(201);
    bob.switch(&ada.org).data(200);
    let phone = ada.again(world.server.client_from(20, 3));

    let list = ada.get("/auth/sessions");
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    let expected = [
        "createdAt",
        "current",
        "expiresAt",
        "id",
        "lastUsedAt",
        "orgId",
    ];
    for session in list {
        assert_eq!(members(session), expected.into());
        assert_time(session, "createdAt");
        assert_eq!(session["orgId"], json!(ada.org));
    }
    let current = |of: &Person| {
        let list = of.get("/auth/sessions");
        let mut own = list.as_array().unwrap().iter();
        let own = own.find(|session| session["current"] == json!(true));
        text(own.expect("no current session"), "id")
    };
    let (of_ada, of_phone, of_bob) = (current(&ada), current(&phone), current(&bob));
    assert_ne!(of_ada, of_phone);
    assert_eq!(bob.get("/auth/sessions").as_array().unwrap().len(), 1);

    let end = |of: &Person, id: &str| of.send("DELETE", &format!("/auth/sessions/{id}"));
    let key = ada.client.create_key(&ada.token, &["posts:read"]);
    let foreign = [
        of_bob.as_str(),
        &key.id,
        "ses_0000000000000000",
        "x",
        "%00",
        "a%2Fb",
    ];
    for id in foreign {
        end(&ada, id).refused(404, "not_found");
    }
    end(&bob, &of_ada).refused(404, "not_found");
    assert!(bob.is_in() && ada.is_in());
    let with_key = |method: &str, path: &str| ada.client.send(method, path, Some(&key.key));
    with_key("GET", "/auth/sessions").refused(403, "session_required");
    with_key("DELETE", &format!("/auth/sessions/{of_ada}")).refused(403, "session_required");

    assert_eq!(end(&ada, &of_phone).data(200), json!({}));
    assert!(!phone.is_in());
    try_refresh(&phone.client, &phone.refresh).refused(401, "invalid_token");
    end(&ada, &of_phone).refused(404, "not_found");
    // The one that asks ends itself.
    end(&ada, &of_ada).data(200);
    assert!(!ada.is_in());
    try_refresh(&ada.client, &ada.refresh).refused(401, "invalid_token");
}

#[test]
fn whoever_holds_a_key_may_report_it_and_it_falls_with_what_it_made() {
    let world = World::new();
    let report = |key: &str| {
        let body = json!({"key": key});
        let client = world.server.client_from(22, 1);
        client.send_json("POST", "/api-keys/report-leak", None, &body)
    };
    let works = |key: &Key| {
        let answer = world.client.send("GET", "/posts", Some(&key.key));
        if answer.status != 200 {
            answer.refused(401, "invalid_token");
        }
        answer.status == 200
    };
    let leaked = world.key(&["api-keys:write", "posts:read"]);
    let child = world.client.create_key(&leaked.key, &["posts:read"]);
    let other = world.key(&["posts:read"]);
    let disabled = world.key(&["posts:read"]);
    let path = format!("/api-keys/{}", disabled.id);
    world
        .send("PATCH", &path, &json!({"enabled": false}))
        .data(200);

    // Nothing without the secret, and the answers can't be told apart.
    let wrong = [
        report(&wrong_secret(&leaked.key)),
        report(&unknown(&leaked.key)),
        report(&leaked.id),
        report("x"),
        report(""),
    ];
    for answer in &wrong {
        assert_eq!(answer.data(200), json!({"revoked": true}));
        assert_eq!(answer.rate(), None);
    }
    assert!(works(&leaked) && works(&child) && works(&other));

    for (key, what) in [
        (&leaked.key, "the first report"),
        (&leaked.key, "the second"),
        (&disabled.key, "of one that is disabled"),
    ] {
        let answer = report(key);
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.body, wrong[0].body, "{what}");
        let named = |answer: &common::client::Answer| -> BTreeSet<String> {
            answer.headers.keys().map(ToString::to_string).collect()
        };
        assert_eq!(named(&answer), named(&wrong[0]), "{what}");
    }
    assert!(!works(&leaked) && !works(&child));
    assert!(works(&other));
    // It can't be enabled any more either.
    world
        .send("PATCH", &path, &json!({"enabled": true}))
        .refused(404, "not_found");
    let log = world.get("/audit?action=leak.reported");
    let targets: BTreeSet<String> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(row, "target"))
        .collect();
    assert!(
        targets.contains(&leaked.id) && targets.contains(&disabled.id),
        "{log}"
    );

    for body in [json!({}), json!({"key": 5}), json!({"key": "x", "id": "y"})] {
        world
            .client
            .send_json("POST", "/api-keys/report-leak", None, &body)
            .refused(400, "invalid_request");
    }
}

#[test]
fn reports_of_what_is_no_key_are_limited_by_address() {
    let world = World::new();
    let key = world.key(&["posts:read"]).key;
    let stranger = unknown(&key);
    let here = world.server.client_from(22, 1);
    let report = |client: &common::client::Client, key: &str| {
        let body = json!({"key": key});
        client.send_json("POST", "/api-keys/report-leak", None, &body)
    };
    for _ in 0..20 {
        report(&here, &stranger).data(200);
    }
    for key in [&stranger, &key] {
        let answer = report(&here, key);
        answer.refused(429, "rate_limited");
        assert!(
            answer.retry_after().is_some_and(|wait| wait >= 1),
            "{answer:?}"
        );
    }
    // The right one was not looked at; from elsewhere it is.
    world.client.send("GET", "/posts", Some(&key)).data(200);
    report(&world.server.client_from(22, 2), &key).data(200);
    world
        .client
        .send("GET", "/posts", Some(&key))
        .refused(401, "invalid_token");
}

#[test]
fn a_leaked_session_or_refresh_token_ends_its_login_and_no_other() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let sessions = [2, 3].map(|number| ada.again(world.server.client_from(20, number)));
    for (session, leaked) in [
        (&sessions[0], &sessions[0].token),
        (&sessions[1], &sessions[1].refresh),
    ] {
        assert!(session.is_in());
        let body = json!({"key": leaked});
        let answer = world
            .client
            .send_json("POST", "/api-keys/report-leak", None, &body);
        assert_eq!(answer.data(200), json!({"revoked": true}));
        assert!(!session.is_in());
        try_refresh(&session.client, &session.refresh).refused(401, "invalid_token");
    }
    assert!(ada.is_in());
    try_refresh(&ada.client, &ada.refresh).data(200);
}

#[test]
fn who_has_signed_up_is_known_after_a_restart() {
    let place = Place::new().with_args(&OPEN);
    let server = place.start();
    let ada = Person::sign_up(&server, "ada", 1);
    server.terminate();
    let server = place.start();
    let client = server.client_from(20, 1);
    let profile = client.send("GET", "/auth/profile", Some(&ada.token));
    assert_eq!(profile.data(200)["orgId"], json!(ada.org));
    let login = client.try_login(&ada.email, THEIRS).data(200);
    assert_eq!(login["orgId"], json!(ada.org));
    try_refresh(&client, &ada.refresh).data(200);
    try_sign_up(&client, "ADA@people.example", THEIRS, "Ada").refused(409, "conflict");
}
