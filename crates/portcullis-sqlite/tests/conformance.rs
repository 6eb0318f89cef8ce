//! The SQLite store does what every store must.

use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_sqlite::SqliteStore;
use portcullis_testkit::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_does_what_every_store_must() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    let make = async || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        SqliteStore::open(folder.path().join(format!("{number}.db"))).unwrap()
    };
    conformance::run(make).await.unwrap();
}
