//! What login, profile and the routes of API keys give on success.
#![cfg(test)]

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::server::{EMAIL, PASSWORD};
use common::shape::{assert_members, assert_time, ids};
use common::token::Parts;
use common::world::World;

const FUTURE: &str = "2099-01-01T00:00:00Z";

fn assert_scopes(data: &Value, wanted: &[&str]) {
    let mut scopes: Vec<&str> = data["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope.as_str().unwrap())
        .collect();
    scopes.sort_unstable();
    assert_eq!(scopes, wanted, "{data}");
}

#[test]
fn health_is_an_empty_success() {
    let world = World::new();
    let answer = world.client.send("GET", "/health", None);
    assert_eq!(answer.data(200), json!({}));
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/json")
    );
}

#[test]
fn login_gives_a_session_of_the_format_with_its_refresh_token_user_and_org() {
    let world = World::new();
    let data = world.client.try_login(EMAIL, PASSWORD).data(200);
    assert_time(&data, "expiresAt");
    assert_eq!(data["user"]["email"], json!(EMAIL));
    assert_members(&data["user"], &["id", "email", "name"]);
    assert!(!text(&data, "orgId").is_empty());
    let session = Parts::of(&text(&data, "token"));
    assert!(
        session.version == 'S' && session.prefix.contains("s_"),
        "{}",
        session.prefix
    );
    let refresh = Parts::of(&text(&data, "refreshToken"));
    assert!(
        refresh.version == 'R' && refresh.prefix.contains("r_"),
        "{}",
        refresh.prefix
    );
}

#[test]
fn profile_speaks_of_the_session_or_of_the_key() {
    let world = World::new();
    let login = world.client.try_login(EMAIL, PASSWORD).data(200);
    let profile = world.get("/auth/profile");
    assert_eq!(profile["authType"], json!("session"));
    assert_eq!(profile["email"], json!(EMAIL));
    assert_eq!(profile["name"], login["user"]["name"]);
    assert_eq!(profile["orgId"], login["orgId"]);
    assert!(
        profile["id"].is_string() && profile["scopes"].is_array(),
        "{profile}"
    );

    let body = json!({"name": "The key's own", "scopes": ["brands:read", "posts:read"]});
    let key = text(&world.send("POST", "/api-keys", &body).data(201), "key");
    let profile = world
        .client
        .send("GET", "/auth/profile", Some(&key))
        .data(200);
    assert_eq!(profile["authType"], json!("api_key"));
    assert_eq!(profile["name"], json!("The key's own"));
    assert_eq!(profile["email"], json!(EMAIL));
    assert_eq!(profile["orgId"], login["orgId"]);
    assert!(profile["id"].is_string(), "{profile}");
    assert_scopes(&profile, &["brands:read", "posts:read"]);
}

#[test]
fn logout_revokes_the_session_and_no_other() {
    let world = World::new();
    let other = world.client.login();
    assert_eq!(
        world
            .client
            .send("POST", "/auth/logout", Some(&other))
            .data(200),
        json!({})
    );
    world
        .client
        .send("GET", "/posts", Some(&other))
        .refused(401, "invalid_token");
    world.get("/posts");
}

#[test]
fn a_new_key_is_of_the_format_and_its_hint_shows_nothing_of_the_secret() {
    let world = World::new();
    let body = json!({"name": "CI", "scopes": ["posts:read", "brands:read"], "expiresAt": FUTURE});
    let data = world.send("POST", "/api-keys", &body).data(201);
    assert_eq!(
        (&data["name"], &data["expiresAt"]),
        (&json!("CI"), &json!(FUTURE))
    );
    assert_scopes(&data, &["brands:read", "posts:read"]);
    assert_time(&data, "createdAt");
    assert_time(&data, "updatedAt");

    let key = Parts::of(&text(&data, "key"));
    assert_eq!(key.version, 'K');
    assert_eq!(data["id"], json!(format!("key_{}", key.id)));
    let hint = text(&data, "keyHint");
    let ((first_four, _), (_, last_four)) = (key.id.split_at(4), key.id.split_at(12));
    assert!(
        hint.starts_with(&format!("{}{first_four}", key.prefix)),
        "{hint}"
    );
    assert!(hint.ends_with(last_four), "{hint}");
    assert!(
        hint.len() < key.prefix.len() + 16,
        "more than four and four of the id: {hint}"
    );

    let lasting = json!({"name": "CI", "scopes": ["posts:read"], "expiresAt": null});
    assert_eq!(
        world.send("POST", "/api-keys", &lasting).data(201)["expiresAt"],
        Value::Null
    );
}

#[test]
fn keys_are_listed_newest_first_without_their_text_and_by_a_stable_cursor() {
    let world = World::new();
    let made: Vec<_> = (0..5)
        .map(|_| world.client.create_key(&world.session, &["posts:read"]))
        .collect();
    let newest_first: Vec<_> = made.iter().rev().map(|key| key.id.clone()).collect();
    let answer = world.send_empty("GET", "/api-keys");
    assert_eq!(answer.header("x-total-count"), Some("5"));
    let list = answer.data(200);
    assert_eq!(ids(&list), newest_first);
    for (item, key) in list.as_array().unwrap().iter().zip(made.iter().rev()) {
        assert_members(
            item,
            &["name", "keyHint", "scopes", "expiresAt", "lastUsedAt"],
        );
        assert_members(item, &["createdAt", "updatedAt"]);
        assert!(
            item.get("key").is_none() && !item.to_string().contains(&key.key),
            "{item}"
        );
        assert_eq!(world.get(&format!("/api-keys/{}", key.id)), *item);
    }
    assert_eq!(
        ids(&world.get("/api-keys?limit=2&offset=1")),
        newest_first[1..3]
    );

    let first = world.send_empty("GET", "/api-keys?limit=2");
    assert_eq!(ids(&first.data(200)), newest_first[..2]);
    let cursor = first.header("x-next-cursor").expect("no cursor").to_owned();
    world.client.create_key(&world.session, &["posts:read"]);
    let second = world.send_empty("GET", &format!("/api-keys?limit=2&cursor={cursor}"));
    assert_eq!(ids(&second.data(200)), newest_first[2..4]);
    let cursor = second
        .header("x-next-cursor")
        .expect("no cursor")
        .to_owned();
    let third = world.send_empty("GET", &format!("/api-keys?limit=2&cursor={cursor}"));
    assert_eq!(ids(&third.data(200)), newest_first[4..]);
    assert_eq!(third.header("x-next-cursor"), None);
}

#[test]
fn a_patch_changes_only_what_it_names_and_takes_effect_at_once() {
    let world = World::new();
    let key = world
        .client
        .create_key(&world.session, &["posts:read", "brands:read"]);
    let path = format!("/api-keys/{}", key.id);
    let use_on = |path: &str| world.client.send("GET", path, Some(&key.key));

    let data = world
        .send("PATCH", &path, &json!({"expiresAt": FUTURE}))
        .data(200);
    assert_eq!(
        (&data["name"], &data["expiresAt"]),
        (&json!("a key"), &json!(FUTURE))
    );
    assert!(data.get("key").is_none(), "the text is shown again");
    let data = world
        .send("PATCH", &path, &json!({"name": "renamed"}))
        .data(200);
    assert_eq!(
        (&data["name"], &data["expiresAt"]),
        (&json!("renamed"), &json!(FUTURE))
    );
    assert_eq!(
        world
            .send("PATCH", &path, &json!({"expiresAt": null}))
            .data(200)["expiresAt"],
        Value::Null
    );

    use_on("/brands").data(200);
    let data = world
        .send("PATCH", &path, &json!({"scopes": ["posts:read"]}))
        .data(200);
    assert_scopes(&data, &["posts:read"]);
    use_on("/brands").refused(403, "insufficient_scope");
    world
        .send("PATCH", &path, &json!({"enabled": false}))
        .data(200);
    use_on("/posts").refused(401, "invalid_token");
    world
        .send("PATCH", &path, &json!({"enabled": true}))
        .data(200);
    use_on("/posts").data(200);
    assert_eq!(world.get(&path)["name"], json!("renamed"));
}

#[test]
fn a_deleted_key_is_refused_at_once_and_deleting_it_again_is_404() {
    let world = World::new();
    let key = world.client.create_key(&world.session, &["posts:read"]);
    let path = format!("/api-keys/{}", key.id);
    world.client.send("GET", "/posts", Some(&key.key)).data(200);
    assert_eq!(world.send_empty("DELETE", &path).data(200), json!({}));
    world
        .client
        .send("GET", "/posts", Some(&key.key))
        .refused(401, "invalid_token");
    world.send_empty("DELETE", &path).refused(404, "not_found");
    world.send_empty("GET", &path).refused(404, "not_found");
    assert_eq!(world.get("/api-keys"), json!([]));
}
