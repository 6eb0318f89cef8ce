//! A commit is synced before it is acknowledged, which no kill of the process could show: the
//! system calls of a child are traced.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    collections::HashMap,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use portcullis_registry::{Batch, CredentialRecord, Store, Version};
use portcullis_sqlite::SqliteStore;
use records::key;

const CHILD: &str = "PORTCULLIS_SYNCED_CHILD";
const COMMITS: u64 = 20;

/// Not a test of its own: what is traced. It changes a record, so that the journal has work too.
#[tokio::test]
async fn child_that_acknowledges_its_commits() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let (data, journal) = (folder.join("data/portcullis.db"), folder.join("journal"));
    let store = SqliteStore::open_with_journal(data, journal).unwrap();
    for version in 0..COMMITS {
        let record = CredentialRecord {
            version: Version(version),
            ..key(1)
        };
        let batch = Batch {
            credentials: vec![record],
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
        // One write, past the capture of the test harness.
        let line = format!("acknowledged {version}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn every_commit_is_synced_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=fsync,fdatasync,write",
            "-o",
        ])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_acknowledges_its_commits",
            "--nocapture",
        ])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .status();
    let status = traced.expect("this test needs strace: apt-get install strace");
    assert!(status.success(), "{status}");
    let trace = std::fs::read_to_string(&trace).unwrap();
    let acknowledged = check(&trace);
    assert_eq!(acknowledged, COMMITS, "{trace}");
}

/// Not a test of its own: it opens a store and changes nothing.
#[test]
fn child_that_opens_its_store() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = Path::new(&folder);
        let (data, journal) = (folder.join("data/portcullis.db"), folder.join("journal"));
        drop(SqliteStore::open_with_journal(data, journal).unwrap());
    }
}

/// What a sync that failed has left may be in memory alone, where a later one takes it for written.
#[tokio::test]
async fn the_last_lines_of_the_journal_are_written_and_synced_once_more_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let store = folder.path().join("data/portcullis.db");
    let store = SqliteStore::open_with_journal(store, &journal).unwrap();
    for version in 0..3 {
        let record = CredentialRecord {
            version: Version(version),
            ..key(1)
        };
        let batch = Batch {
            credentials: vec![record],
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
    }
    drop(store);
    let before = std::fs::read_to_string(&journal).unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-s", "8", "-e", "trace=fsync,write", "-P"])
        .arg(&journal)
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_opens_its_store"])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .status();
    let status = traced.expect("this test needs strace: apt-get install strace");
    assert!(status.success(), "{status}");
    assert_eq!(std::fs::read_to_string(&journal).unwrap(), before);
    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls = trace.lines().filter(|line| !line.contains("exited"));
    let calls: Vec<_> = calls.collect();
    let last = before.lines().last().unwrap();
    let [written, synced] = calls[..] else {
        panic!("{trace}");
    };
    assert!(
        written.contains(last.split(' ').next().unwrap())
            && written.ends_with(&format!("= {}", last.len() + 1)),
        "{trace}"
    );
    assert!(synced.contains("fsync("), "{trace}");
}

/// How many acknowledgements there are; each but the first two, of a record that is new and of
/// tables that are, has both files synced since the one before.
fn check(trace: &str) -> u64 {
    let mut acknowledged = 0;
    let (mut log, mut journal) = (0, 0);
    // A call that another thread's line has cut in two, by its thread.
    let mut begun: HashMap<&str, &str> = HashMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        let call = call.trim_start();
        if call.starts_with("write(") && call.contains("\"acknowledged ") {
            assert!(log > 0, "acknowledged and not synced: {line}\n{trace}");
            // The first makes a record, which is no change of one.
            assert!(
                journal > 0 || acknowledged == 0,
                "not in the journal: {line}\n{trace}"
            );
            acknowledged += 1;
            (log, journal) = (0, 0);
        } else if call.ends_with("<unfinished ...>") {
            begun.insert(thread, call);
        } else {
            let is_resumed = call.starts_with("<... ");
            let whole = if is_resumed {
                begun.remove(thread).unwrap_or("")
            } else {
                call
            };
            let is_sync = whole.starts_with("fsync(") || whole.starts_with("fdatasync(");
            if is_sync && call.ends_with("= 0") {
                log += u32::from(whole.contains("portcullis.db-wal>"));
                journal += u32::from(whole.contains("/journal>"));
            }
        }
    }
    acknowledged
}

#[test]
fn a_trace_without_a_sync_is_found_out() {
    let whole = "1 fdatasync(5</d/portcullis.db-wal> <unfinished ...>\n\
         2 write(1<pipe:[1]>, \"x\", 1) = 1\n\
         1 <... fdatasync resumed>) = 0\n\
         1 fdatasync(6</d/journal>) = 0\n\
         2 write(1<pipe:[1]>, \"acknowledged 1\\n\", 15) = 15\n";
    assert_eq!(check(whole), 1);
    for line in [
        "<... fdatasync resumed>) = 0",
        "fdatasync(5</d/portcullis.db-wal>",
    ] {
        let without = whole.replace(line, "");
        assert!(
            std::panic::catch_unwind(|| check(&without)).is_err(),
            "{line}"
        );
    }
}
