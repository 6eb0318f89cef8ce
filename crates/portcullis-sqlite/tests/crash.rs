//! `kill -9` while it writes: every acknowledged change is there, and no half ones.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod records;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use portcullis_registry::{
    Batch, CredentialRecord, Filter, Found, Key, Of, Query, Seq, Store, UsageDelta, Version,
};
use portcullis_sqlite::SqliteStore;
use records::{id, key, owner, pair};
use rusqlite::Connection;

/// Names the store for the child process, and the number of its first pair.
const CHILD: &str = "PORTCULLIS_CRASH_TEST";
const ROUNDS: u64 = 100;
const WRITERS: u64 = 8;
/// Apart from the pairs: each writer puts a key of its own again and again.
const COUNTERS: u64 = 1 << 60;

/// The child: writes at full speed and says what was acknowledged, until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_writes_until_it_is_killed() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let (first, path) = arguments.split_once(' ').unwrap();
    let first: u64 = first.parse().unwrap();
    let store = Arc::new(open(Path::new(path)));
    checkpoint_for_ever(path.to_owned());
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        tasks.spawn(async move { write_for_ever(&store, writer, first).await });
    }
    tasks.join_all().await;
}

/// Has what is in the `-wal` written into the database over and over, which the store does by itself
/// only after thousands of pages.
fn checkpoint_for_ever(path: String) {
    std::thread::spawn(move || {
        let connection = Connection::open(path).unwrap();
        loop {
            let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
            let _ = connection.query_row(checkpoint, [], |_| Ok(()));
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// The store with its journal, which is never ahead of it and never behind when it is open.
fn open(path: &Path) -> SqliteStore {
    let journal = path.parent().unwrap().with_extension("journal");
    SqliteStore::open_with_journal(path, journal).unwrap()
}

async fn write_for_ever(store: &SqliteStore, writer: u64, first: u64) {
    let counter = COUNTERS + first * WRITERS + writer;
    store
        .commit(Batch {
            credentials: vec![key(counter)],
            ..Batch::default()
        })
        .await
        .unwrap();
    for step in 0.. {
        let number = first + step * WRITERS + writer;
        let mut batch = pair(number);
        let put = CredentialRecord {
            version: Version(step + 1),
            ..key(counter)
        };
        let at = put.created_at;
        batch.credentials.push(put);
        batch.usage.push(UsageDelta {
            last_used_at: Some(at),
            requests: 1,
            ..UsageDelta::new(id(counter), at)
        });
        let seq = store.commit(batch).await.unwrap();
        // One write each, past the capture of the test harness.
        let line = format!("acknowledged {number} {} \n", seq.0);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// Runs the child until it has acknowledged so many, kills it, and returns all it acknowledged.
fn killed_after(path: &Path, first: u64, count: usize) -> Vec<(u64, Seq)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(CHILD, format!("{first} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // A line that was cut off by the end has no space at its end.
    let mut lines = lines.filter_map(|line| {
        let line = line.unwrap();
        let (_, rest) = line.split_once("acknowledged ")?;
        let (number, seq) = rest.strip_suffix(' ')?.split_once(' ')?;
        Some((number.parse().unwrap(), Seq(seq.parse().unwrap())))
    });
    let mut acknowledged: Vec<_> = lines.by_ref().take(count).collect();
    assert_eq!(acknowledged.len(), count, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had still said before its end.
    acknowledged.extend(lines);
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_survive_a_kill_and_half_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/portcullis.db");
    let mut acknowledged = BTreeSet::new();
    let mut next = 0;
    for round in 0..ROUNDS {
        // At any place: in the first commit, between two, in a checkpoint.
        let count = usize::try_from(1 + round * 37 % 60).unwrap();
        let seen = killed_after(&path, next, count);
        let newest = seen.iter().map(|(_, seq)| *seq).max().unwrap();
        acknowledged.extend(seen.iter().map(|(number, _)| *number));
        next += 1_000_000;

        let store = open(&path);
        let changes = store.changes_since(Seq(0), usize::MAX).await.unwrap();
        assert!(changes.head >= newest, "an acknowledged change is lost");
        let written = whole_pairs(&store).await;
        assert!(
            acknowledged.is_subset(&written),
            "an acknowledged pair is lost"
        );
        // Each pair came with one change, one credit, one use and one line.
        let count = u64::try_from(written.len()).unwrap();
        assert_eq!(
            (changes.head, changes.changes.len()),
            (Seq(count), written.len())
        );
        let Found::Owner { balance, .. } = store.get(Key::Owner(owner())).await.unwrap().found
        else {
            panic!("no balance")
        };
        assert_eq!(u64::try_from(balance).unwrap(), count);
        drop(store);
        let connection = Connection::open(&path).unwrap();
        let one = |statement: &str| -> String {
            connection
                .query_row(statement, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(one("PRAGMA integrity_check"), "ok");
        assert_eq!(
            one("SELECT CAST(count(*) AS TEXT) FROM audit"),
            count.to_string()
        );
        assert_eq!(
            one("SELECT CAST(sum(requests) AS TEXT) FROM usage"),
            count.to_string()
        );
    }
}

/// The numbers of the pairs in the store, of which none may be half.
async fn whole_pairs(store: &SqliteStore) -> BTreeSet<u64> {
    let query = Query {
        of: Of::Keys(owner()),
        filter: Filter::default(),
        after: None,
        offset: 0,
        limit: usize::MAX,
    };
    let mut halves = BTreeSet::new();
    for (record, _) in store.list(query).await.unwrap().items {
        let value = u64::try_from(record.id.value()).unwrap();
        if value < COUNTERS {
            halves.insert(value);
        }
    }
    for half in &halves {
        assert!(halves.contains(&(half ^ 1)), "half a pair");
    }
    halves.into_iter().map(|half| half / 2).collect()
}
