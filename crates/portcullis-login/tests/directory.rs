//! The directory in memory does what every directory must.

use portcullis_login::{MemoryDirectory, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_memory_conforms() {
    assert_eq!(conformance::run(async || MemoryDirectory::new()).await, []);
}
