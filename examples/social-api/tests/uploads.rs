//! Uploads of clips: as large as they may be, broken off, downloaded and deleted.
#![cfg(test)]

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, Client, text};
use common::raw::{exchange, exchange_when_asked};
use common::server::{Place, files_below};
use common::world::World;

/// 32 mebibytes: the largest upload.
const LARGEST: usize = 32 << 20;
/// What the names of files begin with that have not arrived whole.
const PARTIAL: &str = ".partial-";

/// Bytes that are not all the same.
fn video(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn upload(client: &Client, token: &str, path: &str, body: Vec<u8>) -> Answer {
    let request = client.with_token("POST", path, Some(token));
    Answer::to(request.header("content-type", "video/mp4").body(body))
}

fn folder(place: &Place) -> PathBuf {
    place.path("portcullis-data/portcullis.db-uploads")
}

/// The names of the files of uploads.
fn names(place: &Place) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder(place)) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name();
        name.into_string().unwrap()
    };
    entries.map(name).collect()
}

/// Waits until the names of the files are as wanted.
fn wait_for(place: &Place, wanted: impl Fn(&[String]) -> bool) {
    for _ in 0..3_000 {
        if wanted(&names(place)) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never came to be: {:?}", names(place));
}

fn clips(world: &World) -> Value {
    world.get("/clips")["clips"].clone()
}

#[test]
fn the_largest_upload_is_given_back_byte_for_byte_and_a_restart_keeps_it() {
    let world = World::new();
    let bytes = video(LARGEST);
    let path = "/clips/upload?name=The%20largest";
    let clip = upload(&world.client, &world.session, path, bytes.clone()).data(201);
    let id = text(&clip, "id");
    assert!(id.starts_with("clip_"), "{id}");
    assert_eq!(clip["name"], json!("The largest"));
    assert_eq!(clip["sizeBytes"], json!(33_554_432));
    assert_eq!(clip["contentType"], json!("video/mp4"));
    let download = text(&clip, "url");
    assert_eq!(download, format!("/clips/{id}/download"));
    assert_eq!(names(&world.place), [id.as_str()]);

    let check = |client: &Client| {
        let answer = client.send("GET", &download, Some(&world.session));
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes, "other bytes");
        for (name, value) in [
            ("content-type", "video/mp4"),
            ("content-length", "33554432"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        let disposition = answer.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        assert!(answer.rate().is_some());
    };
    check(&world.client);
    let World {
        place,
        server,
        session,
        ..
    } = world;
    assert!(server.terminate().status.success());
    let server = place.start();
    let client = server.client();
    let kept = client.send("GET", &format!("/clips/{id}"), Some(&session));
    assert_eq!(kept.data(200), clip);
    let answer = client.send("GET", &download, Some(&session));
    assert!(answer.status == 200 && answer.body == bytes);

    let path = format!("/clips/{id}");
    client.send("DELETE", &path, Some(&session)).data(200);
    assert_eq!(names(&place), [""; 0]);
    for (method, path) in [("DELETE", &path), ("GET", &path), ("GET", &download)] {
        let answer = client.send(method, path, Some(&session));
        answer.refused(404, "not_found");
    }
}

#[test]
fn one_byte_more_is_413_and_leaves_nothing() {
    let world = World::new();
    let authorization = format!("authorization: Bearer {}", world.session);
    let head = ["POST /clips/upload HTTP/1.1", "content-type: video/mp4"];
    let announced = format!("content-length: {}", LARGEST + 1);
    let lines = [head[0], head[1], &announced, &authorization];
    let refused = exchange_when_asked(world.server.address(), &lines, &[]);
    refused.answer.refused(413, "too_large");
    assert!(!refused.asked, "a body that is too large was asked for");
    assert!(refused.answer.rate().is_some());

    // Without a length, the byte over the limit is the last one that is sent.
    let mut chunked = Vec::new();
    for chunk in video(LARGEST).chunks(1 << 20) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    let whole = [&chunked[..], b"0\r\n\r\n"].concat();
    chunked.extend_from_slice(b"1\r\n ");
    let lines = [
        head[0],
        head[1],
        "transfer-encoding: chunked",
        &authorization,
    ];
    exchange(world.server.address(), &lines, &chunked).refused(413, "too_large");
    wait_for(&world.place, <[String]>::is_empty);
    assert_eq!(clips(&world), json!([]));
    let taken = exchange(world.server.address(), &lines, &whole).data(201);
    assert_eq!(taken["sizeBytes"], json!(33_554_432));
}

/// Begins an upload and sends half of it, when there are so many others.
fn half(world: &World, others: usize) -> TcpStream {
    let mut socket = TcpStream::connect(world.server.address()).unwrap();
    let head = format!(
        "POST /clips/upload HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-type: video/mp4\r\ncontent-length: 2000000\r\n\r\n",
        world.server.address(),
        world.session
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&video(1_000_000)).unwrap();
    wait_for(&world.place, |names| {
        names.len() == others + 1 && names.iter().all(|name| name.starts_with(PARTIAL))
    });
    socket
}

#[test]
fn a_client_that_goes_away_leaves_nothing() {
    let world = World::new();
    let before = world.get("/billing/credits");
    drop(half(&world, 0));
    wait_for(&world.place, <[String]>::is_empty);
    assert_eq!(clips(&world), json!([]));
    assert_eq!(world.get("/billing/credits"), before);
}

#[test]
fn an_organisation_has_eight_uploads_at_once_and_others_have_their_own() {
    let world = World::new();
    let theirs = world.second_organisation();
    let mut halves: Vec<TcpStream> = (0..8).map(|others| half(&world, others)).collect();
    let ninth = || upload(&world.client, &world.session, "/clips/upload", video(9));
    ninth().refused(409, "conflict");
    let other = upload(&world.client, &theirs, "/clips/upload", video(9)).data(201);
    let path = format!("/clips/{}", text(&other, "id"));
    let deleted = world.client.send("DELETE", &path, Some(&theirs));
    deleted.data(200);
    halves.pop();
    wait_for(&world.place, |names| names.len() == 7);
    // The file is removed a moment before the upload is over.
    let again = (0..100).find(|_| ninth().status == 201);
    assert!(again.is_some());
    drop(halves);
}

#[test]
fn what_a_killed_process_left_half_done_is_removed_at_the_next_start() {
    let mut world = World::new();
    let kept = upload(&world.client, &world.session, "/clips/upload", video(10));
    let kept = text(&kept.data(201), "id");
    let socket = {
        let mut socket = TcpStream::connect(world.server.address()).unwrap();
        let head = format!(
            "POST /clips/upload HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\n\
             content-type: video/mp4\r\ncontent-length: 2000\r\n\r\nhalf",
            world.session
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket
    };
    wait_for(&world.place, |names| names.len() == 2);
    world.server.kill();
    drop(socket);
    assert_eq!(names(&world.place).len(), 2);
    let server = world.place.start();
    assert_eq!(names(&world.place), [kept.as_str()]);
    let path = format!("/clips/{kept}/download");
    let answer = server.client().send("GET", &path, Some(&world.session));
    assert!(answer.status == 200 && answer.body == video(10));
}

#[test]
fn only_videos_are_taken_and_nothing_is_ever_shown_as_something_else() {
    let world = World::new();
    for media_type in [
        "text/html",
        "application/json",
        "multipart/form-data; boundary=a",
        "image/svg+xml",
        "video/",
        "video/a b",
        "video",
        "xvideo/mp4",
    ] {
        let answer = world.send_bytes("POST", "/clips/upload", media_type, video(9));
        let problem = answer.problem(415, "unsupported_media_type");
        assert_eq!(problem, None, "{media_type}");
    }
    let request = || {
        world
            .client
            .with_token("POST", "/clips/upload", Some(&world.session))
    };
    let coded = request().header("content-encoding", "gzip");
    let coded = Answer::to(coded.header("content-type", "video/mp4").body("a"));
    coded.refused(415, "unsupported_media_type");
    let empty = Answer::to(request().header("content-type", "video/mp4"));
    empty.refused(400, "invalid_request");
    for query in ["name=", "name=a%0Ab", "name=a&name=b"] {
        let path = format!("/clips/upload?{query}");
        let answer = upload(&world.client, &world.session, &path, video(9));
        let message = answer.refused(400, "invalid_request");
        assert!(message.contains("`name`"), "{message}");
    }
    assert_eq!(clips(&world), json!([]));
    assert_eq!(names(&world.place), [""; 0]);

    let rows = [
        (Some("VIDEO/WebM; codecs=vp9"), "video/webm"),
        (Some("application/octet-stream"), "application/octet-stream"),
        (None, "application/octet-stream"),
    ];
    for (sent, kept) in rows {
        let request = request().body(video(9));
        let request = match sent {
            Some(sent) => request.header("content-type", sent),
            None => request,
        };
        let clip = Answer::to(request).data(201);
        assert_eq!(clip["contentType"], json!(kept));
        let download = world.send_empty("GET", &text(&clip, "url"));
        assert_eq!(download.header("content-type"), Some(kept));
        assert_eq!(download.body, video(9));
    }
}

#[test]
fn a_body_is_read_only_after_the_check() {
    let world = World::new();
    let key = world.key(&["clips:read", "posts:write"]).key;
    let lines = |token: &str| {
        let authorization = format!("authorization: Bearer {token}");
        let lines = [
            "POST /clips/upload HTTP/1.1",
            "content-type: video/mp4",
            "content-length: 100",
            &authorization,
        ];
        exchange_when_asked(world.server.address(), &lines, &video(100))
    };
    let refused = lines(&key);
    refused.answer.refused(403, "insufficient_scope");
    assert!(!refused.asked);
    let taken = lines(&world.session);
    taken.answer.data(201);
    assert!(taken.asked);
}

#[test]
fn what_is_full_takes_no_more() {
    let world = World::new();
    let clip = upload(&world.client, &world.session, "/clips/upload", video(5)).data(201);
    // As if it had all but ten bytes of a gibibyte.
    let grow = "UPDATE social_documents SET record = json_set(record, '$.sizeBytes', 1073741814)";
    assert_eq!(world.store().execute(grow, []).unwrap(), 1);
    let refused = upload(&world.client, &world.session, "/clips/upload", video(11));
    refused.refused(409, "conflict");
    assert_eq!(names(&world.place).len(), 1);
    let last = upload(&world.client, &world.session, "/clips/upload", video(10));
    last.data(201);
    let refused = upload(&world.client, &world.session, "/clips/upload", video(1));
    refused.refused(409, "conflict");
    let path = format!("/clips/{}", text(&clip, "id"));
    world.send_empty("DELETE", &path).data(200);
    upload(&world.client, &world.session, "/clips/upload", video(1)).data(201);
}

#[test]
fn a_store_in_memory_keeps_uploads_in_a_folder_that_is_gone_at_the_end() {
    let place = Place::new().with_args(&["--store", "memory:"]);
    let temporary = place.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let world = World::at(place.with_env("TMPDIR", temporary.to_str().unwrap()));
    let clip = upload(&world.client, &world.session, "/clips/upload", video(9)).data(201);
    assert_eq!(files_below(&temporary).len(), 1);
    let download = world.send_empty("GET", &text(&clip, "url"));
    assert_eq!(download.body, video(9));
    assert!(world.server.terminate().status.success());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!world.place.path("portcullis-data").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn uploads_are_not_held_in_memory() {
    let world = World::new();
    // What the first one needs anyway.
    upload(
        &world.client,
        &world.session,
        "/clips/upload",
        video(1 << 20),
    )
    .data(201);
    let before = world.server.peak_memory_bytes();
    let bytes = video(LARGEST);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = world.server.client();
                let clip = upload(&client, &world.session, "/clips/upload", bytes.clone());
                let path = text(&clip.data(201), "url");
                let length = client.send("GET", &path, Some(&world.session)).body.len();
                assert_eq!(length, LARGEST);
            });
        }
    });
    let grown = world.server.peak_memory_bytes() - before;
    assert!(grown < 24 << 20, "128 MiB took {grown} bytes of memory");
}
