//! Where peppers are made, and where they are not.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::symlink;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::server::{EMAIL, PASSWORD, Place};

const PEPPERS: &str = "portcullis-peppers";
/// A pepper in base64 that is no secret.
const PEPPER: &str = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

fn assert_starts(place: &Place) {
    place.start().client().try_login(EMAIL, PASSWORD).data(200);
}

#[test]
fn peppers_are_not_made_in_the_folder_of_the_store() {
    let mut place = Place::new();
    fs::create_dir(place.path("inner")).unwrap();
    symlink(".", place.path("link")).unwrap();
    let absolute = format!("sqlite:{}", place.path("a.db").display());
    for store in [
        "sqlite:a.db",
        "sqlite:./a.db",
        "sqlite:inner/../a.db",
        "sqlite:link/a.db",
        &absolute,
    ] {
        place.set_args(&["--store", store]);
        let line = place.start_refused();
        assert!(
            line.contains("--peppers") && line.contains("--store") && line.contains("a.db"),
            "{store}: {line}"
        );
        assert!(!place.path(PEPPERS).exists(), "{store}");
    }
    // Either way out of it that the line names.
    place.set_args(&["--store", "sqlite:inner/a.db"]);
    assert_starts(&place);
    assert!(place.path(PEPPERS).exists());

    let mut place = Place::new().with_args(&["--store", "sqlite:a.db"]);
    place.start_refused();
    fs::create_dir(place.path("secret")).unwrap();
    fs::write(place.path("secret/peppers"), PEPPER).unwrap();
    place.set_args(&["--store", "sqlite:a.db", "--peppers", "secret/peppers"]);
    assert_starts(&place);
}

#[test]
fn peppers_that_are_in_the_folder_of_the_store_are_read() {
    let place = Place::new().with_args(&["--store", "sqlite:a.db"]);
    fs::write(place.path(PEPPERS), PEPPER).unwrap();
    assert_starts(&place);
}

#[test]
fn a_named_file_that_is_missing_is_told_from_a_lost_one() {
    let mut place = Place::new().with_args(&["--peppers", "named"]);
    for store in ["memory:", "sqlite:data/a.db"] {
        place.set_args(&["--store", store, "--peppers", "named"]);
        let line = place.start_refused();
        assert!(
            line.contains("`named` does not exist") && !line.contains("restore"),
            "{line}"
        );
        assert!(!place.path("named").exists());
    }
    fs::write(place.path("named"), PEPPER).unwrap();
    assert_starts(&place);
    fs::rename(place.path("named"), place.path("lost")).unwrap();
    let line = place.start_refused();
    assert!(line.contains("`named` is missing: restore it"), "{line}");
}

#[test]
fn a_secret_in_the_place_of_a_path_is_not_shown() {
    let secret = PEPPER.trim_start_matches("1:");
    let place = Place::new().with_env("PORTCULLIS_PEPPERS_FILE", PEPPER);
    let line = place.start_refused();
    assert!(line.contains("PORTCULLIS_PEPPERS"), "{line}");
    assert!(!line.contains(secret), "{line}");

    let mut place = Place::new().with_env("PORTCULLIS_ADMIN_PASSWORD_FILE", PASSWORD);
    place.clear_env("PORTCULLIS_ADMIN_PASSWORD");
    let line = place.start_refused();
    assert!(line.contains("PORTCULLIS_ADMIN_PASSWORD_FILE"), "{line}");
    assert!(!line.contains(PASSWORD), "{line}");
}
