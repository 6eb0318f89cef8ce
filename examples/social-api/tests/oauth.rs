//! What programs that want to be let in see of the server: written by hand from the RFCs and the
//! wire contract.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::fs;

use serde_json::{Value, json};

use common::client::{Answer, text};
use common::server::Place;
use common::world::World;

const FORM: &str = "application/x-www-form-urlencoded";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const METADATA: &str = "/.well-known/oauth-authorization-server";

fn post(world: &World, path: &str, form: &str) -> Answer {
    let request = world.client.request("POST", path);
    Answer::to(request.header("content-type", FORM).body(form.to_owned()))
}

/// The body of an answer that has no envelope and may not be stored.
fn bare(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let json = answer.json();
    assert_eq!(json.get("success"), None, "{json}");
    json
}

fn assert_refused(answer: &Answer, status: u16, error: &str) {
    let json = bare(answer, status);
    assert_eq!(json["error"], error, "{json}");
    assert!(!text(&json, "error_description").is_empty(), "{json}");
}

#[test]
fn the_server_and_the_resource_are_described_under_the_address_that_was_bound() {
    let world = World::new();
    let base = format!("http://{}", world.server.address());
    let server = world.client.send("GET", METADATA, None).json();
    assert_eq!(server["issuer"], base);
    assert_eq!(server["token_endpoint"], format!("{base}/oauth/token"));
    assert_eq!(server.get("registration_endpoint"), None);
    let scopes = server["scopes_supported"].as_array().unwrap();
    assert_eq!(scopes.len(), 18);
    assert!(scopes.contains(&json!("tokens:introspect")));
    let at = "/.well-known/oauth-protected-resource";
    let resource = world.client.send("GET", at, None).json();
    assert_eq!(resource["resource"], base);
    assert_eq!(resource["authorization_servers"], json!([base]));
    let named = format!("resource_metadata=\"{base}{at}\"");
    for (method, path) in [
        ("GET", "/posts"),
        ("POST", "/oauth/introspect"),
        ("GET", "/orgs"),
    ] {
        let answer = world.client.send(method, path, None);
        answer.refused(401, "unauthorized");
        assert!(answer.challenge().unwrap().contains(&named), "{path}");
    }
}

#[test]
fn the_issuer_is_the_base_url() {
    let base = "https://api.example.com";
    let world = World::with_args(&["--base-url", base]);
    let server = world.client.send("GET", METADATA, None).json();
    assert_eq!(server["issuer"], base);
    let started = post(
        &world,
        "/oauth/device_authorization",
        "client_id=social-cli",
    );
    let started = bare(&started, 200);
    assert_eq!(started["verification_uri"], format!("{base}/device"));
}

#[test]
fn the_command_line_begins_a_device_login() {
    let world = World::new();
    let form = "client_id=social-cli&scope=posts%3Aread+brands%3Aread";
    let started = bare(&post(&world, "/oauth/device_authorization", form), 200);
    assert_eq!(
        (&started["expires_in"], &started["interval"]),
        (&json!(600), &json!(5))
    );
    let code = text(&started, "user_code");
    let is_letter = |letter: char| "BCDFGHJKLMNPQRSTVWXZ".contains(letter);
    let (left, right) = code.split_once('-').unwrap();
    assert!(left.len() == 4 && right.len() == 4, "{code}");
    assert!(left.chars().chain(right.chars()).all(is_letter), "{code}");
    let code = text(&started, "device_code");
    let form = format!("grant_type={DEVICE}&client_id=social-cli&device_code={code}");
    assert_refused(
        &post(&world, "/oauth/token", &form),
        400,
        "authorization_pending",
    );
    assert_refused(&post(&world, "/oauth/token", &form), 400, "slow_down");
    let form = form.replace(&code, "none-of-ours");
    assert_refused(&post(&world, "/oauth/token", &form), 400, "invalid_grant");
    let form = "client_id=social-cli&scope=posts:burn";
    let answer = post(&world, "/oauth/device_authorization", form);
    assert_refused(&answer, 400, "invalid_scope");
    let answer = post(&world, "/oauth/device_authorization", "client_id=nobody");
    assert_refused(&answer, 400, "invalid_client");
}

#[test]
fn the_older_shape_is_there() {
    let world = World::new();
    let started = world.client.send("POST", "/auth/cli/device-code", None);
    let started = bare(&started, 200);
    let code = text(&started, "deviceCode");
    let poll = |code: &str| {
        let path = format!("/auth/cli/poll?device_code={code}");
        bare(&world.client.send("GET", &path, None), 200)
    };
    assert_eq!(
        poll(&code),
        json!({"status": "authorization_pending", "interval": 5})
    );
    assert_eq!(poll(&code), json!({"status": "slow_down", "interval": 10}));
    assert_eq!(poll("none-of-ours"), json!({"status": "expired_token"}));
}

#[test]
fn tokens_are_looked_up_with_the_scope_for_it_and_ended() {
    let world = World::new();
    let key = world.key(&["tokens:introspect"]);
    let ask = |token: &str| {
        let request = world
            .client
            .with_token("POST", "/oauth/introspect", Some(&key.key));
        let form = format!("token={token}");
        bare(
            &Answer::to(request.header("content-type", FORM).body(form)),
            200,
        )
    };
    let other = world.client.login();
    let found = ask(&other);
    assert_eq!(
        (&found["active"], &found["token_type"]),
        (&json!(true), &json!("Bearer"))
    );
    assert_eq!(found.get("client_id"), None);
    let found = ask(&key.key);
    assert_eq!(found["scope"], "tokens:introspect");
    assert_eq!(found["jti"], key.id);
    let theirs = world.second_organisation();
    assert_eq!(ask(&theirs), json!({"active": false}));
    // Whoever has the token of a login by password may end it.
    let form = format!("client_id=social-cli&token={other}");
    bare(&post(&world, "/oauth/revoke", &form), 200);
    assert_eq!(ask(&other), json!({"active": false}));
}

#[test]
fn clients_are_declared_in_the_file() {
    let place = Place::new();
    let file = place.path("options.toml");
    fs::write(
        &file,
        "[[oauth-clients]]\nid = \"tv\"\nname = \"The TV\"\ndevices = true\n\
         [[oauth-clients]]\nid = \"app\"\nname = \"The app\"\n\
         redirect-uris = [\"https://app.example/cb\"]\n",
    )
    .unwrap();
    let world = World::at(place.with_args(&["--config", file.to_str().unwrap()]));
    for (client, error) in [
        ("tv", None),
        ("social-cli", None),
        ("app", Some("unauthorized_client")),
    ] {
        let form = format!("client_id={client}");
        let answer = post(&world, "/oauth/device_authorization", &form);
        match error {
            None => drop(bare(&answer, 200)),
            Some(error) => assert_refused(&answer, 400, error),
        }
    }
    for (client, line) in [
        ("id = \"a b\"\nname = \"x\"", "option `oauth-clients`: "),
        (
            "id = \"a\"\nname = \"x\"\nredirect-uris = [\"http://a.example\"]",
            "option `oauth-clients`: ",
        ),
        (
            "id = \"a\"\nname = \"x\"\nsecret = \"hunter2\"",
            "options file ",
        ),
    ] {
        let place = Place::new();
        let file = place.path("options.toml");
        fs::write(&file, format!("[[oauth-clients]]\n{client}\n")).unwrap();
        let place = place.with_args(&["--config", file.to_str().unwrap()]);
        let said = place.start_refused();
        assert!(said.contains(line) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn clients_register_themselves_only_where_that_is_open() {
    let register = |world: &World| {
        let body = json!({
            "client_name": "A tool",
            "redirect_uris": ["http://127.0.0.1/callback"],
        });
        world
            .client
            .send_json("POST", "/oauth/register", None, &body)
    };
    register(&World::new()).refused(404, "not_found");
    let open = World::with_args(&["--client-registration", "open"]);
    let registered = bare(&register(&open), 201);
    assert!(text(&registered, "client_id").starts_with("dyn-"));
    let server = open.client.send("GET", METADATA, None).json();
    let at = format!("http://{}/oauth/register", open.server.address());
    assert_eq!(server["registration_endpoint"], at);
}

#[test]
fn without_an_address_for_browsers_no_programs_are_let_in() {
    let world = World::at(Place::new().with_args(&["--base-url", "http://127.0.0.2:1"]));
    let answer = world.client.send("GET", METADATA, None);
    answer.refused(404, "not_found");
    let answer = world.client.send("GET", "/posts", None);
    assert!(!answer.challenge().unwrap().contains("resource_metadata"));
}
