//! The properties that are fuzzed hold for every file of the corpora.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{fs, panic, path::Path};

// They stand where the fuzz targets are, which build on nightly alone.
#[path = "../../../fuzz/src/limit/mod.rs"]
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
fn quota_parse() {
    replay("quota_parse", properties::quota_parse);
}

#[test]
fn window_vs_log() {
    replay("window_vs_log", properties::window_vs_log);
}

#[test]
fn forwarded() {
    replay("forwarded", properties::forwarded);
}

/// What a configuration file says is what the text says.
#[cfg(feature = "serde")]
#[test]
fn quota_parse_through_serde() {
    replay("quota_parse", |data| {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let json = serde_json::Value::String(text.to_owned());
        let read = serde_json::from_value::<portcullis_limit::Quota>(json);
        let parsed = text.parse::<portcullis_limit::Quota>();
        assert_eq!(read.ok(), parsed.ok());
        if let Ok(quota) = parsed {
            let written = serde_json::to_value(quota);
            assert!(written.is_ok_and(|value| value == *quota.to_string()));
        }
    });
}
