//! Stopping, and what is left behind by a stop.
#![cfg(test)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::server::Place;
use common::world::World;

#[test]
fn a_signal_is_heeded_from_the_line_that_says_it_listens() {
    let place = Place::new();
    for _ in 0..8 {
        let ended = place.start().terminate();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_a_client_that_draws_it_out() {
    let world = World::new();
    let mut half = TcpStream::connect(world.server.address()).unwrap();
    half.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nx-")
        .unwrap();
    let ended = {
        world.server.signal("TERM");
        std::thread::sleep(Duration::from_millis(300));
        world.server.terminate()
    };
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn what_a_killed_server_had_reserved_can_be_spent_after_the_next_start() {
    let mut world = World::with_args(&["--credits", "1"]);
    let key = world.key(&["posts:write"]);
    let post = world.client.create_post(&key.key);
    // The gate has reserved the credit, and the body never comes.
    let mut held = TcpStream::connect(world.server.address()).unwrap();
    let head = format!(
        "POST /posts/{post}/publish HTTP/1.1\r\nhost: a\r\nx-api-key: {}\r\n\
         content-type: application/json\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n",
        key.key
    );
    held.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: so the check is done.
    let mut asked = [0; 12];
    held.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    let path = format!("/posts/{post}/publish");
    let refused = world.client.send("POST", &path, Some(&key.key));
    refused.refused(402, "insufficient_credits");

    world.server.kill();
    let server = world.place.start();
    server
        .client()
        .send("POST", &path, Some(&key.key))
        .data(200);
}

#[test]
fn a_log_that_cannot_be_written_drops_no_request() {
    let folder = tempfile::TempDir::new().unwrap();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_social-api"))
        .args(["--listen", "127.0.0.1:0", "--store", "memory:"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| {
        line.unwrap()
            .strip_prefix("listening on http://")
            .map(str::to_owned)
    });
    let client = common::client::Client::new(line.unwrap().parse().unwrap(), [127, 0, 0, 1]);
    // The first X-Forwarded-For is warned of.
    let request = client.request("GET", "/auth/profile").bearer_auth("nobody");
    let answer = common::client::Answer::try_to(request.header("x-forwarded-for", "192.0.2.7"));
    child.kill().unwrap();
    child.wait().unwrap();
    answer.unwrap().refused(401, "invalid_token");
}

#[test]
fn a_password_that_could_not_be_shown_is_no_password() {
    let mut place = Place::new();
    place.clear_env("PORTCULLIS_ADMIN_PASSWORD");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_social-api"))
        .args(["--listen", "127.0.0.1:0"])
        .current_dir(place.path(""))
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    let server = place.start();
    let shown = server.stdout_when(|text| text.contains("# --- end ---"));
    assert!(
        shown.contains("first user admin@example.com, password "),
        "{shown}"
    );
}
