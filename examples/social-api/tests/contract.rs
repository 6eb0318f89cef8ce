//! Every route over a real socket, with every kind of caller. The expectations are written by
//! hand from the wire contract.
#![cfg(test)]

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client, Key, text};
use common::made::{Maker, VIDEO, body_of};
use common::server::{EMAIL, PASSWORD};
use common::token;
use common::world::World;

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Needs {
    /// Anybody: a credential is ignored.
    Nothing,
    AnyCredential,
    /// A session; a key is refused whatever its scopes.
    Session,
    /// A credential whose scopes cover this one.
    Scope(&'static str),
}
use Needs::{AnyCredential, Nothing, Scope, Session};

const LOGIN: &str = r#"{"email":"admin@example.com","password":"correct-horse-battery-staple-7"}"#;
const SIGNUP: &str = r#"{"email":"bob@example.com","password":"long enough","name":"Bob"}"#;
const MEMBER: &str = r#"{"email":"bob@example.com","role":"member"}"#;
const NEW_KEY: &str = r#"{"name":"another","scopes":["api-keys:write"]}"#;
const OVERLAP: &str = r#"{"overlapSeconds":3600}"#;
const TEXT: &str = r#"{"text":"Hello","platforms":["x"]}"#;
const ADDRESS: &str = r#"{"url":"https://example.com/a"}"#;
const REFINED: &str = r#"{"instructions":"shorter"}"#;
const TOMORROW: &str = r#"{"scheduledAt":"2099-01-01T00:00:00Z"}"#;

/// Method, path, body, what it needs, and the status for the caller who has exactly that.
/// `<post>`, `<brand>` and the like stand for ones made for the row, `<slugs>` for all brands.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, Needs, u16)] = &[
    ("GET", "/health", "", Nothing, 200),
    ("POST", "/auth/login", LOGIN, Nothing, 200),
    ("POST", "/auth/logout", "", Session, 200),
    ("POST", "/auth/signup", SIGNUP, Nothing, 403),
    ("GET", "/auth/profile", "", AnyCredential, 200),
    ("GET", "/auth/sessions", "", Session, 200),
    ("DELETE", "/auth/sessions/ses_0000000000000000", "", Session, 404),
    ("GET", "/orgs", "", Session, 200),
    ("PUT", "/orgs/active", r#"{"organizationId":"org_0000000000000000"}"#, Session, 404),
    ("GET", "/orgs/members", "", Session, 200),
    ("POST", "/orgs/members", MEMBER, Session, 404),
    ("PATCH", "/orgs/members/usr_0000000000000000", r#"{"role":"member"}"#, Session, 404),
    ("DELETE", "/orgs/members/usr_0000000000000000", "", Session, 404),
    ("POST", "/api-keys/report-leak", r#"{"key":"none of ours"}"#, Nothing, 200),
    ("POST", "/api-keys", NEW_KEY, Scope("api-keys:write"), 201),
    ("GET", "/api-keys", "", Scope("api-keys:read"), 200),
    ("GET", "/api-keys/<key>", "", Scope("api-keys:read"), 200),
    ("PATCH", "/api-keys/<key>", r#"{"name":"renamed"}"#, Scope("api-keys:write"), 200),
    ("DELETE", "/api-keys/<key>", "", Scope("api-keys:write"), 200),
    ("GET", "/api-keys?olderThan=90d&q=a+key", "", Scope("api-keys:read"), 200),
    ("POST", "/api-keys/<key>/rotate", "", Scope("api-keys:write"), 201),
    ("POST", "/api-keys/<key>/rotate", OVERLAP, Scope("api-keys:write"), 201),
    ("GET", "/api-keys/review", "", Scope("api-keys:read"), 200),
    ("GET", "/api-keys/review?olderThan=0s&unusedFor=0s&limit=1", "", Scope("api-keys:read"), 200),
    ("GET", "/api-keys/<key>/usage", "", Scope("api-keys:read"), 200),
    ("GET", "/denials", "", Scope("api-keys:read"), 200),
    ("GET", "/denials/00000000000000000000000000000000", "", Scope("api-keys:read"), 404),
    ("GET", "/audit", "", Scope("audit:read"), 200),
    ("GET", "/audit?action=key.&limit=1&offset=1", "", Scope("audit:read"), 200),
    ("GET", "/usage/summary", "", AnyCredential, 200),
    ("GET", "/billing/credits", "", AnyCredential, 200),
    ("GET", "/posts", "", Scope("posts:read"), 200),
    ("GET", "/posts?status=draft&limit=1&offset=0", "", Scope("posts:read"), 200),
    ("POST", "/posts", TEXT, Scope("posts:write"), 201),
    ("GET", "/posts/<post>", "", Scope("posts:read"), 200),
    ("PUT", "/posts/<post>", r#"{"text":"Changed"}"#, Scope("posts:write"), 200),
    ("DELETE", "/posts/<post>", "", Scope("posts:write"), 200),
    ("GET", "/posts/<post>/results", "", Scope("posts:read"), 200),
    ("POST", "/posts/<post>/publish", "", Scope("posts:write"), 200),
    ("PUT", "/posts/<post>/schedule", TOMORROW, Scope("posts:write"), 200),
    // Whether a post can fail here is the demo's; that this one doesn't exist is certain.
    ("POST", "/posts/unknown/retry", "", Scope("posts:write"), 404),
    ("POST", "/posts/<post>/rewrite", "", Scope("posts:write"), 200),
    ("POST", "/posts/<post>/score", "", Scope("posts:write"), 200),
    ("GET", "/posts/unknown", "", Scope("posts:read"), 404),
    ("GET", "/brands", "", Scope("brands:read"), 200),
    ("POST", "/brands", r#"{"name":"Fresh"}"#, Scope("brands:write"), 201),
    ("PUT", "/brands/order", r#"{"slugs":<slugs>}"#, Scope("brands:write"), 200),
    ("GET", "/brands/<brand>", "", Scope("brands:read"), 200),
    ("PATCH", "/brands/<brand>", r#"{"colour":"red"}"#, Scope("brands:write"), 200),
    ("DELETE", "/brands/<brand>", "", Scope("brands:write"), 200),
    ("GET", "/brands/<brand>/auth/status", "", Scope("brands:read"), 200),
    ("GET", "/brands/unknown", "", Scope("brands:read"), 404),
    ("GET", "/clips", "", Scope("clips:read"), 200),
    ("POST", "/clips/import-url", ADDRESS, Scope("clips:write"), 201),
    ("POST", "/clips/upload", VIDEO, Scope("clips:write"), 201),
    ("GET", "/clips/<clip>", "", Scope("clips:read"), 200),
    ("GET", "/clips/<upload>", "", Scope("clips:read"), 200),
    ("DELETE", "/clips/<clip>", "", Scope("clips:write"), 200),
    ("DELETE", "/clips/<upload>", "", Scope("clips:write"), 200),
    ("GET", "/clips/<upload>/download", "", Scope("clips:read"), 200),
    ("POST", "/clips/<clip>/scenes", "", Scope("clips:write"), 200),
    ("POST", "/clips/<clip>/render", "", Scope("clips:write"), 200),
    ("GET", "/clips/unknown", "", Scope("clips:read"), 404),
    ("GET", "/clips/unknown/download", "", Scope("clips:read"), 404),
    ("GET", "/carousels", "", Scope("carousels:read"), 200),
    ("POST", "/carousels", r#"{"title":"t"}"#, Scope("carousels:write"), 201),
    ("POST", "/carousels/generate", r#"{"topic":"t"}"#, Scope("carousels:write"), 201),
    ("GET", "/carousels/<carousel>", "", Scope("carousels:read"), 200),
    ("DELETE", "/carousels/<carousel>", "", Scope("carousels:write"), 200),
    ("PUT", "/carousels/<carousel>/refine", REFINED, Scope("carousels:write"), 200),
    ("POST", "/carousels/<carousel>/create-draft", "", Scope("carousels:write"), 201),
    ("POST", "/carousels/<carousel>/publish", "", Scope("carousels:write"), 200),
    ("GET", "/carousels/unknown", "", Scope("carousels:read"), 404),
    ("GET", "/kbs", "", Scope("kb:read"), 200),
    ("POST", "/kbs", r#"{"name":"n"}"#, Scope("kb:write"), 201),
    ("GET", "/kbs/<kb>", "", Scope("kb:read"), 200),
    ("DELETE", "/kbs/<kb>", "", Scope("kb:write"), 200),
    ("POST", "/kbs/<kb>/search", r#"{"query":"q"}"#, Scope("kb:read"), 200),
    ("GET", "/kbs/<kb>/docs", "", Scope("kb:read"), 200),
    ("POST", "/kbs/<kb>/docs", r#"{"title":"t","text":"t"}"#, Scope("kb:write"), 201),
    ("POST", "/kbs/<kb>/docs/ingest-url", ADDRESS, Scope("kb:write"), 201),
    ("DELETE", "/kbs/<kbdoc>", "", Scope("kb:write"), 200),
    ("DELETE", "/kbs/<kb>/docs/unknown", "", Scope("kb:write"), 404),
    ("GET", "/kbs/unknown/docs", "", Scope("kb:read"), 404),
    ("GET", "/agents", "", Scope("agents:read"), 200),
    ("POST", "/agents", r#"{"name":"n"}"#, Scope("agents:write"), 201),
    ("GET", "/agents/<agent>", "", Scope("agents:read"), 200),
    ("PATCH", "/agents/<agent>", r#"{"name":"m"}"#, Scope("agents:write"), 200),
    ("DELETE", "/agents/<agent>", "", Scope("agents:write"), 200),
    ("POST", "/agents/<agent>/run", "", Scope("agents:write"), 200),
    ("POST", "/agents/<agent>/toggle", "", Scope("agents:write"), 200),
    ("GET", "/agents/<agent>/runs", "", Scope("agents:read"), 200),
    ("GET", "/agents/unknown/runs", "", Scope("agents:read"), 404),
    ("GET", "/webhooks", "", Scope("webhooks:read"), 200),
    ("POST", "/webhooks", ADDRESS, Scope("webhooks:write"), 201),
    ("GET", "/webhooks/<hook>", "", Scope("webhooks:read"), 200),
    ("PATCH", "/webhooks/<hook>", r#"{"enabled":false}"#, Scope("webhooks:write"), 200),
    ("DELETE", "/webhooks/<hook>", "", Scope("webhooks:write"), 200),
    ("POST", "/webhooks/<hook>/test", "", Scope("webhooks:write"), 200),
    ("POST", "/webhooks/unknown/test", "", Scope("webhooks:write"), 404),
];

/// What no route answers, whoever asks: method, path, status, code.
const UNROUTED: &[(&str, &str, u16, &str)] = &[
    ("GET", "/", 404, "not_found"),
    ("GET", "/nowhere", 404, "not_found"),
    ("POST", "/auth", 404, "not_found"),
    ("GET", "/posts/p/unheard-of", 404, "not_found"),
    ("GET", "/Posts", 404, "not_found"),
    ("DELETE", "/health", 405, "method_not_allowed"),
    ("GET", "/auth/login", 405, "method_not_allowed"),
    ("GET", "/auth/logout", 405, "method_not_allowed"),
    ("POST", "/auth/profile", 405, "method_not_allowed"),
    ("PUT", "/api-keys", 405, "method_not_allowed"),
    (
        "POST",
        "/api-keys/key_0000000000000000",
        405,
        "method_not_allowed",
    ),
    (
        "GET",
        "/api-keys/key_0000000000000000/rotate",
        405,
        "method_not_allowed",
    ),
    ("DELETE", "/posts", 405, "method_not_allowed"),
    ("PATCH", "/posts/p", 405, "method_not_allowed"),
    ("GET", "/posts/p/publish", 405, "method_not_allowed"),
    ("POST", "/posts/p/schedule", 405, "method_not_allowed"),
    ("DELETE", "/brands", 405, "method_not_allowed"),
    ("PUT", "/brands/b", 405, "method_not_allowed"),
    ("POST", "/brands/b/auth/status", 405, "method_not_allowed"),
    ("POST", "/clips", 405, "method_not_allowed"),
    ("PUT", "/clips/c", 405, "method_not_allowed"),
    ("GET", "/clips/c/render", 405, "method_not_allowed"),
    ("PATCH", "/carousels/c", 405, "method_not_allowed"),
    ("POST", "/carousels/c/refine", 405, "method_not_allowed"),
    ("PATCH", "/kbs/k", 405, "method_not_allowed"),
    ("GET", "/kbs/k/search", 405, "method_not_allowed"),
    ("GET", "/kbs/k/docs/d", 405, "method_not_allowed"),
    ("PUT", "/agents/a", 405, "method_not_allowed"),
    ("GET", "/agents/a/run", 405, "method_not_allowed"),
    ("PUT", "/webhooks/w", 405, "method_not_allowed"),
    ("GET", "/webhooks/w/test", 405, "method_not_allowed"),
    ("GET", "/agents/a/unheard-of", 404, "not_found"),
    ("GET", "/kb", 404, "not_found"),
];

#[rustfmt::skip]
const SCOPES: [&str; 18] = [
    "posts:read", "posts:write", "brands:read", "brands:write", "clips:read", "clips:write",
    "carousels:read", "carousels:write", "kb:read", "kb:write", "agents:read", "agents:write",
    "webhooks:read", "webhooks:write", "api-keys:read", "api-keys:write", "audit:read",
    "tokens:introspect",
];

/// A key with every scope that doesn't cover this one.
fn key_without(world: &World, scope: &str) -> Key {
    let (resource, action) = scope.split_once(':').unwrap();
    let covers = |other: &str| match action {
        "read" => other.starts_with(&format!("{resource}:")),
        _ => other == scope,
    };
    let rest: Vec<&str> = SCOPES.into_iter().filter(|other| !covers(other)).collect();
    world.key(&rest)
}

#[derive(Clone, Copy)]
enum Header {
    Bearer,
    ApiKey,
}

/// Sends a row's request with this credential.
fn ask(
    client: &Client,
    (method, path, body): (&str, &str, &str),
    credential: Option<(Header, &str)>,
) -> Answer {
    let mut request = client.request(method, path);
    if !body.is_empty() {
        let (media_type, body) = body_of(body);
        request = request.header("content-type", media_type).body(body);
    }
    Answer::to(match credential {
        None => request,
        Some((Header::Bearer, token)) => request.header("authorization", format!("Bearer {token}")),
        Some((Header::ApiKey, token)) => request.header("x-api-key", token),
    })
}

/// What is wrong with an answer to a caller who is let in: a success or the resource's own
/// refusal, with rate headers exactly if a credential was verified, and never a challenge.
fn let_in(answer: &Answer, status: u16, verified: bool) -> Option<String> {
    let is_file = answer.header("content-disposition").is_some();
    if status < 400
        && answer.status == status
        && !is_file
        && answer.json()["success"] != json!(true)
    {
        return Some(format!("not a success: {}", answer.text()));
    }
    if status == 404
        && let Some(problem) = answer.problem(404, "not_found")
    {
        return Some(problem);
    }
    if answer.status != status {
        return Some(format!(
            "status {} and not {status}: {}",
            answer.status,
            answer.text()
        ));
    }
    if let Some(challenge) = answer.challenge() {
        return Some(format!("a challenge: {challenge}"));
    }
    let there = answer.rate().is_some();
    (there != verified).then(|| format!("rate headers: {there} and not {verified}"))
}

/// What is wrong with a 401: the challenge names an error only if there was a credential.
fn unauthenticated(answer: &Answer, code: &str) -> Option<String> {
    if let Some(problem) = answer.problem(401, code) {
        return Some(problem);
    }
    let challenge = answer.challenge().unwrap_or_default();
    let named = match code {
        "invalid_token" => challenge.contains(r#"error="invalid_token""#),
        _ => !challenge.contains("error"),
    };
    if !challenge.starts_with("Bearer") || !named {
        return Some(format!("challenge of {code}: {challenge:?}"));
    }
    answer
        .rate()
        .map(|rate| format!("rate headers on a 401: {rate:?}"))
}

/// What is wrong with a 403 for a missing scope or for a key in the place of a session.
fn forbidden(answer: &Answer, needs: Needs) -> Option<String> {
    let challenge = answer.challenge();
    let (code, challenged) = match needs {
        Scope(scope) => {
            let challenge = challenge.unwrap_or_default();
            let named = challenge.starts_with("Bearer")
                && challenge.contains(r#"error="insufficient_scope""#)
                && challenge.contains(&format!(r#"scope="{scope}""#));
            ("insufficient_scope", named)
        }
        _ => ("session_required", challenge.is_none()),
    };
    if let Some(problem) = answer.problem(403, code) {
        return Some(problem);
    }
    if !challenged {
        return Some(format!("challenge of {code}: {challenge:?}"));
    }
    answer
        .rate()
        .is_none()
        .then(|| "no rate headers on a 403".to_owned())
}

#[test]
fn every_route_answers_every_kind_of_caller_as_the_contract_says() {
    let world = World::with_args(&["--session-limit", "100000/60s"]);
    let unknown = token::unknown(&world.key(&["posts:read"]).key);
    let mut maker = Maker::new(&world.client, &world.session, "made-for-a-row");
    let mut problems = Vec::new();
    for (row, &(method, path, body, needs, status)) in ROUTES.iter().enumerate() {
        // Failed verifications are limited per address, so each row speaks from its own.
        let client = world.server.client_from(2, u8::try_from(row + 1).unwrap());
        let filled_path = maker.fill(path);
        let filled_body = if body == VIDEO {
            body.to_owned()
        } else {
            maker.fill(body)
        };
        let request = (method, filled_path.as_str(), filled_body.as_str());
        let mut expect = |caller: &str, problem: Option<String>| {
            problems.extend(problem.map(|text| format!("{method} {path} with {caller}: {text}")));
        };

        let none = ask(&client, request, None);
        let stranger = ask(&client, request, Some((Header::Bearer, &unknown)));
        if needs == Nothing {
            let right = ask(&client, request, Some((Header::Bearer, &world.session)));
            expect("no credential", let_in(&none, status, false));
            expect("an unknown bearer", let_in(&stranger, status, false));
            expect("a session", let_in(&right, status, false));
            continue;
        }
        expect("no credential", unauthenticated(&none, "unauthorized"));
        expect(
            "an unknown bearer",
            unauthenticated(&stranger, "invalid_token"),
        );
        let stranger = ask(&client, request, Some((Header::ApiKey, &unknown)));
        expect(
            "an unknown x-api-key",
            unauthenticated(&stranger, "invalid_token"),
        );

        let (wrong, right) = match needs {
            Scope(scope) => (
                Some(key_without(&world, scope).key),
                world.key(&[scope]).key,
            ),
            Session => (Some(world.key(&SCOPES).key), client.login()),
            _ => (None, world.key(&["brands:read"]).key),
        };
        if let Some(wrong) = wrong {
            let answer = ask(&client, request, Some((Header::Bearer, &wrong)));
            expect("a wrong bearer", forbidden(&answer, needs));
            let answer = ask(&client, request, Some((Header::ApiKey, &wrong)));
            expect("a wrong x-api-key", forbidden(&answer, needs));
        }
        let header = if row % 2 == 0 && needs != Session {
            Header::ApiKey
        } else {
            Header::Bearer
        };
        let answer = ask(&client, request, Some((header, &right)));
        expect("the right credential", let_in(&answer, status, true));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_no_route_answers_is_404_or_405_for_every_kind_of_caller() {
    let world = World::new();
    let key = world.key(&["brands:read"]).key;
    let unknown = token::unknown(&key);
    let callers = [
        None,
        Some(unknown.as_str()),
        Some(key.as_str()),
        Some(&world.session),
    ];
    let mut problems = Vec::new();
    for (row, &(method, path, status, code)) in UNROUTED.iter().enumerate() {
        let client = world.server.client_from(3, u8::try_from(row + 1).unwrap());
        for (caller, token) in callers.into_iter().enumerate() {
            let answer = client.send(method, path, token);
            let problem = answer.problem(status, code).or_else(|| {
                // RFC 9110, section 15.5.6: a 405 must list what is allowed.
                let wants_allow = status == 405 && answer.header("allow").is_none();
                wants_allow.then(|| "no Allow header".to_owned())
            });
            let challenge = answer
                .challenge()
                .map(|text| format!("a challenge: {text}"));
            let problem = problem.or(challenge);
            problems.extend(problem.map(|text| format!("{method} {path}, {caller}: {text}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_session_of_the_owner_passes_wherever_a_scope_is_needed() {
    let world = World::new();
    for path in ["/posts", "/brands", "/api-keys", "/auth/profile"] {
        let answer = world.client.send("GET", path, Some(&world.session));
        assert_eq!(let_in(&answer, 200, true), None, "{path}");
    }
}

#[test]
fn head_is_guarded_as_get_is() {
    let world = World::new();
    for path in ["/posts", "/brands", "/api-keys", "/auth/profile"] {
        let status = world.client.send("HEAD", path, None).status;
        assert!(status == 401 || status == 405, "HEAD {path}: {status}");
    }
}

#[test]
fn the_scheme_is_read_without_regard_to_case_and_equal_credentials_count_as_one() {
    let world = World::new();
    let key = world.key(&["posts:read"]).key;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} {key}");
        let request = world
            .client
            .request("GET", "/posts")
            .header("authorization", &value);
        Answer::to(request).data(200);
        let request = world.client.request("GET", "/posts");
        let both = request
            .header("authorization", value)
            .header("x-api-key", &key);
        Answer::to(both).data(200);
    }
}

#[test]
fn refresh_gives_a_working_session_and_refuses_what_is_no_refresh_token() {
    let world = World::new();
    let login = world.client.try_login(EMAIL, PASSWORD).data(200);
    let body = json!({"refreshToken": text(&login, "refreshToken")});
    let fresh = world.client.send_json("POST", "/auth/refresh", None, &body);
    assert_eq!(let_in(&fresh, 200, false), None);
    let fresh = fresh.data(200);
    assert_ne!(fresh["token"], login["token"]);
    assert_ne!(fresh["refreshToken"], login["refreshToken"]);
    world
        .client
        .send("GET", "/auth/profile", Some(&text(&fresh, "token")))
        .data(200);

    let session = json!({"refreshToken": text(&fresh, "token")});
    let answer = world
        .client
        .send_json("POST", "/auth/refresh", None, &session);
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(answer.challenge().is_some(), "a 401 without a challenge");
}
