//! What an organisation has to spend, and what it has spent.
#![cfg(test)]

use rusqlite::Connection;
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::server::PASSWORD;
use common::shape::{assert_members, assert_time};
use common::world::World;

fn credits(world: &World, token: &str) -> Value {
    world
        .client
        .send("GET", "/billing/credits", Some(token))
        .data(200)
}

fn publish(world: &World, token: &str, post: &str) -> common::client::Answer {
    let path = format!("/posts/{post}/publish");
    world.client.send("POST", &path, Some(token))
}

#[test]
fn a_publish_takes_a_credit_and_is_in_the_ledger_by_its_request() {
    let world = World::with_args(&["--credits", "1234"]);
    let key = world.key(&["posts:write"]).key;
    let before = credits(&world, &world.session);
    assert_members(
        &before,
        &[
            "balance",
            "balanceFormatted",
            "recentUsage",
            "totalSpent30d",
        ],
    );
    assert_eq!(before["balance"], json!(1234));
    assert_eq!(before["balanceFormatted"], json!("1,234 credits"));
    assert_eq!(before["totalSpent30d"], json!(0));
    assert_eq!(
        (&before["reserved"], &before["allowance"]),
        (&json!(0), &Value::Null)
    );

    let post = world.client.create_post(&world.session);
    let answer = publish(&world, &key, &post);
    answer.data(200);
    let id = answer.header("x-request-id").unwrap();
    let draft = world.client.create_post(&world.session);
    let rewrite = format!("/posts/{draft}/rewrite");
    world.client.send("POST", &rewrite, Some(&key)).data(200);
    // Any credential of the organisation sees the same.
    for token in [&world.session, &key, &world.key(&["kb:read"]).key] {
        let after = credits(&world, token);
        assert_eq!(after["balance"], json!(1231));
        assert_eq!(after["balanceFormatted"], json!("1,231 credits"));
        assert_eq!(after["totalSpent30d"], json!(3));
        let usage = after["recentUsage"].as_array().unwrap();
        let amounts: Vec<_> = usage
            .iter()
            .map(|line| (&line["amount"], &line["type"]))
            .collect();
        let (charge, added) = (json!("charge"), json!("added"));
        let expected = [
            (&json!(-2), &charge),
            (&json!(-1), &charge),
            (&json!(1234), &added),
        ];
        assert_eq!(amounts, expected);
        let published = &usage[1];
        assert_members(published, &["date", "description", "amount", "type"]);
        assert_time(published, "date");
        assert_eq!(
            text(published, "description"),
            format!("POST /posts/{post}/publish")
        );
        assert_eq!(text(published, "requestId"), id);
    }
    // What was refused, or given back, is no line of it.
    publish(&world, &key, "unknown").refused(404, "not_found");
    let reader = world.key(&["posts:read"]).key;
    publish(&world, &reader, &post).refused(403, "insufficient_scope");
    assert_eq!(
        credits(&world, &key)["recentUsage"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn the_last_credit_is_spent_and_then_402() {
    let world = World::with_args(&["--credits", "1"]);
    let posts = [(); 2].map(|()| world.client.create_post(&world.session));
    assert_eq!(
        credits(&world, &world.session)["balanceFormatted"],
        json!("1 credit")
    );
    publish(&world, &world.session, &posts[0]).data(200);
    for _ in 0..2 {
        publish(&world, &world.session, &posts[1]).refused(402, "insufficient_credits");
        assert_eq!(credits(&world, &world.session)["balance"], json!(0));
    }
}

#[test]
fn only_a_credential_sees_them_and_only_those_of_its_own_organisation() {
    let world = World::with_args(&["--credits", "5"]);
    world
        .client
        .send("GET", "/billing/credits", None)
        .refused(401, "unauthorized");
    world
        .send_empty("POST", "/billing/credits")
        .refused(405, "method_not_allowed");

    // A second organisation, whose admin has the password of the first one's.
    let store = Connection::open(world.place.path("portcullis-data/portcullis.db")).unwrap();
    let second = "
        INSERT INTO users SELECT 'usr_2', 'second@example.com', 'Second', password, created_at FROM users;
        INSERT INTO orgs SELECT 'org_2', 'Second', 'second', created_at FROM orgs;
        INSERT INTO memberships (user, org, role) VALUES ('usr_2', 'org_2', 'owner');
        INSERT INTO owners (owner, version, suspended) VALUES ('org_2', 1, 0);
        INSERT INTO accounts (owner, bought, allowance_left, reserved, post_paid)
            VALUES ('org_2', 2, 0, 0, 0);
        INSERT INTO ledger (owner, kind, amount, at, note) VALUES ('org_2', 'added', 2, 0, 'long ago');
    ";
    store.execute_batch(second).unwrap();
    drop(store);
    let login = world
        .client
        .try_login("second@example.com", PASSWORD)
        .data(200);
    assert_eq!(text(&login, "orgId"), "org_2");
    let session = text(&login, "token");
    let theirs = credits(&world, &session);
    assert_eq!(theirs["balance"], json!(2));
    assert_eq!(theirs["recentUsage"], json!([]), "older than 30 days");

    let post = world.client.create_post(&session);
    publish(&world, &session, &post).data(200);
    assert_eq!(credits(&world, &session)["balance"], json!(1));
    assert_eq!(credits(&world, &session)["totalSpent30d"], json!(1));
    let first = credits(&world, &world.session);
    assert_eq!(
        (&first["balance"], &first["totalSpent30d"]),
        (&json!(5), &json!(0))
    );
}

#[test]
fn they_are_as_before_after_a_restart() {
    let World {
        place,
        mut server,
        client,
        session,
    } = World::with_args(&["--credits", "5"]);
    let post = client.create_post(&session);
    client
        .send("POST", &format!("/posts/{post}/publish"), Some(&session))
        .data(200);
    let before = client
        .send("GET", "/billing/credits", Some(&session))
        .data(200);
    assert_eq!(before["balance"], json!(4));
    server.kill();
    let server = place.start();
    let after = server
        .client()
        .send("GET", "/billing/credits", Some(&session))
        .data(200);
    assert_eq!(after, before);
}
