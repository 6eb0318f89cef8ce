//! A gate at an edge verifies and limits; it writes nothing.

use std::sync::Arc;

use portcullis_core::Clock;
use portcullis_gate::{Access, Gate, GuardError};
use portcullis_registry::{Actor, KeyChange, Options, Verifier};
use portcullis_token::PepperRing;

use crate::bed::{Bed, READ, WRITE, bed, catalogue, code, pass};

/// Another process with the same store, peppers and clock, which only verifies.
async fn edge(bed: &Bed) -> (Verifier, Gate) {
    let clock: Arc<dyn Clock> = Arc::<portcullis_core::ManualClock>::clone(&bed.clock);
    let opened = Verifier::open_with(
        Arc::clone(&bed.store),
        *bed.registry.format(),
        catalogue(),
        bed.registry.peppers().clone(),
        Options::new().with_clock(clock),
    );
    let (verifier, _driver) = opened.await.unwrap();
    let gate = Gate::at_edge(verifier.clone()).with_limit("3/60s".parse().unwrap());
    (verifier, gate)
}

#[tokio::test]
async fn an_edge_verifies_and_limits_and_never_writes() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let token = issued.token.expose();
    let (verifier, gate) = edge(&bed).await;
    let writes = bed.store.accesses().1;
    let guard = gate.guard(READ).unwrap();
    for _ in 0..3 {
        assert_eq!(code(&guard, token).await, "passed");
    }
    assert_eq!(code(&guard, token).await, "rate_limited");
    let writing = gate.guard(WRITE).unwrap();
    assert_eq!(code(&writing, token).await, "insufficient_scope");
    verifier.flush().await.unwrap();
    assert_eq!(bed.store.accesses().1, writes);
    assert!(gate.registry().is_none() && !verifier.writes());
}

#[tokio::test]
async fn a_route_with_a_price_is_not_built_at_an_edge() {
    let bed = bed().await;
    let (_, gate) = edge(&bed).await;
    let refused = gate.guard(Access::scope(READ).with_price(1));
    assert!(
        matches!(refused, Err(GuardError::PriceAtEdge)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_edge_with_a_pepper_that_the_store_does_not_know_notes_nothing() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let other = PepperRing::generate().unwrap();
    let format = *bed.registry.format();
    let writes = bed.store.accesses().1;
    let opened = Verifier::open(Arc::clone(&bed.store), format, catalogue(), other).await;
    assert!(opened.is_err(), "the pepper of version 1 is another");
    assert_eq!(bed.store.accesses().1, writes);
    let (verifier, _) = edge(&bed).await;
    let id = issued.token.id();
    let renamed = KeyChange::new().rename("new");
    let system = Actor::dangerous_system();
    bed.registry.change_key(&system, id, renamed).await.unwrap();
    assert!(verifier.load(id).await.unwrap());
}

#[tokio::test]
async fn the_verifier_of_a_registry_shares_its_memory() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let guard = Gate::at_edge(bed.registry.verifier().clone())
        .guard(READ)
        .unwrap();
    assert_eq!(code(&guard, issued.token.expose()).await, "passed");
    let passed = pass(&guard, issued.token.expose()).await;
    let permit = passed.permit().unwrap();
    // Uses are counted, since the registry writes them.
    bed.registry.flush().await.unwrap();
    let system = Actor::dangerous_system();
    let key = bed.registry.key(&system, issued.token.id()).await.unwrap();
    assert_eq!(key.usage().requests, 2);
    let _everywhere = bed
        .registry
        .revoke_key(&system, issued.token.id())
        .await
        .unwrap();
    assert!(permit.recheck().await.is_err());
    assert_eq!(code(&guard, issued.token.expose()).await, "invalid_token");
    assert!(bed.registry.verifier().writes());
}
