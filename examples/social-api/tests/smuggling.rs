//! What two readers could read differently: bodies, passwords, headers and paths.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client};
use common::person::{Person, try_sign_up};
use common::raw::exchange;
use common::server::{EMAIL, PASSWORD};
use common::world::World;

const OPEN: [&str; 2] = ["--signup", "open"];

/// Sends a body to a public route as it is.
fn post(client: &Client, path: &str, body: &[u8]) -> Answer {
    let request = client.request("POST", path);
    let request = request.header("content-type", "application/json");
    Answer::to(request.body(body.to_vec()))
}

#[test]
fn a_body_that_two_readers_could_read_differently_is_400() {
    let world = World::with_args(&OPEN);
    let client = world.server.client_from(37, 1);
    let login = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}""#);
    let twice = [
        format!(r#"{login},"email":"nobody@example.com"}}"#),
        format!(r#"{login},"password":"{PASSWORD}"}}"#),
        // The same name in another spelling.
        format!(r#"{login},"\u0065mail":"nobody@example.com"}}"#),
        format!(r#"{login},"Email":"nobody@example.com"}}"#),
        format!(r#"{login},"__proto__":{{"role":"owner"}}}}"#),
        format!("{login}}}{login}}}"),
        format!("\u{feff}{login}}}"),
        format!("[{login}}}]"),
        format!("{login}}}\u{0}"),
        format!("// a comment\n{login}}}"),
        r#"{"email":{"$ne":null},"password":{"$ne":null}}"#.to_owned(),
        r#"{"email":["admin@example.com"],"password":true}"#.to_owned(),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
    ];
    for body in &twice {
        let answer = post(&client, "/auth/login", body.as_bytes());
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.problem(400, "invalid_request"), None, "{shown}");
        assert!(!answer.text().contains(PASSWORD), "{shown}");
    }
    let wide: Vec<u8> = format!("{login}}}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    post(&client, "/auth/login", &wide).refused(400, "invalid_request");
    let form = client.request("POST", "/auth/login");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(format!("email={EMAIL}&password={PASSWORD}"));
    Answer::to(form).refused(415, "unsupported_media_type");

    // With a role or a scope it would matter which of two is read.
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    let send = |method: &str, path: &str, body: &str| {
        let request = ada.client.with_token(method, path, Some(&ada.token));
        let request = request.header("content-type", "application/json");
        Answer::to(request.body(body.to_owned()))
    };
    let member = format!(
        r#"{{"email":"{}","role":"member","role":"owner"}}"#,
        bob.email
    );
    send("POST", "/orgs/members", &member).refused(400, "invalid_request");
    let scopes = r#"{"name":"n","scopes":["posts:read"],"scopes":["*"]}"#;
    send("POST", "/api-keys", scopes).refused(400, "invalid_request");
    let org = format!(
        r#"{{"organizationId":"{}","organizationId":"{}"}}"#,
        ada.org, bob.org
    );
    send("PUT", "/orgs/active", &org).refused(400, "invalid_request");
    assert_eq!(ada.active(), ada.org);
}

#[test]
fn a_password_is_compared_whole() {
    let world = World::with_args(&OPEN);
    let client = world.server.client_from(38, 1);
    let long = "p".repeat(1_024);
    let passwords = [
        ("zero@example.com", "12345678\u{0}abcdef"),
        ("space@example.com", " 12345678 "),
        ("long@example.com", &long),
        ("wide@example.com", "пароль-пароль"),
    ];
    for (email, password) in passwords {
        try_sign_up(&client, email, password, "P").data(201);
    }
    let guesses = [
        ("zero@example.com", "12345678"),
        ("zero@example.com", "12345678\u{0}"),
        ("space@example.com", "12345678"),
        ("long@example.com", &"p".repeat(1_023)),
        ("long@example.com", &"p".repeat(72)),
        ("wide@example.com", "ПАРОЛЬ-ПАРОЛЬ"),
    ];
    for (number, (email, guess)) in (1..).zip(guesses) {
        let client = world.server.client_from(38, 100 + number);
        client
            .try_login(email, guess)
            .refused(401, "invalid_credentials");
    }
    for (email, password) in passwords {
        client.try_login(email, password).data(200);
    }
}

#[test]
fn what_is_smuggled_in_headers_and_paths_opens_nothing() {
    let world = World::new();
    let reader = world.key(&["posts:read"]).key;
    let address = world.server.address();
    let bearer = format!("authorization: Bearer {reader}");
    let status = |lines: &[&str], body: &[u8]| exchange(address, lines, body).status;
    let before = world.counts();

    // A method or a path beside the real one.
    for claim in [
        "x-http-method-override: GET",
        "x-http-method: GET",
        "x-method-override: GET",
    ] {
        let lines = ["POST /posts HTTP/1.1", &bearer, claim, "content-length: 0"];
        assert_eq!(status(&lines, b""), 403, "{claim}");
    }
    for claim in [
        "x-original-url: /posts",
        "x-rewrite-url: /posts",
        "x-forwarded-prefix: /posts",
    ] {
        assert_eq!(
            status(&["GET /api-keys HTTP/1.1", &bearer, claim], b""),
            403,
            "{claim}"
        );
        assert_eq!(
            status(&["GET /api-keys HTTP/1.1", claim], b""),
            401,
            "{claim}"
        );
    }
    // Paths that are nearly another: whatever is found there, it is not what they lack.
    for path in [
        "/posts/../api-keys",
        "/posts/%2e%2e/api-keys",
        "//api-keys",
        "/api-keys/",
        "/api-keys;x=/posts",
        "/API-KEYS",
        "/%61pi-keys",
        "/api-keys%00",
        "/api-keys%2f",
        "/api-keys?/posts",
        "http://localhost/api-keys",
    ] {
        let line = format!("GET {path} HTTP/1.1");
        let found = status(&[&line, &bearer], b"");
        assert!([400, 403, 404].contains(&found), "{path}: {found}");
        let found = status(&[&line], b"");
        assert!([400, 401, 404].contains(&found), "{path}: {found}");
    }
    // A credential under a name that some proxy would rewrite.
    for header in [
        "x_api_key",
        "x-api-key-",
        "authorization_",
        "proxy-authorization",
        "cookie",
    ] {
        let line = format!("{header}: Bearer {reader}");
        assert_eq!(
            status(&["GET /posts HTTP/1.1", &line], b""),
            401,
            "{header}"
        );
    }
    // Headers and lengths that are no HTTP, or two things at once.
    let session = format!("authorization: Bearer {}", world.session);
    let json = "content-type: application/json";
    let body = br#"{"name":"smuggled","scopes":["posts:read"]}"#;
    let broken: [&[&str]; 7] = [
        &[
            "GET /posts HTTP/1.1",
            &format!("authorization : Bearer {reader}"),
        ],
        &["GET /posts HTTP/1.1", "a: b", &format!(" {session}")],
        &["GET /posts HTTP/1.1", &format!("{session}\u{0}")],
        &[
            "POST /api-keys HTTP/1.1",
            &session,
            json,
            "content-length: 43",
            "content-length: 0",
        ],
        &[
            "POST /api-keys HTTP/1.1",
            &session,
            json,
            "content-length: -43",
        ],
        &[
            "POST /api-keys HTTP/1.1",
            &session,
            json,
            "content-length: +43",
        ],
        &[
            "POST /api-keys HTTP/1.1",
            &session,
            json,
            "transfer-encoding: x",
        ],
    ];
    for lines in broken {
        assert_eq!(status(lines, body), 400, "{:?}", lines.last());
    }
    assert_eq!(world.counts(), before);
}
