//! The registry's background work, as one future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use portcullis_core::BoxFuture;
use tokio::sync::Notify;

use crate::{Batch, CommitError, CreditOp, Registry, Seq, StoreError};

/// How often changes are looked for and one shard is swept.
const POLL: Duration = Duration::from_millis(500);
/// Uses are written every so many polls: once a minute.
const POLLS_PER_FLUSH: u32 = 120;
/// A reservation that nobody settled for so long is given back.
const RESERVATION_TTL: Duration = Duration::from_secs(60 * 60);
/// How many uses are written in one batch.
const USES_PER_BATCH: usize = 1_000;

/// What is left for the driver to do, and its signals.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    credits: Mutex<Vec<CreditOp>>,
    wake: Notify,
    closing: Notify,
}

impl Errands {
    /// Leaves a settlement or release for the driver. Both may be done twice without harm.
    pub(crate) fn leave(&self, op: CreditOp) {
        self.credits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(op);
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<CreditOp> {
        std::mem::take(&mut *self.credits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The registry's background work: writes uses, settles what callers left behind, follows changes
/// that others made, sweeps idle credentials.
///
/// Spawn it once on a runtime with timers (`tokio::spawn(driver)`). It ends when
/// [`Registry::close`] is called. Without it, checks and changes work, but uses are not written.
#[must_use = "the driver does nothing unless it is spawned"]
pub struct Driver(BoxFuture<'static, ()>);

impl Driver {
    pub(crate) fn new(registry: Registry, head: Seq) -> Self {
        Self(Box::pin(run(registry, head)))
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

async fn run(registry: Registry, mut applied: Seq) {
    let mut interval = tokio::time::interval(POLL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut polls: u32 = 0;
    loop {
        let errands = &registry.inner.errands;
        tokio::select! {
            biased;
            () = errands.closing.notified() => return,
            () = errands.wake.notified() => report(registry.settle_left_behind().await),
            _ = interval.tick() => {
                report(registry.follow_changes(&mut applied).await);
                report(registry.settle_left_behind().await);
                let turn = usize::try_from(polls).unwrap_or(0);
                registry.inner.hot.sweep(turn, registry.inner.clock.tick());
                polls = polls.wrapping_add(1);
                if polls.is_multiple_of(POLLS_PER_FLUSH) {
                    report(registry.flush().await);
                    report(registry.release_expired().await);
                }
            }
        }
    }
}

fn report(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "background work is behind; it will be tried again");
    }
}

impl Registry {
    /// Writes what has gathered in memory: uses, re-made MACs, settlements left behind.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be written stays and is tried again.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.settle_left_behind().await?;
        let (deltas, remacs) = self.inner.hot.take_gathered(&*self.inner.clock);
        if !remacs.is_empty() {
            // Not put back when it fails: the record still verifies, and is re-made again.
            self.write(Batch {
                remacs,
                ..Batch::default()
            })
            .await?;
        }
        let mut chunks = deltas.chunks(USES_PER_BATCH);
        while let Some(chunk) = chunks.next() {
            let batch = Batch {
                usage: chunk.to_vec(),
                ..Batch::default()
            };
            if let Err(error) = self.write(batch).await {
                self.inner.hot.put_back(chunk);
                chunks.for_each(|rest| self.inner.hot.put_back(rest));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes what has gathered and ends the driver.
    ///
    /// # Errors
    /// [`StoreError`] if something could not be written; it is then lost with the process.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.errands.closing.notify_one();
        self.flush().await
    }

    async fn settle_left_behind(&self) -> Result<(), StoreError> {
        let ops = self.inner.errands.take();
        if ops.is_empty() {
            return Ok(());
        }
        let outcome = self
            .write(Batch {
                credits: ops.clone(),
                ..Batch::default()
            })
            .await;
        if outcome.is_err() {
            // Tried again with the next poll, not at once: the store is in trouble.
            let mut left = self
                .inner
                .errands
                .credits
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            left.extend(ops);
        }
        outcome
    }

    async fn release_expired(&self) -> Result<(), StoreError> {
        let at = self.inner.clock.now().saturating_sub(RESERVATION_TTL);
        let release = CreditOp::ReleaseBefore { at };
        self.write(Batch {
            credits: vec![release],
            ..Batch::default()
        })
        .await
    }

    async fn follow_changes(&self, applied: &mut Seq) -> Result<(), StoreError> {
        loop {
            let changes = self.inner.store.changes_since(*applied, 1_000).await?;
            let Some(last) = changes.changes.last() else {
                return Ok(());
            };
            let last = last.seq;
            for change in &changes.changes {
                self.inner.hot.apply(&change.target, change.seq);
            }
            *applied = last;
        }
    }

    /// A commit that has no versions to conflict.
    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::permanent("the store refused a batch", error)),
        }
    }
}
