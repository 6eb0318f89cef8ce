//! What is counted apart: each key, each session, and the denials of each.

use std::time::Duration;

use portcullis_error::Cause;
use portcullis_gate::{Guard, Pass};
use portcullis_registry::KeyChange;

use crate::bed::{BRANDS, READ, WRITE, ada, bed, code, denial, pass};

fn remaining(pass: &Pass) -> u32 {
    pass.rate().unwrap().remaining
}

fn retry_after(cause: &Cause) -> Duration {
    match cause {
        Cause::RateLimited { retry_after } => retry_after.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_keys_and_a_session_of_one_owner_have_windows_of_their_own() {
    let bed = bed().await;
    let gate = bed.gate().with_limit("2/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let credentials = [
        bed.key(&[READ]).await,
        bed.key(&[READ]).await,
        bed.session(&[READ]).await,
    ];
    for token in &credentials {
        assert_eq!(remaining(&pass(&guard, token).await), 1);
        assert_eq!(remaining(&pass(&guard, token).await), 0);
        assert_eq!(code(&guard, token).await, "rate_limited");
    }
}

#[tokio::test]
async fn the_routes_of_a_gate_share_the_window_of_a_credential() {
    let bed = bed().await;
    let gate = bed.gate();
    let (one, other) = (gate.guard(READ).unwrap(), gate.guard(WRITE).unwrap());
    let token = bed.key(&[WRITE]).await;
    assert_eq!(remaining(&pass(&one, &token).await), 99);
    assert_eq!(remaining(&pass(&other, &token).await), 98);
}

#[tokio::test]
async fn keys_and_sessions_may_have_different_quotas() {
    let bed = bed().await;
    let gate = bed.gate().with_key_limit("5/60s".parse().unwrap());
    let guard = gate
        .with_session_limit("7/60s".parse().unwrap())
        .guard(READ)
        .unwrap();
    let limit = |pass: Pass| pass.rate().unwrap().limit;
    assert_eq!(limit(pass(&guard, &bed.key(&[READ]).await).await), 5);
    assert_eq!(limit(pass(&guard, &bed.session(&[READ]).await).await), 7);
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted_and_no_rate_is_shown() {
    let bed = bed().await;
    let gate = portcullis_gate::Gate::new(bed.registry.clone());
    let (reads, writes) = (gate.guard(READ).unwrap(), gate.guard(WRITE).unwrap());
    let token = bed.key(&[READ]).await;
    for _ in 0..200 {
        assert!(pass(&reads, &token).await.rate().is_none());
        assert!(denial(&writes, &token).await.rate.is_none());
    }
}

#[tokio::test]
async fn a_credential_is_admitted_exactly_at_retry_after_and_not_a_microsecond_before() {
    let bed = bed().await;
    let gate = bed.gate().with_limit("2/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let token = bed.key(&[READ]).await;
    drop(pass(&guard, &token).await);
    bed.clock.advance(Duration::from_secs(30));
    drop(pass(&guard, &token).await);
    let wait = retry_after(&denial(&guard, &token).await.cause);
    assert_eq!(wait, Duration::from_secs(30));
    bed.clock.advance(wait - Duration::from_micros(1));
    assert_eq!(code(&guard, &token).await, "rate_limited");
    bed.clock.advance(Duration::from_micros(1));
    assert_eq!(code(&guard, &token).await, "passed");
}

/// A gate of 3 requests a minute: the guard of what a reader may do, and of what it may not.
fn three_a_minute(bed: &crate::bed::Bed) -> (Guard, Guard) {
    let gate = bed.gate().with_limit("3/60s".parse().unwrap());
    (gate.guard(READ).unwrap(), gate.guard(WRITE).unwrap())
}

#[tokio::test]
async fn the_fourth_denial_of_three_a_minute_is_a_429() {
    let bed = bed().await;
    let (reads, writes) = three_a_minute(&bed);
    let token = bed.key(&[READ]).await;
    for _ in 0..3 {
        let denial = denial(&writes, &token).await;
        assert_eq!(denial.code(), "insufficient_scope");
        assert_eq!(denial.rate.unwrap().remaining, 3, "a peek");
    }
    let fourth = denial(&writes, &token).await;
    assert_eq!(fourth.code(), "rate_limited");
    assert_eq!(
        fourth.rate.unwrap().remaining,
        3,
        "the quota itself is untouched"
    );

    assert_eq!(remaining(&pass(&reads, &token).await), 2);
    let wait = retry_after(&fourth.cause);
    bed.clock.advance(wait - Duration::from_micros(1));
    assert_eq!(code(&writes, &token).await, "rate_limited");
    bed.clock.advance(Duration::from_micros(1));
    assert_eq!(code(&writes, &token).await, "insufficient_scope");
}

#[tokio::test]
async fn a_used_up_quota_leaves_the_denials_their_own() {
    let bed = bed().await;
    let (reads, writes) = three_a_minute(&bed);
    let token = bed.key(&[READ]).await;
    for _ in 0..3 {
        drop(pass(&reads, &token).await);
    }
    assert_eq!(code(&reads, &token).await, "rate_limited");
    assert_eq!(code(&writes, &token).await, "insufficient_scope");
}

#[tokio::test]
async fn the_denials_of_one_credential_are_not_those_of_another() {
    let bed = bed().await;
    let (_, writes) = three_a_minute(&bed);
    let (one, other) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    for _ in 0..4 {
        let _ = denial(&writes, &one).await;
    }
    assert_eq!(code(&writes, &one).await, "rate_limited");
    assert_eq!(code(&writes, &other).await, "insufficient_scope");
}

#[tokio::test]
async fn changing_a_key_is_no_way_to_a_fresh_quota() {
    let bed = bed().await;
    let (reads, _) = three_a_minute(&bed);
    let key = bed.issue(&[READ]).await;
    for _ in 0..3 {
        drop(pass(&reads, key.token.expose()).await);
    }
    for change in [
        KeyChange::new().rename("other"),
        KeyChange::new().disable(),
        KeyChange::new().enable(),
        KeyChange::new().regrant([READ, BRANDS].into_iter().collect()),
    ] {
        let changed = bed
            .registry
            .change_key(&ada(), key.key.credential(), change)
            .await;
        changed.unwrap();
    }
    assert_eq!(code(&reads, key.token.expose()).await, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_more_pass_than_the_quota_however_many_ask_at_once() {
    let bed = bed().await;
    let guard = bed
        .gate()
        .with_limit("50/60s".parse().unwrap())
        .guard(READ)
        .unwrap();
    let token = bed.key(&[READ]).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (guard, token) = (guard.clone(), token.clone());
            tokio::spawn(async move {
                let mut passed = 0;
                for _ in 0..20 {
                    passed += u32::from(crate::bed::check(&guard, &token).await.is_ok());
                }
                passed
            })
        })
        .collect();
    let mut passed = 0;
    for task in tasks {
        passed += task.await.unwrap();
    }
    assert_eq!(passed, 50);
}
