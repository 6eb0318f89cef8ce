//! The hash of a row, and the head of a chain.

use std::{fmt, str::FromStr};

use super::hex::{self, Hex};

/// The SHA-256 of a row and all rows before it, or that of an address and its salt.
///
/// Its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct AuditHash([u8; 32]);

impl AuditHash {
    /// What the first row of a log follows: 32 zero bytes.
    pub const ZERO: Self = Self([0; 32]);

    /// A hash of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        hex::read(text).map(Self)
    }
}

impl fmt::Display for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditHash({self})")
    }
}

/// A place in a chain: the number of a row and its hash.
///
/// The newest is the head of a log. Kept elsewhere it is a *witness*: whatever is done to the log,
/// it goes on to have this row, with all rows before it as they were, or verification says that it
/// doesn't. Its text is `number:hash`.
///
/// # Examples
/// ```
/// use portcullis_registry::AuditHead;
///
/// let text = format!("7:{}", "0f".repeat(32));
/// let witness: AuditHead = text.parse()?;
/// assert_eq!((witness.number, witness.to_string()), (7, text));
/// assert!("7:0f".parse::<AuditHead>().is_err());
/// # Ok::<(), portcullis_registry::ParseAuditHeadError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AuditHead {
    /// The number of the row; 0 before the first.
    pub number: u64,
    /// Its hash.
    pub hash: AuditHash,
}

impl AuditHead {
    /// Before the first row.
    pub const START: Self = Self {
        number: 0,
        hash: AuditHash::ZERO,
    };
}

impl Default for AuditHead {
    fn default() -> Self {
        Self::START
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

/// The text is not the head of an audit log.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a number, a colon and 64 lower-case hexadecimal digits")]
pub struct ParseAuditHeadError;

impl FromStr for AuditHead {
    type Err = ParseAuditHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, hash) = text.split_once(':').ok_or(ParseAuditHeadError)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseAuditHeadError);
        }
        Ok(Self {
            number: number.parse().map_err(|_| ParseAuditHeadError)?,
            hash: AuditHash::read(hash).ok_or(ParseAuditHeadError)?,
        })
    }
}
