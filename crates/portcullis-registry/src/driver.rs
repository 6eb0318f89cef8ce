//! The registry's background work, as one future.

use std::{
    collections::HashSet,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use portcullis_core::{BoxFuture, RequestId, Timestamp};
use tokio::sync::{Notify, RwLock, RwLockReadGuard};

use crate::{
    Batch, CommitError, CreditOp, Registry, StoreError, Verifier,
    audit::Retaining,
    load::COLD_READS,
    metrics::{Background, Job, Levels},
    reminders::Look,
};

/// How often changes are looked for and one shard is swept.
const POLL: Duration = Duration::from_millis(500);
/// Uses are written every so many polls: once a minute.
const POLLS_PER_FLUSH: u32 = 120;
/// How often keys are looked for that end soon or are old, and old rows of the audit log, in polls:
/// once an hour.
const POLLS_PER_LOOK: u32 = 7_200;
/// How much of what was left is written in one batch.
const AT_A_TIME: usize = 1_000;
/// How many settlements and releases are kept for a store that is out of reach.
const MAX_LEFT: usize = 100_000;

/// What is left for the driver to do, and its signals.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    credits: Mutex<Vec<CreditOp>>,
    /// Reservations of this process that have not come to their end.
    open: Mutex<HashSet<RequestId>>,
    /// Held while something that was left is being written.
    writing: tokio::sync::Mutex<()>,
    /// Held while uses are being written; by those who read them, shared.
    pub(crate) flushing: RwLock<()>,
    wake: Notify,
    closing: Notify,
}

impl Errands {
    /// Held, no uses are on their way: they are in memory or in the store.
    pub(crate) async fn unwritten(&self) -> RwLockReadGuard<'_, ()> {
        self.flushing.read().await
    }

    /// Leaves a settlement or release for the driver. Both may be done twice without harm.
    ///
    /// With too many left, which is when the store is long out of reach, a release is not kept: the
    /// reservation is given back when it is old.
    pub(crate) fn leave(&self, op: CreditOp) {
        let mut left = locked(&self.credits);
        if left.len() >= MAX_LEFT
            && let CreditOp::Release { id, .. } = op
        {
            // One lock at a time.
            drop(left);
            return self.end(id);
        }
        left.push(op);
        drop(left);
        self.wake.notify_one();
    }

    /// Notes that a reservation is under way; whether it was not before.
    pub(crate) fn begin(&self, id: RequestId) -> bool {
        locked(&self.open).insert(id)
    }

    pub(crate) fn end(&self, id: RequestId) {
        locked(&self.open).remove(&id);
    }

    /// How many reservations are open, and how many settlements and releases are left.
    fn levels(&self) -> (usize, usize) {
        // One lock at a time.
        let open = locked(&self.open).len();
        let left = locked(&self.credits).len();
        (open, left)
    }

    /// Notes that these were written.
    pub(crate) fn end_all(&self, ops: &[CreditOp]) {
        let mut open = locked(&self.open);
        for op in ops {
            if let CreditOp::Settle { id, .. } | CreditOp::Release { id, .. } = op {
                open.remove(id);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some of what was left, put back unless it was written.
struct Taken<'a> {
    errands: &'a Errands,
    ops: Vec<CreditOp>,
}

impl<'a> Taken<'a> {
    fn some(errands: &'a Errands) -> Self {
        let mut left = locked(&errands.credits);
        let some = left.len().min(AT_A_TIME);
        let rest = left.split_off(some);
        Self {
            errands,
            ops: std::mem::replace(&mut *left, rest),
        }
    }

    fn written(mut self) {
        self.errands.end_all(&std::mem::take(&mut self.ops));
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        locked(&self.errands.credits).append(&mut self.ops);
    }
}

/// The registry's background work: writes uses, settles what callers left behind, follows changes
/// that others made, sweeps idle credentials, reminds of keys that end soon, are old or were never
/// used, removes what is old from the audit log.
///
/// Spawn it once on a runtime with timers (`tokio::spawn(driver)`). It ends when
/// [`Registry::close`] is called; that of a verifier that was opened by itself has nothing to finish, and
/// is dropped. Without it checks and changes work, but uses are not written and
/// settlements that callers leave behind are not made.
#[must_use = "the driver does nothing unless it is spawned"]
pub struct Driver(BoxFuture<'static, ()>);

impl Driver {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self(Box::pin(run(verifier, Background::new())))
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

async fn run(verifier: Verifier, metrics: Background) {
    let mut interval = tokio::time::interval(POLL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut polls: u32 = 0;
    let mut look = Look::default();
    let mut retaining = Retaining::default();
    let report = |job, outcome| report(&metrics, job, outcome);
    loop {
        let errands = &verifier.inner.errands;
        // The interval before what wakes: a busy gateway must not keep the rest from being done.
        tokio::select! {
            biased;
            () = errands.closing.notified() => return,
            _ = interval.tick() => {
                let _round = metrics.begin_round(&verifier.inner.clock);
                report(Job::Changes, verifier.follow_changes().await);
                report(Job::Settlements, verifier.settle_left_behind().await);
                let turn = usize::try_from(polls).unwrap_or(0);
                verifier.inner.hot.sweep(turn, verifier.inner.clock.tick());
                look.is_due |= polls.is_multiple_of(POLLS_PER_LOOK);
                report(Job::Reminders, verifier.remind(&mut look).await);
                retaining.is_due |= polls.is_multiple_of(POLLS_PER_LOOK);
                report(Job::Retention, verifier.retain(&mut retaining).await);
                polls = polls.wrapping_add(1);
                if polls.is_multiple_of(POLLS_PER_FLUSH) || verifier.inner.hot.has_many_left() {
                    report(Job::Uses, verifier.flush().await);
                    report(Job::Reservations, verifier.release_expired().await);
                }
                metrics.set_levels(|| verifier.levels());
            }
            () = errands.wake.notified() => report(Job::Settlements, verifier.settle_left_behind().await),
        }
    }
}

fn report(metrics: &Background, job: Job, outcome: Result<(), StoreError>) {
    metrics.count_job(job, &outcome);
    if let Err(error) = outcome {
        tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "background work is behind; it will be tried again");
    }
}

impl Verifier {
    fn levels(&self) -> Levels {
        let (reservations, settlements) = self.inner.errands.levels();
        Levels {
            cached: self.cached(),
            cold_reads: COLD_READS.saturating_sub(self.inner.cold_reads.available_permits()),
            reservations,
            settlements,
        }
    }

    pub(crate) async fn settle_left_behind(&self) -> Result<(), StoreError> {
        let errands = &self.inner.errands;
        let _alone = errands.writing.lock().await;
        loop {
            let taken = Taken::some(errands);
            if taken.ops.is_empty() {
                return Ok(());
            }
            let batch = Batch {
                credits: taken.ops.clone(),
                ..Batch::default()
            };
            self.write(batch).await?;
            taken.written();
        }
    }

    /// Gives back what a process that died had reserved. What is under way here stays, however long
    /// it takes and wherever the wall clock has stepped.
    async fn release_expired(&self) -> Result<(), StoreError> {
        if !self.writes() {
            return Ok(());
        }
        let ttl = self.inner.reservation_ttl;
        let before = self.inner.clock.now().saturating_sub(ttl);
        self.release_reserved_before(before).await
    }

    pub(crate) async fn release_reserved_before(
        &self,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let except = locked(&self.inner.errands.open).iter().copied().collect();
        let at = self.inner.clock.now();
        let release = CreditOp::ReleaseBefore { before, at, except };
        self.write(Batch {
            credits: vec![release],
            ..Batch::default()
        })
        .await
    }

    /// A commit that has no versions to conflict.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::permanent("the store refused a batch", error)),
        }
    }
}

impl Registry {
    /// Writes what has gathered and ends the driver.
    ///
    /// # Errors
    /// [`StoreError`] if something could not be written; it is then lost with the process.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.errands.closing.notify_one();
        self.flush().await
    }
}
