//! A journal that can't be written for a while: nothing is said to be revoked before it is in it,
//! and what the journal doesn't hold goes on.
//!
//! The calls that sync it fail as on a full disk: `strace` makes them.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use portcullis_registry::{
    Batch, CommitError, CredentialRecord, Found, Key, Seq, State, Store, UsageDelta, Version,
};
use portcullis_sqlite::{MissingPeppers, SqliteStore, backup, restore};
use portcullis_token::PepperRing;
use records::{id, key};

const CHILD: &str = "PORTCULLIS_BEHIND_CHILD";

fn put(record: CredentialRecord) -> Batch {
    Batch {
        credentials: vec![record],
        ..Batch::default()
    }
}

fn used() -> Batch {
    let usage = UsageDelta {
        last_used_at: Some(key(1).created_at),
        requests: 1,
        ..UsageDelta::new(id(1), key(1).created_at)
    };
    Batch {
        usage: vec![usage],
        ..Batch::default()
    }
}

/// Not a test of its own: the second to the sixth sync of its journal fail.
#[tokio::test]
async fn child_whose_journal_fails_for_a_while() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let (path, journal) = (folder.join("data/portcullis.db"), folder.join("journal"));
    let store = SqliteStore::open_with_journal(path, journal).unwrap();
    store.commit(put(key(1))).await.unwrap();
    let renamed = CredentialRecord {
        version: Version(1),
        ..key(1)
    };
    store.commit(put(renamed)).await.unwrap();

    // A long line, then the same target with a short one: what is left of the first is longer.
    let long: Vec<_> = (0..100).map(|n| format!("posts:action{n}")).collect();
    let widened = CredentialRecord {
        version: Version(2),
        grant: long.join(" ").parse().unwrap(),
        ..key(1)
    };
    let revoked = CredentialRecord {
        version: Version(3),
        state: State::Revoked,
        grant: "".parse().unwrap(),
        ..key(1)
    };
    for record in [widened, revoked] {
        let failed = store.commit(put(record)).await;
        let Err(CommitError::Store(error)) = failed else {
            panic!("{failed:?}");
        };
        assert!(error.is_transient());
    }
    // Committed, so a second revoke finds nothing to do, and asks whether all know of it.
    let Found::Credential { record, .. } = store.get(Key::Credential(id(1))).await.unwrap().found
    else {
        panic!("nothing");
    };
    assert_eq!(record.state, State::Revoked);
    store.changes_since(Seq(0), 10).await.unwrap_err();

    // What changes nothing is done, as it says, though the journal fails once more.
    store.commit(used()).await.unwrap();
    store.changes_since(Seq(0), 10).await.unwrap_err();
    let Found::Credential { usage, .. } = store.get(Key::Credential(id(1))).await.unwrap().found
    else {
        panic!("nothing");
    };
    assert_eq!(usage.requests, 1);
    let changes = store.changes_since(Seq(0), 10).await.unwrap();
    assert_eq!(changes.changes.len(), 3);
    // As if it were killed here.
    std::process::exit(0);
}

fn traced(child: &str, folder: &Path, failing: &str) {
    let traced = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-P"])
        .arg(folder.join("journal"))
        .args(["-e", "trace=fdatasync", "-e"])
        .arg(format!("inject=fdatasync:error=ENOSPC:when={failing}"))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .status();
    let status = traced.expect("this test needs strace: apt-get install strace");
    assert!(status.success(), "{status}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_said_to_be_revoked_that_the_journal_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let folder = std::fs::canonicalize(folder.path()).unwrap();
    let (path, journal) = (folder.join("data/portcullis.db"), folder.join("journal"));
    let store = SqliteStore::open_with_journal(&path, &journal).unwrap();
    drop(store);
    traced("child_whose_journal_fails_for_a_while", &folder, "2..6");
    let text = std::fs::read_to_string(&journal).unwrap();
    // One line for the first change, then two, and nothing left of the long one.
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.ends_with("\n") && !text.contains("action99"), "{text}");
    let copy = folder.join("backup.db");
    backup(&path, &copy).unwrap();
    let restored = folder.join("restored");
    std::fs::create_dir(&restored).unwrap();
    let peppers = PepperRing::generate().unwrap();
    let to = restored.join("portcullis.db");
    restore(&copy, &journal, &to, &peppers, MissingPeppers::Refuse).unwrap();
}
