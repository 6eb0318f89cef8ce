//! A row as a line of JSON, for an export.

use portcullis_core::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    AuditHash, AuditRecord,
    hex::{self, Hex},
};

impl AuditRecord {
    /// The row as one line of JSON, without its end, with everything that its hash is made of.
    ///
    /// # Syntax
    /// `number`, `at` (RFC 3339, to the second) and `atMicros` (which is hashed), `actor`, `action`,
    /// `target`, `owner`, `ip`, `salt`, `ipCommitment`, `details` (the JSON as a text, since it is
    /// hashed byte for byte), `previous` and `hash`. Hashes and salts are hexadecimal; what is
    /// absent is `null`.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let line = json!({
            "number": self.number,
            "at": self.at.to_string(),
            "atMicros": self.at.unix_micros(),
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "owner": self.owner,
            "ip": self.ip,
            "salt": self.salt.map(|salt| Hex(&salt).to_string()),
            "ipCommitment": self.ip_commitment.map(|hash| hash.to_string()),
            "details": self.details,
            "previous": self.previous.to_string(),
            "hash": self.hash.to_string(),
        });
        line.to_string()
    }

    /// Reads such a line back. What it says is believed: verify it by a
    /// [chain](crate::AuditChain).
    ///
    /// # Errors
    /// [`ParseAuditLineError`].
    pub fn from_json_line(line: &str) -> Result<Self, ParseAuditLineError> {
        let line: Value = serde_json::from_str(line).map_err(|_| ParseAuditLineError::Json)?;
        let line = Members(line.as_object().ok_or(ParseAuditLineError::Json)?);
        let number = line.value("number")?.as_u64();
        let at = line.value("atMicros")?.as_i64();
        let salt = match line.optional("salt")? {
            None => None,
            Some(salt) => Some(hex::read(salt).ok_or(ParseAuditLineError::Member("salt"))?),
        };
        Ok(Self {
            number: number.ok_or(ParseAuditLineError::Member("number"))?,
            at: at
                .map(Timestamp::from_unix_micros)
                .ok_or(ParseAuditLineError::Member("atMicros"))?,
            actor: line.text("actor")?,
            action: line.text("action")?,
            target: line.text("target")?,
            owner: line.optional("owner")?.map(Into::into),
            ip: line.optional("ip")?.map(Into::into),
            salt,
            ip_commitment: match line.optional("ipCommitment")? {
                None => None,
                Some(_) => Some(line.hash("ipCommitment")?),
            },
            details: line.text("details")?,
            previous: line.hash("previous")?,
            hash: line.hash("hash")?,
        })
    }
}

/// Why a line is not a row of the audit log.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseAuditLineError {
    /// It is not a JSON object.
    #[error("not a JSON object")]
    Json,
    /// A member is absent, or is something else than it should be.
    #[error("`{0}` is missing, or not what it should be")]
    Member(&'static str),
}

struct Members<'l>(&'l Map<String, Value>);

impl<'l> Members<'l> {
    fn value(&self, name: &'static str) -> Result<&'l Value, ParseAuditLineError> {
        self.0.get(name).ok_or(ParseAuditLineError::Member(name))
    }

    fn optional(&self, name: &'static str) -> Result<Option<&'l str>, ParseAuditLineError> {
        match self.value(name)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(ParseAuditLineError::Member(name)),
        }
    }

    fn text(&self, name: &'static str) -> Result<String, ParseAuditLineError> {
        let text = self.optional(name)?;
        text.map(Into::into)
            .ok_or(ParseAuditLineError::Member(name))
    }

    fn hash(&self, name: &'static str) -> Result<AuditHash, ParseAuditLineError> {
        let hash = self.optional(name)?.and_then(AuditHash::read);
        hash.ok_or(ParseAuditLineError::Member(name))
    }
}
