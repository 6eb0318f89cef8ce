//! No one hands on what they lack, and what a key made ends with it.
#![cfg(test)]

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Key, text};
use common::world::World;

const FUTURE: &str = "2099-01-01T00:00:00Z";

/// A server with a key that may manage keys and read posts.
struct Managed {
    world: World,
    manager: Key,
}

impl Managed {
    fn new() -> Self {
        let world = World::new();
        let manager = world.key(&["api-keys:write", "posts:read"]);
        Self { world, manager }
    }

    /// Sends as the managing key.
    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.world
            .client
            .send_json(method, path, Some(&self.manager.key), body)
    }

    fn patch(&self, key: &Key, body: &Value) -> Answer {
        self.send("PATCH", &format!("/api-keys/{}", key.id), body)
    }

    fn use_key(&self, key: &str) -> Answer {
        self.world.client.send("GET", "/posts", Some(key))
    }
}

/// Refused because of this scope, which the answer names.
fn assert_excess(answer: &Answer, scope: &str) {
    let message = answer.refused(403, "insufficient_scope");
    assert!(message.contains(scope), "{scope} isn't named: {message}");
    let challenge = answer.challenge().expect("no challenge");
    assert!(
        challenge.contains(r#"error="insufficient_scope""#),
        "{challenge}"
    );
    assert!(answer.rate().is_some(), "no rate headers");
}

#[test]
fn a_key_creates_only_keys_with_scopes_that_it_has() {
    let managed = Managed::new();
    let create = |scopes: &[&str]| {
        managed.send(
            "POST",
            "/api-keys",
            &json!({"name": "made by a key", "scopes": scopes}),
        )
    };
    let before = managed.world.counts();
    assert_excess(&create(&["posts:write"]), "posts:write");
    assert_excess(&create(&["posts:read", "brands:read"]), "brands:read");
    for wildcard in ["*", "posts:*", "*:write"] {
        let answer = create(&[wildcard]);
        assert!(
            [400, 403].contains(&answer.status),
            "{wildcard}: {}",
            answer.text()
        );
    }
    assert_eq!(managed.world.counts(), before);

    let made = create(&["posts:read"]).data(201);
    let key = text(&made, "key");
    managed.use_key(&key).data(200);
    let write = managed.world.client.send("POST", "/posts", Some(&key));
    write.refused(403, "insufficient_scope");
}

#[test]
fn a_key_cannot_widen_enable_or_extend_a_key_that_is_stronger() {
    let managed = Managed::new();
    let world = &managed.world;
    let weak = world.key(&["posts:read"]);
    assert_excess(
        &managed.patch(&weak, &json!({"scopes": ["posts:read", "posts:write"]})),
        "posts:write",
    );
    let strong = world.key(&["posts:write"]);
    let path = format!("/api-keys/{}", strong.id);
    world
        .send(
            "PATCH",
            &path,
            &json!({"enabled": false, "expiresAt": FUTURE}),
        )
        .data(200);
    assert_excess(
        &managed.patch(&strong, &json!({"enabled": true})),
        "posts:write",
    );
    assert_excess(
        &managed.patch(&strong, &json!({"expiresAt": null})),
        "posts:write",
    );

    managed.use_key(&strong.key).refused(401, "invalid_token");
    assert_eq!(world.get(&path)["expiresAt"], json!(FUTURE));
    let weak_path = format!("/api-keys/{}", weak.id);
    assert_eq!(world.get(&weak_path)["scopes"], json!(["posts:read"]));
    managed
        .patch(&weak, &json!({"name": "renamed by a key"}))
        .data(200);
    assert_eq!(world.get(&weak_path)["name"], json!("renamed by a key"));
}

#[test]
fn a_key_cannot_change_itself() {
    let managed = Managed::new();
    let bodies = [
        json!({"name": "myself"}),
        json!({"expiresAt": FUTURE}),
        json!({"scopes": ["posts:read"]}),
        json!({"enabled": true}),
    ];
    for body in bodies {
        let answer = managed.patch(&managed.manager, &body);
        answer.refused(403, "session_required");
        assert_eq!(answer.challenge(), None, "{body}");
    }
    let path = format!("/api-keys/{}", managed.manager.id);
    assert_eq!(managed.world.get(&path)["name"], json!("a key"));
}

#[test]
fn the_keys_that_a_key_made_end_with_it_and_those_of_a_session_do_not() {
    let managed = Managed::new();
    let world = &managed.world;
    let scopes = ["api-keys:write", "posts:read"];
    let of_session = world.key(&["posts:read"]);
    let child = world.client.create_key(&managed.manager.key, &scopes);
    let grandchild = world.client.create_key(&child.key, &["posts:read"]);
    for key in [&of_session, &child, &grandchild] {
        managed.use_key(&key.key).data(200);
    }
    world
        .send_empty("DELETE", &format!("/api-keys/{}", managed.manager.id))
        .data(200);
    for key in [&managed.manager, &child, &grandchild] {
        managed.use_key(&key.key).refused(401, "invalid_token");
    }
    managed.use_key(&of_session.key).data(200);

    let World { place, server, .. } = managed.world;
    drop(server);
    let server = place.start();
    let client = server.client();
    for key in [&managed.manager, &child, &grandchild] {
        client
            .send("GET", "/posts", Some(&key.key))
            .refused(401, "invalid_token");
    }
    client
        .send("GET", "/posts", Some(&of_session.key))
        .data(200);
}

#[test]
fn a_key_that_a_key_made_never_outlives_it() {
    let managed = Managed::new();
    let path = format!("/api-keys/{}", managed.manager.id);
    managed
        .world
        .send("PATCH", &path, &json!({"expiresAt": FUTURE}))
        .data(200);
    for wanted in [json!(null), json!("2100-01-01T00:00:00Z")] {
        let body = json!({"name": "n", "scopes": ["posts:read"], "expiresAt": wanted});
        let answer = managed.send("POST", "/api-keys", &body);
        if answer.status == 201 {
            // Capped. Times of one form compare as texts.
            let expiry = text(&answer.data(201), "expiresAt");
            assert!(expiry.as_str() <= FUTURE, "{wanted}: {expiry}");
        } else {
            assert!(
                [400, 403].contains(&answer.status),
                "{wanted}: {}",
                answer.text()
            );
        }
    }
}

#[test]
fn a_sooner_expiry_of_a_key_caps_that_of_the_keys_it_made() {
    let managed = Managed::new();
    let path = format!("/api-keys/{}", managed.manager.id);
    let sooner = "2098-01-01T00:00:00Z";
    let body = json!({"name": "n", "scopes": ["posts:read"]});
    let child = managed.send("POST", "/api-keys", &body).data(201);
    managed
        .world
        .send("PATCH", &path, &json!({"expiresAt": sooner}))
        .data(200);
    let child = managed
        .world
        .get(&format!("/api-keys/{}", text(&child, "id")));
    assert!(text(&child, "expiresAt").as_str() <= sooner, "{child}");
}
