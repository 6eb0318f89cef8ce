//! A full disk: a clear error, reads go on, and nothing acknowledged is lost.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use portcullis_registry::{Batch, CommitError, CreditOp, Found, Key, Store};
use portcullis_sqlite::SqliteStore;
use records::{audit, id, key, owner};

const CHILD: &str = "PORTCULLIS_FULL_CHILD";

/// Two keys, one credit, and a line that needs room.
fn batch(number: u64) -> Batch {
    let mut line = audit(&number.to_string());
    line.details = "x".repeat(3_000).into();
    Batch {
        credentials: vec![key(2 * number), key(2 * number + 1)],
        credits: vec![CreditOp::Add {
            owner: owner(),
            amount: 1,
            at: line.at,
            note: String::new(),
        }],
        audit: vec![line],
        ..Batch::default()
    }
}

async fn balance(store: &SqliteStore) -> i64 {
    match store.get(Key::Owner(owner())).await.unwrap().found {
        Found::Owner { balance, .. } => balance,
        _ => 0,
    }
}

/// Not a test of its own: it writes until no file may grow further.
#[tokio::test]
async fn child_that_fills_the_disk() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    let mut written: u64 = 0;
    let error = loop {
        match store.commit(batch(written)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10_000, "the disk has no end");
    };
    let CommitError::Store(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.to_string(), "could not write to the store");
    assert!(std::error::Error::source(&error).is_some());
    // Nothing of the failed commit is there, and everything else is.
    assert_eq!(balance(&store).await, i64::try_from(written).unwrap());
    let found = store
        .get(Key::Credential(id(2 * written)))
        .await
        .unwrap()
        .found;
    assert!(matches!(found, Found::Nothing));
    let found = store.get(Key::Credential(id(0))).await.unwrap().found;
    assert!(matches!(found, Found::Credential { .. }));
    let line = format!("written {written} \n");
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn reads_go_on_when_the_disk_is_full_and_writes_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    // No file may be larger than 600 KiB, and to try is an error, not the end of the process.
    let child = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$@\"", "bash"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_fills_the_disk", "--nocapture"])
        .env(CHILD, &path)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{said}");
    let written = said
        .split_once("written ")
        .and_then(|(_, rest)| rest.split_once(' '));
    let written: u64 = written.unwrap().0.parse().unwrap();
    assert!(written > 0);

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(balance(&store).await, i64::try_from(written).unwrap());
    store.commit(batch(written)).await.unwrap();
    assert_eq!(balance(&store).await, i64::try_from(written + 1).unwrap());
}
