//! Bodies that can't be read: each has its clear answer, and nothing is lost or half done.
#![cfg(test)]

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, text};
use common::raw::{exchange, exchange_when_asked};
use common::server::{EMAIL, PASSWORD};
use common::world::World;

/// One mebibyte: the largest body that is read.
const LARGEST: usize = 1 << 20;

#[test]
fn a_malformed_body_is_400_with_the_position_and_changes_nothing() {
    let world = World::new();
    let (key, post) = (
        world.key(&["posts:read"]).id,
        world.client.create_post(&world.session),
    );
    let before = world.counts();
    let key_path = format!("/api-keys/{key}");
    let post_path = format!("/posts/{post}");
    let schedule_path = format!("/posts/{post}/schedule");
    let routes = [
        ("POST", "/api-keys"),
        ("PATCH", &key_path),
        ("POST", "/posts"),
        ("PUT", &post_path),
        ("PUT", &schedule_path),
        ("POST", "/brands"),
        ("PUT", "/brands/order"),
    ];
    let bodies: [&[u8]; 5] = [
        b"{\"name\":",
        b"no json",
        b"{\"name\":\"n\"} trailing",
        b"{'name':'n'}",
        b"{\"text\":\"\xff\xfe\"}",
    ];
    for (method, path) in routes {
        for body in bodies {
            let answer = world.send_bytes(method, path, "application/json", body.to_vec());
            let shown = String::from_utf8_lossy(&body[..body.len().min(30)]);
            assert_eq!(
                answer.problem(400, "invalid_request"),
                None,
                "{method} {path} {shown}"
            );
            let message = text(&answer.json(), "message");
            let position = message.bytes().any(|byte| byte.is_ascii_digit());
            assert!(position, "no position: {method} {path} {shown}: {message}");
        }
        for body in [
            r#"["a","list"]"#.to_owned(),
            "5".to_owned(),
            "[".repeat(100_000),
        ] {
            let answer = world.send_bytes(method, path, "application/json", body.into_bytes());
            assert_eq!(
                answer.problem(400, "invalid_request"),
                None,
                "{method} {path}"
            );
        }
    }
    assert_eq!(world.counts(), before);
}

#[test]
fn a_malformed_login_is_400_and_no_attempt_at_a_password() {
    let world = World::new();
    let bodies = [
        "{\"email\":",
        "",
        "[]",
        "{}",
        r#"{"email":"a@example.com"}"#,
        r#"{"email":5,"password":"x"}"#,
        r#"{"email":"a@example.com","password":null}"#,
    ];
    for (row, body) in bodies.into_iter().enumerate() {
        let client = world.server.client_from(4, u8::try_from(row + 1).unwrap());
        let request = client.request("POST", "/auth/login");
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let answer = Answer::to(request);
        assert_eq!(
            answer.problem(400, "invalid_request"),
            None,
            "{body}: {}",
            answer.text()
        );
        assert_eq!(answer.challenge(), None, "{body}");
    }
}

#[test]
fn another_media_type_is_415_and_parameters_of_the_right_one_are_fine() {
    let world = World::new();
    let key = json!({"name": "n", "scopes": ["posts:read"]}).to_string();
    let login = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    let post = json!({"text": "t", "platforms": ["x"]}).to_string();
    let brand = json!({"name": "Typed"}).to_string();
    let routes = [
        ("/api-keys", &key),
        ("/auth/login", &login),
        ("/posts", &post),
        ("/brands", &brand),
    ];
    for (path, body) in routes {
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
        ] {
            let answer = world.send_bytes("POST", path, media_type, body.clone().into_bytes());
            let problem = answer.problem(415, "unsupported_media_type");
            assert_eq!(problem, None, "{path} {media_type}");
        }
    }
    let answer = world.send_bytes(
        "POST",
        "/api-keys",
        "application/json; charset=utf-8",
        key.into_bytes(),
    );
    answer.data(201);
}

/// A body of exactly this many bytes that makes a key when it is read.
fn key_body(length: usize) -> Vec<u8> {
    let mut body = json!({"name": "n", "scopes": ["posts:read"]})
        .to_string()
        .into_bytes();
    body.resize(length, b' ');
    body
}

fn post_keys_when_asked(world: &World, token: Option<&str>, body: &[u8]) -> (Answer, bool) {
    let length = format!("content-length: {}", body.len());
    let authorization = token.map(|token| format!("authorization: Bearer {token}"));
    let mut lines = vec![
        "POST /api-keys HTTP/1.1",
        "content-type: application/json",
        &length,
    ];
    lines.extend(authorization.as_deref());
    let exchange = exchange_when_asked(world.server.address(), &lines, body);
    (exchange.answer, exchange.asked)
}

#[test]
fn a_body_over_one_mebibyte_is_413_and_one_of_exactly_that_is_read() {
    let world = World::new();
    let session = Some(world.session.as_str());
    let (answer, _) = post_keys_when_asked(&world, session, &key_body(LARGEST));
    answer.data(201);
    let before = world.counts();

    let (answer, _) = post_keys_when_asked(&world, session, &key_body(LARGEST + 1));
    answer.refused(413, "too_large");
    assert!(answer.rate().is_some(), "a 413 without rate headers");

    // Without a length, the byte over the limit is the last one that is sent.
    let authorization = format!("authorization: Bearer {}", world.session);
    let mut chunked = Vec::new();
    for chunk in key_body(LARGEST).chunks(1 << 16) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"1\r\n ");
    let lines = [
        "POST /api-keys HTTP/1.1",
        "content-type: application/json",
        "transfer-encoding: chunked",
        &authorization,
    ];
    exchange(world.server.address(), &lines, &chunked).refused(413, "too_large");
    assert_eq!(world.counts(), before);
}

#[test]
fn a_body_is_read_only_after_the_check() {
    let world = World::new();
    let (answer, asked) = post_keys_when_asked(&world, None, &key_body(100));
    answer.refused(401, "unauthorized");
    assert!(
        !asked,
        "the body of a caller without a credential was asked for"
    );
    let key = world.key(&["posts:read"]).key;
    let (answer, asked) = post_keys_when_asked(&world, Some(&key), &key_body(LARGEST + 1));
    answer.refused(403, "insufficient_scope");
    assert!(
        !asked,
        "the body of a caller without the scope was asked for"
    );
}
