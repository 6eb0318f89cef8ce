//! A row of the audit log as it is shown.

use portcullis_core::Timestamp;
use portcullis_registry::AuditRecord;
use serde::Serialize;
use serde_json::Value;

/// What an owner is shown of a row of its own, in a list and in an export.
///
/// The chain is the affair of who runs the service: a hash tells of the rows before it, which are
/// others', and a number of how many there are.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    at: Timestamp,
    actor: &'a str,
    action: &'a str,
    target: &'a str,
    ip: Option<&'a str>,
    details: Value,
}

impl<'a> Row<'a> {
    pub(super) fn of(record: &'a AuditRecord) -> Self {
        // It is an object, unless somebody else has written into the store.
        let mut details: Value = serde_json::from_str(&record.details).unwrap_or_default();
        if let (Some(details), "audit.ips_erased") = (details.as_object_mut(), &*record.action) {
            // The newest row of the whole log.
            details.remove("through");
        }
        Self {
            at: record.at,
            actor: &record.actor,
            action: &record.action,
            target: &record.target,
            ip: record.ip.as_deref(),
            details,
        }
    }

    /// One line of JSON, without its end.
    pub(super) fn to_json_line(&self) -> String {
        // It has texts for keys and nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
