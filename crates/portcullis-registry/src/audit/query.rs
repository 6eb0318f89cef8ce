//! Reading a part of the log.

use portcullis_core::Timestamp;

use super::{AuditHead, AuditRecord};
use crate::Owner;

/// Which rows to keep; all by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditFilter {
    /// Only those of this owner.
    pub owner: Option<Owner>,
    /// Only those of this action: `key.revoked`; or of all actions that begin so, if it ends with a
    /// point: `key.`.
    pub action: Option<String>,
    /// Only what was done to this target.
    pub target: Option<String>,
    /// Only what this actor has done.
    pub actor: Option<String>,
    /// Only from this instant on.
    pub from: Option<Timestamp>,
    /// Only before this instant.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether a row is kept. Texts are compared byte by byte.
    #[must_use]
    pub fn keeps(&self, record: &AuditRecord) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == text)
        };
        let owner = self.owner.as_ref();
        owner.is_none_or(|owner| record.owner.as_deref() == Some(owner.as_str()))
            && self
                .action
                .as_ref()
                .is_none_or(|action| match action.ends_with('.') {
                    true => record.action.starts_with(action.as_str()),
                    false => record.action == *action,
                })
            && is(&self.target, &record.target)
            && is(&self.actor, &record.actor)
            && self.from.is_none_or(|from| from <= record.at)
            && self.to.is_none_or(|to| record.at < to)
    }
}

/// In which order to read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuditOrder {
    /// For people.
    #[default]
    NewestFirst,
    /// For an export, and to verify.
    OldestFirst,
}

/// A part of the log to read.
///
/// Rows are in the order of their numbers, which is that of the commits; their times are those of
/// the nodes that made them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditQuery {
    /// Which rows.
    pub filter: AuditFilter,
    /// In which order.
    pub order: AuditOrder,
    /// Only what comes after the row of this number, in that order.
    pub after: Option<u64>,
    /// How many to pass over, after that.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
    /// Whether to count what the filter keeps, which reads all of it.
    pub counted: bool,
}

impl Default for AuditQuery {
    /// The newest 50, counted.
    fn default() -> Self {
        Self {
            filter: AuditFilter::default(),
            order: AuditOrder::NewestFirst,
            after: None,
            offset: 0,
            limit: 50,
            counted: true,
        }
    }
}

/// A part of the log, read in one snapshot with its ends.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The rows.
    pub records: Vec<AuditRecord>,
    /// After which row the next part begins, if there is one.
    pub next: Option<u64>,
    /// How many rows the filter keeps in all, if they were to be counted.
    pub total: Option<u64>,
    /// The newest row of the whole log.
    pub head: AuditHead,
    /// The newest row that retention has removed.
    pub anchor: AuditHead,
}

impl AuditPage {
    /// A page of what a store has read: at most one row more than the limit, which says whether
    /// there is a next part.
    #[must_use]
    pub fn of(query: &AuditQuery, mut records: Vec<AuditRecord>) -> Self {
        let has_more = records.len() > query.limit;
        records.truncate(query.limit);
        let last = records.last().filter(|_| has_more);
        Self {
            next: last.map(|record| record.number),
            records,
            ..Self::default()
        }
    }

    /// Whether rows that come after the row of this number were removed, so that a reading from the
    /// oldest to the newest, which has come so far, has a hole.
    #[must_use]
    pub const fn has_hole_after(&self, number: u64) -> bool {
        self.anchor.number > number
    }
}
