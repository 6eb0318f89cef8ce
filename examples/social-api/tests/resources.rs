//! What the routes of posts and brands give on success.
#![cfg(test)]

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::shape::{assert_members, assert_time, ids};
use common::world::World;

const FUTURE: &str = "2099-01-01T00:00:00Z";

#[test]
fn a_post_goes_from_draft_over_scheduled_to_published() {
    let world = World::new();
    let body = json!({"text": "Hello", "platforms": ["x", "linkedin"]});
    let post = world.send("POST", "/posts", &body).data(201);
    assert_eq!(
        (&post["text"], &post["platforms"]),
        (&body["text"], &body["platforms"])
    );
    assert_eq!(post["status"], json!("draft"));
    assert_time(&post, "createdAt");
    assert_time(&post, "updatedAt");
    let path = format!("/posts/{}", text(&post, "id"));
    assert_eq!(world.get(&path), post);

    world
        .send("PUT", &path, &json!({"text": "Hello again"}))
        .data(200);
    let changed = world.get(&path);
    assert_eq!(changed["text"], json!("Hello again"));
    assert_eq!(
        changed["platforms"], body["platforms"],
        "a member that wasn't named is lost"
    );

    let schedule = format!("{path}/schedule");
    world
        .send("PUT", &schedule, &json!({"scheduledAt": FUTURE}))
        .data(200);
    let scheduled = world.get(&path);
    assert_eq!(
        (&scheduled["status"], &scheduled["scheduledAt"]),
        (&json!("scheduled"), &json!(FUTURE))
    );
    assert_eq!(
        ids(&world.get("/posts?status=scheduled")),
        [text(&post, "id")]
    );
    world
        .send("PUT", &schedule, &json!({"cancel": true}))
        .data(200);
    assert_eq!(world.get(&path)["status"], json!("draft"));
    assert_eq!(world.get("/posts?status=scheduled"), json!([]));

    world
        .send_empty("POST", &format!("{path}/publish"))
        .data(200);
    let published = world.get(&path);
    assert_eq!(published["status"], json!("published"));
    assert_time(&published, "publishedAt");
    let results = world.get(&format!("{path}/results"));
    for platform in ["x", "linkedin"] {
        assert_members(&results[platform], &["status", "url", "publishedAt"]);
    }
    assert_eq!(results.as_object().unwrap().len(), 2, "{results}");
}

#[test]
fn a_post_is_rewritten_scored_retried_and_deleted() {
    let world = World::new();
    let id = world.client.create_post(&world.session);
    let path = format!("/posts/{id}");
    world
        .send_empty("POST", &format!("{path}/rewrite"))
        .data(200);
    let score = world.send_empty("POST", &format!("{path}/score")).data(200);
    assert!(score["score"].is_number(), "{score}");
    // A draft hasn't failed: either there is nothing to do or that is said.
    let retry = world.send_empty("POST", &format!("{path}/retry"));
    assert!([200, 409].contains(&retry.status), "{}", retry.text());
    world.send_empty("DELETE", &path).data(200);
    world.send_empty("DELETE", &path).refused(404, "not_found");
    world.send_empty("GET", &path).refused(404, "not_found");
}

#[test]
fn posts_are_listed_by_brand_status_limit_and_offset() {
    let world = World::new();
    let brand = world.client.create_brand(&world.session, "Acme");
    let body = json!({"text": "t", "platforms": ["x"], "brandSlug": brand});
    let of_brand = text(&world.send("POST", "/posts", &body).data(201), "id");
    let others: Vec<_> = (0..3)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    assert_eq!(
        ids(&world.get(&format!("/posts?brandSlug={brand}"))),
        [of_brand]
    );
    let all = ids(&world.get("/posts"));
    assert_eq!(all.len(), 4);
    assert!(others.iter().all(|id| all.contains(id)));
    assert_eq!(ids(&world.get("/posts?limit=2&offset=1")), all[1..3]);
    assert_eq!(world.get("/posts?status=published"), json!([]));
}

#[test]
fn brands_have_slugs_an_order_and_connections() {
    let world = World::new();
    let slug = world.client.create_brand(&world.session, "Acme Rockets");
    assert!(
        slug.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
        "{slug}"
    );
    world
        .send("POST", "/brands", &json!({"name": "Acme Rockets"}))
        .refused(409, "conflict");
    world.client.create_brand(&world.session, "Beta");
    let path = format!("/brands/{slug}");
    assert_eq!(world.get(&path)["name"], json!("Acme Rockets"));

    world
        .send("PATCH", &path, &json!({"colour": "red"}))
        .data(200);
    let brand = world.get(&path);
    assert_eq!(
        (&brand["name"], &brand["colour"]),
        (&json!("Acme Rockets"), &json!("red"))
    );

    let slugs = || -> Vec<Value> {
        world
            .get("/brands")
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["slug"].clone())
            .collect()
    };
    let mut order = slugs();
    assert!(order.len() >= 2);
    order.reverse();
    world
        .send("PUT", "/brands/order", &json!({"slugs": order}))
        .data(200);
    assert_eq!(slugs(), order);

    let status = world.get(&format!("{path}/auth/status"));
    let status = status.as_array().unwrap();
    let mut platforms: Vec<_> = status.iter().map(|entry| text(entry, "platform")).collect();
    platforms.sort_unstable();
    assert_eq!(platforms, ["linkedin", "x"]);
    for entry in status {
        assert_eq!(entry["connected"], json!(true));
        assert_members(entry, &["platformUsername", "platformUserId"]);
    }
    world.send_empty("DELETE", &path).data(200);
    world.send_empty("DELETE", &path).refused(404, "not_found");
}
