//! What stops the start: one clear line on standard error, exit code 2, and nothing is touched.
#![cfg(test)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::server::{EMAIL, PASSWORD, Place, files_below};

const STORE: &str = "portcullis-data/portcullis.db";
const PEPPERS: &str = "portcullis-peppers";

/// A pepper in base64 that is no secret.
const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

/// A place with this store and with a pepper, so that a missing pepper can't be the reason.
fn with_store(name: &str) -> Place {
    let store = format!("sqlite:{name}");
    Place::new()
        .with_args(&["--store", &store])
        .with_env("PORTCULLIS_PEPPERS", PEPPER)
}

/// A place whose store was made by a server that has ended.
fn used() -> Place {
    used_at(Place::new())
}

fn used_at(place: Place) -> Place {
    let server = place.start();
    let client = server.client();
    let session = client.login();
    client.create_key(&session, &["posts:read"]);
    let ended = server.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    place
}

/// The place starts again and knows its user.
fn assert_starts(place: &Place) {
    place.start().client().try_login(EMAIL, PASSWORD).data(200);
}

/// Refused because of this store, which the line names and which stays as it is.
fn assert_refused_untouched(place: &Place, store: &Path) {
    let line = refused_untouched(place, store);
    let name = store.file_name().unwrap().to_str().unwrap();
    assert!(
        line.contains(name),
        "the line doesn't say which file: {line}"
    );
}

/// Refused with this file as the store, which stays as it is; returns the line.
fn refused_untouched(place: &Place, store: &Path) -> String {
    let before = fs::read(store).unwrap();
    let line = place.start_refused();
    assert!(
        fs::read(store).unwrap() == before,
        "the file was changed; it said: {line}"
    );
    line
}

#[test]
fn a_port_in_use_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = Place::new().with_listen(&address).start_refused();
    assert!(
        line.contains(&address),
        "the line doesn't say which address: {line}"
    );
}

#[test]
fn a_bad_option_stops_the_start_before_anything_is_made() {
    let rows: [&[&str]; 14] = [
        &["--no-such-option"],
        &["stray"],
        &["--store", "mysql://localhost/x"],
        &["--store", "sqlite:"],
        &["--limits", "memcached:"],
        &["--key-limit", "many"],
        &["--key-limit", "3"],
        &["--key-limit", "0/60s"],
        &["--session-limit", "3/0s"],
        &["--credits", "-1"],
        &["--trusted-hops", "none"],
        &["--session-ttl", "soon"],
        &["--base-url", "http://example.com"],
        &["--admin-password", "on-the-command-line"],
    ];
    for args in rows {
        let place = Place::new().with_args(args);
        let line = place.start_refused();
        assert!(!line.contains("on-the-command-line"), "{line}");
        let made = files_below(&place.path(""));
        assert!(made.is_empty(), "{args:?} made {:?}", made[0].0);
    }
    let line = Place::new().with_listen("nowhere").start_refused();
    assert!(
        line.contains("listen"),
        "the line doesn't say which option: {line}"
    );
}

#[test]
fn help_tells_of_the_log_and_the_file_and_of_no_secret() {
    for flag in ["-h", "--help"] {
        let place = Place::new()
            .with_args(&[flag])
            .with_env("PORTCULLIS_PEPPERS", PEPPER)
            .with_env("PORTCULLIS_PEPPERS_FILE", PEPPER);
        let ended = place.start_and_end();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        for word in ["RUST_LOG", "TOML", "--peppers"] {
            assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
        }
        let shown = [PEPPER, PASSWORD].map(|secret| ended.stdout.contains(secret));
        assert_eq!(shown, [false, false], "{}", ended.stdout);
        assert!(files_below(&place.path("")).is_empty());
    }
}

#[test]
fn a_bad_variable_stops_the_start_like_the_option_of_its_name() {
    let line = Place::new()
        .with_env("PORTCULLIS_KEY_LIMIT", "many")
        .start_refused();
    assert!(
        line.to_lowercase().replace('_', "-").contains("key-limit"),
        "{line}"
    );
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    for user_version in [0, 1] {
        let place = with_store("notes.db");
        let store = place.path("notes.db");
        let notes = Connection::open(&store).unwrap();
        let table = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
            INSERT INTO notes (text) VALUES ('mine');";
        notes.execute_batch(table).unwrap();
        notes
            .pragma_update(None, "user_version", user_version)
            .unwrap();
        drop(notes);
        assert_refused_untouched(&place, &store);
        let notes = Connection::open(&store).unwrap();
        let text: String = notes
            .query_row("SELECT text FROM notes", [], |row| row.get(0))
            .unwrap();
        assert_eq!(text, "mine");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let garbled = [b"SQLite format 3\0".as_slice(), &[0xA5; 8192]].concat();
    for content in [
        b"A letter to a friend.\n".repeat(500),
        b"x".to_vec(),
        garbled,
    ] {
        let place = with_store("letter.txt");
        let store = place.path("letter.txt");
        fs::write(&store, content).unwrap();
        assert_refused_untouched(&place, &store);
    }
}

#[test]
fn a_directory_in_the_place_of_the_store_is_refused() {
    let place = with_store(STORE);
    fs::create_dir_all(place.path(STORE)).unwrap();
    place.start_refused();
    assert!(place.path(STORE).is_dir());

    let place = Place::new();
    fs::write(
        place.path("portcullis-data"),
        "a file in the place of the folder",
    )
    .unwrap();
    place.start_refused();
}

#[test]
fn a_read_only_store_is_refused() {
    // As another user than root, whom no mode would stop.
    let place = used_at(Place::new().unprivileged());
    let store = place.path(STORE);
    let folder = place.path("portcullis-data");
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&store, 0o444);
    for folder_mode in [0o755, 0o555] {
        set_mode(&folder, folder_mode);
        assert_refused_untouched(&place, &store);
    }
    set_mode(&folder, 0o755);
    // SQLite gives the files that it makes beside a database the mode of the database.
    for (path, _) in files_below(&folder) {
        set_mode(&path, 0o644);
    }
    assert_starts(&place);
}

#[test]
fn a_store_from_a_newer_version_is_refused() {
    let place = used();
    let store = place.path(STORE);
    let set_version = |change: i64| {
        let database = Connection::open(&store).unwrap();
        let version: i64 = database
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        database
            .pragma_update(None, "user_version", version + change)
            .unwrap();
    };
    set_version(1);
    assert_refused_untouched(&place, &store);
    set_version(-1);
    assert_starts(&place);
}

#[test]
fn an_existing_store_without_its_pepper_is_refused_and_no_pepper_is_made() {
    let place = used();
    let peppers = place.path(PEPPERS);
    let aside = place.path("aside");
    fs::rename(&peppers, &aside).unwrap();
    let line = refused_untouched(&place, &place.path(STORE));
    assert!(
        line.contains("pepper"),
        "the line doesn't say what is missing: {line}"
    );
    assert!(!peppers.exists(), "a new pepper was made");

    // Another pepper than the store's is no better than none.
    let other = used();
    fs::copy(other.path(PEPPERS), &peppers).unwrap();
    place.start_refused();
    fs::write(&peppers, "no pepper at all").unwrap();
    let line = place.start_refused();
    assert!(
        !line.contains("no pepper at all"),
        "the file's content is shown: {line}"
    );

    fs::rename(&aside, &peppers).unwrap();
    assert_starts(&place);
}

#[test]
fn peppers_from_the_variable_are_used_and_none_are_made() {
    let second = PEPPER.trim_start_matches("1:").replace("QUFB", "QkJC");
    let mut place = Place::new().with_env("PORTCULLIS_PEPPERS", PEPPER);
    place = used_at(place);
    assert!(
        !place.path(PEPPERS).exists(),
        "a pepper was made beside the given one"
    );
    place.set_env("PORTCULLIS_PEPPERS", &format!("1:{second}"));
    let line = place.start_refused();
    assert!(
        !line.contains(&second) && !line.contains(PEPPER),
        "a pepper is shown"
    );
    place.set_env("PORTCULLIS_PEPPERS", &format!("{PEPPER},2:{second}"));
    assert_starts(&place);
}
