//! Addresses that were erased are in no file of the store any more.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{AuditEntry, AuditErasure, AuditUpkeep, Batch, Denied, Refusal, Store};
use portcullis_sqlite::{OpenError, SqliteStore, verify_audit};
use records::audit;
use rusqlite::Connection;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

/// Rows of the log and denied requests, each with the address.
async fn write(store: &SqliteStore, rows: u64) {
    let entry = |number: u64| AuditEntry {
        ip: Some(ADDRESS),
        ..audit(&format!("{number} {}", "x".repeat(90)))
    };
    // In an order in which pages are split.
    let denied = |number: u64| Denied {
        request: RequestId::from_value(
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) << 50,
        ),
        at: Timestamp::UNIX_EPOCH,
        owner: records::owner(),
        credential: None,
        refusal: Refusal::ALL[0],
        message: "no".into(),
        route: "/".into(),
        ip: Some(ADDRESS),
    };
    for numbers in (0..rows).collect::<Vec<_>>().chunks(100) {
        let batch = Batch {
            audit: numbers.iter().copied().map(entry).collect(),
            denied: numbers.iter().copied().map(denied).collect(),
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
    }
}

async fn erase(store: &SqliteStore) -> u64 {
    let upkeep = AuditUpkeep {
        erase: Some(AuditErasure::default()),
        ..AuditUpkeep::new(Timestamp::UNIX_EPOCH)
    };
    upkeep.run(store).await.unwrap().ips
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

/// How often the address is in a file.
fn count(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap_or_default();
    let address = ADDRESS.to_string();
    let windows = bytes.windows(address.len());
    windows
        .filter(|window| *window == address.as_bytes())
        .count()
}

#[tokio::test]
async fn an_erased_address_is_neither_in_the_file_nor_in_the_log_of_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    write(&store, 5).await;
    assert!(count(&log_of(&path)) >= 10);
    assert_eq!(erase(&store).await, 10);
    assert_eq!((count(&path), count(&log_of(&path))), (0, 0));
    assert!(fs::metadata(&path).unwrap().len() > 0);
}

#[tokio::test]
async fn a_pruned_address_is_neither() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    write(&store, 5).await;
    let (denied, now) = (5, Timestamp::from_unix_seconds(1));
    let upkeep = AuditUpkeep {
        prune_before: Some(now),
        ..AuditUpkeep::new(now)
    };
    assert_eq!(upkeep.run(&store).await.unwrap().rows, 5);
    assert_eq!((count(&path), count(&log_of(&path))), (denied, 0));
}

#[tokio::test]
async fn the_log_of_writes_is_emptied_once_nobody_reads_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    write(&store, 5).await;
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM audit").unwrap();
    erase(&store).await;
    assert!(count(&log_of(&path)) > 0, "the reader was not in the way");
    reader.execute_batch("COMMIT").unwrap();
    // A commit that erases nothing.
    let batch = Batch {
        audit: vec![audit("later")],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    assert_eq!((count(&path), count(&log_of(&path))), (0, 0));
}

#[tokio::test]
async fn what_a_killed_process_has_left_is_emptied_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let store = SqliteStore::open(&path).unwrap();
    write(&store, 5).await;
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM audit").unwrap();
    erase(&store).await;
    // As it would be found after a kill.
    fs::copy(&path, &copy).unwrap();
    fs::copy(log_of(&path), log_of(&copy)).unwrap();
    assert!(count(&log_of(&copy)) > 0);
    let store = SqliteStore::open(&copy).unwrap();
    write(&store, 0).await;
    store.commit(Batch::default()).await.unwrap();
    assert_eq!((count(&copy), count(&log_of(&copy))), (0, 0));
}

/// SQLite leaves copies of rows in pages that it splits or joins.
#[tokio::test]
async fn a_file_that_is_written_anew_has_no_trace_wherever_rows_were_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    write(&store, 1_000).await;
    assert_eq!(erase(&store).await, 2_000);
    let verified = verify_audit(&path, None).unwrap();
    assert_eq!(count(&log_of(&path)), 0);
    drop(store);

    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM audit").unwrap();
    let kept = SqliteStore::rewrite(&path);
    assert!(matches!(kept, Err(OpenError::BeingRead(_))), "{kept:?}");
    drop(reader);
    SqliteStore::rewrite(&path).unwrap();
    assert_eq!((count(&path), count(&log_of(&path))), (0, 0));
    assert_eq!(verify_audit(&path, None).unwrap(), verified);
}
