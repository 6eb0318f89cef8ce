//! Organisations of a person, and who may do what in one, over HTTP.
#![cfg(test)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::person::{Person, try_refresh};
use common::server::{Place, Server};
use common::shape::{assert_members, ids};
use common::world::World;

const OPEN: [&str; 2] = ["--signup", "open"];

fn open() -> World {
    World::with_args(&OPEN)
}

/// Ada, the owner of an organisation, and somebody with this role in it, whose session speaks for it.
fn with(server: &Server, role: &str, number: u8) -> (Person, Person) {
    let ada = Person::sign_up(server, "ada", 1);
    let other = joined(server, &ada, role, number);
    (ada, other)
}

/// Somebody new with this role in Ada's organisation, called by the role.
fn joined(server: &Server, ada: &Person, role: &str, number: u8) -> Person {
    let other = Person::sign_up(server, role, number);
    ada.add(&other.email, role).data(201);
    other.switch(&ada.org).data(200);
    other
}

fn roles(members: &Value) -> BTreeSet<(String, String)> {
    let members = members.as_array().unwrap().iter();
    members
        .map(|member| (text(member, "email"), text(member, "role")))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let expected = expected.iter();
    expected
        .map(|(email, role)| ((*email).to_owned(), (*role).to_owned()))
        .collect()
}

#[test]
fn the_same_token_speaks_for_another_organisation_of_its_user() {
    let world = open();
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    let of_ada = ada.client.create_post(&ada.token);
    let of_bob = bob.client.create_post(&bob.token);
    let elsewhere = bob.again(world.server.client_from(20, 3));
    ada.add(&bob.email, "member").data(201);
    // Until they are asked to, the sessions stay where they were.
    assert_eq!([bob.active(), elsewhere.active()], [&*bob.org; 2]);

    let switched = bob.switch(&ada.org).data(200);
    assert_eq!(switched["activeOrgId"], json!(ada.org));
    assert_eq!(ids(&switched["organizations"]).len(), 2);
    for org in switched["organizations"].as_array().unwrap() {
        assert_members(org, &["id", "name", "slug", "createdAt"]);
    }
    assert_eq!(bob.get("/orgs"), switched);
    assert_eq!(bob.active(), ada.org);
    assert_eq!(ids(&bob.get("/posts")), [&*of_ada]);
    bob.send("GET", &format!("/posts/{of_bob}"))
        .refused(404, "not_found");
    // What it does is done there.
    let made = bob.client.create_post(&bob.token);
    let listed = ada.get("/posts");
    assert!(ids(&listed).contains(&made), "{listed}");
    // Another session of the same person has not moved.
    assert_eq!(elsewhere.active(), bob.org);

    // Nor does a refresh bring it back.
    let refreshed = try_refresh(&bob.client, &bob.refresh).data(200);
    assert_eq!(refreshed["orgId"], json!(ada.org));
    let token = text(&refreshed, "token");
    let posts = bob.client.send("GET", "/posts", Some(&token)).data(200);
    assert!(ids(&posts).contains(&of_ada));
}

#[test]
fn an_organisation_of_others_is_404_whether_there_is_one_or_not() {
    let world = open();
    let ada = Person::sign_up(&world.server, "ada", 1);
    let default = text(&world.get("/auth/profile"), "orgId");
    let mut bodies = BTreeSet::new();
    for org in [
        default.as_str(),
        "org_0000000000000000",
        "x",
        "",
        "a b",
        "\u{0}",
    ] {
        let answer = ada.switch(org);
        answer.refused(404, "not_found");
        bodies.insert(answer.text());
    }
    assert_eq!(bodies.len(), 1, "the answers differ: {bodies:?}");
    assert_eq!(ada.active(), ada.org);
    for body in [
        json!({}),
        json!({"organizationId": 5}),
        json!({"organizationId": ada.org, "x": 1}),
    ] {
        ada.send_json("PUT", "/orgs/active", &body)
            .refused(400, "invalid_request");
    }
    ada.switch(&ada.org).data(200);
}

#[test]
fn a_key_has_no_organisations_whatever_its_scopes() {
    let world = open();
    let (ada, member) = with(&world.server, "member", 2);
    let scopes = ada.scopes();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let key = ada.client.create_key(&ada.token, &scopes).key;
    let member_path = format!("/orgs/members/{}", member.id);
    let active = json!({"organizationId": ada.org});
    let new = json!({"email": member.email, "role": "owner"});
    let role = json!({"role": "owner"});
    let rows = [
        ("GET", "/orgs", None),
        ("PUT", "/orgs/active", Some(&active)),
        ("GET", "/orgs/members", None),
        ("POST", "/orgs/members", Some(&new)),
        ("PATCH", &member_path, Some(&role)),
        ("DELETE", &member_path, None),
    ];
    for (method, path, body) in rows {
        let answer = |token: Option<&str>| match body {
            Some(body) => ada.client.send_json(method, path, token, body),
            None => ada.client.send(method, path, token),
        };
        let refused = answer(Some(&key));
        assert_eq!(
            refused.problem(403, "session_required"),
            None,
            "{method} {path}"
        );
        let refused = answer(None);
        assert_eq!(
            refused.problem(401, "unauthorized"),
            None,
            "{method} {path}"
        );
    }
    let expected = pairs(&[
        ("ada@people.example", "owner"),
        ("member@people.example", "member"),
    ]);
    assert_eq!(roles(&ada.get("/orgs/members")), expected);
}

/// What a session of each role gets: method, path, body, then owner, admin, member, auditor.
#[rustfmt::skip]
const MATRIX: &[(&str, &str, &str, [u16; 4])] = &[
    ("GET", "/auth/profile", "", [200, 200, 200, 200]),
    ("GET", "/orgs", "", [200, 200, 200, 200]),
    ("GET", "/auth/sessions", "", [200, 200, 200, 200]),
    ("GET", "/billing/credits", "", [200, 200, 200, 200]),
    ("GET", "/posts", "", [200, 200, 200, 403]),
    ("POST", "/posts", r#"{"text":"t","platforms":["x"]}"#, [201, 201, 201, 403]),
    ("GET", "/brands", "", [200, 200, 200, 403]),
    ("GET", "/api-keys", "", [200, 200, 200, 200]),
    ("POST", "/api-keys", r#"{"name":"n","scopes":["posts:read"]}"#, [201, 201, 403, 403]),
    ("GET", "/audit", "", [200, 200, 403, 200]),
    ("GET", "/orgs/members", "", [200, 200, 403, 403]),
    ("POST", "/orgs/members", r#"{"email":"nobody@example.com","role":"member"}"#, [404, 404, 403, 403]),
    ("PATCH", "/orgs/members/usr_unknown", r#"{"role":"member"}"#, [404, 404, 403, 403]),
    ("DELETE", "/orgs/members/usr_unknown", "", [404, 404, 403, 403]),
];

#[test]
fn each_role_may_do_what_it_is_for() {
    let world = open();
    let ada = Person::sign_up(&world.server, "ada", 1);
    let others = ["admin", "member", "auditor"];
    let others: Vec<Person> = (2..)
        .zip(others)
        .map(|(number, role)| joined(&world.server, &ada, role, number))
        .collect();
    let people = [&ada, &others[0], &others[1], &others[2]];
    let expected = pairs(&[
        ("ada@people.example", "owner"),
        ("admin@people.example", "admin"),
        ("member@people.example", "member"),
        ("auditor@people.example", "auditor"),
    ]);
    for person in &people[..2] {
        let members = person.get("/orgs/members");
        assert_eq!(roles(&members), expected);
        let names = members.as_array().unwrap();
        let names: Vec<String> = names.iter().map(|member| text(member, "email")).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
    for (method, path, body, statuses) in MATRIX {
        for (person, status) in people.iter().zip(statuses) {
            let answer = match *body {
                "" => person.send(method, path),
                body => person.send_json(method, path, &serde_json::from_str(body).unwrap()),
            };
            let what = format!("{method} {path} as {}", person.email);
            assert_eq!(answer.status, *status, "{what}: {}", answer.text());
            if *status == 403 {
                assert_eq!(answer.problem(403, "insufficient_scope"), None, "{what}");
            }
        }
    }
}

#[test]
fn an_admin_manages_everybody_but_owners() {
    let world = open();
    let (ada, admin) = with(&world.server, "admin", 2);
    let cleo = Person::sign_up(&world.server, "cleo", 3);
    let path = |person: &Person| format!("/orgs/members/{}", person.id);
    let added = admin.add("CLEO@People.example", "auditor").data(201);
    assert_eq!(
        added,
        json!({"id": cleo.id, "email": "cleo@people.example", "name": "cleo", "role": "auditor"})
    );
    admin.add(&cleo.email, "member").refused(409, "conflict");
    let changed = admin.change(&cleo.id, "member").data(200);
    assert_eq!(changed["role"], json!("member"));
    admin.change(&cleo.id, "admin").data(200);

    // No owner is made, changed or removed, not even of oneself.
    for answer in [
        admin.change(&cleo.id, "owner"),
        admin.change(&admin.id, "owner"),
        admin.change(&ada.id, "member"),
        admin.remove(&ada.id),
        admin.add(&cleo.email, "owner"),
    ] {
        answer.refused(403, "insufficient_scope");
    }
    assert!(ada.is_in());
    admin.remove(&cleo.id).data(200);
    admin.remove(&cleo.id).refused(404, "not_found");
    admin.change(&cleo.id, "member").refused(404, "not_found");
    let expected = pairs(&[
        ("ada@people.example", "owner"),
        ("admin@people.example", "admin"),
    ]);
    assert_eq!(roles(&ada.get("/orgs/members")), expected);

    let wrong = [
        json!({"role": "boss"}),
        json!({"role": "Owner"}),
        json!({"role": 1}),
        json!({}),
        json!({"role": "member", "scopes": []}),
    ];
    for body in wrong {
        let answer = ada.send_json("PATCH", &path(&admin), &body);
        assert_eq!(answer.problem(400, "invalid_request"), None, "{body}");
    }
    for email in ["", "x", " cleo@people.example"] {
        ada.add(email, "member").refused(400, "invalid_request");
    }
}

#[test]
fn the_last_owner_stays() {
    let world = open();
    let (ada, admin) = with(&world.server, "admin", 2);
    for role in ["admin", "member", "auditor"] {
        ada.change(&ada.id, role).refused(409, "conflict");
    }
    ada.remove(&ada.id).refused(409, "conflict");
    assert_eq!(ada.scopes(), admin.scopes());

    ada.change(&admin.id, "owner").data(200);
    ada.change(&ada.id, "member").data(200);
    ada.send("GET", "/orgs/members")
        .refused(403, "insufficient_scope");
    admin.remove(&admin.id).refused(409, "conflict");
    admin.change(&admin.id, "admin").refused(409, "conflict");
    // Two owners who both want to leave: one of them stays.
    admin.change(&ada.id, "owner").data(200);
    let statuses = std::thread::scope(|scope| {
        let leaving = [&ada, &admin].map(|owner| scope.spawn(|| owner.remove(&owner.id).status));
        leaving.map(|status| status.join().unwrap())
    });
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(
        statuses.iter().any(|status| [401, 409].contains(status)),
        "{statuses:?}"
    );
    let left: Vec<_> = [&ada, &admin]
        .into_iter()
        .filter(|owner| owner.is_in())
        .collect();
    assert_eq!(left.len(), 1);
    let members = left[0].get("/orgs/members");
    assert_eq!(roles(&members), pairs(&[(&left[0].email, "owner")]));
}

#[test]
fn a_changed_role_holds_for_the_next_request_of_a_session_that_is_there() {
    let world = open();
    let (ada, member) = with(&world.server, "member", 2);
    let status = |path: &str| member.send("GET", path).status;
    assert_eq!((status("/posts"), status("/audit")), (200, 403));
    for (role, posts, audit, members) in [
        ("auditor", 403, 200, 403),
        ("admin", 200, 200, 200),
        ("member", 200, 403, 403),
        ("owner", 200, 200, 200),
        ("auditor", 403, 200, 403),
    ] {
        ada.change(&member.id, role).data(200);
        let seen = [status("/posts"), status("/audit"), status("/orgs/members")];
        assert_eq!(seen, [posts, audit, members], "{role}");
    }
    // And for what is refreshed.
    let refreshed = try_refresh(&member.client, &member.refresh).data(200);
    let token = text(&refreshed, "token");
    let answer = member.client.send("GET", "/posts", Some(&token));
    answer.refused(403, "insufficient_scope");
}

#[test]
fn a_removed_member_is_out_at_once_and_the_keys_stay() {
    let world = open();
    let (ada, admin) = with(&world.server, "admin", 2);
    let key = admin.client.create_key(&admin.token, &["posts:read"]).key;
    let at_home = admin.again(world.server.client_from(20, 3));
    at_home.switch(&admin.org).data(200);
    ada.remove(&admin.id).data(200);
    for answer in [
        admin.send("GET", "/posts"),
        admin.send("GET", "/auth/profile"),
        admin.switch(&admin.org),
    ] {
        answer.refused(401, "invalid_token");
    }
    try_refresh(&admin.client, &admin.refresh).refused(401, "invalid_token");
    // Where the person still belongs nothing has changed.
    assert!(at_home.is_in());
    at_home.switch(&ada.org).refused(404, "not_found");
    assert_eq!(ids(&at_home.get("/orgs")["organizations"]), [admin.org]);
    // A key is the organisation's.
    ada.client.send("GET", "/posts", Some(&key)).data(200);
}

#[test]
fn an_organisation_that_tries_addresses_is_stopped_after_ten() {
    let world = open();
    let ada = Person::sign_up(&world.server, "ada", 1);
    let bob = Person::sign_up(&world.server, "bob", 2);
    let add = |email: &str| ada.add(email, "member");
    for number in 0..10 {
        add(&format!("nobody{number}@example.com")).refused(404, "not_found");
    }
    for email in ["nobody@example.com", &bob.email] {
        let answer = add(email);
        answer.refused(429, "rate_limited");
        let wait = answer.retry_after().expect("no Retry-After");
        assert!((60..=3_601).contains(&wait), "Retry-After: {wait}");
    }
    assert_eq!(ada.get("/orgs/members").as_array().unwrap().len(), 1);
}

#[test]
fn a_restart_keeps_organisations_their_members_and_which_is_active() {
    let place = Place::new().with_args(&OPEN);
    let server = place.start();
    let (ada, member) = with(&server, "member", 2);
    let auditor = joined(&server, &ada, "auditor", 3);
    let post = ada.client.create_post(&ada.token);
    ada.remove(&auditor.id).data(200);
    let (orgs, members) = (member.get("/orgs"), ada.get("/orgs/members"));
    server.terminate();

    let server = place.start();
    let client = server.client();
    let get = |of: &Person, path: &str| client.send("GET", path, Some(&of.token));
    assert_eq!(get(&member, "/orgs").data(200), orgs);
    assert_eq!(orgs["activeOrgId"], json!(ada.org));
    assert_eq!(get(&ada, "/orgs/members").data(200), members);
    assert_eq!(ids(&get(&member, "/posts").data(200)), [post]);
    get(&member, "/audit").refused(403, "insufficient_scope");
    get(&auditor, "/auth/profile").refused(401, "invalid_token");
    let refreshed = try_refresh(&client, &member.refresh).data(200);
    assert_eq!(refreshed["orgId"], json!(ada.org));
}
