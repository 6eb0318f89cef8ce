//! What people do with keys, and programs with them, over a socket.
#![cfg(test)]

use std::{
    fs,
    process::{Command, Stdio},
};

use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::{App, Browser, PROGRAM, answer};

/// The id and the text of a new key.
fn make(browser: &Browser, scopes: &[&str]) -> (String, String) {
    let new = json!({ "name": "backup", "scopes": scopes });
    let (status, body) = answer(browser.post("/api-keys", &new));
    assert_eq!(status, 201, "{body}");
    id_and_key(&body)
}

fn id_and_key(body: &Value) -> (String, String) {
    let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

fn code(call: RequestBuilder) -> (u16, String) {
    let (status, body) = answer(call);
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_key_reads_its_teams_notes_and_may_not_write_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (ada, bob, program) = (app.signed_up("ada"), app.signed_up("bob"), app.browser());
    let (_, note) = answer(ada.post("/notes", &json!({ "text": "buy milk" })));
    answer(bob.post("/notes", &json!({ "text": "bob's" })));
    let (id, key) = make(&ada, &["notes:read"]);
    let read = |key: &str| program.get("/api/notes").bearer_auth(key);
    let write = |key: &str| {
        program
            .post("/api/notes", &json!({ "text": "x" }))
            .bearer_auth(key)
    };

    assert_eq!(answer(read(&key)), (200, json!([note])));
    assert_eq!(code(write(&key)), (403, "insufficient_scope".into()));
    assert_eq!(answer(ada.get("/notes")), (200, json!([note])));
    let (_, writing) = make(&ada, &["notes:write"]);
    assert_eq!(answer(write(&writing)).0, 201);
    assert_eq!(answer(bob.get("/notes")).1[0]["text"], "bob's");

    let rotate = ada.call(Method::POST, &format!("/api-keys/{id}/rotate"));
    let (status, body) = answer(rotate);
    let (next_id, next_key) = id_and_key(&body);
    assert_eq!((status, &body["data"]["replaces"]), (201, &json!(id)));
    assert_eq!(code(read(&key)), (401, "invalid_token".into()));
    assert_eq!(answer(read(&next_key)).0, 200);
    let revoke = || ada.call(Method::DELETE, &format!("/api-keys/{next_id}"));
    assert_eq!(answer(revoke()).0, 200);
    assert_eq!(code(read(&next_key)), (401, "invalid_token".into()));
    assert_eq!(code(revoke()), (404, "not_found".into()));
}

#[test]
fn a_key_has_sixty_requests_in_sixty_seconds_and_hears_how_many_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (ada, program) = (app.signed_up("ada"), app.browser());
    let (_, key) = make(&ada, &["notes:read"]);
    for left in (0..60).rev() {
        let answer = program.get("/api/notes").bearer_auth(&key).send().unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-ratelimit-limit"], "60");
        assert_eq!(
            answer.headers()["x-ratelimit-remaining"],
            left.to_string().as_str()
        );
    }
    let over = program.get("/api/notes").bearer_auth(&key).send().unwrap();
    assert_eq!(over.status(), 429);
    let wait: u64 = over.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer(ada.get("/notes")).0, 200, "people are not limited");
    let (_, another) = make(&ada, &["notes:read"]);
    assert_eq!(
        answer(program.get("/api/notes").bearer_auth(another)).0,
        200
    );
}

#[test]
fn a_cookie_opens_no_door_of_a_key_nor_a_key_one_of_a_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (ada, program) = (app.signed_up("ada"), app.browser());
    let (id, key) = make(&ada, &["notes:write"]);
    let note = json!({ "text": "x" });
    for call in [ada.get("/api/notes"), ada.post("/api/notes", &note)] {
        assert_eq!(code(call), (401, "unauthorized".into()));
    }
    let (one, new) = (
        format!("/api-keys/{id}"),
        json!({ "name": "x", "scopes": ["notes:read"] }),
    );
    for call in [
        program.get("/me"),
        program.get("/notes"),
        program.post("/notes", &note),
        program.get("/api-keys"),
        program.post("/api-keys", &new),
        program.get(&one),
        program.call(Method::DELETE, &one),
        program.post(&format!("{one}/rotate"), &json!({})),
    ] {
        assert_eq!(answer(call.bearer_auth(&key)).0, 401);
    }
    let other_cookie = program
        .get("/notes")
        .header("cookie", format!("__Host-session={key}"));
    assert_eq!(answer(other_cookie).0, 401);
    assert_eq!(
        answer(ada.get("/api-keys")).1["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn another_team_does_not_find_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (ada, bob) = (app.signed_up("ada"), app.signed_up("bob"));
    let (id, key) = make(&ada, &["notes:read"]);
    let one = format!("/api-keys/{id}");
    for call in [
        bob.get(&one),
        bob.call(Method::PATCH, &one)
            .json(&json!({ "enabled": false })),
        bob.call(Method::DELETE, &one),
        bob.post(&format!("{one}/rotate"), &json!({})),
    ] {
        assert_eq!(code(call), (404, "not_found".into()));
    }
    assert_eq!(answer(bob.get("/api-keys")).1["data"], json!([]));
    assert_eq!(
        answer(app.browser().get("/api/notes").bearer_auth(key)).0,
        200
    );
}

#[test]
fn no_other_site_manages_keys_with_somebodys_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let ada = app.signed_up("ada");
    let (id, key) = make(&ada, &["notes:read"]);
    let one = format!("/api-keys/{id}");
    for call in [
        ada.post(
            "/api-keys",
            &json!({ "name": "x", "scopes": ["notes:read"] }),
        ),
        ada.call(Method::DELETE, &one),
        ada.call(Method::POST, &format!("{one}/rotate")),
    ] {
        assert_eq!(answer(call.header("sec-fetch-site", "cross-site")).0, 403);
    }
    assert_eq!(
        answer(app.browser().get("/api/notes").bearer_auth(key)).0,
        200
    );
}

#[test]
fn keys_outlast_a_restart_and_the_peppers_stay_outside_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let (_, key) = make(&app.signed_up("ada"), &["notes:read"]);
    drop(app);
    let file = folder.path().join("notes-peppers");
    let peppers = fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let secret = peppers.trim().split_once(':').unwrap().1.to_owned();
    for entry in fs::read_dir(folder.path().join("notes-data")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for text in [&secret, &key] {
            assert!(
                !bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            );
        }
    }
    let app = App::start(folder.path());
    assert_eq!(
        answer(app.browser().get("/api/notes").bearer_auth(&key)).0,
        200
    );
    drop(app);

    fs::remove_file(&file).unwrap();
    let start = Command::new(PROGRAM)
        .arg("127.0.0.1:0")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        !start.status.success() && !file.exists(),
        "no pepper is made for old keys"
    );
}

#[test]
fn the_printed_commands_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path());
    let script = format!("APP={}\n{}", app.url, include_str!("../try-it.sh"));
    let bash = Command::new("bash")
        .args(["-euc", &script])
        .stdin(Stdio::null())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let shown = String::from_utf8(bash.stdout).unwrap();
    let statuses = shown
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(
        statuses,
        ["201", "201", "200", "201", "200", "403", "200", "401"],
        "{shown}"
    );
}
