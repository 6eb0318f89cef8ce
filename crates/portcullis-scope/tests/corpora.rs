//! The properties that are fuzzed hold for every file of the corpora.

// They read JSON too.
#![cfg(feature = "serde")]

use std::{fs, panic, path::Path};

// They stand where the fuzz targets are, which build on nightly alone.
#[path = "../../../fuzz/src/scope/mod.rs"]
pub mod properties;

fn replay(target: &str, property: fn(&[u8])) {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let files = fs::read_dir(corpora.join(target)).map(Iterator::flatten);
    let mut replayed = 0;
    for file in files.into_iter().flatten() {
        let data = fs::read(file.path()).unwrap_or_default();
        let holds = panic::catch_unwind(|| property(&data)).is_ok();
        assert!(holds, "{}", file.path().display());
        replayed += 1;
    }
    assert!(replayed > 0, "there is no corpus of {target}");
}

#[test]
fn scope_parse() {
    replay("scope_parse", properties::scope_parse);
}

#[test]
fn scope_list() {
    replay("scope_list", properties::scope_list);
}

#[test]
fn requirement_vs_oracle() {
    replay("requirement_vs_oracle", properties::requirement_vs_oracle);
}
