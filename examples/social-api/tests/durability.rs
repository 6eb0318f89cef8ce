//! What was acknowledged is there after a restart, however the process ended.
#![cfg(test)]

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client, Key, text};
use common::server::{EMAIL, PASSWORD, Place};
use common::world::World;

/// How often the process is killed while it writes.
const ROUNDS: u8 = 10;
/// How many writes are acknowledged before each kill.
const ACKNOWLEDGED_BEFORE_KILL: usize = 9;

#[test]
fn a_restart_keeps_users_keys_sessions_posts_brands_and_revocations() {
    let mut world = World::with_args(&["--session-limit", "1000/60s"]);
    let (kept, revoked) = (world.key(&["posts:read"]), world.key(&["posts:read"]));
    let disabled = world.key(&["posts:read"]);
    let logged_out = world.client.login();
    let post = world.client.create_post(&world.session);
    let brand = world.client.create_brand(&world.session, "Lasting");
    world
        .send_empty("DELETE", &format!("/api-keys/{}", revoked.id))
        .data(200);
    let path = format!("/api-keys/{}", disabled.id);
    world
        .send("PATCH", &path, &json!({"enabled": false}))
        .data(200);
    world
        .client
        .send("POST", "/auth/logout", Some(&logged_out))
        .data(200);
    let profile = world.get("/auth/profile");
    let post_before = world.get(&format!("/posts/{post}"));

    let ended = world.server.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    // The variable is for the first user of an empty store; it changes no password later.
    world
        .place
        .set_env("PORTCULLIS_ADMIN_PASSWORD", "another-password-altogether");
    let server = world.place.start();
    let client = server.client();

    client
        .try_login(EMAIL, "another-password-altogether")
        .refused(401, "invalid_credentials");
    client.try_login(EMAIL, PASSWORD).data(200);
    let session = Some(world.session.as_str());
    assert_eq!(
        client.send("GET", "/auth/profile", session).data(200),
        profile
    );
    assert_eq!(
        client
            .send("GET", &format!("/posts/{post}"), session)
            .data(200),
        post_before
    );
    client
        .send("GET", &format!("/brands/{brand}"), session)
        .data(200);
    client.send("GET", "/posts", Some(&kept.key)).data(200);
    for gone in [&revoked.key, &disabled.key, &logged_out] {
        client
            .send("GET", "/posts", Some(gone))
            .refused(401, "invalid_token");
    }
    let list = client.send("GET", "/api-keys", session).data(200);
    let ids: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|key| text(key, "id"))
        .collect();
    assert_eq!(ids, [disabled.id, kept.id]);
}

#[test]
fn a_restart_keeps_the_balance_of_credits_of_an_org() {
    let mut world = World::with_args(&["--credits", "2"]);
    let posts: Vec<_> = (0..3)
        .map(|_| world.client.create_post(&world.session))
        .collect();
    let publish = |client: &Client, post: &str| {
        client.send(
            "POST",
            &format!("/posts/{post}/publish"),
            Some(&world.session),
        )
    };
    publish(&world.client, &posts[0]).data(200);
    assert_eq!(world.server.terminate().status.code(), Some(0));
    // The option is the balance of a new org.
    world.place.set_args(&["--credits", "50"]);
    let server = world.place.start();
    publish(&server.client(), &posts[1]).data(200);
    publish(&server.client(), &posts[2]).refused(402, "insufficient_credits");
}

#[test]
fn sigterm_and_ctrl_c_end_with_code_0() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let server = place.start();
        server.client().send("GET", "/health", None).data(200);
        server.signal(signal);
        let ended = server.wait();
        assert_eq!(ended.status.code(), Some(0), "SIG{signal}: {ended:?}");
    }
}

/// What a writer was told has happened, or has asked for without an answer yet.
enum Event {
    Created(Key),
    Posted(String),
    AskedToRevoke(Key),
    Revoked(Key),
}

/// Makes keys and revokes every other one until the server is gone.
fn write_keys(client: &Client, session: &str, events: &Sender<Event>) {
    let body = json!({"name": "a key", "scopes": ["posts:read"]});
    for turn in 0.. {
        let request = client
            .with_token("POST", "/api-keys", Some(session))
            .json(&body);
        let Ok(answer) = Answer::try_to(request) else {
            return;
        };
        let data = answer.data(201);
        let key = Key {
            id: text(&data, "id"),
            key: text(&data, "key"),
        };
        events.send(Event::Created(key.clone())).unwrap();
        if turn % 2 == 1 {
            continue;
        }
        events.send(Event::AskedToRevoke(key.clone())).unwrap();
        let path = format!("/api-keys/{}", key.id);
        let Ok(answer) = Answer::try_to(client.with_token("DELETE", &path, Some(session))) else {
            return;
        };
        answer.data(200);
        events.send(Event::Revoked(key)).unwrap();
    }
}

/// Makes posts until the server is gone.
fn write_posts(client: &Client, session: &str, events: &Sender<Event>) {
    let body = json!({"text": "Hello", "platforms": ["x"]});
    loop {
        let request = client
            .with_token("POST", "/posts", Some(session))
            .json(&body);
        let Ok(answer) = Answer::try_to(request) else {
            return;
        };
        events
            .send(Event::Posted(text(&answer.data(201), "id")))
            .unwrap();
    }
}

/// Everything that was acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    live: Vec<Key>,
    revoked: Vec<Key>,
    posts: Vec<String>,
}

impl Acknowledged {
    fn count(&self) -> usize {
        self.live.len() + self.revoked.len() + self.posts.len()
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Created(key) => self.live.push(key),
            Event::Posted(id) => self.posts.push(id),
            // Until its answer the key may be either.
            Event::AskedToRevoke(key) => self.live.retain(|other| other.id != key.id),
            Event::Revoked(key) => self.revoked.push(key),
        }
    }

    /// Checks everything against a server; each server limits failures to 20 per address.
    fn check(&self, server: &common::server::Server, session: &str, round: u8) {
        let client = server.client();
        for key in &self.live {
            let answer = client.send("GET", "/posts", Some(&key.key));
            assert_eq!(
                answer.status,
                200,
                "round {round}: a key is lost: {}",
                answer.text()
            );
        }
        for (number, some) in self.revoked.chunks(15).enumerate() {
            let client = server.client_from(6, u8::try_from(number + 1).unwrap());
            for key in some {
                let answer = client.send("GET", "/posts", Some(&key.key));
                let problem = answer.problem(401, "invalid_token");
                assert_eq!(problem, None, "round {round}: a revocation is lost");
            }
        }
        for post in &self.posts {
            let answer = client.send("GET", &format!("/posts/{post}"), Some(session));
            assert_eq!(
                answer.status,
                200,
                "round {round}: a post is lost: {}",
                answer.text()
            );
        }
    }
}

#[test]
fn a_kill_during_writes_loses_nothing_acknowledged_and_leaves_nothing_half_done() {
    let world = World::with_args(&["--session-limit", "60000/60s", "--key-limit", "60000/60s"]);
    let World {
        place,
        mut server,
        session,
        ..
    } = world;
    let mut acknowledged = Acknowledged::default();
    for round in 1..=ROUNDS {
        let (sender, events) = channel();
        let goal = acknowledged.count() + ACKNOWLEDGED_BEFORE_KILL;
        thread::scope(|scope| {
            for writer in [write_keys, write_keys, write_posts, write_posts] {
                let (client, sender, session) = (server.client(), sender.clone(), &session);
                scope.spawn(move || writer(&client, session, &sender));
            }
            drop(sender);
            while acknowledged.count() < goal {
                let event = events.recv_timeout(Duration::from_secs(60));
                acknowledged.apply(event.expect("the writers ended before the kill"));
            }
            server.kill();
            for event in events {
                acknowledged.apply(event);
            }
        });
        server = place.start();
        acknowledged.check(&server, &session, round);
    }
    let kinds = [&acknowledged.live, &acknowledged.revoked].map(|keys| !keys.is_empty());
    assert_eq!(
        (kinds, acknowledged.posts.is_empty()),
        ([true; 2], false),
        "a kind is untested"
    );

    // Nothing is half done: whatever is listed can be read, and every key ends for good.
    let client = server.client();
    for path in ["/api-keys", "/posts"] {
        let list = client
            .send("GET", &format!("{path}?limit=100"), Some(&session))
            .data(200);
        for item in list.as_array().unwrap() {
            let one = client.send(
                "GET",
                &format!("{path}/{}", text(item, "id")),
                Some(&session),
            );
            assert_eq!(one.data(200)["id"], item["id"]);
        }
    }
    let ended = server.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}
