//! Sign-up, login and refresh under attack: what is guessed, flooded, replayed or passed off as
//! something else.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use rusqlite::Connection;
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client, text};
use common::person::{Person, THEIRS, try_refresh, try_sign_up};
use common::server::{EMAIL, PASSWORD, Place, Server, files_below};
use common::token::{Parts, unknown};
use common::world::World;

const OPEN: [&str; 2] = ["--signup", "open"];
const WRONG_PASSWORD: &str = "a-wrong-password-that-was-typed";

/// All that an answer says, but what differs between any two: the second and the request's id.
fn said(answer: &Answer) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let mut headers = BTreeMap::new();
    for (name, value) in &answer.headers {
        if !["date", "x-request-id"].contains(&name.as_str()) {
            let value = value.to_str().unwrap().to_owned();
            assert_eq!(
                headers.insert(name.to_string(), value),
                None,
                "{name} twice"
            );
        }
    }
    (answer.status, headers, answer.body.clone())
}

/// The same, of answers that may say for how long to wait.
fn said_but_when(answer: &Answer) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let (status, mut headers, body) = said(answer);
    let wait = headers.insert("retry-after".to_owned(), "soon".to_owned());
    assert!(wait.is_some(), "no Retry-After: {answer:?}");
    (status, headers, body)
}

/// Removes somebody from every organisation, as only the store itself can.
fn cast_out(place: &Place, email: &str) {
    let database = Connection::open(place.path("portcullis-data/portcullis.db")).unwrap();
    let removed = database.execute(
        "DELETE FROM memberships WHERE user = (SELECT id FROM users WHERE email = ?1)",
        [email],
    );
    assert_eq!(removed.unwrap(), 1);
}

#[test]
fn whatever_is_wrong_about_a_login_looks_the_same() {
    let world = World::with_args(&OPEN);
    let nowhere = Person::sign_up(&world.server, "nowhere", 1);
    cast_out(&world.place, &nowhere.email);
    let over_long = "p".repeat(1_025);
    let long_email = format!("{}@example.com", "a".repeat(300));
    let rows: [(&str, &str, &str); 14] = [
        ("a wrong password", EMAIL, WRONG_PASSWORD),
        (
            "of the address in capitals",
            "ADMIN@EXAMPLE.COM",
            WRONG_PASSWORD,
        ),
        ("an over-long password", EMAIL, &over_long),
        ("nobody", "nobody@example.com", PASSWORD),
        (
            "nobody with an over-long password",
            "no@example.com",
            &over_long,
        ),
        ("a member of nothing", &nowhere.email, THEIRS),
        ("no address", "not an address", PASSWORD),
        ("nothing at all", "", ""),
        ("an address that is too long", &long_email, PASSWORD),
        ("a space before", " admin@example.com", PASSWORD),
        ("a zero after", "admin@example.com\u{0}", PASSWORD),
        ("a Cyrillic letter", "аdmin@example.com", PASSWORD),
        ("a full-width at sign", "admin\u{ff20}example.com", PASSWORD),
        ("SQL", "' OR 1=1 --@example.com", PASSWORD),
    ];
    let mut first = None;
    for (number, (what, email, password)) in (1..).zip(rows) {
        let answer = world
            .server
            .client_from(30, number)
            .try_login(email, password);
        answer.refused(401, "invalid_credentials");
        let said = said(&answer);
        let first = first.get_or_insert_with(|| said.clone());
        assert_eq!(said, *first, "{what}");
    }
}

#[test]
fn the_limit_of_an_account_does_not_tell_whether_there_is_one() {
    let world = World::new();
    let mut refusals = Vec::new();
    for (third, email) in [
        (30, EMAIL),
        (31, "nobody@example.com"),
        (32, "not an address"),
    ] {
        // The same account however it is written, from whatever address.
        let spellings = [email.to_owned(), email.to_uppercase()];
        for number in 1..=5_u8 {
            let spelling = &spellings[usize::from(number % 2)];
            let client = world.server.client_from(third, number);
            let answer = client.try_login(spelling, WRONG_PASSWORD);
            answer.refused(401, "invalid_credentials");
        }
        for (number, spelling) in (6..).zip(&spellings) {
            let client = world.server.client_from(third, number);
            // The right password is not looked at either.
            let answer = client.try_login(spelling, PASSWORD);
            answer.refused(429, "rate_limited");
            let wait = answer.retry_after().unwrap();
            assert!((1..=901).contains(&wait), "Retry-After: {wait}");
            refusals.push(said_but_when(&answer));
        }
    }
    for refusal in &refusals {
        assert_eq!(*refusal, refusals[0]);
    }
    // And whom it is about comes in from where they always do.
    world.client.try_login(EMAIL, PASSWORD).data(200);
}

#[test]
fn spraying_a_password_is_stopped_by_the_address_and_by_the_account() {
    let world = World::with_args(&OPEN);
    let people = [(1, "a"), (2, "b"), (3, "c")];
    let people = people.map(|(number, name)| Person::sign_up(&world.server, name, number));
    // One address over many accounts, among them some that are there.
    let sprayer = world.server.client_from(33, 1);
    let mut statuses = Vec::new();
    for number in 0..12 {
        let email = match people.get(number) {
            Some(person) => person.email.clone(),
            None => format!("guess{number}@example.com"),
        };
        statuses.push(sprayer.try_login(&email, WRONG_PASSWORD).status);
    }
    assert_eq!(statuses, [vec![401; 10], vec![429; 2]].concat());
    // Even with the right one, and that attempt is none of the account.
    sprayer
        .try_login(&people[0].email, THEIRS)
        .refused(429, "rate_limited");
    // Many addresses over one account, which has one failure by now.
    let target = &people[1].email;
    let statuses: Vec<u16> = (1..=8)
        .map(|number| world.server.client_from(34, number))
        .map(|client| client.try_login(target, WRONG_PASSWORD).status)
        .collect();
    assert_eq!(statuses, [vec![401; 4], vec![429; 4]].concat());
    // Those who live there notice nothing, nor does anybody else.
    for person in &people {
        person.client.try_login(&person.email, THEIRS).data(200);
    }
}

/// What a client may say about where it comes from, another each time.
fn claims(number: u8) -> [(&'static str, String); 7] {
    let ip = format!("203.0.113.{number}");
    [
        ("x-forwarded-for", format!("{ip}, 198.51.100.{number}")),
        ("forwarded", format!("for={ip};proto=https")),
        ("x-real-ip", ip.clone()),
        ("true-client-ip", ip.clone()),
        ("cf-connecting-ip", ip.clone()),
        ("x-client-ip", ip.clone()),
        ("x-cluster-client-ip", ip),
    ]
}

#[test]
fn nobody_gets_another_address_by_claiming_it() {
    let world = World::with_args(&[&OPEN[..], &["--trusted-hops", "0"]].concat());
    let session = &world.session;
    let refresh = world.client.try_login(EMAIL, PASSWORD).data(200);
    let refresh = unknown(&text(&refresh, "refreshToken"));
    let send = |client: &Client, number: u8, path: &str, body: &Value| {
        let mut request = client.request("POST", path).json(body);
        for (name, value) in claims(number) {
            request = request.header(name, value);
        }
        Answer::to(request)
    };
    let stranger = json!({"key": unknown(session)});
    let login =
        |number: u8| json!({"email": format!("n{number}@example.com"), "password": "wrong"});
    let signup = |number: u8| json!({"email": format!("n{number}@example.com"), "password": THEIRS, "name": "N"});
    type Body<'a> = &'a dyn Fn(u8) -> Value;
    let rows: [(&str, u8, u16, Body<'_>); 4] = [
        ("/auth/login", 10, 401, &login),
        ("/auth/signup", 5, 201, &signup),
        (
            "/auth/refresh",
            20,
            401,
            &|_| json!({"refreshToken": refresh}),
        ),
        ("/api-keys/report-leak", 20, 200, &|_| stranger.clone()),
    ];
    for (third, (path, most, status, body)) in (40..).zip(rows) {
        let client = world.server.client_from(third, 1);
        for number in 1..=most {
            let answer = send(&client, number, path, &body(number));
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
        }
        let number = most + 1;
        let answer = send(&client, number, path, &body(number));
        assert_eq!(answer.problem(429, "rate_limited"), None, "{path}");
        assert!(answer.retry_after().is_some(), "{path}");
        // Each limit is of an address, so another is free.
        let answer = send(
            &world.server.client_from(third, 2),
            number,
            path,
            &body(number),
        );
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    // The audit log has the address of the connection.
    let log = world.get("/audit?action=session.&limit=100");
    for row in log.as_array().unwrap() {
        let ip = row["ip"].as_str().unwrap_or_default();
        assert!(ip.starts_with("127."), "{row}");
    }
}

#[test]
fn a_flood_of_sign_ups_makes_no_more_than_five_and_of_one_address_no_more_than_one() {
    let world = World::with_args(&OPEN);
    let all_at_once = |calls: Vec<(u8, u8, String)>| -> Vec<u16> {
        thread::scope(|scope| {
            let calls = calls.into_iter().map(|(third, fourth, email)| {
                let server = &world.server;
                scope.spawn(move || {
                    let client = server.client_from(third, fourth);
                    try_sign_up(&client, &email, THEIRS, "Flood").status
                })
            });
            let calls: Vec<_> = calls.collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        })
    };
    let count = |statuses: &[u16], status| statuses.iter().filter(|s| **s == status).count();
    let from_one = (0..12).map(|number| (50, 1, format!("flood{number}@example.com")));
    let statuses = all_at_once(from_one.collect());
    assert_eq!(
        (count(&statuses, 201), count(&statuses, 429)),
        (5, 7),
        "{statuses:?}"
    );

    // One email from many addresses, in several spellings.
    let spellings = ["same@example.com", "SAME@example.com", "Same@Example.COM"];
    let of_one = (1..=9).zip(spellings.iter().cycle());
    let of_one = of_one.map(|(number, email)| (51, number, (*email).to_owned()));
    let statuses = all_at_once(of_one.collect());
    assert_eq!(
        (count(&statuses, 201), count(&statuses, 409)),
        (1, 8),
        "{statuses:?}"
    );
    world.client.try_login(EMAIL, PASSWORD).data(200);
}

#[test]
fn a_refresh_token_that_comes_back_ends_what_came_of_its_login_and_no_other() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let other = ada.again(world.server.client_from(20, 2));
    let thief = world.server.client_from(35, 1);
    let second = try_refresh(&ada.client, &ada.refresh).data(200);
    let third = try_refresh(&ada.client, &text(&second, "refreshToken")).data(200);
    let latest = text(&third, "token");
    let is_in = |token: &str| {
        let answer = ada.client.send("GET", "/auth/profile", Some(token));
        answer.status == 200
    };
    assert!(is_in(&latest));

    try_refresh(&thief, &ada.refresh).refused(401, "invalid_token");
    for token in [&ada.token, &text(&second, "token"), &latest] {
        assert!(!is_in(token));
    }
    for refresh in [
        &ada.refresh,
        &text(&second, "refreshToken"),
        &text(&third, "refreshToken"),
    ] {
        try_refresh(&ada.client, refresh).refused(401, "invalid_token");
    }
    assert!(other.is_in());
    try_refresh(&other.client, &other.refresh).data(200);
    // It is to be found out afterwards.
    let log = other.get("/audit?action=refresh.reused");
    assert_ne!(log.as_array().unwrap().len(), 0, "{log}");
    assert_eq!(log[0]["ip"], json!("127.0.35.1"));
}

#[test]
fn clients_that_refresh_at_once_get_one_session_between_them() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| try_refresh(&ada.client, &ada.refresh)))
            .collect();
        callers
            .into_iter()
            .map(|call| call.join().unwrap())
            .collect()
    });
    // One client's own requests may race: none is told that it was robbed.
    let data: Vec<Value> = answers.iter().map(|answer| answer.data(200)).collect();
    let tokens: BTreeSet<String> = data.iter().map(|data| text(data, "token")).collect();
    assert_eq!(tokens.len(), 4);
    let is_live = |data: &&Value| {
        let token = text(data, "token");
        let answer = ada.client.send("GET", "/auth/profile", Some(&token));
        answer.status == 200
    };
    let live: Vec<&Value> = data.iter().filter(is_live).collect();
    assert_eq!(live.len(), 1);
    // What goes on is the one whose session lives.
    try_refresh(&ada.client, &text(live[0], "refreshToken")).data(200);
}

#[test]
fn no_credential_stands_in_for_another() {
    let world = World::with_args(&OPEN);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let key = ada.client.create_key(&ada.token, &["posts:read"]).key;
    let bearer = |token: &str| ada.client.send("GET", "/posts", Some(token));
    let as_key = |token: &str| {
        let request = ada.client.request("GET", "/posts");
        Answer::to(request.header("x-api-key", token))
    };
    bearer(&ada.token).data(200);
    bearer(&key).data(200);
    as_key(&key).data(200);
    // A refresh token opens nothing but the next session, and nothing else opens that.
    for answer in [
        bearer(&ada.refresh),
        as_key(&ada.refresh),
        try_refresh(&ada.client, &ada.token),
        try_refresh(&ada.client, &key),
    ] {
        answer.refused(401, "invalid_token");
    }
    // Nor under the prefix of another kind, with a checksum that holds.
    let prefixes = [&ada.token, &ada.refresh, &key].map(|token| Parts::of(token).prefix);
    assert_eq!(prefixes.iter().collect::<BTreeSet<_>>().len(), 3);
    for token in [&ada.token, &ada.refresh, &key] {
        for prefix in &prefixes {
            let mut parts = Parts::of(token);
            if parts.prefix == *prefix {
                continue;
            }
            parts.prefix.clone_from(prefix);
            let forged = parts.text();
            bearer(&forged).refused(401, "invalid_token");
            try_refresh(&world.server.client_from(36, 1), &forged).refused(401, "invalid_token");
        }
    }
    // None of them is a password, and a password is none of them.
    let logins = world.server.client_from(36, 2);
    for token in [&ada.token, &ada.refresh, &key] {
        logins
            .try_login(&ada.email, token)
            .refused(401, "invalid_credentials");
    }
    bearer(THEIRS).refused(401, "invalid_token");
    try_refresh(&ada.client, THEIRS).refused(401, "invalid_token");
    // All that has used nothing up.
    assert!(ada.is_in());
    try_refresh(&ada.client, &ada.refresh).data(200);
}

#[test]
fn a_token_in_a_query_is_refused_or_nothing_and_no_secret_is_written_down() {
    let place = Place::new().with_env("RUST_LOG", "trace").with_args(&OPEN);
    let world = World::at(place);
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    let mut secrets: Vec<String> = [PASSWORD, THEIRS, WRONG_PASSWORD].map(str::to_owned).into();
    let mut tokens = vec![
        world.session.clone(),
        ada.token.clone(),
        ada.refresh.clone(),
        bob.token.clone(),
        bob.refresh.clone(),
    ];
    // In queries: guarded routes refuse them, public ones don't look.
    for token in [&ada.token, &ada.refresh] {
        for name in ["token", "access_token", "api_key", "key"] {
            ada.client
                .send("GET", &format!("/orgs?{name}={token}"), None)
                .refused(400, "invalid_request");
        }
        let path = format!("/auth/refresh?refreshToken={token}");
        ada.client
            .send("POST", &path, None)
            .refused(415, "unsupported_media_type");
        let path = format!("/auth/login?password={WRONG_PASSWORD}&token={token}");
        ada.client
            .send_json(
                "POST",
                &path,
                None,
                &json!({"email": "x", "password": WRONG_PASSWORD}),
            )
            .refused(401, "invalid_credentials");
    }
    // In bodies that are refused, in the wrong members.
    for body in [
        json!({"email": ada.token, "password": ada.refresh, "name": "A"}),
        json!({"email": "c@example.com", "password": "short", "name": ada.token}),
        json!({"email": "c@example.com", "password": [THEIRS], "name": "C"}),
        json!({"email": "c@example.com", "password": THEIRS, "name": "C", "x": ada.token}),
    ] {
        let answer = ada.client.send_json("POST", "/auth/signup", None, &body);
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    try_sign_up(&ada.client, &bob.email, WRONG_PASSWORD, "B").refused(409, "conflict");
    let refreshed = try_refresh(&ada.client, &ada.refresh).data(200);
    tokens.extend(["token", "refreshToken"].map(|member| text(&refreshed, member)));
    let key = bob.client.create_key(&bob.token, &["posts:read"]).key;
    tokens.push(key.clone());
    bob.client
        .send_json("POST", "/api-keys/report-leak", None, &json!({"key": key}))
        .data(200);
    for id in [&ada.token, &key] {
        let _any = bob.send("DELETE", &format!("/auth/sessions/{id}"));
        let _any = bob.send("DELETE", &format!("/orgs/members/{id}"));
        let _any = bob.switch(id);
        let _any = bob.add(id, "member");
    }
    bob.send("POST", "/auth/logout-all").data(200);
    try_refresh(&bob.client, &bob.refresh).refused(401, "invalid_token");

    secrets.extend(tokens.iter().map(|token| Parts::of(token).secret));
    assert_nowhere(&world.place, world.server, &secrets);
}

/// Looks for secrets in all that a server has written.
fn assert_nowhere(place: &Place, server: Server, secrets: &[String]) {
    let folder = place.path("portcullis-data");
    let mut written = files_below(&folder);
    assert!(!written.is_empty(), "no file in the data folder");
    let ended = server.terminate();
    assert!(ended.stderr.len() > 1_000, "nothing was logged");
    written.extend(files_below(&folder));
    written.push(("standard output".into(), ended.stdout.into_bytes()));
    written.push(("standard error".into(), ended.stderr.into_bytes()));
    for (place, bytes) in written {
        for (number, secret) in secrets.iter().enumerate() {
            let secret = secret.as_bytes();
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "secret {number} is in {}", place.display());
        }
    }
}
