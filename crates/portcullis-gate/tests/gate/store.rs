//! A store that counts what is asked of it and fails when told to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis_core::BoxFuture;
use portcullis_registry::{
    Batch, Changes, CommitError, Key, MemoryStore, Page, Query, Seq, Snapshot, Store, StoreError,
};

#[derive(Debug, Default)]
pub(crate) struct WatchedStore {
    inner: MemoryStore,
    is_broken: AtomicBool,
    reads: AtomicUsize,
    commits: AtomicUsize,
}

impl WatchedStore {
    pub(crate) fn break_down(&self) {
        self.is_broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.is_broken.store(false, Ordering::SeqCst);
    }

    /// How often a record was read, and how often a batch was committed.
    pub(crate) fn accesses(&self) -> (usize, usize) {
        (
            self.reads.load(Ordering::SeqCst),
            self.commits.load(Ordering::SeqCst),
        )
    }

    pub(crate) fn memory(&self) -> &MemoryStore {
        &self.inner
    }

    fn access(&self, counter: &AtomicUsize) -> Result<(), StoreError> {
        counter.fetch_add(1, Ordering::SeqCst);
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(StoreError::transient("the store is asked", "it is broken"));
        }
        Ok(())
    }
}

impl Store for WatchedStore {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async move {
            self.access(&self.reads)?;
            // As a real store, it is not ready at once.
            tokio::task::yield_now().await;
            self.inner.get(key).await
        })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.inner.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            self.access(&self.commits)?;
            let done = self.inner.commit(batch).await;
            tokio::task::yield_now().await;
            done
        })
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.inner.changes_since(seq, limit)
    }
}
