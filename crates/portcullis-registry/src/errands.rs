//! What is left for the driver to do, and its signals.

#[cfg(not(all(loom, test)))]
use std::sync::{Mutex, MutexGuard};
use std::{collections::HashSet, sync::PoisonError};

#[cfg(all(loom, test))]
use ::loom::sync::{Mutex, MutexGuard};
use portcullis_core::{RequestId, Timestamp};
use tokio::sync::{Notify, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::CreditOp;

/// How much of what was left is written in one batch.
const AT_A_TIME: usize = 1_000;
/// How many settlements and releases are kept for a store that is out of reach.
#[cfg(not(all(loom, test)))]
const MAX_LEFT: usize = 100_000;
#[cfg(all(loom, test))]
const MAX_LEFT: usize = 1;

/// What is left for the driver to do, and its signals.
///
/// INVARIANT: of `credits` and `open` a thread locks one at a time, and never waits with one locked.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    credits: Mutex<Left>,
    open: Mutex<Open>,
    /// Held while something that was left is being written.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// Held while uses are being written; by those who read them, shared.
    pub(crate) flushing: RwLock<()>,
    /// Held while old reservations are being given back.
    releasing: RwLock<()>,
    wake: Notify,
    closing: Notify,
}

/// Settlements and releases that are to be written.
#[derive(Debug, Default)]
struct Left {
    ops: Vec<CreditOp>,
    /// Those that the store has refused for good, until they are tried again.
    aside: Vec<CreditOp>,
}

/// Reservations of this process that have not come to their end.
#[derive(Debug, Default)]
struct Open {
    ids: HashSet<RequestId>,
    /// All of others that were made before this are being given back.
    released_before: Option<Timestamp>,
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
        if left.ops.len() >= MAX_LEFT
            && let CreditOp::Release { id, .. } = op
        {
            drop(left);
            return self.end(id);
        }
        left.ops.push(op);
        drop(left);
        self.wake.notify_one();
    }

    /// Keeps what the store refuses out of the way of others.
    pub(crate) fn set_aside(&self, op: CreditOp) {
        locked(&self.credits).aside.push(op);
    }

    /// Has what was set aside tried again, after the others.
    pub(crate) fn try_again(&self) {
        let mut left = locked(&self.credits);
        let Left { ops, aside } = &mut *left;
        ops.append(aside);
    }

    /// Notes that a reservation is under way; whether it was not before.
    pub(crate) fn begin(&self, id: RequestId) -> bool {
        locked(&self.open).ids.insert(id)
    }

    pub(crate) fn end(&self, id: RequestId) {
        locked(&self.open).ids.remove(&id);
    }

    /// Notes that these were written.
    pub(crate) fn end_all(&self, ops: &[CreditOp]) {
        let mut open = locked(&self.open);
        for op in ops {
            if let CreditOp::Settle { id, .. } | CreditOp::Release { id, .. } = op {
                open.ids.remove(id);
            }
        }
    }

    /// Waits until a reservation that is made at this time, and was begun here, can't be taken for an
    /// old one; whether it had to.
    ///
    /// It has to wait only if the wall clock was set back, farther than what expires is old, since
    /// that was looked for.
    pub(crate) async fn is_held_up(&self, at: Timestamp) -> bool {
        let before = locked(&self.open).released_before;
        let may_be_taken = before.is_some_and(|before| at < before);
        if may_be_taken {
            drop(self.releasing.read().await);
        }
        may_be_taken
    }

    /// Begins to give back what was reserved before an instant and not by this process.
    pub(crate) async fn release(&self, before: Timestamp) -> Releasing<'_> {
        let alone = self.releasing.write().await;
        // In one step: what begins later sees that it is going on.
        let mut open = locked(&self.open);
        open.released_before = Some(before);
        let under_way = open.ids.iter().copied().collect();
        drop(open);
        Releasing {
            errands: self,
            under_way,
            _alone: alone,
        }
    }

    /// How many reservations are open, and how many settlements and releases are left.
    pub(crate) fn levels(&self) -> (usize, usize) {
        let open = locked(&self.open).ids.len();
        let left = locked(&self.credits);
        (open, left.ops.len().saturating_add(left.aside.len()))
    }

    /// When something was left.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// When the driver is to end.
    pub(crate) async fn closed(&self) {
        self.closing.notified().await;
    }

    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Old reservations are being given back, until this is dropped.
pub(crate) struct Releasing<'a> {
    errands: &'a Errands,
    /// Those of this process, which stay.
    pub(crate) under_way: Vec<RequestId>,
    _alone: RwLockWriteGuard<'a, ()>,
}

impl Drop for Releasing<'_> {
    fn drop(&mut self) {
        locked(&self.errands.open).released_before = None;
    }
}

/// Some of what was left, put back unless it was written.
pub(crate) struct Taken<'a> {
    errands: &'a Errands,
    pub(crate) ops: Vec<CreditOp>,
}

impl<'a> Taken<'a> {
    /// The oldest, as many as are written at a time.
    pub(crate) fn some(errands: &'a Errands) -> Self {
        let mut left = locked(&errands.credits);
        let some = left.ops.len().min(AT_A_TIME);
        let rest = left.ops.split_off(some);
        Self {
            errands,
            ops: std::mem::replace(&mut left.ops, rest),
        }
    }

    /// All of it.
    pub(crate) fn written(mut self) {
        self.errands.end_all(&std::mem::take(&mut self.ops));
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        locked(&self.errands.credits).ops.append(&mut self.ops);
    }
}

#[cfg(all(loom, test))]
mod loom {
    //! Every order in which those who leave something and the driver may meet.

    use ::loom::{model, sync::Arc, thread};

    use super::*;

    fn release(id: u128) -> CreditOp {
        CreditOp::Release {
            id: RequestId::from_value(id),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn nobody_waits_for_another_while_too_much_is_left_behind() {
        model(|| {
            let errands = Arc::new(Errands::default());
            errands.begin(RequestId::from_value(1));
            errands.begin(RequestId::from_value(2));
            errands.leave(release(1));
            let other = Arc::clone(&errands);
            let full = thread::spawn(move || other.leave(release(2)));
            let (open, left) = errands.levels();
            assert!((1..=2).contains(&open) && left == 1, "{open} {left}");
            Taken::some(&errands).written();
            full.join().unwrap();
            // The second was not kept, or it was after the first had been written.
            let (open, left) = errands.levels();
            assert_eq!(open, left);
        });
    }
}
