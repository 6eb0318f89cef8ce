//! A request whose credential is in memory is checked without an allocation.
//!
//! A file of its own, since what it counts is counted for the whole thread.

#![cfg(test)]

use http::Request;
use portcullis_gate::{Gate, Progress};
use portcullis_registry::{Actor, MemoryStore, NewKey, Plan, Registry};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};

const READ: Scope = Scope::from_static("posts:read");

#[tokio::test]
async fn a_check_of_a_credential_in_memory_allocates_nothing() {
    let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let (store, peppers) = (MemoryStore::new(), PepperRing::generate().unwrap());
    let opened = Registry::open(store, format, catalogue.build().unwrap(), peppers).await;
    let (registry, _driver) = opened.unwrap();
    let acme = "acme".parse().unwrap();
    let key = NewKey::new(acme, "key", [READ]);
    // With everything that a check may have to look at.
    let key = key.with_networks("192.0.2.0/24 2001:db8::/32".parse().unwrap());
    let key = registry.issue_key(&Actor::dangerous_system(), key).await;
    let acme = "acme".parse().unwrap();
    registry.ensure_owner(&acme, 0).await.unwrap();
    let plan = Plan::new("pro".parse().unwrap())
        .with_quota("500/60s".parse().unwrap())
        .with_owner_quota("1000/60s".parse().unwrap());
    registry
        .set_plan(&Actor::dangerous_system(), &acme, Some(plan))
        .await
        .unwrap();
    let gate = Gate::new(registry).with_limit("1000/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let request = Request::get("/posts?limit=10").header("x-api-key", key.unwrap().token.expose());
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
