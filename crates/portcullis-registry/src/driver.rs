//! The registry's background work, as one future.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use portcullis_core::{BoxFuture, CredentialId, Timestamp};
use portcullis_token::TokenKind;
use tokio::sync::Notify;

use crate::{
    Batch, CommitError, CreditOp, Event, EventKind, Filter, Of, PrefixedId, Query, Registry, Remac,
    ReservationId, StoreError, UsageDelta, Verifier, audit::Retaining, hot::HotTable,
};

/// How often changes are looked for and one shard is swept.
const POLL: Duration = Duration::from_millis(500);
/// Uses are written every so many polls: once a minute.
const POLLS_PER_FLUSH: u32 = 120;
/// A reservation that nobody settled for so long is given back.
const RESERVATION_TTL: Duration = Duration::from_secs(60 * 60);
/// How often keys are looked for that end soon, and old rows of the audit log, in polls: once an
/// hour; and how soon that is.
const POLLS_PER_LOOK: u32 = 7_200;
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many of them are told of at a time, and how many in all.
const ENDING_AT_A_TIME: usize = 500;
const MOST_ENDING: usize = 100_000;
/// How much of what has gathered or was left is written in one batch.
const AT_A_TIME: usize = 1_000;
/// How many settlements and releases are kept for a store that is out of reach.
const MAX_LEFT: usize = 100_000;

/// What is left for the driver to do, and its signals.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    credits: Mutex<Vec<CreditOp>>,
    /// Reservations of this process that have not come to their end.
    open: Mutex<HashSet<ReservationId>>,
    /// Held while something that was left is being written.
    writing: tokio::sync::Mutex<()>,
    wake: Notify,
    closing: Notify,
}

impl Errands {
    /// Leaves a settlement or release for the driver. Both may be done twice without harm.
    ///
    /// With too many left, which is when the store is long out of reach, a release is not kept: the
    /// reservation is given back when it is old.
    pub(crate) fn leave(&self, op: CreditOp) {
        {
            let mut left = locked(&self.credits);
            if left.len() >= MAX_LEFT
                && let CreditOp::Release { id } = op
            {
                return self.end(id);
            }
            left.push(op);
        }
        self.wake.notify_one();
    }

    pub(crate) fn begin(&self, id: ReservationId) {
        locked(&self.open).insert(id);
    }

    pub(crate) fn end(&self, id: ReservationId) {
        locked(&self.open).remove(&id);
    }

    /// Notes that these were written.
    pub(crate) fn end_all(&self, ops: &[CreditOp]) {
        let mut open = locked(&self.open);
        for op in ops {
            if let CreditOp::Settle { id, .. } | CreditOp::Release { id } = op {
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

/// What has gathered in the hot table, put back unless it was written.
struct Gathered<'a> {
    hot: &'a HotTable,
    deltas: Vec<UsageDelta>,
    remacs: Vec<Remac>,
}

impl Gathered<'_> {
    /// The next part, to be [forgotten](Self::written) once it is written.
    fn next(&self) -> Option<Batch> {
        let usage = self
            .deltas
            .get(self.deltas.len().saturating_sub(AT_A_TIME)..);
        let remacs = self
            .remacs
            .get(self.remacs.len().saturating_sub(AT_A_TIME)..);
        let batch = Batch {
            usage: usage.unwrap_or_default().to_vec(),
            remacs: remacs.unwrap_or_default().to_vec(),
            ..Batch::default()
        };
        (!batch.is_empty()).then_some(batch)
    }

    fn written(&mut self) {
        self.deltas
            .truncate(self.deltas.len().saturating_sub(AT_A_TIME));
        self.remacs
            .truncate(self.remacs.len().saturating_sub(AT_A_TIME));
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        self.hot
            .put_back(&self.deltas, std::mem::take(&mut self.remacs));
    }
}

/// The registry's background work: writes uses, settles what callers left behind, follows changes
/// that others made, sweeps idle credentials, tells of keys that end soon, removes what is old from
/// the audit log.
///
/// Spawn it once on a runtime with timers (`tokio::spawn(driver)`). It ends when
/// [`Registry::close`] is called; that of a verifier that was opened by itself has nothing to finish, and
/// is dropped. Without it checks and changes work, but uses are not written and
/// settlements that callers leave behind are not made.
#[must_use = "the driver does nothing unless it is spawned"]
pub struct Driver(BoxFuture<'static, ()>);

impl Driver {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self(Box::pin(run(verifier)))
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

async fn run(verifier: Verifier) {
    let mut interval = tokio::time::interval(POLL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut polls: u32 = 0;
    let mut look = Look::default();
    let mut retaining = Retaining::default();
    loop {
        let errands = &verifier.inner.errands;
        // The interval before what wakes: a busy gateway must not keep the rest from being done.
        tokio::select! {
            biased;
            () = errands.closing.notified() => return,
            _ = interval.tick() => {
                report(verifier.follow_changes().await);
                report(verifier.settle_left_behind().await);
                let turn = usize::try_from(polls).unwrap_or(0);
                verifier.inner.hot.sweep(turn, verifier.inner.clock.tick());
                look.is_due |= polls.is_multiple_of(POLLS_PER_LOOK);
                report(verifier.tell_of_ending(&mut look).await);
                retaining.is_due |= polls.is_multiple_of(POLLS_PER_LOOK);
                report(verifier.retain(&mut retaining).await);
                polls = polls.wrapping_add(1);
                if polls.is_multiple_of(POLLS_PER_FLUSH) {
                    report(verifier.flush().await);
                    report(verifier.release_expired().await);
                }
            }
            () = errands.wake.notified() => report(verifier.settle_left_behind().await),
        }
    }
}

/// The keys that end soon: looked for at once, and told of in parts that listeners have room for.
#[derive(Default)]
struct Look {
    is_due: bool,
    found: VecDeque<Event>,
    /// Of whose ends was told, until they have passed.
    told: HashMap<CredentialId, Timestamp>,
}

fn report(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "background work is behind; it will be tried again");
    }
}

impl Verifier {
    /// Writes what has gathered in memory: uses, re-made MACs, settlements left behind.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be written stays and is tried again.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.settle_left_behind().await?;
        let _alone = self.inner.errands.writing.lock().await;
        let hot = &self.inner.hot;
        let (deltas, remacs) = hot.take_gathered(&*self.inner.clock);
        if !self.writes() {
            return Ok(());
        }
        let mut gathered = Gathered {
            hot,
            deltas,
            remacs,
        };
        while let Some(batch) = gathered.next() {
            self.write(batch).await?;
            gathered.written();
        }
        Ok(())
    }

    /// Tells of the next part of the keys that end within seven days, of each end once: also of one
    /// that was issued, rotated or shortened since the last look.
    async fn tell_of_ending(&self, look: &mut Look) -> Result<(), StoreError> {
        if !self.inner.events.has_listeners() {
            return Ok(());
        }
        if look.is_due {
            look.is_due = false;
            self.look_for_ending(look).await?;
        }
        for _ in 0..ENDING_AT_A_TIME {
            let Some(event) = look.found.pop_front() else {
                break;
            };
            self.inner.events.tell(event);
        }
        Ok(())
    }

    async fn look_for_ending(&self, look: &mut Look) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let until = now.saturating_add(SOON);
        let query = Query {
            of: Of::All,
            filter: Filter {
                ending: Some((now, until)),
                ..Filter::default()
            },
            after: None,
            offset: 0,
            limit: MOST_ENDING,
        };
        look.told.retain(|_, at| *at >= now);
        for (record, _) in self.inner.store.list(query).await?.items {
            let Some(at) = record
                .expires_at
                .filter(|_| record.kind == TokenKind::ApiKey)
            else {
                continue;
            };
            if look.told.insert(record.id, at) == Some(at) {
                continue;
            }
            look.found.push_back(Event {
                at: now,
                kind: EventKind::Expiring { at },
                credential: Some(PrefixedId(record.kind, record.id)),
                owner: Some(record.owner),
            });
        }
        Ok(())
    }

    async fn settle_left_behind(&self) -> Result<(), StoreError> {
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
        let at = self.inner.clock.now().saturating_sub(RESERVATION_TTL);
        self.release_reserved_before(at).await
    }

    pub(crate) async fn release_reserved_before(&self, at: Timestamp) -> Result<(), StoreError> {
        let except = locked(&self.inner.errands.open).iter().copied().collect();
        let release = CreditOp::ReleaseBefore { at, except };
        self.write(Batch {
            credits: vec![release],
            ..Batch::default()
        })
        .await
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
