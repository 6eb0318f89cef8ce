//! Threads that verify while another revokes.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use common::{READ, acme, ada, catalogue, format};
use portcullis_core::BoxFuture;
use portcullis_registry::{
    Batch, Changes, CommitError, Hot, IssuedKey, Key, MemoryStore, NewKey, Page, Query, Registry,
    Seq, Snapshot, Store, StoreError,
};
use portcullis_token::PepperRing;
use tokio::runtime::{Builder, Runtime};

const VERIFIERS: usize = 8;
const REVOKES: usize = 10_000;
/// The store in memory lists by looking at all it has, so it is renewed now and then.
const REVOKES_PER_STORE: usize = 100;
const YIELDS: usize = 1;

/// A store between whose snapshots and their delivery other threads go on.
#[derive(Debug, Default)]
struct Slow(MemoryStore);

impl Store for Slow {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async move {
            let snapshot = self.0.get(key).await;
            for _ in 0..YIELDS {
                thread::yield_now();
            }
            snapshot
        })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.0.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        self.0.commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.0.changes_since(seq, limit)
    }
}

/// What the threads share. A key that stands before `revoked` is revoked, and its call returned.
#[derive(Default)]
struct Shared {
    keys: RwLock<Vec<Arc<IssuedKey>>>,
    revoked: AtomicUsize,
    late: AtomicUsize,
    accepted: AtomicUsize,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn is_accepted(runtime: &Runtime, registry: &Registry, key: &IssuedKey) -> bool {
    let token = key.token.expose().as_bytes();
    let token = registry.format().recognize(token).unwrap();
    loop {
        match registry.visit(&token, None, |_| ()) {
            Hot::Known(()) => return true,
            Hot::Miss => assert!(runtime.block_on(registry.load(token.id())).unwrap()),
            _ => return false,
        }
    }
}

/// Verifies the newest key and the one before it, which is revoked or is being so.
fn verify(registry: &Registry, shared: &Shared) {
    let runtime = runtime();
    while shared.revoked.load(Ordering::SeqCst) < REVOKES_PER_STORE {
        let last_two: Vec<_> = {
            let keys = shared.keys.read().unwrap();
            let places = keys.iter().enumerate().rev().take(2);
            places.map(|(at, key)| (at, Arc::clone(key))).collect()
        };
        for (at, key) in last_two {
            let was_revoked = at < shared.revoked.load(Ordering::SeqCst);
            let is_accepted = is_accepted(&runtime, registry, &key);
            let counter = match (is_accepted, was_revoked) {
                (true, true) => &shared.late,
                (true, false) => &shared.accepted,
                (false, _) => continue,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        thread::yield_now();
    }
}

fn revoke(registry: &Registry, shared: &Shared) {
    let (runtime, actor) = (runtime(), ada());
    for at in 0..REVOKES_PER_STORE {
        let new = NewKey::new(acme(), "key", [READ]);
        let key = runtime.block_on(registry.issue_key(&actor, new)).unwrap();
        let key = Arc::new(key);
        shared.keys.write().unwrap().push(Arc::clone(&key));
        // Every other one is in memory when it is revoked; the rest are just being read.
        let before = shared.accepted.load(Ordering::Relaxed);
        while at % 2 == 0 && shared.accepted.load(Ordering::Relaxed) == before {
            thread::yield_now();
        }
        let revoked = registry.revoke_key(&actor, key.token.id());
        let _ = runtime.block_on(revoked).unwrap();
        shared.revoked.store(at + 1, Ordering::SeqCst);
    }
}

#[test]
fn no_verify_that_begins_after_a_revoke_returned_accepts_with_eight_threads_ten_thousand_times() {
    for _ in 0..REVOKES / REVOKES_PER_STORE {
        let peppers = PepperRing::generate().unwrap();
        let opened = Registry::open(Slow::default(), format(), catalogue(), peppers);
        let (registry, _driver) = runtime().block_on(opened).unwrap();
        let shared = Shared::default();
        thread::scope(|scope| {
            for _ in 0..VERIFIERS {
                scope.spawn(|| verify(&registry, &shared));
            }
            revoke(&registry, &shared);
        });
        assert_eq!(shared.late.load(Ordering::SeqCst), 0);
    }
}
