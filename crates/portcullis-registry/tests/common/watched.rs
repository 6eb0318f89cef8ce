//! A store whose reads are counted, and can be followed by a commit.

use std::{collections::VecDeque, sync::Mutex};

use portcullis_core::BoxFuture;
use portcullis_registry::{
    Batch, Changes, CommitError, Key, MemoryStore, Page, Query, Seq, Snapshot, Store, StoreError,
};

/// A store that counts its reads, and does one thing after each of the next reads of a foreign key.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) store: MemoryStore,
    pub(crate) reads: Mutex<Vec<Key>>,
    pub(crate) then: Mutex<VecDeque<Batch>>,
}

impl Watched {
    pub(crate) fn take_reads(&self) -> usize {
        std::mem::take(&mut *self.reads.lock().unwrap()).len()
    }
}

impl Store for Watched {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async move {
            self.reads.lock().unwrap().push(key.clone());
            tokio::task::yield_now().await;
            let is_foreign = matches!(key, Key::Imported(..));
            let snapshot = self.store.get(key).await;
            let then = is_foreign.then(|| self.then.lock().unwrap().pop_front());
            if let Some(batch) = then.flatten() {
                self.store.commit(batch).await.unwrap();
            }
            snapshot
        })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.store.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        self.store.commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.store.changes_since(seq, limit)
    }
}
