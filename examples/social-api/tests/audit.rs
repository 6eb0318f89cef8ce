//! The audit log of a running server: who may read it, what it has, and that it is one chain.
#![cfg(test)]

use portcullis::sqlite::verify_audit;
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::shape::assert_members;
use common::world::World;

fn members(rows: &Value, name: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[name].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_was_done_is_read_by_whoever_may_and_by_nobody_else() {
    let world = World::new();
    let (reader, writer) = (world.key(&["audit:read"]), world.key(&["posts:write"]));
    let path = format!("/api-keys/{}", writer.id);
    world.send_empty("DELETE", &path).data(200);

    let rows = world.get(&format!("/audit?target={}", writer.id));
    assert_eq!(members(&rows, "action"), ["key.revoked", "key.issued"]);
    assert_eq!(members(&rows, "ip"), ["127.0.0.1"; 2]);
    assert_members(
        &rows[0],
        &["action", "actor", "at", "details", "ip", "target"],
    );
    let as_key = world
        .client
        .send("GET", "/audit?limit=1", Some(&reader.key));
    assert!(as_key.header("x-total-count").is_some());
    assert!(as_key.header("x-next-cursor").is_some());
    assert_eq!(as_key.data(200).as_array().unwrap().len(), 1);

    let other = world.key(&["posts:read"]);
    for path in ["/audit", "/audit/export"] {
        let refused = world.client.send("GET", path, Some(&other.key));
        assert!(
            refused
                .refused(403, "insufficient_scope")
                .contains("audit:read")
        );
        world
            .client
            .send("GET", path, None)
            .refused(401, "unauthorized");
    }
    let refused = world.send_empty("GET", "/audit?owner=other");
    assert!(refused.refused(400, "invalid_request").contains("`owner`"));
}

#[test]
fn an_export_has_the_rows_of_the_list_and_no_secrets_and_the_store_is_one_chain() {
    let world = World::new();
    let keys: Vec<_> = (0..5).map(|_| world.key(&["posts:read"])).collect();
    world.send(
        "POST",
        "/auth/refresh",
        &json!({"refreshToken": "nonsense"}),
    );
    let export = world.send_empty("GET", "/audit/export");
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    let text = export.text();
    let exported: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(exported.len() >= 7, "{text}");
    let mut listed = world.get("/audit?limit=100").as_array().unwrap().clone();
    listed.reverse();
    assert_eq!(exported, listed);
    for secret in keys.iter().map(|key| &key.key).chain([&world.session]) {
        assert!(!text.contains(secret.as_str()));
        let (_, end) = secret.split_at(secret.len() - 39);
        assert!(!text.contains(end));
    }

    // While the server has the store open. There is one org, so its rows are all rows.
    let path = world.place.path("portcullis-data/portcullis.db");
    let before = verify_audit(&path, None).unwrap();
    assert_eq!(usize::try_from(before.rows), Ok(exported.len()));
    world.key(&["posts:read"]);
    let verified = verify_audit(&path, Some(before.head)).unwrap();
    assert_eq!(verified.rows, before.rows + 1);
}
