//! How a credential may be presented, and how a refusal may be rendered.
#![cfg(test)]

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::Answer;
use common::raw::exchange;
use common::token;
use common::world::World;

/// A server and two keys that read posts.
struct Keys {
    world: World,
    key: String,
    other: String,
}

impl Keys {
    fn new() -> Self {
        let world = World::new();
        let key = world.key(&["posts:read"]).key;
        let other = world.key(&["posts:read"]).key;
        Self { world, key, other }
    }

    /// `GET /posts` with these header lines as they are.
    fn posts_with(&self, headers: &[String]) -> Answer {
        let mut lines = vec!["GET /posts HTTP/1.1"];
        lines.extend(headers.iter().map(String::as_str));
        exchange(self.world.server.address(), &lines, b"")
    }
}

/// Refused as a request that can't be understood: no challenge, and no credential was verified.
fn is_refused_as_a_whole(answer: &Answer, what: &str) {
    assert_eq!(answer.problem(400, "invalid_request"), None, "{what}");
    assert_eq!(answer.challenge(), None, "{what}");
    assert_eq!(answer.rate(), None, "{what}");
}

#[test]
fn two_credentials_are_400_unless_both_headers_say_the_same() {
    let keys = Keys::new();
    let bearer = |token: &str| format!("authorization: Bearer {token}");
    let api_key = |token: &str| format!("x-api-key: {token}");
    let (key, other) = (keys.key.as_str(), keys.other.as_str());
    let rows = [
        ("two that differ", vec![bearer(key), api_key(other)]),
        (
            "two that differ, the other way round",
            vec![api_key(key), bearer(other)],
        ),
        ("two bearers", vec![bearer(key), bearer(other)]),
        ("one bearer twice", vec![bearer(key), bearer(key)]),
        ("two keys", vec![api_key(key), api_key(other)]),
        ("one key twice", vec![api_key(key), api_key(key)]),
        (
            "two bearers and a key",
            vec![bearer(key), bearer(key), api_key(key)],
        ),
    ];
    for (what, headers) in rows {
        let answer = keys.posts_with(&headers);
        is_refused_as_a_whole(&answer, what);
        let body = answer.text();
        assert!(
            !body.contains(key) && !body.contains(other),
            "{what}: a token is repeated"
        );
    }
    for headers in [
        vec![bearer(key)],
        vec![api_key(key)],
        vec![bearer(key), api_key(key)],
    ] {
        keys.posts_with(&headers).data(200);
    }
}

#[test]
fn a_broken_authorization_header_is_400() {
    let keys = Keys::new();
    for value in [
        "Bearer",
        "Bearer a b",
        "Bearer a,b",
        "Bearer \"quoted\"",
        "Bearer =",
        "Bearer a=b",
    ] {
        let answer = keys.posts_with(&[format!("authorization: {value}")]);
        is_refused_as_a_whole(&answer, value);
    }
    let two_in_one = format!("authorization: Bearer {}, Bearer {}", keys.key, keys.other);
    is_refused_as_a_whole(&keys.posts_with(&[two_in_one]), "two in one line");
}

#[test]
fn a_token_in_the_query_is_400_even_beside_a_right_header() {
    let keys = Keys::new();
    for name in ["access_token", "api_key", "token", "key"] {
        for token in [keys.key.as_str(), "x"] {
            let path = format!("/posts?limit=1&{name}={token}");
            let answer = keys.world.client.send("GET", &path, None);
            is_refused_as_a_whole(&answer, name);
            assert!(
                !answer.text().contains(&keys.key),
                "{name}: the token is repeated"
            );
            let answer = keys.world.client.send("GET", &path, Some(&keys.key));
            is_refused_as_a_whole(&answer, name);
        }
    }
    keys.world
        .client
        .send("GET", "/posts?limit=1&keys=a&tokens=b", Some(&keys.key))
        .data(200);
}

#[test]
fn a_foreign_scheme_is_no_credential() {
    let keys = Keys::new();
    for value in ["Basic YWRtaW46cGFzc3dvcmQ=", "Digest username=\"a\""] {
        let answer = keys.posts_with(&[format!("authorization: {value}")]);
        answer.refused(401, "unauthorized");
        let challenge = answer.challenge().expect("a 401 without a challenge");
        assert!(
            challenge.starts_with("Bearer") && !challenge.contains("error"),
            "{challenge}"
        );
    }
}

#[test]
fn a_token_of_the_wrong_format_is_401_and_not_400() {
    let keys = Keys::new();
    let (cut, _) = keys.key.split_at(keys.key.len() - 1);
    let long = format!("{}0", keys.key);
    let upper = keys.key.to_uppercase();
    for token in ["x", cut, &long, &upper, "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"] {
        let answer = keys.world.client.send("GET", "/posts", Some(token));
        assert_eq!(answer.problem(401, "invalid_token"), None, "{token:.12}");
        assert_eq!(answer.rate(), None, "{token:.12}");
    }
}

#[test]
fn a_refusal_is_a_problem_document_for_those_who_ask_for_one() {
    let keys = Keys::new();
    let unknown = token::unknown(&keys.key);
    let rows = [
        ("GET", None, 401, "unauthorized"),
        ("GET", Some(unknown.as_str()), 401, "invalid_token"),
        ("POST", Some(keys.key.as_str()), 403, "insufficient_scope"),
    ];
    for (method, token, status, code) in rows {
        let request = keys.world.client.with_token(method, "/posts", token);
        let plain = Answer::to(request);
        let message = plain.refused(status, code);
        let request = keys.world.client.with_token(method, "/posts", token);
        let problem = Answer::to(request.header("accept", "application/problem+json"));
        assert_eq!(problem.status, status);
        let media_type = problem.header("content-type").unwrap_or_default();
        assert!(
            media_type.starts_with("application/problem+json"),
            "{media_type}"
        );
        assert_eq!(problem.challenge(), plain.challenge());
        assert_eq!(problem.header("cache-control"), Some("no-store"));
        let json = problem.json();
        assert_eq!(json["status"], json!(status), "{json}");
        assert_eq!(json["success"], json!(false), "{json}");
        assert_eq!(
            (&json["error"], &json["code"]),
            (&json!(code), &json!(code))
        );
        assert_eq!(json["message"], json!(message));
    }
}
