//! A file system that turns read-only while the store is open: a clear error, reads go on, and when
//! it is mended, writes too.
//!
//! Nobody can remount what has open files, so the calls that write to it fail as they then would:
//! `strace` makes them.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use portcullis_registry::{Batch, CommitError, Found, Key, Store};
use portcullis_sqlite::SqliteStore;
use records::{id, key};

const CHILD: &str = "PORTCULLIS_READ_ONLY_CHILD";
/// The calls that write pages; of each process so many succeed, and so many then fail.
const WRITES: &str = "pwrite64,pwritev,write,ftruncate,fsync,fdatasync";

fn batch(number: u64) -> Batch {
    Batch {
        credentials: vec![key(number)],
        ..Batch::default()
    }
}

async fn is_there(store: &SqliteStore, number: u64) -> bool {
    let found = store.get(Key::Credential(id(number))).await.unwrap().found;
    matches!(found, Found::Credential { .. })
}

fn say(line: &str) {
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Not a test of its own: it writes until it can't, and then until it can again.
#[tokio::test]
async fn child_whose_writes_fail_for_a_while() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    let (mut acknowledged, mut failed) = (Vec::new(), Vec::new());
    for number in 0..400 {
        match store.commit(batch(number)).await {
            Ok(_) => acknowledged.push(number),
            Err(CommitError::Store(error)) => {
                assert_eq!(error.to_string(), "could not write to the store");
                assert!(std::error::Error::source(&error).is_some());
                failed.push(number);
            }
            Err(other) => panic!("{other:?}"),
        }
        // Reads go on, whatever becomes of writes.
        for number in acknowledged.iter().rev().take(3) {
            assert!(is_there(&store, *number).await, "{number} is lost");
        }
    }
    for number in &failed {
        assert!(
            !is_there(&store, *number).await,
            "{number} failed, and is there"
        );
    }
    let last = acknowledged.last().copied();
    assert_eq!(last, Some(399), "it never wrote again: {failed:?}");
    say(&format!(
        "acknowledged {} \nfailed {} \n",
        acknowledged.len(),
        failed.len()
    ));
}

fn number_after(said: &str, word: &str) -> u64 {
    let rest = said.split_once(word).unwrap().1;
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn reads_go_on_when_the_file_system_turns_read_only_and_writes_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    // The tables are there before anything fails.
    drop(SqliteStore::open(&path).unwrap());
    let log = folder.path().join("portcullis.db-wal");
    let traced = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-P"])
        .arg(&path)
        .arg("-P")
        .arg(&log)
        .args(["-e", &format!("trace={WRITES}"), "-e"])
        .arg(format!("inject={WRITES}:error=EROFS:when=40..90"))
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_whose_writes_fail_for_a_while",
            "--nocapture",
        ])
        .env(CHILD, &path)
        .stderr(Stdio::inherit())
        .output();
    let child = traced.expect("this test needs strace: apt-get install strace");
    let said = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{said}");
    let failed = number_after(&said, "failed ");
    assert!(failed > 0, "nothing failed");
    assert_eq!(number_after(&said, "acknowledged ") + failed, 400);
    // And after a restart all of it is there.
    let store = SqliteStore::open(&path).unwrap();
    let mut there = 0;
    for number in 0..400 {
        there += u64::from(is_there(&store, number).await);
    }
    assert_eq!(there + failed, 400);
}
