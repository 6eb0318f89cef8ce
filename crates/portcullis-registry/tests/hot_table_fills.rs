//! Who reads the store for what is not in memory: one for each id, whatever is asked for.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::atomic::Ordering, time::Duration};

use common::{
    READ, acme, ada,
    held::{Held, held, held_with, reopened},
};
use portcullis_core::{Clock, CredentialId};
use portcullis_registry::{
    Actor, Hot, IssuedKey, Loaded, NewKey, NewSession, Options, Registry, SessionTerms, StoreError,
};
use portcullis_token::ApiKey;
use tokio::task::JoinHandle;

async fn key(registry: &Registry) -> IssuedKey {
    let new = NewKey::new(acme(), "key", [READ]);
    registry.issue_key(&ada(), new).await.unwrap()
}

fn unknown(registry: &Registry) -> CredentialId {
    registry.format().mint::<ApiKey>().unwrap().id()
}

fn is_hit(registry: &Registry, key: &IssuedKey) -> bool {
    let token = key.token.expose().as_bytes();
    let token = registry.format().recognize(token).unwrap();
    registry.visit(&token, None, |_| ()) == Hot::Known(())
}

/// So many that ask for one id at once; the first of them is reading when this returns.
async fn asking(
    registry: &Registry,
    store: &Held,
    id: CredentialId,
    count: usize,
) -> Vec<JoinHandle<Result<bool, StoreError>>> {
    store.hold(true);
    let ask = |_| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.load(id).await })
    };
    let asking = (0..count).map(ask).collect();
    store.next_read().await;
    // All others have come to wait.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    asking
}

#[tokio::test]
async fn however_many_ask_for_one_id_at_once_one_of_them_reads() {
    let (registry, store) = held().await;
    let known = key(&registry).await.token.id();
    for (id, is_known) in [(known, true), (unknown(&registry), false)] {
        let before = store.reads();
        let asking = asking(&registry, &store, id, 100).await;
        store.hold(false);
        store.deliver.add_permits(1);
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap(), is_known);
        }
        assert_eq!(store.reads() - before, 1);
    }
}

#[tokio::test]
async fn when_the_one_that_reads_goes_away_another_reads() {
    let (registry, store) = held().await;
    let id = key(&registry).await.token.id();
    let before = store.reads();
    let mut asking = asking(&registry, &store, id, 20).await;
    asking.remove(0).abort();
    store.next_read().await;
    store.hold(false);
    store.deliver.add_permits(1);
    for asked in asking {
        assert!(asked.await.unwrap().unwrap());
    }
    assert_eq!(store.reads() - before, 2);
}

#[tokio::test]
async fn a_read_that_fails_is_told_to_all_that_wait_and_not_to_those_who_come_later() {
    let (registry, store) = held().await;
    let id = key(&registry).await.token.id();
    let before = store.reads();
    let asking = asking(&registry, &store, id, 20).await;
    store.fails.store(true, Ordering::SeqCst);
    store.hold(false);
    store.deliver.add_permits(1);
    for asked in asking {
        assert!(asked.await.unwrap().unwrap_err().is_transient());
    }
    assert_eq!(store.reads() - before, 1);
    store.fails.store(false, Ordering::SeqCst);
    assert!(registry.load(id).await.unwrap());
}

#[tokio::test]
async fn one_that_no_longer_wants_it_does_not_speak_for_the_others() {
    let (registry, store) = held().await;
    let id = key(&registry).await.token.id();
    store.hold(true);
    let (unwanted, wanted) = (registry.load_if(id, || false), registry.load(id));
    let (unwanted, wanted, ()) = tokio::join!(unwanted, wanted, async {
        store.next_read().await;
        store.deliver.add_permits(1);
    });
    assert_eq!(unwanted.unwrap(), Loaded::Unwanted);
    assert!(wanted.unwrap());
}

#[tokio::test]
async fn that_an_id_is_unknown_is_remembered_for_two_seconds() {
    let (registry, store, clock) = held_with(10).await;
    let id = unknown(&registry);
    let before = store.reads();
    assert!(!registry.load(id).await.unwrap());
    clock.advance(Duration::from_nanos(1_999_999_999));
    assert!(!registry.load(id).await.unwrap());
    assert_eq!(store.reads() - before, 1);
    clock.advance(Duration::from_nanos(1));
    assert!(!registry.load(id).await.unwrap());
    assert_eq!(store.reads() - before, 2);
}

#[tokio::test]
async fn a_flood_of_unknown_ids_reads_64_at_once_and_takes_nothing_from_good_credentials() {
    let (registry, store, _clock) = held_with(2).await;
    let good = [key(&registry).await, key(&registry).await];
    for key in &good {
        assert!(registry.load(key.token.id()).await.unwrap());
    }
    let before = store.reads();
    store.hold(true);
    let flood: Vec<_> = (0..5_000)
        .map(|_| {
            let (registry, id) = (registry.clone(), unknown(&registry));
            tokio::spawn(async move { registry.load(id).await })
        })
        .collect();
    for _ in 0..64 {
        store.next_read().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(store.reads() - before, 64);
    }
    assert!(good.iter().all(|key| is_hit(&registry, key)));

    store.hold(false);
    store.deliver.add_permits(64);
    for asked in flood {
        assert!(!asked.await.unwrap().unwrap());
    }
    assert!(good.iter().all(|key| is_hit(&registry, key)));
    assert_eq!(registry.cached(), 2);
}

#[tokio::test]
async fn warmed_keys_and_sessions_are_checked_without_a_read_and_none_beyond_the_capacity() {
    let (registry, store, clock) = held_with(Options::DEFAULT_CAPACITY).await;
    let expiring = NewKey::new(acme(), "expiring", [READ])
        .with_expiry(clock.now().saturating_add(Duration::from_secs(10)));
    let _ = registry.issue_key(&ada(), expiring).await.unwrap();
    let session = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [READ].into_iter().collect(),
        SessionTerms::default(),
    );
    let _ = registry.start_session(&ada(), session).await.unwrap();
    let mut keys = Vec::new();
    for _ in 0..1_500 {
        let new = NewKey::new(
            format!("org-{}", keys.len()).parse().unwrap(),
            "key",
            [READ],
        );
        let system = Actor::dangerous_system();
        keys.push(registry.issue_key(&system, new).await.unwrap());
        clock.advance(Duration::from_millis(1));
    }
    clock.advance(Duration::from_secs(10));

    // A refresh token and an expired key are of no use in memory.
    let other = reopened(&store, Options::DEFAULT_CAPACITY, &clock).await;
    assert_eq!(other.warm().await.unwrap(), 1_501);
    assert_eq!(other.warm().await.unwrap(), 0);
    let before = store.reads();
    assert!(keys.iter().all(|key| is_hit(&other, key)));
    assert_eq!(store.reads(), before);

    let small = reopened(&store, 100, &clock).await;
    assert_eq!(small.warm().await.unwrap(), 100);
    assert_eq!(small.cached(), 100);
    assert!(
        keys.iter().rev().take(100).all(|key| is_hit(&small, key)),
        "the newest"
    );
}
