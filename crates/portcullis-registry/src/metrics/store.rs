//! A store whose calls are counted: whatever makes them, and whichever store it is.

use std::{borrow::Cow, fmt, sync::Arc};

use ::metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram,
};
use portcullis_core::{BoxFuture, Clock, Tick};

use crate::{
    AuditEntry, Batch, Changes, CommitError, CreditOp, Key, Page, Query, Seq, Snapshot, Store,
    StoreError,
};

const CALLS: &str = "portcullis_store_calls_total";
const SECONDS: &str = "portcullis_store_call_seconds";
const CHANGES: &str = "portcullis_changes_total";
const RESERVATIONS: &str = "portcullis_reservations_total";
const RESERVED: &str = "portcullis_credits_reserved_total";
const CHARGED: &str = "portcullis_credits_charged_total";

/// The actions of the audit log, so that each is there from the start, at 0. One that is not among
/// them is counted from its first time on.
const ACTIONS: [&str; 21] = [
    "key.adopted",
    "key.capped",
    "key.changed",
    "key.imported",
    "key.issued",
    "key.revoked",
    "key.rotated",
    "leak.reported",
    "owner.added",
    "owner.credits",
    "owner.plan",
    "owner.suspension",
    "pepper.retired",
    "refresh.reused",
    "session.came",
    "session.changed",
    "session.displaced",
    "session.ended",
    "session.left",
    "session.refreshed",
    "session.started",
];

/// The store, with its calls counted.
pub(crate) fn counted(store: Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(Counted {
        store,
        clock: Arc::clone(clock),
        get: Call::new("get"),
        list: Call::new("list"),
        commit: Call::new("commit"),
        changes_since: Call::new("changes_since"),
        commits: Commits::new(),
    })
}

struct Counted {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    get: Call,
    list: Call,
    commit: Call,
    changes_since: Call,
    commits: Commits,
}

/// The ends of the calls of one method.
struct Call {
    ok: Counter,
    transient: Counter,
    permanent: Counter,
    seconds: Histogram,
}

impl Call {
    fn new(call: &'static str) -> Self {
        describe_counter!(
            CALLS,
            Unit::Count,
            "Calls of the store, by what came of them"
        );
        describe_histogram!(SECONDS, Unit::Seconds, "How long calls of the store took");
        let ended = |outcome: &'static str| counter!(CALLS, "call" => call, "outcome" => outcome);
        Self {
            ok: ended("ok"),
            transient: ended("transient"),
            permanent: ended("permanent"),
            seconds: histogram!(SECONDS, "call" => call),
        }
    }

    fn failed(&self, error: &StoreError) {
        let failed = match error.is_transient() {
            true => &self.transient,
            false => &self.permanent,
        };
        failed.increment(1);
    }
}

/// What was committed.
struct Commits {
    conflict: Counter,
    too_few_credits: Counter,
    reserved: Counter,
    refused: Counter,
    settled: Counter,
    released: Counter,
    credits_reserved: Counter,
    credits_charged: Counter,
}

impl Commits {
    fn new() -> Self {
        describe_counter!(
            CHANGES,
            Unit::Count,
            "Durable changes, by their action in the audit log"
        );
        describe_counter!(
            RESERVATIONS,
            Unit::Count,
            "Reservations of credits, by what came of them"
        );
        describe_counter!(RESERVED, Unit::Count, "Credits that were reserved");
        describe_counter!(CHARGED, Unit::Count, "Credits that were charged");
        for action in ACTIONS {
            counter!(CHANGES, "action" => action).increment(0);
        }
        let commit =
            |outcome: &'static str| counter!(CALLS, "call" => "commit", "outcome" => outcome);
        let reservation = |outcome: &'static str| counter!(RESERVATIONS, "outcome" => outcome);
        Self {
            conflict: commit("conflict"),
            too_few_credits: commit("too_few_credits"),
            reserved: reservation("reserved"),
            refused: reservation("refused"),
            settled: reservation("settled"),
            released: reservation("released"),
            credits_reserved: counter!(RESERVED),
            credits_charged: counter!(CHARGED),
        }
    }

    /// Counts what is now durable.
    fn count(&self, done: &Done) {
        for &action in &done.actions {
            // An action is a word of this code, so these are as bounded as it is.
            counter!(CHANGES, "action" => action).increment(1);
        }
        let ops = [
            (&self.reserved, done.reserved),
            (&self.settled, done.settled),
            (&self.released, done.released),
            (&self.credits_reserved, done.credits_reserved),
            (&self.credits_charged, done.credits_charged),
        ];
        for (counter, count) in ops {
            counter.increment(count);
        }
    }
}

/// What a batch does if it is committed.
#[derive(Default)]
struct Done {
    actions: Vec<&'static str>,
    reserved: u64,
    settled: u64,
    released: u64,
    credits_reserved: u64,
    credits_charged: u64,
}

impl Done {
    fn of(batch: &Batch) -> Self {
        let mut done = Self {
            actions: batch.audit.iter().map(action).collect(),
            ..Self::default()
        };
        for op in &batch.credits {
            match op {
                CreditOp::Reserve { amount, .. } => {
                    done.reserved += 1;
                    done.credits_reserved += u64::from(*amount);
                }
                CreditOp::Settle { amount, .. } => {
                    done.settled += 1;
                    done.credits_charged += u64::from(*amount);
                }
                CreditOp::Release { .. } => done.released += 1,
                CreditOp::Grant { audit, .. } => done.actions.push(action(audit)),
                // How many those are, the store alone knows; and what is added is no request's.
                CreditOp::ReleaseBefore { .. }
                | CreditOp::Add { .. }
                | CreditOp::Renew { .. }
                | CreditOp::SetTerms { .. } => {}
            }
        }
        done
    }
}

/// The action of an entry, as one of those that this code knows.
fn action(entry: &AuditEntry) -> &'static str {
    match entry.action {
        Cow::Borrowed(action) => action,
        Cow::Owned(_) => "other",
    }
}

impl Counted {
    /// The answer of a read, counted and timed.
    fn timed<'a, T: 'a>(
        &'a self,
        call: &'a Call,
        answer: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            let since = self.clock.tick();
            let answer = answer.await;
            self.record(call, since);
            match &answer {
                Ok(_) => call.ok.increment(1),
                Err(error) => call.failed(error),
            }
            answer
        })
    }

    fn record(&self, call: &Call, since: Tick) {
        let took = self.clock.tick().saturating_since(since);
        call.seconds.record(took.as_secs_f64());
    }
}

impl Store for Counted {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.timed(&self.get, self.store.get(key))
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.timed(&self.list, self.store.list(query))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        let done = Done::of(&batch);
        let committing = self.store.commit(batch);
        Box::pin(async move {
            let since = self.clock.tick();
            let committed = committing.await;
            self.record(&self.commit, since);
            match &committed {
                Ok(_) => {
                    self.commit.ok.increment(1);
                    self.commits.count(&done);
                }
                Err(CommitError::Conflict) => self.commits.conflict.increment(1),
                Err(CommitError::TooFewCredits { .. }) => {
                    self.commits.too_few_credits.increment(1);
                    self.commits.refused.increment(done.reserved);
                }
                Err(CommitError::Store(error)) => self.commit.failed(error),
            }
            committed
        })
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.timed(&self.changes_since, self.store.changes_since(seq, limit))
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}
