//! What is to be noted.

use std::{borrow::Cow, net::IpAddr};

use portcullis_core::Timestamp;
use serde_json::Value;

use crate::Owner;

/// One line for the audit log: who, what, when, from where; without secrets.
///
/// A store makes an [`AuditRecord`](crate::AuditRecord) of it, which has its place in the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `system`, `user:` or `key:`/`ses:` and an id.
    pub actor: String,
    /// What: `key.issued`, say.
    pub action: Cow<'static, str>,
    /// To what: `key_…`, say.
    pub target: String,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// From where, if known.
    pub ip: Option<IpAddr>,
    /// A JSON object: what changed, before and after.
    pub details: Value,
}
