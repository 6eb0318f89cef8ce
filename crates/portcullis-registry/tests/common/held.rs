//! A store whose reads and commits are in the hands of the test.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use portcullis_core::{BoxFuture, Clock, ManualClock};
use portcullis_registry::{
    Batch, Changes, CommitError, Driver, Key, MemoryStore, Options, Page, Query, Registry, Seq,
    Snapshot, Store, StoreError,
};
use portcullis_token::PepperRing;
use tokio::sync::Semaphore;

/// A store whose reads can be held between the snapshot and its delivery.
#[derive(Debug)]
pub(crate) struct Held {
    store: MemoryStore,
    peppers: PepperRing,
    pub(crate) holds: AtomicBool,
    /// Reads fail, once they are delivered.
    pub(crate) fails: AtomicBool,
    pub(crate) read: Semaphore,
    pub(crate) deliver: Semaphore,
    pub(crate) reads: AtomicU64,
    /// Commits are made, and their callers never hear of it.
    pub(crate) is_mute: AtomicBool,
}

impl Store for Held {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async move {
            let snapshot = self.store.get(key).await;
            self.reads.fetch_add(1, Ordering::SeqCst);
            if self.holds.load(Ordering::SeqCst) {
                self.read.add_permits(1);
                self.deliver.acquire().await.unwrap().forget();
            }
            if self.fails.load(Ordering::SeqCst) {
                return Err(StoreError::transient("the store is asked", "it is broken"));
            }
            snapshot
        })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.store.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            let committed = self.store.commit(batch).await;
            if self.is_mute.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            committed
        })
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.store.changes_since(seq, limit)
    }
}

impl Held {
    /// How many reads there were.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// From now on reads are held, or no longer.
    pub(crate) fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
    }

    /// Waits for the snapshot of a read that is held.
    pub(crate) async fn next_read(&self) {
        self.read.acquire().await.unwrap().forget();
    }
}

pub(crate) async fn held() -> (Registry, Arc<Held>) {
    let (registry, store, _) = held_with(Options::DEFAULT_CAPACITY).await;
    (registry, store)
}

/// A registry that keeps so many credentials in memory.
pub(crate) async fn held_with(capacity: usize) -> (Registry, Arc<Held>, Arc<ManualClock>) {
    let store = Arc::new(Held::default());
    let clock = ManualClock::new();
    let registry = reopened(&store, capacity, &clock).await;
    (registry, store, clock)
}

/// Another registry over the same store.
pub(crate) async fn reopened(
    store: &Arc<Held>,
    capacity: usize,
    clock: &Arc<ManualClock>,
) -> Registry {
    opened(store, capacity, clock).await.0
}

pub(crate) async fn opened(
    store: &Arc<Held>,
    capacity: usize,
    clock: &Arc<ManualClock>,
) -> (Registry, Driver) {
    let options = Options::new().with_capacity(capacity);
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let opened = Registry::open_with(
        Arc::clone(store),
        super::format(),
        super::catalogue(),
        store.peppers.clone(),
        options.with_clock(clock),
    );
    opened.await.unwrap()
}

impl Default for Held {
    fn default() -> Self {
        Self {
            store: MemoryStore::new(),
            peppers: PepperRing::generate().unwrap(),
            holds: AtomicBool::new(false),
            fails: AtomicBool::new(false),
            read: Semaphore::new(0),
            deliver: Semaphore::new(0),
            reads: AtomicU64::new(0),
            is_mute: AtomicBool::new(false),
        }
    }
}
