//! Bodies of posts and brands as documents: what is checked, kept, dropped and refused.
#![cfg(test)]

use rusqlite::Connection;
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::shape::ids;
use common::world::World;

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn members_are_kept_to_a_depth_that_can_be_given_back() {
    let world = World::new();
    let body = json!({"text": "t", "mood": nested(32)});
    let post = world.send("POST", "/posts", &body).data(201);
    assert_eq!(post["mood"], body["mood"]);
    let path = format!("/posts/{}", text(&post, "id"));
    assert_eq!(world.get(&path), post);
    world
        .send("POST", "/brands", &json!({"name": "Acme"}))
        .data(201);
    let deep = json!({"text": "t", "name": "n", "scheduledAt": "2099-01-01T00:00:00Z",
        "mood": nested(33)});
    for (method, path) in [
        ("POST", "/posts"),
        ("PUT", &path),
        ("PUT", &format!("{path}/schedule")),
        ("POST", &format!("{path}/rewrite")),
        ("POST", &format!("{path}/score")),
        ("POST", &format!("{path}/publish")),
        ("POST", "/brands"),
        ("PATCH", "/brands/acme"),
    ] {
        let message = world
            .send(method, path, &deep)
            .refused(400, "invalid_request");
        assert!(message.contains("`mood`"), "{method} {path}: {message}");
    }
    assert_eq!(world.get(&path), post);
    assert_eq!(world.get("/posts"), json!([post]));
}

#[test]
fn what_was_given_can_be_put_back_and_the_servers_own_members_have_their_types() {
    let world = World::new();
    let path = format!("/posts/{}", world.client.create_post(&world.session));
    let mut post = world.get(&path);
    let mut put = world.send("PUT", &path, &post).data(200);
    put["updatedAt"] = post["updatedAt"].clone();
    assert_eq!(put, post);
    for member in ["id", "status", "publishedAt", "createdAt", "updatedAt"] {
        let right = post[member].take();
        for wrong in [json!(7), json!(true), json!([]), json!({})] {
            post[member] = wrong;
            for path in [&path, &format!("{path}/score")] {
                let method = if path.ends_with("score") {
                    "POST"
                } else {
                    "PUT"
                };
                let answer = world.send(method, path, &post);
                let message = answer.refused(400, "invalid_request");
                let start = format!("`{member}`: expected a string, not ");
                assert!(message.starts_with(&start), "{path}: {message}");
            }
        }
        post[member] = right;
    }

    let brand = json!({"name": "Acme"});
    let mut brand = world.send("POST", "/brands", &brand).data(201);
    world.send("PATCH", "/brands/acme", &brand).data(200);
    brand["slug"] = json!(5);
    let refused = world.send("PATCH", "/brands/acme", &brand);
    let message = refused.refused(400, "invalid_request");
    assert_eq!(message, "`slug`: expected a string, not a number");
}

#[test]
fn names_and_slugs_have_no_control_characters() {
    let world = World::new();
    world.client.create_brand(&world.session, "Acme");
    for name in ["Ac\0me", "Ac\nme", "\u{1b}[31mAcme", "Acme\u{7f}"] {
        let body = json!({ "name": name });
        for (method, path) in [("POST", "/brands"), ("PATCH", "/brands/acme")] {
            let message = world
                .send(method, path, &body)
                .refused(400, "invalid_request");
            assert!(message.starts_with("`name`: "), "{message}");
        }
        let order = json!({"slugs": [name]});
        world
            .send("PUT", "/brands/order", &order)
            .refused(404, "not_found");
        let post = json!({"text": "t", "brandSlug": name});
        world
            .send("POST", "/posts", &post)
            .refused(404, "not_found");
    }
    assert_eq!(world.get("/brands").as_array().unwrap().len(), 1);
}

#[test]
fn a_record_that_cannot_be_read_fails_alone() {
    let world = World::new();
    let [good, bad] = [(); 2].map(|()| world.client.create_post(&world.session));
    for name in ["Acme", "Bad"] {
        world.client.create_brand(&world.session, name);
    }
    let store = Connection::open(world.place.path("portcullis-data/portcullis.db")).unwrap();
    let garble = "UPDATE social_posts SET record = '{', brand_slug = 'acme' WHERE id = ?1";
    assert_eq!(store.execute(garble, [&bad]).unwrap(), 1);
    let garble = "UPDATE social_brands SET record = '{\"a\":1}' WHERE slug = 'bad'";
    assert_eq!(store.execute(garble, []).unwrap(), 1);

    assert_eq!(ids(&world.get("/posts")), [good]);
    let slugs = |list: Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|brand| text(brand, "slug")).collect()
    };
    assert_eq!(slugs(world.get("/brands")), ["acme"]);
    let order = json!({"slugs": ["bad", "acme"]});
    assert_eq!(
        slugs(world.send("PUT", "/brands/order", &order).data(200)),
        ["acme"]
    );
    let (bad_post, bad_brand) = (format!("/posts/{bad}"), "/brands/bad");
    for path in [&bad_post, bad_brand] {
        world.send_empty("GET", path).refused(500, "internal");
    }
    // Neither is in the way of others, and both can be removed.
    for path in ["/brands/acme", &bad_post, bad_brand] {
        world.send_empty("DELETE", path).data(200);
    }
    let ended = world.server.terminate();
    assert!(
        ended.stderr.contains(&bad),
        "not in the log: {}",
        ended.stderr
    );
}
