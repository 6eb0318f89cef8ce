//! A request that fails in two ways is denied for the earlier one, and refusals charge nothing that
//! comes after them.

use portcullis_gate::Access;
use portcullis_registry::Suspension;

use crate::bed::{READ, WRITE, acme, bearer, bed, code, pass, request_to};

#[tokio::test]
async fn the_grammar_of_headers_comes_before_everything() {
    let bed = bed().await;
    let token = bed.key(&[]).await;
    let with_query = request_to(
        "/?token=x",
        &[("authorization", &format!("Bearer {token}"))],
    );
    let denial = bed.guard(WRITE).check(&with_query, None).await.unwrap_err();
    assert_eq!(denial.code(), "invalid_request");
}

#[tokio::test]
async fn suspension_then_holder_then_scope_then_rate_then_credits() {
    let bed = bed().await;
    bed.credits(0).await;
    // One unit a minute, and the session of a writer who can pay.
    let gate = bed.gate().with_limit("1/60s".parse().unwrap());
    let everything = gate.guard(Access::scope(WRITE).with_price(1)).unwrap();
    let session_alone = gate
        .guard(Access::scope(WRITE).with_holder(portcullis_gate::Holder::Session))
        .unwrap();

    let writer = bed.key(&[WRITE]).await;
    assert_eq!(code(&everything, &writer).await, "insufficient_credits");
    assert_eq!(
        code(&everything, &writer).await,
        "rate_limited",
        "over, and without credits"
    );

    let reader = bed.key(&[READ]).await;
    drop(pass(&gate.guard(READ).unwrap(), &reader).await);
    assert_eq!(
        code(&everything, &reader).await,
        "insufficient_scope",
        "over, and lacking"
    );

    let reader = bed.key(&[READ]).await;
    assert_eq!(
        code(&session_alone, &reader).await,
        "session_required",
        "a key, and lacking"
    );

    let reader = bed.key(&[READ]).await;
    bed.suspend(Suspension::Suspended).await;
    assert_eq!(
        code(&session_alone, &reader).await,
        "billing_suspended",
        "suspended, and a key"
    );
}

#[tokio::test]
async fn refusals_before_the_rate_step_charge_nothing() {
    let bed = bed().await;
    bed.credits(10).await;
    let (priced, reads) = (
        bed.guard(Access::scope(WRITE).with_price(1)),
        bed.guard(READ),
    );
    let token = bed.key(&[READ]).await;
    for _ in 0..5 {
        assert_eq!(code(&priced, &token).await, "insufficient_scope");
        assert_eq!(
            code(&bed.guard(Access::session()), &token).await,
            "session_required"
        );
    }
    assert_eq!(pass(&reads, &token).await.rate().unwrap().remaining, 99);
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 10);
    assert_eq!(
        bed.store.memory().ledger(&acme()).len(),
        1,
        "the first credits"
    );
}

#[tokio::test]
async fn a_refusal_by_rate_takes_no_credits() {
    let bed = bed().await;
    bed.credits(10).await;
    let gate = bed.gate().with_limit("1/60s".parse().unwrap());
    let guard = gate.guard(Access::scope(READ).with_price(1)).unwrap();
    let token = bed.key(&[READ]).await;
    drop(pass(&guard, &token).await);
    assert_eq!(code(&guard, &token).await, "rate_limited");
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 9);
}

#[tokio::test]
async fn a_request_that_passes_is_charged_exactly_once_cold_or_from_memory() {
    let bed = bed().await;
    bed.credits(100).await;
    let free = bed.guard(READ);
    let priced = bed.guard(Access::scope(READ).with_price(2));
    let dear = bed.guard(Access::scope(READ).with_cost(10));
    let token = bed.key(&[READ]).await;
    // The first is read from the store.
    assert_eq!(pass(&free, &token).await.rate().unwrap().remaining, 99);
    assert_eq!(pass(&free, &token).await.rate().unwrap().remaining, 98);
    assert_eq!(pass(&priced, &token).await.rate().unwrap().remaining, 97);
    assert_eq!(pass(&dear, &token).await.rate().unwrap().remaining, 87);
    assert_eq!(pass(&free, &token).await.rate().unwrap().remaining, 86);
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 98);
}

#[tokio::test]
async fn a_route_of_cost_0_passes_a_credential_that_is_over_its_limit() {
    let bed = bed().await;
    let gate = bed.gate().with_limit("1/60s".parse().unwrap());
    let (counted, free) = (
        gate.guard(READ).unwrap(),
        gate.guard(Access::scope(READ).with_cost(0)).unwrap(),
    );
    let token = bed.key(&[READ]).await;
    drop(pass(&counted, &token).await);
    assert_eq!(code(&counted, &token).await, "rate_limited");
    assert_eq!(pass(&free, &token).await.rate().unwrap().remaining, 0);
}

#[tokio::test]
async fn uses_and_denials_are_counted_for_the_credential() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let token = issued.token.expose();
    drop(pass(&bed.guard(READ), token).await);
    drop(pass(&bed.guard(READ), token).await);
    assert_eq!(code(&bed.guard(WRITE), token).await, "insufficient_scope");
    assert!(
        bed.guard(READ)
            .check(&bearer("ap_live_x"), None)
            .await
            .is_err()
    );
    bed.registry.flush().await.unwrap();
    let key = bed
        .registry
        .key(&crate::bed::ada(), issued.key.credential())
        .await;
    let usage = *key.unwrap().usage();
    assert_eq!((usage.requests, usage.denied), (2, 1));
}
