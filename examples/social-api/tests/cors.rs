//! What browsers are told about other origins, header by header.
#![cfg(test)]

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client};
use common::raw::exchange_when_asked;
use common::server::{EMAIL, PASSWORD};
use common::token::{unknown, wrong_secret};
use common::world::World;

const ORIGIN: &str = "http://app.example";
const SECOND: &str = "https://two.example:8443";
const ORIGINS: [&str; 2] = [
    "--cors-origins",
    "http://app.example,https://two.example:8443",
];
/// The largest body that is read, and one byte.
const TOO_LARGE: usize = (1 << 20) + 1;

/// The headers that a page may read beside those that it always may.
const EXPOSED: [&str; 8] = [
    "retry-after",
    "www-authenticate",
    "x-next-cursor",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-total-count",
];

/// A route of each kind and method: public, of a session, of a scope, and none at all.
const ROUTES: [(&str, &str); 19] = [
    ("GET", "/health"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/signup"),
    ("POST", "/auth/logout"),
    ("GET", "/auth/profile"),
    ("GET", "/auth/sessions"),
    ("GET", "/orgs"),
    ("PUT", "/orgs/active"),
    ("PATCH", "/orgs/members/usr_0"),
    ("DELETE", "/orgs/members/usr_0"),
    ("POST", "/api-keys"),
    ("PATCH", "/api-keys/key_0000000000000000"),
    ("POST", "/api-keys/report-leak"),
    ("GET", "/posts?limit=1"),
    ("PUT", "/posts/p"),
    ("POST", "/posts/p/publish"),
    ("GET", "/nowhere"),
    ("DELETE", "/health"),
];

/// The names in a list header, whatever their case and order; none twice.
fn names(answer: &Answer, header: &str) -> BTreeSet<String> {
    let lines = answer.headers.get_all(header).iter();
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap()).collect();
    let all = lines.iter().flat_map(|line| line.split(','));
    let all: Vec<String> = all.map(|name| name.trim().to_ascii_lowercase()).collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "`{header}` has a name twice: {all:?}");
    set
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

/// What holds of every answer: caches keep origins apart, and no page may send cookies.
fn assert_common(answer: &Answer, what: &str) {
    let vary = names(answer, "vary");
    assert!(vary.contains("origin"), "{what}: vary {vary:?}");
    for header in [
        "access-control-allow-credentials",
        "access-control-allow-private-network",
    ] {
        assert_eq!(answer.header(header), None, "{what}");
    }
}

/// An answer that a page of this origin may read.
fn assert_readable(answer: &Answer, origin: &str, what: &str) {
    assert_eq!(allowed(answer), Some(origin), "{what}");
    let exposed = names(answer, "access-control-expose-headers");
    assert_eq!(exposed, set(&EXPOSED), "{what}");
    assert_common(answer, what);
}

fn assert_unreadable(answer: &Answer, what: &str) {
    assert_eq!(allowed(answer), None, "{what}");
    assert_common(answer, what);
}

fn preflight(client: &Client, origin: &str, method: &str, path: &str, headers: &str) -> Answer {
    let request = client.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    Answer::to(request.header("access-control-request-headers", headers))
}

#[test]
fn a_preflight_of_every_route_passes_without_a_credential() {
    let world = World::with_args(&ORIGINS);
    let asked = "authorization, content-type, x-api-key";
    for (method, path) in ROUTES {
        let what = format!("{method} {path}");
        let answer = preflight(&world.client, ORIGIN, method, path, asked);
        assert!([200, 204].contains(&answer.status), "{what}: {answer:?}");
        assert!(answer.body.is_empty(), "{what}: {}", answer.text());
        assert_eq!(allowed(&answer), Some(ORIGIN), "{what}");
        assert_eq!(
            names(&answer, "access-control-allow-methods"),
            set(&["get", "post", "put", "patch", "delete"]),
            "{what}"
        );
        assert_eq!(
            names(&answer, "access-control-allow-headers"),
            names_of(asked),
            "{what}"
        );
        assert_common(&answer, &what);
        // The headers that are allowed are those that were asked for; the methods are always these.
        let vary = names(&answer, "vary");
        assert!(
            vary.contains("access-control-request-headers"),
            "{what}: vary {vary:?}"
        );
        // Nobody has looked at it.
        assert_eq!(answer.challenge(), None, "{what}");
        assert_eq!(answer.rate(), None, "{what}");
        assert_eq!(answer.header("x-request-id"), None, "{what}");
    }
}

fn names_of(list: &str) -> BTreeSet<String> {
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn preflights_are_neither_charged_nor_counted_as_failures_nor_limited() {
    let world = World::with_args(&[&ORIGINS[..], &["--session-limit", "2/60s"]].concat());
    let session = Some(world.session.as_str());
    let get = || world.client.send("GET", "/posts", session);
    assert_eq!(get().remaining(), (2, 1));
    // No browser sends one along; whoever does gets nothing checked by it, right or wrong.
    for token in [world.session.clone(), wrong_secret(&world.session)] {
        for _ in 0..25 {
            let request = world.client.with_token("OPTIONS", "/posts", Some(&token));
            let request = request.header("origin", ORIGIN);
            let answer = Answer::to(request.header("access-control-request-method", "GET"));
            assert!([200, 204].contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(get().remaining(), (2, 0));
    get().refused(429, "rate_limited");
    // Over the limit too, and for an address whose credentials have failed too often.
    let wrong = unknown(&world.session);
    for _ in 0..20 {
        let answer = world.client.send("GET", "/posts", Some(&wrong));
        answer.refused(401, "invalid_token");
    }
    let limited = world.client.send("GET", "/posts", Some(&wrong));
    limited.refused(429, "rate_limited");
    let answer = preflight(&world.client, ORIGIN, "GET", "/posts", "authorization");
    assert_eq!(allowed(&answer), Some(ORIGIN), "{answer:?}");
}

/// Method, path, bearer, media type and body, then status and code.
type Row<'a> = (
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<(&'a str, &'a str)>,
    u16,
    &'a str,
);

#[test]
#[rustfmt::skip]
fn a_success_and_every_refusal_can_be_read() {
    let world = World::with_args(&[&ORIGINS[..], &["--key-limit", "1/60s"]].concat());
    let [reader, other, spent] = [0; 3].map(|_| world.key(&["posts:read"]).key);
    world.client.send("GET", "/posts", Some(&spent)).data(200);
    let [reader, other, spent] = [&reader, &other, &spent].map(|key| Some(key.as_str()));
    let wrong = wrong_secret(&world.session);
    let (session, wrong) = (Some(world.session.as_str()), Some(wrong.as_str()));
    let json = |body| Some(("application/json", body));
    let login = json!({"email": EMAIL, "password": "wrong"}).to_string();
    let signup = json!({"email": "a@example.com", "password": PASSWORD, "name": "A"}).to_string();
    let unknown_scope = json!({"name": "n", "scopes": ["posts:fly"]}).to_string();
    let rows: [Row<'_>; 17] = [
        ("GET", "/posts", session, None, 200, ""),
        ("GET", "/health", None, None, 200, ""),
        ("POST", "/brands", session, json(r#"{"name":"New"}"#), 201, ""),
        ("POST", "/api-keys", session, json("{"), 400, "invalid_request"),
        ("POST", "/api-keys", session, json(&unknown_scope), 400, "unknown_scope"),
        ("GET", "/posts?token=x", None, None, 400, "invalid_request"),
        ("GET", "/posts", None, None, 401, "unauthorized"),
        ("GET", "/posts", wrong, None, 401, "invalid_token"),
        ("POST", "/auth/login", None, json(&login), 401, "invalid_credentials"),
        ("POST", "/posts", reader, json("{}"), 403, "insufficient_scope"),
        ("GET", "/orgs", other, None, 403, "session_required"),
        ("POST", "/auth/signup", None, json(&signup), 403, "signup_closed"),
        ("GET", "/nowhere", None, None, 404, "not_found"),
        ("GET", "/posts/unknown", session, None, 404, "not_found"),
        ("DELETE", "/posts", None, None, 405, "method_not_allowed"),
        ("POST", "/api-keys", session, Some(("text/plain", "{}")), 415, "unsupported_media_type"),
        ("GET", "/posts", spent, None, 429, "rate_limited"),
    ];
    for (method, path, token, body, status, code) in rows {
        let what = format!("{method} {path} {status}");
        let mut request = world.client.with_token(method, path, token);
        if let Some((media_type, body)) = body {
            request = request.header("content-type", media_type).body(body.to_owned());
        }
        let answer = Answer::to(request.header("origin", ORIGIN));
        if code.is_empty() {
            answer.data(status);
        } else {
            assert_eq!(answer.problem(status, code), None, "{what}");
        }
        assert_readable(&answer, ORIGIN, &what);
    }
    // A client that waits to be asked for so much.
    let lines = [
        "POST /api-keys HTTP/1.1",
        &format!("authorization: Bearer {}", world.session),
        &format!("origin: {ORIGIN}"),
        "content-type: application/json",
        &format!("content-length: {TOO_LARGE}"),
    ];
    let sent = exchange_when_asked(world.server.address(), &lines, &[b' '; TOO_LARGE]);
    sent.answer.refused(413, "too_large");
    assert_readable(&sent.answer, ORIGIN, "413");
}

#[test]
fn what_the_store_refuses_can_be_read_as_well() {
    let world = World::with_args(&ORIGINS);
    let database = Connection::open(world.place.path("portcullis-data/portcullis.db")).unwrap();
    let gone = "ALTER TABLE credentials RENAME TO gone";
    database.execute_batch(gone).unwrap();
    // Of a credential that is not in memory.
    let asking = unknown(&world.session);
    let request = world.client.with_token("GET", "/posts", Some(&asking));
    let answer = Answer::to(request.header("origin", ORIGIN));
    answer.refused(503, "unavailable");
    assert!(answer.retry_after().is_some(), "{answer:?}");
    assert_readable(&answer, ORIGIN, "503");
}

#[test]
fn another_origin_is_told_nothing_and_each_named_one_of_itself_alone() {
    let world = World::with_args(&ORIGINS);
    let session = Some(world.session.as_str());
    let get = |origin: &str| {
        let request = world.client.with_token("GET", "/posts", session);
        Answer::to(request.header("origin", origin))
    };
    for origin in [ORIGIN, SECOND] {
        assert_readable(&get(origin), origin, origin);
        let answer = preflight(&world.client, origin, "GET", "/posts", "authorization");
        assert_eq!(allowed(&answer), Some(origin));
    }
    let near = [
        "http://evil.example",
        "https://app.example",
        "http://app.example:81",
        "http://app.example.evil.example",
        "http://evil.app.example",
        "http://app.example/",
        "HTTP://APP.EXAMPLE",
        "http://app.example,https://two.example:8443",
        "http://app.example https://two.example:8443",
        "https://two.example",
        "null",
        "*",
        "",
    ];
    for origin in near {
        assert_unreadable(&get(origin), origin);
        let answer = preflight(&world.client, origin, "GET", "/posts", "authorization");
        assert_unreadable(&answer, origin);
    }
    // Who is no browser is served as ever, and caches are told.
    let answer = world.client.send("GET", "/posts", session);
    answer.data(200);
    assert_unreadable(&answer, "no origin");
}

#[test]
fn without_the_option_no_page_is_told_anything() {
    let world = World::new();
    let request = world
        .client
        .with_token("GET", "/posts", Some(&world.session));
    let answers = [
        Answer::to(request.header("origin", ORIGIN)),
        preflight(&world.client, ORIGIN, "GET", "/posts", "authorization"),
    ];
    for answer in answers {
        let mut names = answer
            .headers
            .keys()
            .map(reqwest::header::HeaderName::as_str);
        assert!(
            !names.any(|name| name.starts_with("access-control-")),
            "{answer:?}"
        );
    }
}
