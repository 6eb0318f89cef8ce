//! Every guarded route with a key of every single scope, without one, and with a key of another
//! organisation. The table is written by hand from the wire contract.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::Answer;
use common::made::{Maker, VIDEO, body_of};
use common::world::World;

#[rustfmt::skip]
const SCOPES: [&str; 18] = [
    "posts:read", "posts:write", "brands:read", "brands:write", "clips:read", "clips:write",
    "carousels:read", "carousels:write", "kb:read", "kb:write", "agents:read", "agents:write",
    "webhooks:read", "webhooks:write", "api-keys:read", "api-keys:write", "audit:read",
    "tokens:introspect",
];

/// Any credential will do.
const ANY: &[&str] = &SCOPES;
/// A session alone will do.
const SESSION: &[&str] = &[];

const ADDRESS: &str = r#"{"url":"https://example.com/a"}"#;
const KEY: &str = r#"{"name":"n","scopes":["api-keys:write"]}"#;
const MEMBER: &str = r#"{"email":"bob@example.com","role":"member"}"#;
const LATER: &str = r#"{"scheduledAt":"2099-01-01T00:00:00Z"}"#;

/// Method, path, body, and the scopes of which each alone lets a key in; the first is the one that
/// a refusal names.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, &[&str])] = &[
    ("GET", "/auth/profile", "", ANY),
    ("POST", "/auth/logout", "", SESSION),
    ("POST", "/auth/logout-all", "", SESSION),
    ("GET", "/auth/sessions", "", SESSION),
    ("DELETE", "/auth/sessions/ses_0000000000000000", "", SESSION),
    ("GET", "/orgs", "", SESSION),
    ("PUT", "/orgs/active", r#"{"organizationId":"org_0000000000000000"}"#, SESSION),
    ("GET", "/orgs/members", "", SESSION),
    ("POST", "/orgs/members", MEMBER, SESSION),
    ("PATCH", "/orgs/members/usr_0000000000000000", r#"{"role":"member"}"#, SESSION),
    ("DELETE", "/orgs/members/usr_0000000000000000", "", SESSION),
    ("GET", "/usage/summary", "", ANY),
    ("GET", "/billing/credits", "", ANY),
    ("GET", "/audit", "", &["audit:read"]),
    ("GET", "/audit/export", "", &["audit:read"]),
    ("POST", "/oauth/introspect", "token=none-of-ours", &["tokens:introspect"]),
    ("GET", "/denials", "", &["api-keys:read", "api-keys:write"]),
    ("GET", "/denials/<denial>", "", &["api-keys:read", "api-keys:write"]),
    ("GET", "/api-keys", "", &["api-keys:read", "api-keys:write"]),
    ("GET", "/api-keys/review", "", &["api-keys:read", "api-keys:write"]),
    ("POST", "/api-keys", KEY, &["api-keys:write"]),
    ("GET", "/api-keys/<key>", "", &["api-keys:read", "api-keys:write"]),
    ("GET", "/api-keys/<key>/usage", "", &["api-keys:read", "api-keys:write"]),
    ("PATCH", "/api-keys/<key>", r#"{"name":"m"}"#, &["api-keys:write"]),
    ("POST", "/api-keys/<key>/rotate", "", &["api-keys:write"]),
    ("DELETE", "/api-keys/<key>", "", &["api-keys:write"]),

    ("GET", "/posts", "", &["posts:read", "posts:write"]),
    ("POST", "/posts", r#"{"text":"t"}"#, &["posts:write"]),
    ("GET", "/posts/<post>", "", &["posts:read", "posts:write"]),
    ("PUT", "/posts/<post>", r#"{"text":"t"}"#, &["posts:write"]),
    ("DELETE", "/posts/<post>", "", &["posts:write"]),
    ("GET", "/posts/<post>/results", "", &["posts:read", "posts:write"]),
    ("POST", "/posts/<post>/publish", "", &["posts:write"]),
    ("PUT", "/posts/<post>/schedule", LATER, &["posts:write"]),
    ("POST", "/posts/<post>/retry", "", &["posts:write"]),
    ("POST", "/posts/<post>/rewrite", "", &["posts:write"]),
    ("POST", "/posts/<post>/score", "", &["posts:write"]),

    ("GET", "/brands", "", &["brands:read", "brands:write"]),
    ("POST", "/brands", r#"{"name":"Fresh"}"#, &["brands:write"]),
    ("PUT", "/brands/order", r#"{"slugs":["<brand>"]}"#, &["brands:write"]),
    ("GET", "/brands/<brand>", "", &["brands:read", "brands:write"]),
    ("PATCH", "/brands/<brand>", r#"{"colour":"red"}"#, &["brands:write"]),
    ("DELETE", "/brands/<brand>", "", &["brands:write"]),
    ("GET", "/brands/<brand>/auth/status", "", &["brands:read", "brands:write"]),

    ("GET", "/clips", "", &["clips:read", "clips:write"]),
    ("POST", "/clips/import-url", ADDRESS, &["clips:write"]),
    ("POST", "/clips/upload", VIDEO, &["clips:write"]),
    ("GET", "/clips/<clip>", "", &["clips:read", "clips:write"]),
    ("DELETE", "/clips/<clip>", "", &["clips:write"]),
    ("DELETE", "/clips/<upload>", "", &["clips:write"]),
    ("GET", "/clips/<upload>/download", "", &["clips:read", "clips:write"]),
    ("POST", "/clips/<clip>/scenes", "", &["clips:write"]),
    ("POST", "/clips/<clip>/render", "", &["clips:write"]),

    ("GET", "/carousels", "", &["carousels:read", "carousels:write"]),
    ("POST", "/carousels", r#"{"title":"t"}"#, &["carousels:write"]),
    ("POST", "/carousels/generate", r#"{"topic":"t"}"#, &["carousels:write"]),
    ("GET", "/carousels/<carousel>", "", &["carousels:read", "carousels:write"]),
    ("DELETE", "/carousels/<carousel>", "", &["carousels:write"]),
    ("PUT", "/carousels/<carousel>/refine", r#"{"instructions":"i"}"#, &["carousels:write"]),
    ("POST", "/carousels/<carousel>/create-draft", "", &["carousels:write"]),
    ("POST", "/carousels/<carousel>/publish", "", &["carousels:write"]),

    ("GET", "/kbs", "", &["kb:read", "kb:write"]),
    ("POST", "/kbs", r#"{"name":"n"}"#, &["kb:write"]),
    ("GET", "/kbs/<kb>", "", &["kb:read", "kb:write"]),
    ("DELETE", "/kbs/<kb>", "", &["kb:write"]),
    // A search only reads.
    ("POST", "/kbs/<kb>/search", r#"{"query":"q"}"#, &["kb:read", "kb:write"]),
    ("GET", "/kbs/<kb>/docs", "", &["kb:read", "kb:write"]),
    ("POST", "/kbs/<kb>/docs", r#"{"title":"t","text":"t"}"#, &["kb:write"]),
    ("POST", "/kbs/<kb>/docs/ingest-url", ADDRESS, &["kb:write"]),
    ("DELETE", "/kbs/<kbdoc>", "", &["kb:write"]),

    ("GET", "/agents", "", &["agents:read", "agents:write"]),
    ("POST", "/agents", r#"{"name":"n"}"#, &["agents:write"]),
    ("GET", "/agents/<agent>", "", &["agents:read", "agents:write"]),
    ("PATCH", "/agents/<agent>", r#"{"name":"m"}"#, &["agents:write"]),
    ("DELETE", "/agents/<agent>", "", &["agents:write"]),
    ("POST", "/agents/<agent>/run", "", &["agents:write"]),
    ("POST", "/agents/<agent>/toggle", "", &["agents:write"]),
    ("GET", "/agents/<agent>/runs", "", &["agents:read", "agents:write"]),

    ("GET", "/webhooks", "", &["webhooks:read", "webhooks:write"]),
    ("POST", "/webhooks", ADDRESS, &["webhooks:write"]),
    ("GET", "/webhooks/<hook>", "", &["webhooks:read", "webhooks:write"]),
    ("PATCH", "/webhooks/<hook>", r#"{"enabled":false}"#, &["webhooks:write"]),
    ("DELETE", "/webhooks/<hook>", "", &["webhooks:write"]),
    ("POST", "/webhooks/<hook>/test", "", &["webhooks:write"]),
];

fn roomy() -> World {
    let args = ["--key-limit", "100000/60s", "--session-limit", "100000/60s"];
    World::with_args(&[&args[..], &["--credits", "100000"]].concat())
}

fn ask(world: &World, method: &str, path: &str, body: &str, token: Option<&str>) -> Answer {
    let mut request = world.client.with_token(method, path, token);
    if !body.is_empty() {
        let (media_type, body) = body_of(body);
        request = request.header("content-type", media_type).body(body);
    }
    Answer::to(request)
}

/// A row's path and body, with what they name made anew.
fn filled(maker: &mut Maker<'_>, path: &str, body: &str) -> (String, String) {
    let body = if body == VIDEO {
        body.to_owned()
    } else {
        maker.fill(body)
    };
    (maker.fill(path), body)
}

fn lets_in(answer: &Answer) -> Option<String> {
    let refused = [401, 402, 403, 405, 415, 429].contains(&answer.status) || answer.status >= 500;
    // What a key may do, it does: only a draft can't be retried.
    let failed = answer.status >= 400 && answer.status != 409;
    (refused || failed).then(|| format!("{}: {}", answer.status, answer.text()))
}

fn refuses(answer: &Answer, needs: &[&str]) -> Option<String> {
    let Some(first) = needs.first() else {
        return answer.problem(403, "session_required");
    };
    let challenge = answer.challenge().unwrap_or_default();
    let named = format!(r#"scope="{first}""#);
    let is_challenged = challenge.starts_with("Bearer ")
        && challenge.contains(r#"error="insufficient_scope""#)
        && challenge.contains(&named);
    let challenged = (!is_challenged).then(|| format!("challenge `{challenge}`"));
    answer.problem(403, "insufficient_scope").or(challenged)
}

#[test]
fn a_key_of_one_scope_is_let_in_exactly_where_the_contract_says() {
    let world = roomy();
    let keys = SCOPES.map(|scope| (scope, world.key(&[scope]).key));
    let mut maker = Maker::new(&world.client, &world.session, "made-for-a-row");
    let mut problems = Vec::new();
    let mut checks = 0;
    for &(method, path, body, lets) in ROUTES {
        let (shared, shared_body) = filled(&mut maker, path, body);
        for (scope, key) in &keys {
            let problem = if lets.contains(scope) {
                let (path, body) = filled(&mut maker, path, body);
                // A second brand of the name of the row is a conflict, and let in.
                lets_in(&ask(&world, method, &path, &body, Some(key)))
            } else {
                let answer = ask(&world, method, &shared, &shared_body, Some(key));
                refuses(&answer, lets)
            };
            checks += 1;
            problems.extend(problem.map(|text| format!("{method} {path} with {scope}: {text}")));
        }
        let none = ask(&world, method, &shared, &shared_body, None);
        let problem = none.problem(401, "unauthorized");
        problems.extend(problem.map(|text| format!("{method} {path} with nothing: {text}")));
        // Nothing of all that was refused has been done.
        if shared != path && lets.len() < SCOPES.len() {
            let session = Some(world.session.as_str());
            let problem = lets_in(&ask(&world, method, &shared, &shared_body, session));
            problems.extend(problem.map(|text| format!("{method} {path} afterwards: {text}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(checks, ROUTES.len() * SCOPES.len());
}

#[test]
fn what_is_named_by_its_id_is_404_for_another_organisation() {
    let world = roomy();
    let theirs = world.second_organisation();
    let stranger = world.client.create_key(&theirs, &SCOPES).key;
    let mut maker = Maker::new(&world.client, &world.session, "not-theirs");
    let mut problems = Vec::new();
    for &(method, path, body, _) in ROUTES {
        let (own_path, own_body) = filled(&mut maker, path, body);
        if own_path == path && own_body == body {
            continue;
        }
        for token in [&stranger, &theirs] {
            let answer = ask(&world, method, &own_path, &own_body, Some(token));
            let problem = answer.problem(404, "not_found");
            problems.extend(problem.map(|text| format!("{method} {path}: {text}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Whether a path of the table is one of the description, whose parameters stand in braces.
fn is_at(path: &str, template: &str) -> bool {
    // A text in a knowledge base is named with it.
    let path = path.replace("<kbdoc>", "<kb>/docs/<doc>");
    let (parts, template) = (path.split('/'), template.split('/'));
    parts.clone().count() == template.clone().count()
        && parts.zip(template).all(|(part, of)| {
            let is_given = part.starts_with('<') || part.contains("_0000");
            part == of || of.starts_with('{') && is_given
        })
}

#[test]
fn the_description_says_what_every_route_asks_for() {
    let world = World::new();
    let answer = world.client.send("GET", "/openapi.json", None);
    assert_eq!(answer.status, 200);
    let described = answer.json();
    assert_eq!(described["openapi"], "3.1.0");
    let mut guarded = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation["security"] != serde_json::json!([]) {
                guarded.push((method.to_uppercase(), path, &operation["security"]));
            }
        }
    }
    for (method, path, security) in &guarded {
        let mut rows = ROUTES.iter();
        let row = rows.find(|(of, at, _, _)| of == method && is_at(at, path));
        let (_, _, _, scopes) =
            *row.unwrap_or_else(|| panic!("{method} {path} is not in the table"));
        let either = |names: &[&str]| serde_json::json!([{ "bearer": names }, { "apiKey": names }]);
        let expected = match scopes {
            SESSION => serde_json::json!([{ "bearer": [] }]),
            ANY => either(&[]),
            scopes => either(&scopes[..1]),
        };
        assert_eq!(**security, expected, "{method} {path}");
    }
    for (method, path, _, _) in ROUTES {
        let is_there = guarded
            .iter()
            .any(|(of, at, _)| of == method && is_at(path, at));
        assert!(is_there, "{method} {path} is not described");
    }
    let of = |method: &str, path: &str| described["paths"][path][method].clone();
    let publish = of("post", "/posts/{id}/publish");
    assert_eq!(publish["x-credits"], 1);
    assert_eq!(publish["parameters"][0]["name"], "id");
    let sample = publish["x-codeSamples"][0]["source"].as_str().unwrap();
    assert!(
        sample.contains("'Authorization: Bearer ap_live_"),
        "{sample}"
    );
    assert_eq!(of("get", "/health")["security"], serde_json::json!([]));
    assert_eq!(
        of("post", "/oauth/token")["security"],
        serde_json::json!([])
    );
}

#[test]
fn the_catalogue_is_told_to_everybody() {
    let world = World::new();
    let catalogue = world.client.send("GET", "/scopes", None).data(200);
    let catalogue = catalogue.as_array().unwrap();
    let names: Vec<_> = catalogue
        .iter()
        .map(|of| of["scope"].as_str().unwrap())
        .collect();
    assert_eq!(names, SCOPES);
    let write = serde_json::json!({
        "scope": "posts:write",
        "access": "create, update, delete, publish, schedule, retry posts",
        "implies": ["posts:read"],
    });
    assert_eq!(catalogue[1], write);
}
