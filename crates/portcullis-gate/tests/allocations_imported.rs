//! A request whose key is another system's, and is in memory, is checked without an allocation.
//!
//! A file of its own, since what it counts is counted for the whole thread.

#![cfg(test)]

use http::Request;
use portcullis_gate::{Gate, Progress};
use portcullis_registry::{Actor, MemoryStore, NewImport, Options, Registry};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, ImportedScheme, PepperRing, TokenFormat};

const READ: Scope = Scope::from_static("posts:read");
const TEXT: &str = "sk-social-Zm9vYmFyMDEyMzQ1Njc4OQ";

#[tokio::test]
async fn a_check_of_an_imported_key_in_memory_allocates_nothing() {
    let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let (store, peppers) = (MemoryStore::new(), PepperRing::generate().unwrap());
    // The narrower scheme matches too, and is tried first.
    let schemes = ["sk-social-Z", "sk-social-"].map(|prefix| ImportedScheme::new(prefix).unwrap());
    let options = Options::new().with_imported(schemes.clone());
    let catalogue = catalogue.build().unwrap();
    let opened = Registry::open_with(store, format, catalogue, peppers, options).await;
    let (registry, _driver) = opened.unwrap();
    let digest = schemes[1].digest(TEXT.as_bytes()).unwrap();
    let (owner, grant) = ("acme".parse().unwrap(), [READ].into_iter().collect());
    let new = NewImport::new(&schemes[1], digest, owner, "old", grant);
    let imports = registry.import(&Actor::dangerous_system(), [new]).await;
    assert_eq!(imports.unwrap().imported, 1);
    let gate = Gate::new(registry).with_limit("1000/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let request = Request::get("/posts?limit=10").header("x-api-key", TEXT);
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let peer = Some("192.0.2.7".parse().unwrap());

    // The first reads the store, and lists the credential among those with uses to be written.
    assert!(guard.check(&parts, peer).await.is_ok());
    let mut passed = 0;
    let allocations = allocation_counter::measure(|| {
        for _ in 0..100 {
            if let Progress::Done(Ok(pass)) = guard.check(&parts, peer) {
                passed += 1;
                drop(pass);
            }
        }
    });
    assert_eq!((passed, allocations.count_total), (100, 0));
}
