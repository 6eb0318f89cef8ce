//! The audit log: append-only, and chained so that a row that was changed or removed shows.

mod chain;
mod entry;
mod fault;
mod hash;
mod hex;
mod line;
mod log;
mod query;
mod record;
mod retention;
mod upkeep;
mod verification;

#[cfg(test)]
mod tests;

pub use chain::AuditChain;
pub use entry::AuditEntry;
pub use fault::AuditFault;
pub use hash::{AuditHash, AuditHead, ParseAuditHeadError};
pub use line::ParseAuditLineError;
pub use query::{AuditFilter, AuditOrder, AuditPage, AuditQuery};
pub use record::AuditRecord;
pub(crate) use retention::{Retaining, Retention};
pub use upkeep::{AuditErasure, AuditKept, AuditPrefix, AuditUpkeep};
pub use verification::{AuditVerification, AuditVerified, VerifyAuditError};
