//! Writing what has gathered in memory.

use crate::{
    Batch, Denied, Remac, StoreError, Verifier,
    hot::HotTable,
    usage::{RecentlyDenied, Uses},
};

/// How much of what has gathered is written in one batch.
const AT_A_TIME: usize = 1_000;

/// What has gathered, put back unless it was written.
struct Gathered<'a> {
    hot: &'a HotTable,
    recently_denied: &'a RecentlyDenied,
    uses: Vec<Uses>,
    remacs: Vec<Remac>,
    denied: Vec<Denied>,
}

impl Gathered<'_> {
    /// Takes out the next part to write.
    ///
    /// Its uses are no longer in here: of a flush that is dropped in the middle, the store may well
    /// have them, and would count them twice.
    fn next(&mut self) -> Part {
        let uses = self.uses.len().saturating_sub(AT_A_TIME);
        Part {
            uses: self.uses.split_off(uses),
            remacs: last(&self.remacs).to_vec(),
            denied: last(&self.denied).to_vec(),
        }
    }

    fn written(&mut self) {
        fn forget<T>(all: &mut Vec<T>) {
            all.truncate(all.len().saturating_sub(AT_A_TIME));
        }
        forget(&mut self.remacs);
        forget(&mut self.denied);
    }
}

/// The last of them, as many as are written at a time.
fn last<T>(all: &[T]) -> &[T] {
    let from = all.len().saturating_sub(AT_A_TIME);
    all.get(from..).unwrap_or_default()
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        let (uses, remacs) = (&mut self.uses, &mut self.remacs);
        self.hot
            .put_back(std::mem::take(uses), std::mem::take(remacs));
        self.recently_denied
            .put_back(std::mem::take(&mut self.denied));
    }
}

/// What is written in one batch.
struct Part {
    uses: Vec<Uses>,
    remacs: Vec<Remac>,
    denied: Vec<Denied>,
}

impl Part {
    fn batch(&self, verifier: &Verifier) -> Batch {
        let uses = self.uses.iter().map(|uses| uses.delta(verifier));
        Batch {
            usage: uses.collect(),
            remacs: self.remacs.clone(),
            denied: self.denied.clone(),
            ..Batch::default()
        }
    }
}

impl Verifier {
    /// Writes what has gathered in memory: uses, denied requests, re-made MACs, settlements left
    /// behind, those too that the store has refused for good before.
    ///
    /// A flush that is dropped in the middle may lose the uses of a thousand credentials; it counts
    /// none twice.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be written stays and is tried again.
    pub async fn flush(&self) -> Result<(), StoreError> {
        // One that fails does not keep the other from being tried.
        self.inner.errands.try_again();
        let settled = self.settle_left_behind().await;
        self.flush_uses().await.and(settled)
    }

    async fn flush_uses(&self) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let _alone = inner.errands.flushing.write().await;
        let lost = inner.hot.take_lost();
        if lost > 0 {
            tracing::warn!(
                credentials = lost,
                "uses were lost: the table of credentials is too small for what is in use"
            );
        }
        let (uses, remacs) = inner.hot.take_gathered(&*inner.clock);
        if !self.writes() {
            return Ok(());
        }
        let mut gathered = Gathered {
            hot: &inner.hot,
            recently_denied: &inner.recently_denied,
            uses,
            remacs,
            denied: inner.recently_denied.take(),
        };
        loop {
            let part = gathered.next();
            let batch = part.batch(self);
            if batch.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.write(batch).await {
                gathered.uses.extend(part.uses);
                return Err(error);
            }
            gathered.written();
        }
    }
}
