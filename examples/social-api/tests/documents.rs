//! Bodies of resources as documents: what is checked, kept, dropped and refused.
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
    // A sum counts what was made, and reads none of it.
    assert_eq!(world.get("/usage/summary")["posts"]["total"], json!(2));
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

/// A body that makes one of each, and where.
#[rustfmt::skip]
const MAKERS: &[(&str, &str)] = &[
    ("/clips/import-url", r#"{"url":"https://example.com/"}"#),
    ("/carousels", r#"{"title":"t","slides":[{"text":"t"}]}"#),
    ("/kbs", r#"{"name":"n"}"#),
    ("/agents", r#"{"name":"n"}"#),
    ("/webhooks", r#"{"url":"https://example.com/"}"#),
];

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// Where one of a kind is.
fn home(maker: &str, made: &Value) -> String {
    let collection = maker.trim_end_matches("/import-url");
    format!("{collection}/{}", text(made, "id"))
}

#[test]
fn documents_of_every_kind_keep_unknown_members_and_drop_the_servers_own() {
    let world = World::new();
    for &(path, body) in MAKERS {
        let made = world.send("POST", path, &parsed(body)).data(201);
        // Sent back, what is the server's own changes nothing of the new one.
        let mut again = made.clone();
        again["id"] = json!("mine");
        again["createdAt"] = json!("once");
        again["mood"] = nested(32);
        let copy = world.send("POST", path, &again).data(201);
        assert_ne!(
            (&copy["id"], &copy["createdAt"]),
            (&again["id"], &again["createdAt"])
        );
        assert_eq!(copy["mood"], again["mood"], "{path}");
        assert_eq!(world.get(&home(path, &copy)), copy);

        again["mood"] = nested(33);
        let refused = world.send("POST", path, &again);
        let message = refused.refused(400, "invalid_request");
        assert!(message.contains("`mood`"), "{path}: {message}");
        for member in ["id", "createdAt", "updatedAt"] {
            let mut wrong = parsed(body);
            wrong[member] = json!(7);
            let message = world
                .send("POST", path, &wrong)
                .refused(400, "invalid_request");
            assert_eq!(
                message,
                format!("`{member}`: expected a string, not a number")
            );
        }
        let mut large = parsed(body);
        large["mood"] = json!("x".repeat(16 * 1024));
        world
            .send("POST", path, &large)
            .refused(400, "invalid_request");
    }
}

#[test]
fn what_an_action_is_sent_never_stands_in_a_document_twice() {
    let world = World::new();
    for (maker, method, action) in [
        (0, "POST", "/scenes"),
        (0, "POST", "/render"),
        (1, "POST", "/publish"),
        (1, "POST", "/create-draft"),
        (1, "PUT", "/refine"),
        (3, "PATCH", ""),
        (3, "POST", "/run"),
        (3, "POST", "/toggle"),
        (4, "PATCH", ""),
        (4, "POST", "/test"),
    ] {
        let (path, body) = MAKERS[maker];
        let made = world.send("POST", path, &parsed(body)).data(201);
        let home = home(path, &made);
        let mut back = made.clone();
        if action == "/refine" {
            back["instructions"] = json!("shorter");
        }
        let answer = world.send(method, &format!("{home}{action}"), &back);
        assert!(answer.status < 300, "{home}{action}: {}", answer.text());
        let now = world.get(&home);
        assert_eq!(
            (&now["id"], &now["createdAt"]),
            (&made["id"], &made["createdAt"])
        );
        // All is there, and can be read: nothing is left out of the lists either.
        for member in made.as_object().unwrap().keys() {
            assert!(now.get(member).is_some(), "{home}{action}: {member}");
        }
    }
    for run in world.get("/agents")["items"].as_array().unwrap() {
        world.get(&format!("/agents/{}/runs", text(run, "id")));
    }
    assert_eq!(world.get("/posts").as_array().unwrap().len(), 1);
}

#[test]
fn known_members_of_every_kind_are_checked_and_named() {
    let world = World::new();
    let kb = text(
        &world.send("POST", "/kbs", &json!({"name": "n"})).data(201),
        "id",
    );
    let agent = world
        .send("POST", "/agents", &json!({"name": "n"}))
        .data(201);
    let hook = json!({"url": "http://example.com/"});
    let hook = text(&world.send("POST", "/webhooks", &hook).data(201), "id");
    let carousel = world
        .send("POST", "/carousels", &json!({"title": "t"}))
        .data(201);
    let carousel = format!("/carousels/{}", text(&carousel, "id"));
    let (agent, hook) = (
        format!("/agents/{}", text(&agent, "id")),
        format!("/webhooks/{hook}"),
    );
    let (docs, search) = (format!("/kbs/{kb}/docs"), format!("/kbs/{kb}/search"));
    let (ingest, toggle) = (format!("{docs}/ingest-url"), format!("{agent}/toggle"));
    let refine = format!("{carousel}/refine");
    let long = "x".repeat(20_001);
    let many = json!(vec![json!({"text": "t"}); 21]);
    let rows = [
        ("POST", "/clips/import-url", json!({}), "url"),
        (
            "POST",
            "/clips/import-url",
            json!({"url": "ftp://example.com/"}),
            "url",
        ),
        (
            "POST",
            "/clips/import-url",
            json!({"url": "http://a/", "name": "a\nb"}),
            "name",
        ),
        ("POST", "/carousels", json!({}), "title"),
        (
            "POST",
            "/carousels",
            json!({"title": "t", "slides": "s"}),
            "slides",
        ),
        (
            "POST",
            "/carousels",
            json!({"title": "t", "slides": [{}]}),
            "slides[0].text",
        ),
        (
            "POST",
            "/carousels",
            json!({"title": "t", "slides": [{"text": ""}]}),
            "slides[0].text",
        ),
        (
            "POST",
            "/carousels",
            json!({"title": "t", "slides": many}),
            "slides",
        ),
        (
            "POST",
            "/carousels",
            json!({"title": "t", "revision": "2"}),
            "revision",
        ),
        (
            "POST",
            "/carousels/generate",
            json!({"brandSlug": "b"}),
            "topic",
        ),
        (
            "POST",
            "/carousels/generate",
            json!({"topic": "t", "slideCount": 0}),
            "slideCount",
        ),
        (
            "POST",
            "/carousels/generate",
            json!({"topic": "t", "slideCount": 21}),
            "slideCount",
        ),
        (
            "POST",
            "/carousels/generate",
            json!({"topic": "t", "slideCount": 1.5}),
            "slideCount",
        ),
        ("PUT", &refine, json!({}), "instructions"),
        ("POST", "/kbs", json!({"name": ""}), "name"),
        (
            "POST",
            "/kbs",
            json!({"name": "n", "description": 5}),
            "description",
        ),
        ("POST", &docs, json!({"title": "t"}), "text"),
        ("POST", &docs, json!({"title": "t", "text": long}), "text"),
        ("POST", &ingest, json!({"url": "file:///etc/passwd"}), "url"),
        ("POST", &search, json!({}), "query"),
        ("POST", &search, json!({"query": " "}), "query"),
        (
            "POST",
            &search,
            json!({"query": "a b c d e f g h i j k"}),
            "query",
        ),
        (
            "POST",
            &search,
            json!({"query": "q", "limit": 101}),
            "limit",
        ),
        ("POST", "/agents", json!({"name": ["n"]}), "name"),
        (
            "POST",
            "/agents",
            json!({"name": "n", "enabled": "yes"}),
            "enabled",
        ),
        (
            "POST",
            "/agents",
            json!({"name": "n", "lastRunAt": 1}),
            "lastRunAt",
        ),
        (
            "PATCH",
            &agent,
            json!({"instructions": "x".repeat(10_001)}),
            "instructions",
        ),
        ("POST", &toggle, json!({"enabled": 1}), "enabled"),
        (
            "POST",
            "/webhooks",
            json!({"url": "javascript:alert(1)"}),
            "url",
        ),
        (
            "POST",
            "/webhooks",
            json!({"url": "http://a/", "events": ["a", "a"]}),
            "events[1]",
        ),
        (
            "PATCH",
            &hook,
            json!({"url": format!("http://a/{long}")}),
            "url",
        ),
        ("PATCH", &hook, json!({"events": [5]}), "events[0]"),
    ];
    for (method, path, body, member) in rows {
        let message = world
            .send(method, path, &body)
            .refused(400, "invalid_request");
        assert!(
            message.contains(&format!("`{member}`")),
            "{method} {path} {body}: {message}"
        );
    }
    let unknown = json!({"title": "t", "topic": "t", "brandSlug": "nowhere"});
    for path in ["/carousels", "/carousels/generate"] {
        world.send("POST", path, &unknown).refused(404, "not_found");
    }
    assert_eq!(world.get("/billing/credits")["balance"], json!(1_000));
}

#[test]
fn an_organisation_has_at_most_a_thousand_of_each() {
    let world = World::new();
    let theirs = world.second_organisation();
    let owner = text(&world.get("/auth/profile"), "orgId");
    for (&(path, body), kind) in MAKERS
        .iter()
        .zip(["clip", "carousel", "kb", "agent", "webhook"])
    {
        let made = world.send("POST", path, &parsed(body)).data(201);
        let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998)
            INSERT INTO social_documents (owner, kind, whole, id, record)
            SELECT ?1, ?2, '', ?2 || i, record FROM n, social_documents WHERE id = ?3";
        let filled = world
            .store()
            .execute(fill, [&owner, kind, &text(&made, "id")]);
        assert_eq!(filled.unwrap(), 998);
        world.send("POST", path, &parsed(body)).data(201);
        let message = world
            .send("POST", path, &parsed(body))
            .refused(409, "conflict");
        assert!(message.contains("1000"), "{message}");
        // Others have their own thousand.
        let other = world
            .client
            .send_json("POST", path, Some(&theirs), &parsed(body));
        other.data(201);
        world.send_empty("DELETE", &home(path, &made)).data(200);
        world.send("POST", path, &parsed(body)).data(201);
    }
}

#[test]
fn a_document_that_cannot_be_read_fails_alone() {
    let world = World::new();
    for &(path, body) in MAKERS {
        let made = [(); 2].map(|()| world.send("POST", path, &parsed(body)).data(201));
        let [good, bad] = made;
        let garble = "UPDATE social_documents SET record = '{' WHERE id = ?1";
        assert_eq!(
            world.store().execute(garble, [text(&bad, "id")]).unwrap(),
            1
        );
        let list = path.trim_end_matches("/import-url");
        let shown = world.get(list).to_string();
        assert!(shown.contains(&text(&good, "id")), "{shown}");
        assert!(!shown.contains(&text(&bad, "id")), "{shown}");
        let bad = home(path, &bad);
        world.send_empty("GET", &bad).refused(500, "internal");
        world.get("/usage/summary");
        world.send_empty("DELETE", &bad).data(200);
        world.send_empty("GET", &bad).refused(404, "not_found");
    }
}
