//! What holds of the pages of the server as it is started, without a browser.
#![cfg(test)]

use reqwest::header::SET_COOKIE;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client};
use common::pages::{Device, SIGNED_IN};
use common::server::{EMAIL, PASSWORD, Place};
use common::world::World;

const FORM: &str = "application/x-www-form-urlencoded";

/// The value of a cookie that is set.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let mut set = answer.headers.get_all(SET_COOKIE).iter();
    set.find_map(|set| {
        let (pair, _) = set.to_str().ok()?.split_once(';')?;
        let (found, value) = pair.split_once('=')?;
        (found == name).then(|| value.to_owned())
    })
}

/// The value of a field of the first form with an action that has it.
fn field(page: &Answer, action: &str, name: &str) -> String {
    let page = page.text();
    let form = page
        .split("<form")
        .find(|form| form.contains(&format!("action=\"{action}\"")));
    let form = form.unwrap_or_else(|| panic!("no form to {action} in {page}"));
    let (_, rest) = form
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn get(client: &Client, path: &str, cookies: &str) -> Answer {
    Answer::to(client.request("GET", path).header("cookie", cookies))
}

fn post(client: &Client, base: &str, path: &str, cookies: &str, form: String) -> Answer {
    let request = client.request("POST", path).header("origin", base);
    let request = request.header("cookie", cookies);
    Answer::to(request.header("content-type", FORM).body(form))
}

/// The cookies of the first user, signed in.
fn sign_in(client: &Client, base: &str) -> String {
    let page = get(client, "/login", "");
    let before = cookie(&page, "__Host-portcullis-form").unwrap();
    let csrf = field(&page, "/login", "csrf");
    let email = EMAIL.replace('@', "%40");
    let form = format!("csrf={csrf}&email={email}&password={PASSWORD}");
    let before = format!("__Host-portcullis-form={before}");
    let answer = post(client, base, "/login", &before, form);
    // The client follows the way to the sessions, without cookies.
    assert_eq!(answer.status, 303, "{}", answer.text());
    format!("{SIGNED_IN}={}", cookie(&answer, SIGNED_IN).unwrap())
}

/// The same store with another process.
fn restarted(world: World) -> World {
    let World {
        place,
        server,
        session,
        ..
    } = world;
    server.terminate();
    let server = place.start();
    World {
        client: server.client(),
        place,
        server,
        session,
    }
}

fn world(args: &[&str]) -> (World, String) {
    let world = World::with_args(args);
    let base = format!("http://{}", world.server.address());
    (world, base)
}

#[test]
fn a_sign_in_and_an_open_page_outlast_a_restart_and_its_end_does_too() {
    let (place, base) = (Place::new(), "https://api.example.com");
    let mut world = World::at(place.with_args(&["--base-url", base]));
    let cookies = sign_in(&world.client, base);
    let device = Device::start(&world.client, "social-cli", "posts:read");
    let csrf = field(&get(&world.client, "/device", &cookies), "/device", "csrf");
    let form = format!("csrf={csrf}&user_code={}", device.user_code);
    let shown = post(&world.client, base, "/device", &cookies, form);
    let [csrf, handle, org] = ["csrf", "handle", "org"].map(|of| field(&shown, "/device", of));
    world = restarted(world);
    let form = format!("csrf={csrf}&handle={handle}&org={org}&decision=approve");
    let done = post(&world.client, base, "/device", &cookies, form);
    assert!(
        done.status == 200 && done.text().contains("Approved"),
        "{}",
        done.text()
    );
    assert!(device.poll(&world.client).get("access_token").is_some());
    let page = get(&world.client, "/sessions", &cookies);
    let form = format!("csrf={}", field(&page, "/logout", "csrf"));
    assert_eq!(
        post(&world.client, base, "/logout", &cookies, form).status,
        303
    );
    world = restarted(world);
    let page = get(&world.client, "/sessions", &cookies).text();
    assert!(page.contains("id=\"password\""), "{page}");
}

#[test]
fn the_origin_of_a_form_is_the_base_url_and_not_the_host() {
    let base = "https://api.example.com";
    let world = World::with_args(&["--base-url", base]);
    let own = format!("http://{}", world.server.address());
    let cookies = sign_in(&world.client, base);
    let page = get(&world.client, "/sessions", &cookies);
    let form = format!("csrf={}", field(&page, "/logout", "csrf"));
    for origin in [own.as_str(), "http://api.example.com", "null"] {
        let answer = post(&world.client, origin, "/logout", &cookies, form.clone());
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(
        post(&world.client, base, "/logout", &cookies, form).status,
        303
    );
}

#[test]
fn nothing_secret_of_the_pages_is_in_the_log_or_the_store() {
    let (world, base) = world(&[]);
    let cookies = sign_in(&world.client, &base);
    let device = Device::start(&world.client, "social-cli", "posts:read");
    let csrf = field(&get(&world.client, "/device", &cookies), "/device", "csrf");
    let form = format!("csrf={csrf}&user_code={}", device.user_code);
    post(&world.client, &base, "/device", &cookies, form);
    let (_, cookie) = cookies.split_once('=').unwrap();
    let code = device.user_code.replace('-', "");
    let World { place, server, .. } = world;
    let ended = server.terminate();
    let data = common::server::files_below(&place.path("portcullis-data"));
    assert!(!data.is_empty());
    for secret in [cookie, &csrf, &code, &device.user_code, PASSWORD] {
        for said in [&ended.stdout, &ended.stderr] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
        for (path, bytes) in &data {
            let is_there = bytes
                .windows(secret.len())
                .any(|of| of == secret.as_bytes());
            assert!(!is_there, "{secret} in {}", path.display());
        }
    }
}
