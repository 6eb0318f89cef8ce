//! A line of an export of the audit log is read exactly if it would be written so.

use portcullis_registry::AuditRecord;
use serde_json::{Map, Value};

const MEMBERS: [&str; 13] = [
    "number",
    "at",
    "atMicros",
    "actor",
    "action",
    "target",
    "owner",
    "ip",
    "salt",
    "ipCommitment",
    "details",
    "previous",
    "hash",
];

/// The bytes are a line.
///
/// - One that is read has exactly the documented members, and is what is written of the row.
/// - With a member twice, or a space around it, it is refused.
///
/// # Panics
/// If one of them doesn't hold.
pub fn audit_line(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(row) = AuditRecord::from_json_line(line) else {
        return;
    };
    assert_eq!(row.to_json_line(), line);
    let value: Value = serde_json::from_str(line).unwrap_or_default();
    assert_eq!(value.as_object().map(Map::len), Some(MEMBERS.len()));
    assert!(MEMBERS.iter().all(|name| value.get(name).is_some()));
    let is = |name: &str, expected: Value| assert_eq!(value.get(name), Some(&expected));
    is("number", row.number.into());
    is("atMicros", row.at.unix_micros().into());
    is("at", row.at.to_string().into());
    // A member that is there twice may be read as either.
    let twice = line.replacen('{', "{\"number\":0,", 1);
    assert!(AuditRecord::from_json_line(&twice).is_err());
    for changed in [format!("{line} "), format!(" {line}")] {
        assert!(AuditRecord::from_json_line(&changed).is_err());
    }
}
