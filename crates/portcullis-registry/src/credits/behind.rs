//! What callers and processes left behind.

use portcullis_core::Timestamp;

use crate::{Batch, CreditOp, StoreError, Verifier, errands::Taken};

impl Verifier {
    /// Writes what was left. What the store refuses for good keeps nothing else from being written: it
    /// is set aside, and the refusal returned in the end.
    pub(crate) async fn settle_left_behind(&self) -> Result<(), StoreError> {
        let errands = &self.inner.errands;
        let _alone = errands.writing.lock().await;
        let mut done = Ok(());
        loop {
            let taken = Taken::some(errands);
            if taken.ops.is_empty() {
                return done;
            }
            match self.write(movements(taken.ops.clone())).await {
                Ok(()) => taken.written(),
                Err(error) if error.is_transient() => return Err(error),
                // It may be but one of them that the store does not take.
                Err(_) => done = self.settle_each(taken).await?.and(done),
            }
        }
    }

    /// Writes them one by one. Which refusals are the store's own fault, and pass, nobody can tell: so
    /// none is given up.
    async fn settle_each(
        &self,
        mut taken: Taken<'_>,
    ) -> Result<Result<(), StoreError>, StoreError> {
        let errands = &self.inner.errands;
        let mut done = Ok(());
        while let Some(op) = taken.ops.first().cloned() {
            match self.write(movements(vec![op.clone()])).await {
                Ok(()) => errands.end_all(&[op]),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(movement = ?op, error = %error, "a settlement is refused");
                    errands.set_aside(op);
                    done = Err(error);
                }
            }
            taken.ops.remove(0);
        }
        Ok(done)
    }

    /// Gives back what a process that died had reserved. What is under way here stays, however long
    /// it takes and wherever the wall clock has stepped.
    pub(crate) async fn release_expired(&self) -> Result<(), StoreError> {
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
        let releasing = self.inner.errands.release(before).await;
        let release = CreditOp::ReleaseBefore {
            before,
            at: self.inner.clock.now(),
            except: releasing.under_way.clone(),
        };
        self.write(movements(vec![release])).await
    }
}

pub(super) fn movements(credits: Vec<CreditOp>) -> Batch {
    Batch {
        credits,
        ..Batch::default()
    }
}
