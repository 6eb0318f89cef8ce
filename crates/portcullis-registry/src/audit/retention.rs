//! What the driver removes from the log.

use std::time::Duration;

use portcullis_core::{Tick, Timestamp};

use super::{AuditErasure, AuditKept, AuditQuery, AuditUpkeep, verification::read};
use crate::{StoreError, Verifier};

/// For how long rows are kept, and their IPs: for ever, if nothing is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retention {
    pub(crate) rows: Option<Duration>,
    pub(crate) ips: Option<Duration>,
}

impl Retention {
    const fn is_any(self) -> bool {
        self.rows.is_some() || self.ips.is_some()
    }

    /// What is to be removed now: first rows, whose IPs go with them. Apart, so that rows that may not
    /// be removed don't keep the IPs.
    fn upkeeps(self, now: Timestamp) -> impl Iterator<Item = AuditUpkeep> {
        let rows = self.rows.map(|kept| AuditUpkeep {
            prune_before: Some(now.saturating_sub(kept)),
            ..AuditUpkeep::new(now)
        });
        let ips = self.ips.map(|kept| AuditUpkeep {
            erase: Some(AuditErasure {
                before: Some(now.saturating_sub(kept)),
                owner: None,
            }),
            ..AuditUpkeep::new(now)
        });
        rows.into_iter().chain(ips)
    }
}

/// Whether old rows are being removed.
#[derive(Debug, Default)]
pub(crate) struct Retaining {
    pub(crate) is_due: bool,
    /// The number of the newest row, and when it was first seen.
    newest: Option<(u64, Tick)>,
}

impl Verifier {
    /// Removes the next part of what is old; one commit, so that others are not kept waiting.
    pub(crate) async fn retain(&self, retaining: &mut Retaining) -> Result<(), StoreError> {
        let retention = self.inner.retention;
        if !retaining.is_due || !retention.is_any() || !self.writes() {
            return Ok(());
        }
        let now = self.now_by_the_log(&mut retaining.newest).await?;
        retaining.is_due = false;
        let mut outcome = Ok(());
        for upkeep in retention.upkeeps(now) {
            match upkeep.step(&*self.inner.store).await {
                Ok(done) if done == AuditKept::default() => {}
                Ok(_) => {
                    retaining.is_due = true;
                    break;
                }
                Err(error) => {
                    // Tried again at the next poll, or in an hour if nothing changes by itself.
                    retaining.is_due |= error.is_transient();
                    outcome = Err(error);
                }
            }
        }
        outcome
    }

    /// Now, but no later than the newest row and what has passed since it was first seen here: a clock
    /// that is far ahead for a moment would have everything removed. What retention itself writes is
    /// dated so too.
    async fn now_by_the_log(
        &self,
        newest: &mut Option<(u64, Tick)>,
    ) -> Result<Timestamp, StoreError> {
        let query = AuditQuery {
            limit: 1,
            counted: false,
            ..AuditQuery::default()
        };
        let page = read(&*self.inner.store, query).await?;
        let (now, tick) = (self.inner.clock.now(), self.inner.clock.tick());
        let Some(row) = page.records.first() else {
            return Ok(now);
        };
        let seen = newest.filter(|(number, _)| *number == row.number);
        let (_, since) = *newest.insert(seen.unwrap_or((row.number, tick)));
        Ok(now.min(row.at.saturating_add(tick.saturating_since(since))))
    }
}
