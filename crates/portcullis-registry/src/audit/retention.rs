//! What the driver removes from the log.

use std::time::Duration;

use portcullis_core::Timestamp;

use super::{AuditErasure, AuditKept, AuditUpkeep};
use crate::{StoreError, Verifier};

/// For how long rows are kept, and their IPs: for ever, if nothing is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retention {
    pub(crate) rows: Option<Duration>,
    pub(crate) ips: Option<Duration>,
}

impl Retention {
    /// What is to be removed now, if anything is ever removed.
    fn upkeep(self, now: Timestamp) -> Option<AuditUpkeep> {
        let mut upkeep = AuditUpkeep::new(now);
        upkeep.prune_before = self.rows.map(|kept| now.saturating_sub(kept));
        upkeep.erase = self.ips.map(|kept| AuditErasure {
            before: Some(now.saturating_sub(kept)),
            owner: None,
        });
        (self.rows.is_some() || self.ips.is_some()).then_some(upkeep)
    }
}

/// Whether old rows are being removed.
#[derive(Debug, Default)]
pub(crate) struct Retaining {
    pub(crate) is_due: bool,
}

impl Verifier {
    /// Removes the next part of what is old; one commit, so that others are not kept waiting.
    pub(crate) async fn retain(&self, retaining: &mut Retaining) -> Result<(), StoreError> {
        if !retaining.is_due || !self.writes() {
            return Ok(());
        }
        let done = match self.inner.retention.upkeep(self.inner.clock.now()) {
            Some(upkeep) => upkeep.step(&*self.inner.store).await?,
            None => AuditKept::default(),
        };
        // Tried again at the next poll if it failed.
        retaining.is_due = done != AuditKept::default();
        Ok(())
    }
}
