//! The memory store does what every store must.

use portcullis_registry::MemoryStore;
use portcullis_testkit::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_does_what_every_store_must() {
    conformance::run(async || MemoryStore::new()).await.unwrap();
}
