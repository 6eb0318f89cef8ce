//! The properties that are fuzzed hold for every file of the corpora.

#![cfg(test)]

use std::{fs, panic, path::Path};

// They stand where the fuzz targets are, which build on nightly alone.
#[path = "../../../fuzz/src/login/mod.rs"]
pub mod properties;

fn replay(target: &str, property: fn(&[u8])) {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let files = fs::read_dir(corpora.join(target)).unwrap();
    let mut replayed = 0;
    for file in files {
        let file = file.unwrap();
        let data = fs::read(file.path()).unwrap();
        let holds = panic::catch_unwind(|| property(&data)).is_ok();
        assert!(holds, "{}", file.path().display());
        replayed += 1;
    }
    assert!(replayed > 0, "there is no corpus of {target}");
}

#[test]
fn base_url() {
    replay("base_url", properties::base_url);
}

#[test]
fn redirect_uri() {
    replay("redirect_uri", properties::redirect_uri);
}

#[test]
fn user_code() {
    replay("user_code", properties::user_code);
}
