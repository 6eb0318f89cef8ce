//! What must not show: secrets in logs and files, and which part of a credential was wrong.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, text};
use common::server::{EMAIL, PASSWORD, Place, files_below};
use common::token::{Parts, base64_bytes, unknown, wrong_environment, wrong_secret};
use common::world::World;

const WRONG_PASSWORD: &str = "a-wrong-password-that-was-typed";

/// The pepper of a server that made its own, as its text and as its bytes.
fn pepper(place: &Place) -> (String, Vec<u8>) {
    let file = fs::read_to_string(place.path("portcullis-peppers")).unwrap();
    let (version, pepper) = file.trim().split_once(':').expect("not `VERSION:BASE64`");
    assert_eq!(version, "1");
    let bytes = base64_bytes(pepper);
    assert_eq!(bytes.len(), 32);
    (pepper.to_owned(), bytes)
}

#[test]
fn no_secret_is_in_the_logs_or_in_the_data_folder() {
    let world = World::at(Place::new().with_env("RUST_LOG", "trace"));
    let login = world.client.try_login(EMAIL, PASSWORD).data(200);
    world
        .client
        .try_login(EMAIL, WRONG_PASSWORD)
        .refused(401, "invalid_credentials");
    let key = world.key(&["posts:read", "posts:write"]).key;
    let (forged, in_query) = (wrong_secret(&key), unknown(&key));
    let tokens = [
        text(&login, "token"),
        text(&login, "refreshToken"),
        world.session.clone(),
        key.clone(),
    ];
    for token in tokens.iter().chain([&forged]) {
        let _any = world.client.send("GET", "/posts", Some(token));
        let request = world
            .client
            .request("GET", "/posts")
            .header("x-api-key", token);
        let _any = Answer::to(request);
        let _any = world
            .client
            .send("GET", &format!("/posts?token={token}"), Some(&key));
        let _any = world.client.send("GET", &format!("/nowhere?{token}"), None);
        let _any = world.send(
            "POST",
            "/api-keys",
            &json!({"name": "n", "scopes": [], "x": token}),
        );
        let body = token.clone().into_bytes();
        let _any = world.send_bytes("POST", "/posts", "application/json", body);
    }
    let _any = world
        .client
        .send("GET", &format!("/posts?access_token={in_query}"), None);
    let typed = json!({"email": EMAIL, "password": [PASSWORD]});
    world
        .client
        .send_json("POST", "/auth/login", None, &typed)
        .refused(400, "invalid_request");

    let (pepper_text, pepper_bytes) = pepper(&world.place);
    let mut secrets: Vec<Vec<u8>> = vec![pepper_bytes, pepper_text.into_bytes()];
    secrets.extend([PASSWORD, WRONG_PASSWORD].map(|password| password.as_bytes().to_vec()));
    for token in tokens.iter().chain([&forged, &in_query]) {
        secrets.push(Parts::of(token).secret.into_bytes());
    }
    let folder = world.place.path("portcullis-data");
    let mut places = files_below(&folder);
    assert!(!places.is_empty(), "no file in the data folder");
    let ended = world.server.terminate();
    places.extend(files_below(&folder));
    places.push(("standard output".into(), ended.stdout.into_bytes()));
    places.push(("standard error".into(), ended.stderr.into_bytes()));
    for (place, bytes) in places {
        for (number, secret) in secrets.iter().enumerate() {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "secret {number} is in {}", place.display());
        }
    }
}

#[test]
fn peppers_are_made_outside_the_data_folder_for_the_owner_alone() {
    let place = Place::new();
    let server = place.start();
    let mode = fs::metadata(place.path("portcullis-peppers"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    assert!(place.path("portcullis-data/portcullis.db").is_file());
    let first = pepper(&place);
    drop(server);
    let _restarted = place.start();
    assert_eq!(pepper(&place), first, "a restart made another pepper");
    let (second, elsewhere) = (Place::new(), Place::new());
    let _servers = [second.start(), elsewhere.start()];
    assert_ne!(pepper(&second), pepper(&elsewhere));
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let world = World::new();
    let wrong = world.client.try_login(EMAIL, WRONG_PASSWORD);
    let nobody = world.client.try_login("nobody@example.com", PASSWORD);
    let empty = world.client.try_login(EMAIL, "");
    for answer in [&wrong, &nobody, &empty] {
        answer.refused(401, "invalid_credentials");
        assert!(answer.challenge().is_some(), "a 401 without a challenge");
        assert_eq!(answer.rate(), None);
        assert_eq!(answer.body, wrong.body);
        assert_eq!(answer.challenge(), wrong.challenge());
    }
}

#[test]
fn every_failure_of_a_credential_has_the_same_body() {
    let world = World::new();
    let key = world.key(&["posts:read"]).key;
    let (revoked, disabled) = (world.key(&["posts:read"]), world.key(&["posts:read"]));
    world
        .send_empty("DELETE", &format!("/api-keys/{}", revoked.id))
        .data(200);
    let path = format!("/api-keys/{}", disabled.id);
    world
        .send("PATCH", &path, &json!({"enabled": false}))
        .data(200);
    let login = world.client.try_login(EMAIL, PASSWORD).data(200);
    let (ended, refresh) = (text(&login, "token"), text(&login, "refreshToken"));
    world
        .client
        .send("POST", "/auth/logout", Some(&ended))
        .data(200);
    let mut bad_checksum = key.clone();
    let last = bad_checksum.pop().unwrap();
    bad_checksum.push(if last == '0' { '1' } else { '0' });
    let other_kind = Parts {
        version: 'S',
        ..Parts::of(&key)
    }
    .text();

    let rows = [
        ("unknown", unknown(&key)),
        ("wrong secret", wrong_secret(&key)),
        ("wrong environment", wrong_environment(&key)),
        ("kinds that disagree", other_kind),
        ("bad checksum", bad_checksum),
        ("revoked", revoked.key),
        ("disabled", disabled.key),
        ("logged out", ended),
        ("a refresh token", refresh),
        ("wrong format", "hello".to_owned()),
        ("unknown session", unknown(&world.session)),
    ];
    let mut first: Option<Answer> = None;
    for (what, token) in &rows {
        let answer = world.client.send("GET", "/posts", Some(token));
        assert_eq!(answer.problem(401, "invalid_token"), None, "{what}");
        let first = first.get_or_insert_with(|| answer.clone());
        assert_eq!(answer.body, first.body, "{what}");
        assert_eq!(answer.challenge(), first.challenge(), "{what}");
        assert_eq!(
            answer.headers.len(),
            first.headers.len(),
            "{what}: other headers"
        );
    }
    world.client.send("GET", "/posts", Some(&key)).data(200);
}

#[test]
fn the_eleventh_login_of_an_address_within_a_minute_is_429() {
    let place = Place::new();
    let server = place.start();
    let client = server.client();
    for number in 1..=10 {
        let answer = client.try_login(&format!("nobody{number}@example.com"), WRONG_PASSWORD);
        answer.refused(401, "invalid_credentials");
    }
    let answer = client.try_login("nobody11@example.com", WRONG_PASSWORD);
    answer.refused(429, "rate_limited");
    let wait = answer.retry_after().expect("a 429 without Retry-After");
    assert!((1..=61).contains(&wait), "Retry-After: {wait}");
    // Whom nobody believes can't make it look like another address; another address is free.
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let request = client.request("POST", "/auth/login").json(&body);
    let answer = Answer::to(request.header("x-forwarded-for", "203.0.113.9"));
    answer.refused(429, "rate_limited");
    server
        .client_from(7, 1)
        .try_login(EMAIL, PASSWORD)
        .data(200);
}

#[test]
fn the_sixth_login_of_an_account_from_addresses_without_an_earlier_success_is_429() {
    let place = Place::new();
    let server = place.start();
    let stranger = server.client_from(7, 2);
    for _ in 0..5 {
        stranger
            .try_login(EMAIL, WRONG_PASSWORD)
            .refused(401, "invalid_credentials");
    }
    for answer in [
        stranger.try_login(EMAIL, WRONG_PASSWORD),
        server.client_from(7, 3).try_login(EMAIL, WRONG_PASSWORD),
    ] {
        answer.refused(429, "rate_limited");
        assert!(
            answer.retry_after().is_some_and(|wait| wait >= 1),
            "{answer:?}"
        );
    }
    stranger
        .try_login("nobody@example.com", WRONG_PASSWORD)
        .refused(401, "invalid_credentials");
}

#[test]
fn a_stranger_locks_no_user_out_who_has_logged_in_before() {
    let world = World::new();
    let stranger = world.server.client_from(7, 6);
    let statuses = [0; 6].map(|_| stranger.try_login(EMAIL, WRONG_PASSWORD).status);
    assert_eq!(statuses[5], 429, "{statuses:?}");
    world.client.try_login(EMAIL, PASSWORD).data(200);
}

#[test]
fn a_trusted_proxy_is_believed_about_the_address() {
    let place = Place::new().with_args(&["--trusted-hops", "1"]);
    let server = place.start();
    let client = server.client();
    let login = |number: u8, forwarded: &str| {
        let body = json!({"email": format!("nobody{number}@example.com"), "password": "wrong"});
        let request = client.request("POST", "/auth/login").json(&body);
        Answer::to(request.header("x-forwarded-for", forwarded))
    };
    for number in 1..=10 {
        // What stands to the left of the trusted hop is the caller's own claim.
        let claim = format!("198.51.100.{number}, 203.0.113.7");
        login(number, &claim).refused(401, "invalid_credentials");
    }
    login(11, "198.51.100.99, 203.0.113.7").refused(429, "rate_limited");
    login(12, "203.0.113.8").refused(401, "invalid_credentials");
}

#[test]
fn failures_are_limited_per_address_but_never_a_known_key_behind_it() {
    let world = World::new();
    let key = world.key(&["posts:read"]).key;
    let client = world.server.client_from(7, 4);
    client.send("GET", "/posts", Some(&key)).data(200);
    let stranger = unknown(&key);
    for _ in 0..20 {
        client
            .send("GET", "/posts", Some(&stranger))
            .refused(401, "invalid_token");
    }
    let answer = client.send("GET", "/posts", Some(&stranger));
    answer.refused(429, "rate_limited");
    assert!(
        answer.retry_after().is_some_and(|wait| wait >= 1),
        "{answer:?}"
    );
    assert_eq!(answer.challenge(), None);
    client.send("GET", "/posts", Some(&key)).data(200);
    let elsewhere = world.server.client_from(7, 5);
    elsewhere
        .send("GET", "/posts", Some(&stranger))
        .refused(401, "invalid_token");
}

#[test]
fn a_preflight_passes_unchecked_and_refusals_carry_the_cors_headers() {
    let world = World::with_args(&["--cors-origins", "http://app.example"]);
    let ask = |method: &str, origin: &str| {
        let request = world
            .client
            .request(method, "/posts")
            .header("origin", origin);
        Answer::to(match method {
            "OPTIONS" => request
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization"),
            _ => request,
        })
    };
    let allowed = |answer: &Answer| {
        answer
            .header("access-control-allow-origin")
            .is_some_and(|to| to == "http://app.example")
    };
    let preflight = ask("OPTIONS", "http://app.example");
    assert!([200, 204].contains(&preflight.status), "{preflight:?}");
    assert!(allowed(&preflight), "{preflight:?}");
    assert_eq!(preflight.rate(), None);
    let refused = ask("GET", "http://app.example");
    refused.refused(401, "unauthorized");
    assert!(allowed(&refused), "{refused:?}");
    for method in ["OPTIONS", "GET"] {
        let answer = ask(method, "http://evil.example");
        let origin = answer
            .header("access-control-allow-origin")
            .unwrap_or_default();
        assert!(origin != "*" && !origin.contains("evil"), "{answer:?}");
    }
}
