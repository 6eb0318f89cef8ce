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

/// For how long the wall clock has to agree with the time that passes before it is believed alone.
const AGREEMENT: Duration = Duration::from_secs(6 * 60 * 60);
/// How far it may be set meanwhile, a little at a time.
const SLACK: Duration = Duration::from_secs(60);

/// Whether old rows are being removed.
#[derive(Debug, Default)]
pub(crate) struct Retaining {
    pub(crate) is_due: bool,
    /// The number of the newest row, and when it was first seen.
    newest: Option<(u64, Tick)>,
    /// Since when the wall clock has agreed with the time that passes.
    agreed: Option<(Timestamp, Tick)>,
}

impl Retaining {
    /// Looks at the clock; says whether it is believed alone.
    fn trusts(&mut self, now: Timestamp, tick: Tick) -> bool {
        if let Some((then, since)) = self.agreed {
            let passed = tick.saturating_since(since);
            let expected = then.saturating_add(passed);
            let apart = now.saturating_since(expected);
            let apart = apart.max(expected.saturating_since(now));
            if apart <= SLACK {
                return passed >= AGREEMENT;
            }
        }
        self.agreed = Some((now, tick));
        false
    }
}

impl Verifier {
    /// Removes the next part of what is old; one commit, so that others are not kept waiting.
    pub(crate) async fn retain(&self, retaining: &mut Retaining) -> Result<(), StoreError> {
        let retention = self.inner.retention;
        if !retention.is_any() || !self.writes() {
            return Ok(());
        }
        let clock = &self.inner.clock;
        let is_trusted = retaining.trusts(clock.now(), clock.tick());
        if !retaining.is_due {
            return Ok(());
        }
        let now = match is_trusted {
            true => clock.now(),
            false => self.now_by_the_log(&mut retaining.newest).await?,
        };
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
    /// dated so too. Only until the clock is believed: of a log in which nothing is written the newest
    /// row is ever older.
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
