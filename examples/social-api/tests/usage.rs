//! Who uses a key, why it was refused, what of it may be narrowed.
#![cfg(test)]

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::shape::{assert_members, assert_time};
use common::world::World;

const MEMBERS: [&str; 10] = [
    "days",
    "denied",
    "deniedBy",
    "lastUsedAt",
    "networks",
    "observedSince",
    "requests",
    "scopes",
    "suggestedScopes",
    "userAgents",
];

#[test]
fn a_key_is_told_how_it_was_used_and_narrowed_by_what_is_suggested_in_one_step() {
    let world = World::new();
    let key = world.key(&["posts:write", "brands:write", "clips:read"]);
    let usage = format!("/api-keys/{}/usage", key.id);
    let unused = world.get(&usage);
    assert_members(&unused, &MEMBERS);
    assert_eq!(
        (&unused["lastUsedAt"], &unused["suggestedScopes"]),
        (&Value::Null, &Value::Null)
    );

    let with_agent = |method: &str, path: &str| {
        let request = world.client.with_token(method, path, Some(&key.key));
        let sent = request.header("user-agent", "acme-bot/2.1").send().unwrap();
        sent.status().as_u16()
    };
    for (method, path, status) in [
        ("GET", "/posts", 200),
        ("GET", "/brands", 200),
        ("GET", "/auth/profile", 200),
        ("GET", "/api-keys", 403),
        ("POST", "/auth/logout", 403),
        ("GET", "/api-keys", 403),
    ] {
        assert_eq!(with_agent(method, path), status, "{method} {path}");
    }

    let used = world.get(&usage);
    assert_eq!(
        (&used["requests"], &used["denied"], &used["deniedBy"]),
        (
            &json!(3),
            &json!(3),
            &json!({"insufficient_scope": 2, "wrong_holder": 1})
        )
    );
    assert_time(&used, "lastUsedAt");
    assert_eq!(
        used["scopes"],
        json!({
            "granted": ["posts:read", "posts:write", "brands:read", "brands:write", "clips:read"],
            "used": ["posts:read", "brands:read"],
            "unused": ["posts:write", "brands:write", "clips:read"],
        })
    );
    assert_eq!(
        used["suggestedScopes"],
        json!(["brands:read", "posts:read"])
    );
    assert_eq!(used["networks"][0]["network"], json!("127.0.0.0/24"));
    assert_eq!(used["userAgents"][0]["userAgent"], json!("acme-bot/2.1"));
    assert_eq!(
        (&used["days"][0]["requests"], &used["days"][0]["denied"]),
        (&json!(3), &json!(3))
    );

    let path = format!("/api-keys/{}", key.id);
    let narrowed = json!({"scopes": used["suggestedScopes"]});
    let shown = world.send("PATCH", &path, &narrowed).data(200);
    assert_eq!(shown["scopes"], json!(["brands:read", "posts:read"]));
    for (method, path, status) in [
        ("GET", "/posts", 200),
        ("GET", "/brands", 200),
        ("GET", "/auth/profile", 200),
        ("POST", "/posts", 403),
        ("GET", "/clips-of-nobody", 404),
    ] {
        assert_eq!(with_agent(method, path), status, "{method} {path}");
    }
}

#[test]
fn a_key_that_needs_no_scope_is_narrowed_to_none() {
    let world = World::new();
    let key = world.key(&["posts:read"]);
    assert_eq!(
        world
            .client
            .send("GET", "/auth/profile", Some(&key.key))
            .status,
        200
    );
    let used = world.get(&format!("/api-keys/{}/usage", key.id));
    let narrowed = json!({"scopes": used["suggestedScopes"]});
    let shown = world.send("PATCH", &format!("/api-keys/{}", key.id), &narrowed);
    assert_eq!(shown.data(200)["scopes"], json!([]));
    assert_eq!(
        world
            .client
            .send("GET", "/auth/profile", Some(&key.key))
            .status,
        200
    );
    assert_eq!(
        world.client.send("GET", "/posts", Some(&key.key)).status,
        403
    );
    // A new key has a scope.
    let new = world.send("POST", "/api-keys", &json!({"name": "n", "scopes": []}));
    assert_eq!(new.status, 400);
}

#[test]
fn why_a_request_was_denied_is_found_by_its_id() {
    let world = World::new();
    let key = world.key(&["posts:read"]);
    let denied = world
        .client
        .send("GET", "/brands?token_of=no", Some(&key.key));
    assert_eq!(denied.status, 403);
    let id = denied.header("x-request-id").unwrap().to_owned();
    let path = format!("/denials/{id}");
    let shown = world.get(&path);
    assert_members(
        &shown,
        &[
            "at",
            "cause",
            "credential",
            "ip",
            "message",
            "requestId",
            "route",
        ],
    );
    assert_eq!(
        (&shown["requestId"], &shown["cause"], &shown["credential"]),
        (&json!(id), &json!("insufficient_scope"), &json!(key.id))
    );
    assert_eq!(
        (&shown["route"], &shown["ip"]),
        (&json!("GET /brands"), &json!("127.0.0.1"))
    );
    assert!(shown["message"].as_str().unwrap().contains("`brands:read`"));

    // What the client isn't told: the key that it has is revoked.
    let path_of_key = format!("/api-keys/{}", key.id);
    assert_eq!(
        world
            .send("PATCH", &path_of_key, &json!({"enabled": false}))
            .status,
        200
    );
    let rejected = world.client.send("GET", "/posts", Some(&key.key));
    rejected.refused(401, "invalid_token");
    let off = world.get(&format!(
        "/denials/{}",
        rejected.header("x-request-id").unwrap()
    ));
    assert_eq!(off["cause"], json!("disabled"));
    assert_eq!(
        world.get(&format!("{path_of_key}/usage"))["deniedBy"]["disabled"],
        json!(1)
    );
    let (head, tail) = key.key.split_at(30);
    let wrong = format!("{head}x{}", tail.split_at(1).1);
    assert_eq!(world.client.send("GET", "/posts", Some(&wrong)).status, 401);

    let list = world.send_empty("GET", &format!("/denials?credential={}", key.id));
    assert_eq!(list.header("x-total-count"), Some("2"));
    let causes: Vec<Value> = list
        .data(200)
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["cause"].clone())
        .collect();
    assert_eq!(causes, [json!("disabled"), json!("insufficient_scope")]);

    for (path, status) in [
        (format!("/denials/{}", "0".repeat(32)), 404),
        ("/denials/nothing".into(), 404),
        ("/denials?limit=0".into(), 400),
        ("/denials?credential=key_1".into(), 400),
        ("/denials?since=now".into(), 400),
    ] {
        assert_eq!(world.send_empty("GET", &path).status, status, "{path}");
    }
    // Who may not read keys may not read this.
    let other = world.key(&["posts:read"]);
    assert_eq!(
        world.client.send("GET", &path, Some(&other.key)).status,
        403
    );
}

#[test]
fn what_was_used_is_summed_up_for_the_organisation() {
    let world = World::new();
    let key = world.key(&["posts:write"]);
    let post = world.client.create_post(&key.key);
    let publish = format!("/posts/{post}/publish");
    assert_eq!(
        world.client.send("POST", &publish, Some(&key.key)).status,
        200
    );
    let post = world.client.create_post(&world.session);
    let put = json!({"text": "by hand", "source": "cli"});
    world.send("PUT", &format!("/posts/{post}"), &put).data(200);
    let summary = world
        .client
        .send("GET", "/usage/summary", Some(&key.key))
        .data(200);
    assert_members(
        &summary,
        &["agents", "ai", "posts", "range", "requests", "trend"],
    );
    assert_eq!(
        summary["posts"],
        json!({
            "total": 2,
            "published": 1,
            "bySource": {"dashboard": 0, "api": 1, "mcp": 0, "cli": 1, "agent": 0},
        })
    );
    assert_eq!(summary["trend"]["posts"][0]["count"], json!(2));
    assert_eq!(summary["trend"]["posts"][0]["date"], summary["range"]["to"]);
    assert_eq!(summary["ai"]["byModel"], json!([]));
    assert_eq!(world.client.send("GET", "/usage/summary", None).status, 401);
}

#[test]
fn a_stop_by_signal_loses_no_use() {
    let world = World::new();
    let key = world.key(&["posts:read"]);
    for _ in 0..37 {
        assert_eq!(
            world.client.send("GET", "/posts", Some(&key.key)).status,
            200
        );
    }
    for _ in 0..5 {
        assert_eq!(
            world.client.send("GET", "/brands", Some(&key.key)).status,
            403
        );
    }
    let World { place, server, .. } = world;
    assert_eq!(server.terminate().status.code(), Some(0));
    let world = World::at(place);
    let used = world.get(&format!("/api-keys/{}/usage", key.id));
    assert_eq!(
        (&used["requests"], &used["denied"]),
        (&json!(37), &json!(5))
    );
    assert_eq!(used["suggestedScopes"], json!(["posts:read"]));
    assert_eq!(
        world.get("/denials")[0]["cause"],
        json!("insufficient_scope")
    );
    let summary = world.get("/usage/summary");
    // The login's own call before the stop is one of them: it made the key.
    assert_eq!(summary["requests"], json!({"total": 43, "denied": 5}));
}
