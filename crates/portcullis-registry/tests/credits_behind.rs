//! What is left behind while the store refuses something, and what begins while old reservations are
//! given back.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{acme, catalogue, format};
use portcullis_core::{BoxFuture, Clock, ManualClock, RequestId};
use portcullis_registry::{
    Batch, Changes, CommitError, CreditOp, Driver, Key, LedgerKind, MemoryStore, Page, Query,
    Registry, Seq, Snapshot, Store, StoreError,
};
use portcullis_token::PepperRing;
use tokio::sync::Semaphore;

const ONE: NonZeroU32 = NonZeroU32::MIN;

/// A store that refuses the settlements of some requests, as one whose rows are damaged, or all; and
/// whose giving back of old reservations can be held.
#[derive(Debug)]
struct Faulty {
    store: MemoryStore,
    damaged: Mutex<Vec<RequestId>>,
    refuses_all: AtomicBool,
    holds: AtomicBool,
    asked: Semaphore,
    go_on: Semaphore,
}

impl Faulty {
    fn refuses(&self, op: &CreditOp) -> bool {
        match op {
            CreditOp::Settle { id, .. } | CreditOp::Release { id, .. } => {
                self.refuses_all.load(Ordering::SeqCst) || self.damaged.lock().unwrap().contains(id)
            }
            _ => false,
        }
    }

    fn charges(&self) -> Vec<i64> {
        let lines = self.store.ledger(&acme()).into_iter();
        let charges = lines.filter(|line| line.kind == LedgerKind::Charge);
        charges.map(|line| line.amount).collect()
    }
}

impl Store for Faulty {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.store.get(key)
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.store.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            let is_old = |op: &CreditOp| matches!(op, CreditOp::ReleaseBefore { .. });
            if self.holds.load(Ordering::SeqCst) && batch.credits.iter().any(is_old) {
                self.asked.add_permits(1);
                self.go_on.acquire().await.unwrap().forget();
            }
            if batch.credits.iter().any(|op| self.refuses(op)) {
                return Err(StoreError::permanent("the store is asked", "a damaged row").into());
            }
            self.store.commit(batch).await
        })
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.store.changes_since(seq, limit)
    }
}

/// A registry on such a store, where `acme` has 10 credits.
async fn faulty() -> (Registry, Driver, Arc<Faulty>, Arc<ManualClock>) {
    let store = Arc::new(Faulty {
        store: MemoryStore::new(),
        damaged: Mutex::default(),
        refuses_all: AtomicBool::new(false),
        holds: AtomicBool::new(false),
        asked: Semaphore::new(0),
        go_on: Semaphore::new(0),
    });
    let (clock, peppers) = (ManualClock::new(), PepperRing::generate().unwrap());
    let opened = Registry::open_with_clock(
        Arc::clone(&store),
        format(),
        catalogue(),
        peppers,
        Arc::<ManualClock>::clone(&clock),
    );
    let (registry, driver) = opened.await.unwrap();
    registry.ensure_owner(&acme(), 10).await.unwrap();
    (registry, driver, store, clock)
}

#[tokio::test]
async fn a_settlement_that_is_refused_for_good_keeps_no_other_from_being_made() {
    let (registry, _driver, store, _) = faulty().await;
    let amounts = [1, 2, 3].map(|amount| NonZeroU32::new(amount).unwrap());
    let mut reserved = Vec::new();
    for amount in amounts {
        reserved.push(registry.reserve(&acme(), amount, "work").await.unwrap());
    }
    store.damaged.lock().unwrap().push(reserved[1].id());
    for reservation in reserved {
        let amount = reservation.amount();
        drop(reservation.settle(amount));
    }
    let refused = registry.flush().await.unwrap_err();
    assert!(!refused.is_transient());
    assert_eq!(store.charges(), [-1, -3]);
    // It is not in the way of what comes, and is made should the store be mended.
    let next = registry.reserve(&acme(), amounts[2], "work").await.unwrap();
    drop(next.settle(3));
    registry.flush().await.unwrap_err();
    assert_eq!(store.charges(), [-1, -3, -3]);
    store.damaged.lock().unwrap().clear();
    registry.flush().await.unwrap();
    assert_eq!(store.charges(), [-1, -3, -3, -2]);
}

#[tokio::test]
async fn a_store_that_refuses_all_loses_no_settlement() {
    let (registry, _driver, store, _) = faulty().await;
    for _ in 0..3 {
        let reserved = registry.reserve(&acme(), ONE, "work").await.unwrap();
        drop(reserved.settle(1));
    }
    store.refuses_all.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let refused = registry.flush().await.unwrap_err();
        assert!(!refused.is_transient());
    }
    store.refuses_all.store(false, Ordering::SeqCst);
    registry.flush().await.unwrap();
    assert_eq!(store.charges(), [-1, -1, -1]);
}

/// Reserves while old reservations are being given back, after a step of the clock.
async fn reserve_meanwhile(step: impl FnOnce(&ManualClock)) -> (Vec<i64>, bool) {
    let (registry, driver, store, clock) = faulty().await;
    store.holds.store(true, Ordering::SeqCst);
    let driver = tokio::spawn(driver);
    // The driver looks for old ones once a minute.
    store.asked.acquire().await.unwrap().forget();
    step(&clock);
    let begun = registry.clone();
    let reserved =
        tokio::spawn(async move { begun.reserve(&acme(), ONE, "meanwhile").await.unwrap() });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let is_made = reserved.is_finished();
    store.holds.store(false, Ordering::SeqCst);
    store.go_on.add_permits(1);
    reserved.await.unwrap().settle(1).await;
    registry.close().await.unwrap();
    driver.await.unwrap();
    (store.charges(), is_made)
}

#[tokio::test(start_paused = true)]
async fn what_begins_while_old_ones_are_given_back_is_charged_though_the_clock_was_set_back() {
    let back = |clock: &ManualClock| {
        let earlier = clock.now().saturating_sub(Duration::from_secs(7_200));
        clock.set_now(earlier);
    };
    assert_eq!(reserve_meanwhile(back).await, (vec![-1], false));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_old_ones_to_be_given_back() {
    assert_eq!(reserve_meanwhile(|_| ()).await, (vec![-1], true));
    let back = |clock: &ManualClock| {
        let earlier = clock.now().saturating_sub(Duration::from_secs(3_600));
        clock.set_now(earlier);
    };
    assert_eq!(reserve_meanwhile(back).await, (vec![-1], true));
}
