//! What the routes of clips, carousels, knowledge bases, agents and webhooks give on success, and
//! what they refuse.
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

fn made(world: &World, path: &str, body: &Value) -> Value {
    world.send("POST", path, body).data(201)
}

fn balance(world: &World) -> i64 {
    world.get("/billing/credits")["balance"].as_i64().unwrap()
}

/// An id is the prefix and 16 characters.
fn assert_id(data: &Value, prefix: &str) {
    let id = text(data, "id");
    assert!(
        id.starts_with(prefix) && id.len() == prefix.len() + 16,
        "{id}"
    );
}

#[test]
fn a_clip_is_imported_searched_for_scenes_rendered_and_deleted() {
    let world = World::with_args(&["--credits", "12"]);
    let body = json!({"url": "https://example.com/a.mp4", "name": "A", "mood": 1});
    let clip = made(&world, "/clips/import-url", &body);
    assert_id(&clip, "clip_");
    assert_eq!(
        (&clip["url"], &clip["name"], &clip["mood"]),
        (&body["url"], &body["name"], &body["mood"])
    );
    assert_time(&clip, "createdAt");
    let path = format!("/clips/{}", text(&clip, "id"));
    assert_eq!(world.get(&path), clip);
    // It was never fetched, and says so.
    let refused = world.send_empty("GET", &format!("{path}/download"));
    let message = refused.refused(409, "conflict");
    assert!(message.contains("never fetched"), "{message}");

    let scenes = world.send("POST", &format!("{path}/scenes"), &json!({"tone": "calm"}));
    let scenes = scenes.data(200);
    assert!(!scenes["scenes"].as_array().unwrap().is_empty());
    assert_eq!(
        (&scenes["tone"], &scenes["mood"]),
        (&json!("calm"), &json!(1))
    );
    assert_eq!(balance(&world), 7);
    let rendered = world
        .send_empty("POST", &format!("{path}/render"))
        .data(200);
    assert_eq!(rendered["status"], json!("rendered"));
    assert_time(&rendered, "renderedAt");
    assert_eq!(balance(&world), 2);
    for action in ["scenes", "render"] {
        let refused = world.send_empty("POST", &format!("{path}/{action}"));
        refused.refused(402, "insufficient_credits");
    }
    assert_eq!(world.get(&path), rendered);
    world.send_empty("DELETE", &path).data(200);
    world.send_empty("DELETE", &path).refused(404, "not_found");
}

#[test]
fn clips_are_listed_newest_first_with_their_pagination() {
    let world = World::new();
    let body = json!({"url": "http://example.com/a"});
    let made: Vec<String> = (0..3)
        .map(|_| text(&made(&world, "/clips/import-url", &body), "id"))
        .collect();
    let newest_first: Vec<String> = made.into_iter().rev().collect();
    let list = world.get("/clips");
    assert_eq!(ids(&list["clips"]), newest_first);
    assert_eq!(
        list["pagination"],
        json!({"total": 3, "limit": 50, "offset": 0})
    );
    let list = world.get("/clips?limit=1&offset=1");
    assert_eq!(ids(&list["clips"]), newest_first[1..2]);
    assert_eq!(
        list["pagination"],
        json!({"total": 3, "limit": 1, "offset": 1})
    );
}

#[test]
fn carousels_and_agents_are_listed_as_items_and_the_others_as_arrays() {
    let world = World::new();
    let hook = json!({"url": "https://example.com/"});
    for (path, body, is_items) in [
        ("/carousels", json!({"title": "t"}), true),
        ("/agents", json!({"name": "n"}), true),
        ("/kbs", json!({"name": "n"}), false),
        ("/webhooks", hook, false),
    ] {
        let made: Vec<String> = (0..3)
            .map(|_| text(&made(&world, path, &body), "id"))
            .collect();
        let newest_first: Vec<String> = made.into_iter().rev().collect();
        let whole = world.get(path);
        let part = world.get(&format!("{path}?limit=2&offset=1"));
        if is_items {
            assert_eq!(ids(&whole["items"]), newest_first, "{path}");
            assert_eq!(ids(&part["items"]), newest_first[1..], "{path}");
            let place = |list: &Value| {
                (
                    list["total"].clone(),
                    list["limit"].clone(),
                    list["offset"].clone(),
                )
            };
            assert_eq!(place(&whole), (json!(3), json!(50), json!(0)));
            assert_eq!(place(&part), (json!(3), json!(2), json!(1)));
        } else {
            assert_eq!(ids(&whole), newest_first, "{path}");
            assert_eq!(ids(&part), newest_first[1..], "{path}");
        }
        for query in ["limit=0", "limit=101", "offset=-1", "limit=1&limit=2"] {
            let refused = world.send_empty("GET", &format!("{path}?{query}"));
            refused.refused(400, "invalid_request");
        }
    }
}

#[test]
fn a_carousel_is_generated_refined_made_a_draft_of_and_published() {
    let world = World::with_args(&["--credits", "6"]);
    let brand = world.client.create_brand(&world.session, "Acme");
    let body = json!({"topic": "Tea", "brandSlug": brand, "slideCount": 3});
    let carousel = made(&world, "/carousels/generate", &body);
    assert_id(&carousel, "car_");
    assert_eq!(balance(&world), 3);
    assert_eq!(carousel["slides"].as_array().unwrap().len(), 3);
    assert_eq!(
        (
            &carousel["topic"],
            &carousel["brandSlug"],
            &carousel["status"]
        ),
        (&json!("Tea"), &json!("acme"), &json!("draft"))
    );
    let path = format!("/carousels/{}", text(&carousel, "id"));
    assert_eq!(world.get(&path), carousel);

    let refine = format!("{path}/refine");
    let refused = world.send("PUT", &refine, &json!({"instructions": " "}));
    refused.refused(400, "invalid_request");
    let refined = world.send("PUT", &refine, &json!({"instructions": "shorter"}));
    assert_eq!(refined.data(200)["instructions"], json!("shorter"));
    assert_eq!(balance(&world), 2, "what is refused costs nothing");

    let post = world.send("POST", &format!("{path}/create-draft"), &json!({"mood": 1}));
    let post = post.data(201);
    assert_eq!(
        (
            &post["status"],
            &post["brandSlug"],
            &post["mood"],
            &post["source"]
        ),
        (
            &json!("draft"),
            &json!("acme"),
            &json!(1),
            &json!("dashboard")
        )
    );
    assert_eq!(post["carouselId"], carousel["id"]);
    for slide in carousel["slides"].as_array().unwrap() {
        assert!(text(&post, "text").contains(&text(slide, "text")), "{post}");
    }
    assert_eq!(world.get("/posts"), json!([post]));

    let publish = format!("{path}/publish");
    let published = world.send_empty("POST", &publish).data(200);
    assert_eq!(published["status"], json!("published"));
    assert_time(&published, "publishedAt");
    assert_eq!(balance(&world), 1);
    world.send_empty("POST", &publish).refused(409, "conflict");
    let refused = world.send("PUT", &refine, &json!({"instructions": "again"}));
    refused.refused(409, "conflict");
    assert_eq!(balance(&world), 1);

    // A brand that goes takes nothing with it.
    world.send_empty("DELETE", "/brands/acme").data(200);
    assert_eq!(world.get(&path)["brandSlug"], Value::Null);
}

#[test]
fn a_carousel_is_written_by_hand_and_needs_slides_to_be_published() {
    let world = World::new();
    let slides = json!([{"text": "One", "image": "a.png"}, {"text": "Two"}]);
    let body = json!({"title": "Hand made", "slides": slides});
    let carousel = made(&world, "/carousels", &body);
    assert_eq!(carousel["slides"], slides);
    let empty = made(&world, "/carousels", &json!({"title": "Empty"}));
    assert_eq!(empty["slides"], json!([]));
    let path = format!("/carousels/{}", text(&empty, "id"));
    let refused = world.send_empty("POST", &format!("{path}/publish"));
    refused.refused(409, "conflict");
    let post = world.send_empty("POST", &format!("{path}/create-draft"));
    assert_eq!(post.data(201)["text"], json!("Empty"));
    world.send_empty("DELETE", &path).data(200);
    for action in ["publish", "create-draft"] {
        let refused = world.send_empty("POST", &format!("{path}/{action}"));
        refused.refused(404, "not_found");
    }
    assert_eq!(balance(&world), 1_000);
}

#[test]
fn a_knowledge_base_is_filled_searched_and_deleted_with_its_texts() {
    let world = World::new();
    let kb = made(
        &world,
        "/kbs",
        &json!({"name": "Tea", "description": "All of it"}),
    );
    assert_id(&kb, "kb_");
    assert_eq!(kb["description"], json!("All of it"));
    let path = format!("/kbs/{}", text(&kb, "id"));
    assert_eq!(world.get(&path), kb);
    let docs = format!("{path}/docs");
    let add = |title: &str, text: &str| made(&world, &docs, &json!({"title": title, "text": text}));
    let green = add("Green", "Green tea is GREEN. Über alles green.");
    let black = add("Black", "Black tea, unlike green tea, is black.");
    assert_id(&green, "doc_");
    let url = json!({"url": "https://example.com/oolong", "kbId": "mine", "text": "mine"});
    let oolong = made(&world, &format!("{docs}/ingest-url"), &url);
    assert_eq!(
        (&oolong["url"], &oolong["text"]),
        (&url["url"], &Value::Null)
    );
    assert_eq!(
        ids(&world.get(&docs)),
        [&oolong, &black, &green].map(|doc| text(doc, "id"))
    );
    assert_eq!(
        ids(&world.get(&format!("{docs}?limit=1&offset=2"))),
        [text(&green, "id")]
    );

    let search = format!("{path}/search");
    let find = |body: Value| world.send("POST", &search, &body).data(200);
    let found = |query: &str| {
        let found = find(json!({"query": query}));
        assert_eq!(found["query"], json!(query));
        assert_members(&found, &["limit", "total", "results"]);
        let results = found["results"].as_array().unwrap().clone();
        assert_eq!(found["total"], json!(results.len()));
        let results = results.iter().map(|result| text(result, "docId"));
        results.collect::<Vec<_>>()
    };
    let [green_id, black_id, oolong_id] = [&green, &black, &oolong].map(|doc| text(doc, "id"));
    // The one that has it more often comes first.
    assert_eq!(found("green"), [green_id.clone(), black_id.clone()]);
    assert_eq!(found("tea BLACK"), [black_id.as_str()]);
    assert_eq!(found("über"), [green_id.as_str()]);
    assert_eq!(found("oolong"), [oolong_id]);
    assert_eq!(found("coffee"), [""; 0]);
    assert_eq!(found("%"), [""; 0]);
    let one = find(json!({"query": "green", "limit": 1, "mood": 1}));
    assert_eq!(
        (
            &one["total"],
            &one["limit"],
            one["results"].as_array().unwrap().len()
        ),
        (&json!(2), &json!(1), 1)
    );

    let other = made(&world, "/kbs", &json!({"name": "Other"}));
    let other = format!("/kbs/{}", text(&other, "id"));
    let search = world.send(
        "POST",
        &format!("{other}/search"),
        &json!({"query": "green"}),
    );
    assert_eq!(search.data(200)["results"], json!([]));
    // A text is found under its own knowledge base alone.
    let elsewhere = format!("{other}/docs/{green_id}");
    world
        .send_empty("DELETE", &elsewhere)
        .refused(404, "not_found");
    let doc = format!("{docs}/{green_id}");
    world.send_empty("DELETE", &doc).data(200);
    world.send_empty("DELETE", &doc).refused(404, "not_found");
    assert_eq!(found("tea green"), [black_id]);

    world.send_empty("DELETE", &path).data(200);
    world.send_empty("DELETE", &path).refused(404, "not_found");
    world.send_empty("GET", &docs).refused(404, "not_found");
    let left = "SELECT count(*) FROM social_documents WHERE kind = 'doc'";
    let left: i64 = world.store().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    world.get(&other);
}

#[test]
fn a_search_goes_through_more_texts_than_are_read_at_a_time() {
    let world = World::new();
    let kb = made(&world, "/kbs", &json!({"name": "Tea"}));
    let path = format!("/kbs/{}", text(&kb, "id"));
    let add = |body: &str| {
        let doc = json!({"title": "t", "text": body});
        text(&made(&world, &format!("{path}/docs"), &doc), "id")
    };
    let oldest = add("green green");
    let others: Vec<String> = (0..104).map(|_| add("green")).collect();
    // One that can't be read is neither found nor in the way of those before it.
    let broken = "UPDATE social_documents SET record = '{' WHERE id = ?1";
    for id in others.iter().take(60) {
        world.store().execute(broken, [id]).unwrap();
    }
    // Ten different words, and one of them twice.
    let query = "g r e en gr re gre ree een green GREEN";
    let body = json!({"query": query, "limit": 100});
    let found = world.send("POST", &format!("{path}/search"), &body);
    let found = found.data(200);
    assert_eq!(
        (&found["query"], &found["total"]),
        (&json!(query), &json!(45))
    );
    let results = found["results"].as_array().unwrap();
    let results: Vec<String> = results.iter().map(|hit| text(hit, "docId")).collect();
    let newest_first = others.iter().skip(60).rev();
    let expected: Vec<&String> = std::iter::once(&oldest).chain(newest_first).collect();
    assert_eq!(results.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn an_agent_is_run_switched_off_and_deleted_with_its_runs() {
    let world = World::new();
    let agents = || world.get("/usage/summary")["agents"].clone();
    assert_eq!(agents(), json!({"total": 0, "active": 0}));
    let agent = made(
        &world,
        "/agents",
        &json!({"name": "Anna", "instructions": "Be kind"}),
    );
    assert_id(&agent, "agent_");
    assert_eq!(
        (&agent["enabled"], &agent["lastRunAt"]),
        (&json!(true), &Value::Null)
    );
    made(
        &world,
        "/agents",
        &json!({"name": "Bert", "enabled": false}),
    );
    assert_eq!(agents(), json!({"total": 2, "active": 1}));
    let path = format!("/agents/{}", text(&agent, "id"));
    let run = format!("{path}/run");

    let first = world
        .send("POST", &run, &json!({"input": {"a": 1}}))
        .data(200);
    // What is the server's own is dropped, so the run can be read.
    let own = json!({"id": "mine", "agentId": "mine", "status": "mine", "output": "mine",
        "finishedAt": "mine", "createdAt": "mine"});
    let second = world.send("POST", &run, &own).data(200);
    let run_ids = [&second, &first].map(|run| text(run, "runId"));
    assert!(run_ids[0].starts_with("run_"));
    let runs = world.get(&format!("{path}/runs"));
    assert_eq!(ids(&runs), run_ids);
    assert_eq!(
        (&runs[1]["agentId"], &runs[1]["status"], &runs[1]["input"]),
        (&agent["id"], &first["status"], &json!({"a": 1}))
    );
    assert_eq!(
        ids(&world.get(&format!("{path}/runs?limit=1"))),
        run_ids[..1]
    );
    assert_time(&world.get(&path), "lastRunAt");

    let toggle = format!("{path}/toggle");
    let off = world.send_empty("POST", &toggle).data(200);
    assert_eq!(off["enabled"], json!(false));
    assert_eq!(agents(), json!({"total": 2, "active": 0}));
    world.send_empty("POST", &run).refused(409, "conflict");
    for wanted in [true, true, false] {
        let toggled = world.send("POST", &toggle, &json!({"enabled": wanted}));
        assert_eq!(toggled.data(200)["enabled"], json!(wanted));
    }
    let change = json!({"name": "Anne", "instructions": null, "enabled": true, "mood": 1});
    let changed = world.send("PATCH", &path, &change).data(200);
    assert_eq!(
        (
            &changed["name"],
            &changed["instructions"],
            &changed["enabled"],
            &changed["mood"]
        ),
        (&json!("Anne"), &Value::Null, &json!(true), &json!(1))
    );
    let changed = world.send("PATCH", &path, &json!({"mood": null})).data(200);
    assert!(changed.get("mood").is_none(), "{changed}");
    assert_eq!(changed["name"], json!("Anne"));
    assert_eq!(balance(&world), 1_000);

    world.send_empty("DELETE", &path).data(200);
    world.send_empty("DELETE", &path).refused(404, "not_found");
    world
        .send_empty("GET", &format!("{path}/runs"))
        .refused(404, "not_found");
    world.send_empty("POST", &run).refused(404, "not_found");
    let left = "SELECT count(*) FROM social_documents WHERE kind = 'run'";
    let left: i64 = world.store().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    assert_eq!(agents(), json!({"total": 1, "active": 0}));
}

#[test]
fn an_agent_keeps_its_newest_hundred_runs() {
    let world = World::new();
    let agent = made(&world, "/agents", &json!({"name": "Anna"}));
    let path = format!("/agents/{}", text(&agent, "id"));
    let mut made = Vec::new();
    for _ in 0..102 {
        let run = world.send_empty("POST", &format!("{path}/run")).data(200);
        made.push(text(&run, "runId"));
    }
    made.reverse();
    made.truncate(100);
    assert_eq!(ids(&world.get(&format!("{path}/runs?limit=100"))), made);
    assert_eq!(world.get(&format!("{path}/runs?offset=100")), json!([]));
}

#[test]
fn a_webhook_is_changed_tested_in_name_only_and_deleted() {
    let world = World::new();
    let body = json!({"url": "https://example.com/hook?a=b", "events": ["post.published"]});
    let hook = made(&world, "/webhooks", &body);
    assert_id(&hook, "hook_");
    assert_eq!(
        (&hook["url"], &hook["events"]),
        (&body["url"], &body["events"])
    );
    assert_eq!(hook["enabled"], json!(true));
    let path = format!("/webhooks/{}", text(&hook, "id"));
    assert_eq!(world.get(&path), hook);
    for body in [None, Some(json!({"event": "post.published"}))] {
        let test = format!("{path}/test");
        let tested = match body {
            None => world.send_empty("POST", &test),
            Some(body) => world.send("POST", &test, &body),
        };
        assert_eq!(
            tested.data(200),
            json!({"delivered": false, "httpStatus": null})
        );
    }
    assert_eq!(world.get(&path), hook, "a test changes nothing");
    let change = json!({"url": "http://example.org/", "events": [], "enabled": false});
    let changed = world.send("PATCH", &path, &change).data(200);
    for member in ["url", "events", "enabled"] {
        assert_eq!(changed[member], change[member]);
    }
    world.send_empty("DELETE", &path).data(200);
    for (method, path) in [("DELETE", path.clone()), ("POST", format!("{path}/test"))] {
        world.send_empty(method, &path).refused(404, "not_found");
    }
}

#[test]
fn a_restart_keeps_all_of_it() {
    let world = World::new();
    made(
        &world,
        "/clips/import-url",
        &json!({"url": "http://example.com/", "mood": 1}),
    );
    made(
        &world,
        "/carousels",
        &json!({"title": "t", "slides": [{"text": "s"}]}),
    );
    let kb = text(&made(&world, "/kbs", &json!({"name": "n"})), "id");
    let docs = format!("/kbs/{kb}/docs");
    made(&world, &docs, &json!({"title": "t", "text": "t"}));
    let agent = text(&made(&world, "/agents", &json!({"name": "n"})), "id");
    world
        .send_empty("POST", &format!("/agents/{agent}/run"))
        .data(200);
    made(&world, "/webhooks", &json!({"url": "http://example.com/"}));
    let runs = format!("/agents/{agent}/runs");
    let paths = [
        "/clips",
        "/carousels",
        "/kbs",
        &docs,
        "/agents",
        &runs,
        "/webhooks",
    ];
    let before = paths.map(|path| world.get(path));
    let World {
        place,
        mut server,
        session,
        ..
    } = world;
    server.kill();
    let server = place.start();
    let client = server.client();
    let after = paths.map(|path| client.send("GET", path, Some(&session)).data(200));
    assert_eq!(after, before);
}
