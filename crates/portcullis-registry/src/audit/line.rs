//! A row as a line of JSON, for an export.

use portcullis_core::Timestamp;
use serde_json::{Map, Value};

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
    /// hashed byte for byte), `previous` and `hash`, in this order and without spaces. Hashes and
    /// salts are hexadecimal; what is absent is `null`.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let text = |text: &str| Value::from(text);
        let optional = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        let salt = self.salt.map(|salt| Hex(&salt).to_string());
        let commitment = self.ip_commitment.map(|hash| hash.to_string());
        // Not a map: whether one keeps an order is for another crate of the program to choose.
        let members = [
            ("number", self.number.into()),
            ("at", text(&self.at.to_string())),
            ("atMicros", self.at.unix_micros().into()),
            ("actor", text(&self.actor)),
            ("action", text(&self.action)),
            ("target", text(&self.target)),
            ("owner", optional(self.owner.as_deref())),
            ("ip", optional(self.ip.as_deref())),
            ("salt", optional(salt.as_deref())),
            ("ipCommitment", optional(commitment.as_deref())),
            ("details", text(&self.details)),
            ("previous", text(&self.previous.to_string())),
            ("hash", text(&self.hash.to_string())),
        ];
        let members = members.map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", members.join(","))
    }

    /// Reads such a line back: only one that is byte for byte what would be written, so that nothing
    /// in it is passed over. What it says is believed: verify it by a [chain](crate::AuditChain).
    ///
    /// # Errors
    /// [`ParseAuditLineError`].
    pub fn from_json_line(line: &str) -> Result<Self, ParseAuditLineError> {
        let record = Self::from_members(line)?;
        match record.to_json_line() == line {
            true => Ok(record),
            false => Err(ParseAuditLineError::Form),
        }
    }

    fn from_members(line: &str) -> Result<Self, ParseAuditLineError> {
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
    /// It has all members, but is not what is written of them: `at` is another time than `atMicros`,
    /// there is a member more, or one twice, or they are in another order.
    #[error("not as an export has it: a member differs, or is one too many")]
    Form,
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
