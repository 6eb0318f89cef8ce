//! Rate limits and credits: who has a window of their own, and what a refusal costs.
#![cfg(test)]

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, unix_now};
use common::world::World;

const WINDOW_SECONDS: u64 = 60;

/// Refused by the rate limit, with a wait that is true and short enough.
fn assert_limited(answer: &Answer) {
    answer.refused(429, "rate_limited");
    let wait = answer.retry_after().expect("a 429 without Retry-After");
    assert!(
        (1..=WINDOW_SECONDS + 1).contains(&wait),
        "Retry-After: {wait}"
    );
    assert_eq!(answer.challenge(), None);
}

fn get_posts(world: &World, token: &str) -> Answer {
    world.client.send("GET", "/posts", Some(token))
}

fn publish(world: &World, token: &str, post: &str) -> Answer {
    world
        .client
        .send("POST", &format!("/posts/{post}/publish"), Some(token))
}

#[test]
fn two_keys_and_a_session_of_one_org_have_separate_windows() {
    let world = World::with_args(&["--key-limit", "3/60s", "--session-limit", "5/60s"]);
    // Each key costs the session one unit.
    let (first, second) = (
        world.key(&["posts:read"]).key,
        world.key(&["posts:read"]).key,
    );
    for left in [2, 1, 0] {
        let answer = get_posts(&world, &first);
        answer.data(200);
        assert_eq!(answer.remaining(), (3, left));
    }
    let refused = get_posts(&world, &first);
    assert_limited(&refused);
    assert_eq!(refused.remaining(), (3, 0));

    let answer = get_posts(&world, &second);
    answer.data(200);
    assert_eq!(answer.remaining(), (3, 2));

    for left in [2, 1, 0] {
        let answer = get_posts(&world, &world.session);
        answer.data(200);
        assert_eq!(answer.remaining(), (5, left));
    }
    let refused = get_posts(&world, &world.session);
    assert_limited(&refused);
    assert_eq!(refused.remaining(), (5, 0));
    let answer = get_posts(&world, &second);
    answer.data(200);
    assert_eq!(answer.remaining(), (3, 1));
}

#[test]
fn another_session_of_the_same_user_has_a_window_of_its_own() {
    let world = World::with_args(&["--session-limit", "2/60s"]);
    let other = world.client.login();
    get_posts(&world, &world.session).data(200);
    get_posts(&world, &world.session).data(200);
    assert_limited(&get_posts(&world, &world.session));
    assert_eq!(get_posts(&world, &other).remaining(), (2, 1));
}

#[test]
fn one_key_has_one_window_however_it_is_presented() {
    let world = World::with_args(&["--key-limit", "3/60s"]);
    let key = world.key(&["posts:read"]).key;
    get_posts(&world, &key).data(200);
    let request = world
        .client
        .request("GET", "/posts")
        .header("x-api-key", &key);
    assert_eq!(Answer::to(request).remaining(), (3, 1));
    let elsewhere = world
        .server
        .client_from(5, 1)
        .send("GET", "/posts", Some(&key));
    assert_eq!(elsewhere.remaining(), (3, 0));
    assert_limited(&get_posts(&world, &key));
}

#[test]
fn reset_is_the_second_at_which_the_whole_quota_is_free_again() {
    let world = World::with_args(&["--key-limit", "10/60s"]);
    let key = world.key(&["posts:read"]).key;
    let mut latest = 0;
    for _ in 0..3 {
        let before = unix_now();
        let reset = get_posts(&world, &key)
            .rate()
            .expect("no rate headers")
            .reset;
        let after = unix_now();
        let earliest = before + WINDOW_SECONDS;
        assert!(
            (earliest..=after + WINDOW_SECONDS + 2).contains(&reset),
            "{before} {reset}"
        );
        assert!(reset >= latest, "{reset} is before {latest}");
        latest = reset;
    }
}

#[test]
fn a_refusal_by_scope_consumes_nothing_but_is_not_endless() {
    let world = World::with_args(&["--key-limit", "3/60s"]);
    let key = world.key(&["posts:read"]).key;
    let write = || world.client.send("POST", "/posts", Some(&key));
    assert_eq!(get_posts(&world, &key).remaining(), (3, 2));
    for _ in 0..3 {
        let answer = write();
        answer.refused(403, "insufficient_scope");
        assert_eq!(answer.remaining(), (3, 2));
    }
    // The window for denials is as wide as the quota.
    assert_limited(&write());
    let answer = get_posts(&world, &key);
    answer.data(200);
    assert_eq!(answer.remaining(), (3, 1));
}

#[test]
fn what_a_handler_refuses_itself_was_charged() {
    let world = World::with_args(&["--key-limit", "3/60s"]);
    let key = world.key(&["posts:read"]).key;
    for left in [2, 1, 0] {
        let answer = world.client.send("GET", "/posts/unknown", Some(&key));
        answer.refused(404, "not_found");
        assert_eq!(answer.remaining(), (3, left));
    }
    assert_limited(&world.client.send("GET", "/posts/unknown", Some(&key)));
}

#[test]
fn concurrent_callers_of_one_key_are_admitted_exactly_as_often_as_the_quota_says() {
    let world = World::with_args(&["--key-limit", "20/60s"]);
    let key = world.key(&["posts:read"]).key;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let client = world.server.client();
                    let call = |_| client.send("GET", "/posts", Some(&key)).status;
                    (0..10).map(call).collect::<Vec<_>>()
                })
            })
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((count(200), count(429)), (20, 20));
}

#[test]
fn publish_costs_one_credit_and_a_402_spends_the_rate_unit_only() {
    let world = World::with_args(&["--credits", "2", "--key-limit", "5/60s"]);
    let posts: Vec<_> = (0..3)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    let key = world.key(&["posts:write"]).key;
    publish(&world, &key, &posts[0]).data(200);
    // One is left and two are asked for.
    let path = format!("/posts/{}/rewrite", posts[1]);
    let answer = world.client.send("POST", &path, Some(&key));
    answer.refused(402, "insufficient_credits");
    assert_eq!(answer.remaining(), (5, 3));
    assert_eq!(answer.challenge(), None);
    // It was left.
    let answer = publish(&world, &key, &posts[1]);
    answer.data(200);
    assert_eq!(answer.remaining(), (5, 2));
    let answer = publish(&world, &key, &posts[2]);
    answer.refused(402, "insufficient_credits");
    assert_eq!(answer.remaining(), (5, 1));
    let post = world.get(&format!("/posts/{}", posts[2]));
    assert_eq!(post["status"], json!("draft"), "published without a credit");
}

#[test]
fn rewrite_costs_two_credits_and_the_org_shares_them() {
    let world = World::with_args(&["--credits", "2"]);
    let post = world.client.create_post(&world.session);
    let key = world.key(&["posts:write"]).key;
    world
        .client
        .send("POST", &format!("/posts/{post}/rewrite"), Some(&key))
        .data(200);
    publish(&world, &key, &post).refused(402, "insufficient_credits");
    publish(&world, &world.session, &post).refused(402, "insufficient_credits");
    // What costs nothing still works.
    world
        .client
        .send("POST", &format!("/posts/{post}/score"), Some(&key))
        .data(200);
}

#[test]
fn a_publish_that_is_refused_gives_its_credit_back() {
    let world = World::with_args(&["--credits", "1"]);
    let posts: Vec<_> = (0..2)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    let key = world.key(&["posts:write"]).key;
    for _ in 0..3 {
        publish(&world, &key, "unknown").refused(404, "not_found");
    }
    publish(&world, &key, &posts[0]).data(200);
    publish(&world, &key, &posts[1]).refused(402, "insufficient_credits");
    publish(&world, &key, "unknown").refused(402, "insufficient_credits");
}

#[test]
fn what_the_scope_or_the_rate_refuses_costs_no_credit() {
    let world = World::with_args(&["--credits", "1", "--key-limit", "1/60s"]);
    let posts: Vec<_> = (0..2)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    let reader = world.key(&["posts:read"]).key;
    publish(&world, &reader, &posts[0]).refused(403, "insufficient_scope");
    let spent = world.key(&["posts:write"]).key;
    let path = format!("/posts/{}/score", posts[0]);
    world.client.send("POST", &path, Some(&spent)).data(200);
    assert_limited(&publish(&world, &spent, &posts[0]));
    let writer = world.key(&["posts:write"]).key;
    publish(&world, &writer, &posts[0]).data(200);
    let last = world.key(&["posts:write"]).key;
    publish(&world, &last, &posts[1]).refused(402, "insufficient_credits");
}

#[test]
fn concurrent_publishers_never_spend_a_credit_twice() {
    let world = World::with_args(&["--credits", "5"]);
    let posts: Vec<_> = (0..12)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    let key = world.key(&["posts:write"]).key;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let shares = posts.chunks(3).map(|share| {
            let (world, key) = (&world, &key);
            scope.spawn(move || {
                let client = world.server.client();
                let call = |post: &String| {
                    client
                        .send("POST", &format!("/posts/{post}/publish"), Some(key))
                        .status
                };
                share.iter().map(call).collect::<Vec<_>>()
            })
        });
        let callers: Vec<_> = shares.collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((count(200), count(402)), (5, 7), "{statuses:?}");
    assert_eq!(
        world
            .get("/posts?status=published")
            .as_array()
            .unwrap()
            .len(),
        5
    );
}
