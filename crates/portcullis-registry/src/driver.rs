//! The registry's background work, as one future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use portcullis_core::BoxFuture;

use crate::{
    Batch, CommitError, Registry, StoreError, Verifier,
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
            () = errands.closed() => return,
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
            () = errands.woken() => report(Job::Settlements, verifier.settle_left_behind().await),
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
        self.inner.errands.close();
        self.flush().await
    }
}
