//! Bodies and paths that can be read but don't make sense: each has its clear answer, and nothing
//! is lost or half done.
#![cfg(test)]

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::server::{EMAIL, PASSWORD};
use common::world::World;

#[test]
fn a_member_of_the_wrong_type_is_400() {
    let world = World::new();
    let (key, post) = (
        world.key(&["posts:read"]).id,
        world.client.create_post(&world.session),
    );
    let brand = world.client.create_brand(&world.session, "Typed");
    let before = world.counts();
    let key_path = format!("/api-keys/{key}");
    let post_path = format!("/posts/{post}");
    let schedule_path = format!("/posts/{post}/schedule");
    let brand_path = format!("/brands/{brand}");
    let scopes = json!(["posts:read"]);
    let rows = [
        ("POST", "/api-keys", json!({"name": 5, "scopes": scopes})),
        ("POST", "/api-keys", json!({"name": null, "scopes": scopes})),
        ("POST", "/api-keys", json!({"scopes": scopes})),
        ("POST", "/api-keys", json!({"name": "n"})),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": "posts:read"}),
        ),
        ("POST", "/api-keys", json!({"name": "n", "scopes": [5]})),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": {"posts:read": true}}),
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": scopes, "expiresAt": 4_070_908_800_u64}),
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": scopes, "expiresAt": "tomorrow"}),
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": scopes, "expiresAt": "2099-02-30T00:00:00Z"}),
        ),
        ("PATCH", &key_path, json!({"name": 5})),
        ("PATCH", &key_path, json!({"scopes": "posts:read"})),
        ("PATCH", &key_path, json!({"enabled": "yes"})),
        ("PATCH", &key_path, json!({"expiresAt": false})),
        ("POST", "/posts", json!({"text": 5, "platforms": ["x"]})),
        ("POST", "/posts", json!({"text": "t", "platforms": "x"})),
        ("POST", "/posts", json!({"text": "t", "platforms": [5]})),
        (
            "POST",
            "/posts",
            json!({"text": "t", "platforms": ["x"], "brandSlug": 5}),
        ),
        ("PUT", &post_path, json!({"text": ["t"]})),
        ("PUT", &schedule_path, json!({"scheduledAt": "soon"})),
        ("PUT", &schedule_path, json!({"scheduledAt": 5})),
        ("PUT", &schedule_path, json!({"cancel": "yes"})),
        ("PUT", &schedule_path, json!({})),
        ("POST", "/brands", json!({"name": 5})),
        ("POST", "/brands", json!({})),
        ("PATCH", &brand_path, json!({"name": 5})),
        ("PUT", "/brands/order", json!({"slugs": "typed"})),
        ("PUT", "/brands/order", json!({"slugs": [5]})),
        ("PUT", "/brands/order", json!({})),
    ];
    for (method, path, body) in rows {
        let answer = world.send(method, path, &body);
        assert_eq!(
            answer.problem(400, "invalid_request"),
            None,
            "{method} {path} {body}"
        );
        assert_eq!(answer.challenge(), None, "{method} {path} {body}");
        let message = text(&answer.json(), "message");
        assert!(
            !message.contains("struct "),
            "a Rust type: {method} {path} {body}: {message}"
        );
    }
    assert_eq!(world.counts(), before);
}

#[test]
fn an_unknown_member_is_400_naming_it_except_in_resources_which_keep_it() {
    let world = World::new();
    let key_path = format!("/api-keys/{}", world.key(&["posts:read"]).id);
    let rows = [
        (
            "POST",
            "/auth/login",
            json!({"email": EMAIL, "password": PASSWORD, "remember": true}),
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": ["posts:read"], "remember": 1}),
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": ["posts:read"], "remember": null}),
        ),
        ("PATCH", &key_path, json!({"remember": "x"})),
    ];
    let before = world.counts();
    for (method, path, body) in rows {
        let message = world
            .send(method, path, &body)
            .refused(400, "invalid_request");
        assert!(
            message.contains("remember"),
            "{method} {path} {body}: {message}"
        );
    }
    assert_eq!(world.counts(), before);

    let body = json!({"text": "t", "platforms": ["x"], "mood": {"level": [1, null]}});
    let post = world.send("POST", "/posts", &body).data(201);
    let brand = world
        .send("POST", "/brands", &json!({"name": "Kept", "mood": "fine"}))
        .data(201);
    let paths = [
        format!("/posts/{}", text(&post, "id")),
        format!("/brands/{}", text(&brand, "slug")),
    ];
    let moods = [json!({"level": [1, null]}), json!("fine")];
    for (path, mood) in paths.iter().zip(moods) {
        let data = world
            .client
            .send("GET", path, Some(&world.session))
            .data(200);
        assert_eq!(data["mood"], mood, "{path}");
    }
}

#[test]
fn an_unknown_scope_is_400_naming_it() {
    let world = World::new();
    let key_path = format!("/api-keys/{}", world.key(&["posts:read"]).id);
    let scopes = json!(["posts:read", "posts:fly"]);
    let before = world.counts();
    let created = world.send("POST", "/api-keys", &json!({"name": "n", "scopes": scopes}));
    let patched = world.send("PATCH", &key_path, &json!({"scopes": scopes}));
    for answer in [created, patched] {
        let message = answer.refused(400, "unknown_scope");
        assert!(message.contains("posts:fly"), "{message}");
    }
    for scope in [
        "",
        "posts",
        "posts:",
        ":read",
        "Posts:Read",
        "posts:read ",
        "posts:read brands:read",
    ] {
        let body = json!({"name": "n", "scopes": [scope]});
        let answer = world.send("POST", "/api-keys", &body);
        assert_eq!(answer.status, 400, "{scope:?}: {}", answer.text());
    }
    assert_eq!(world.counts(), before);
    let key = world
        .client
        .send("GET", &key_path, Some(&world.session))
        .data(200);
    assert_eq!(key["scopes"], json!(["posts:read"]));
}

#[test]
fn an_empty_name_and_an_expiry_in_the_past_are_400() {
    let world = World::new();
    let key_path = format!("/api-keys/{}", world.key(&["posts:read"]).id);
    let before = world.counts();
    let past = "2020-01-01T00:00:00Z";
    let rows = [
        (
            "POST",
            "/api-keys",
            json!({"name": "", "scopes": ["posts:read"]}),
        ),
        ("PATCH", &key_path, json!({"name": ""})),
        ("POST", "/brands", json!({"name": ""})),
        (
            "POST",
            "/api-keys",
            json!({"name": "n", "scopes": ["posts:read"], "expiresAt": past}),
        ),
        ("PATCH", &key_path, json!({"expiresAt": past})),
    ];
    for (method, path, body) in rows {
        let answer = world.send(method, path, &body);
        assert_eq!(
            answer.problem(400, "invalid_request"),
            None,
            "{method} {path} {body}"
        );
    }
    assert_eq!(world.counts(), before);
    let key = world
        .client
        .send("GET", &key_path, Some(&world.session))
        .data(200);
    assert_eq!(
        (&key["name"], &key["expiresAt"]),
        (&json!("a key"), &Value::Null)
    );
}

#[test]
fn a_foreign_or_deleted_id_is_404_with_rate_headers() {
    let world = World::new();
    let deleted = format!("/api-keys/{}", world.key(&["posts:read"]).id);
    world
        .client
        .send("DELETE", &deleted, Some(&world.session))
        .data(200);
    let post = format!("/posts/{}", world.client.create_post(&world.session));
    world
        .client
        .send("DELETE", &post, Some(&world.session))
        .data(200);
    let brand = world.client.create_brand(&world.session, "Gone");
    let brand = format!("/brands/{brand}");
    world
        .client
        .send("DELETE", &brand, Some(&world.session))
        .data(200);

    let foreign = [
        "key_0000000000000000",
        "key_",
        "ses_0000000000000000",
        "0000000000000000",
        "%00",
        "a%2Fb",
    ];
    let keys = foreign
        .iter()
        .map(|id| format!("/api-keys/{id}"))
        .chain([deleted]);
    let posts = foreign
        .iter()
        .map(|id| format!("/posts/{id}"))
        .chain([post]);
    let brands = foreign
        .iter()
        .map(|id| format!("/brands/{id}"))
        .chain([brand]);
    let mut requests = Vec::new();
    for path in keys {
        requests.push(("GET", path.clone(), None));
        requests.push(("DELETE", path.clone(), None));
        requests.push(("PATCH", path, Some(json!({"name": "n"}))));
    }
    for path in posts {
        for action in ["publish", "retry", "rewrite", "score"] {
            requests.push(("POST", format!("{path}/{action}"), None));
        }
        requests.push(("GET", path.clone(), None));
        requests.push(("GET", format!("{path}/results"), None));
        requests.push(("DELETE", path.clone(), None));
        requests.push((
            "PUT",
            format!("{path}/schedule"),
            Some(json!({"cancel": true})),
        ));
        requests.push(("PUT", path, Some(json!({"text": "t"}))));
    }
    for path in brands {
        requests.push(("GET", path.clone(), None));
        requests.push(("GET", format!("{path}/auth/status"), None));
        requests.push(("DELETE", path.clone(), None));
        requests.push(("PATCH", path, Some(json!({"colour": "red"}))));
    }
    for (method, path, body) in requests {
        let answer = match &body {
            None => world.client.send(method, &path, Some(&world.session)),
            Some(body) => world.send(method, &path, body),
        };
        assert_eq!(answer.problem(404, "not_found"), None, "{method} {path}");
        assert!(
            answer.rate().is_some(),
            "{method} {path} without rate headers"
        );
    }
}
