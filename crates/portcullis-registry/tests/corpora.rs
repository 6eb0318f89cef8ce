//! The properties that are fuzzed hold for every file of the corpora.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{fs, panic, path::Path};

// They stand where the fuzz targets are, which build on nightly alone.
#[path = "../../../fuzz/src/registry/mod.rs"]
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
fn audit_head() {
    replay("audit_head", properties::audit_head);
}

#[test]
fn audit_line() {
    replay("audit_line", properties::audit_line);
}

#[test]
fn redacted() {
    replay("redacted", properties::redacted);
}

#[test]
fn usage_details() {
    replay("usage_details", properties::usage_details);
}

/// Of what is refused the property says nothing.
#[test]
fn the_corpus_has_lines_that_are_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/audit_line");
    for name in ["row", "erased", "no-owner", "largest-number", "not-ascii"] {
        let line = fs::read_to_string(corpus.join(name)).unwrap();
        let read = portcullis_registry::AuditRecord::from_json_line(&line);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}
