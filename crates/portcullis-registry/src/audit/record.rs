//! A row of the log and what its hash is made of.

use std::borrow::Cow;

use portcullis_core::Timestamp;
use sha2::{Digest, Sha256};

use super::{AuditEntry, AuditHash, AuditHead};
use crate::StoreError;

/// What the hashes of this format begin with, so that they are those of nothing else.
const ROW: &[u8] = b"portcullis audit 1";
const IP: &[u8] = b"portcullis audit ip 1";

/// A row of the audit log, as a store keeps it.
///
/// Texts are as they are stored, byte for byte, so that whatever was done to them shows.
///
/// # Syntax
/// The hash of a row is the SHA-256 of these bytes, where a number is big-endian, a *text* is its
/// length as 8 bytes and its UTF-8, and an *optional* value is the byte 0, or the byte 1 and the
/// value:
///
/// ```text
/// text "portcullis audit 1"
/// the hash of the row before: 32 bytes (the first row: zeros)
/// number: 8 bytes
/// at, in microseconds of Unix time: 8 bytes, two's complement
/// text actor, text action, text target
/// optional text owner
/// optional IP commitment: 32 bytes
/// text details
/// ```
///
/// and the commitment is the SHA-256 of
///
/// ```text
/// text "portcullis audit ip 1"
/// salt: 16 random bytes
/// text IP
/// ```
///
/// So the IP and its salt may be taken out and the chain stays whole; and from the commitment alone
/// no address can be guessed. This format never changes; another would have another number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditRecord {
    /// Its number: 1 for the first, then without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// From where, unless unknown or erased.
    pub ip: Option<String>,
    /// What was hashed with the IP; gone with it.
    pub salt: Option<[u8; 16]>,
    /// What the chain has of the IP; none if it was never known.
    pub ip_commitment: Option<AuditHash>,
    /// JSON.
    pub details: String,
    /// The hash of the row before; of the oldest that is kept, that of the anchor.
    pub previous: AuditHash,
    /// The hash of this row.
    pub hash: AuditHash,
}

impl AuditRecord {
    /// The row that an entry becomes after others, with a salt from the generator of the operating
    /// system. Every store makes its rows by this, in the order of its commits.
    ///
    /// # Errors
    /// [`StoreError`] if the generator fails.
    pub fn seal(after: &AuditHead, entry: &AuditEntry) -> Result<Self, StoreError> {
        Self::of(entry).placed(after)
    }

    /// The row that an entry becomes after others, with this salt if it has an IP.
    #[must_use]
    pub fn seal_with(after: &AuditHead, entry: &AuditEntry, salt: [u8; 16]) -> Self {
        Self::of(entry).placed_with(after, salt)
    }

    /// A row that is in no chain yet.
    fn of(entry: &AuditEntry) -> Self {
        Self {
            number: 0,
            at: entry.at,
            actor: entry.actor.clone(),
            action: entry.action.clone().into_owned(),
            target: entry.target.clone(),
            owner: entry.owner.as_ref().map(ToString::to_string),
            ip: entry.ip.map(|ip| ip.to_string()),
            salt: None,
            ip_commitment: None,
            details: entry.details.to_string(),
            previous: AuditHash::ZERO,
            hash: AuditHash::ZERO,
        }
    }

    /// The row at the place after others, with its texts as they are and all else made anew: for a
    /// store that has rows from before its log was a chain.
    ///
    /// # Errors
    /// [`StoreError`] if the generator of the operating system fails.
    pub fn placed(self, after: &AuditHead) -> Result<Self, StoreError> {
        let mut salt = [0; 16];
        if self.ip.is_some() {
            getrandom::fill(&mut salt)
                .map_err(|error| StoreError::transient("could not draw random bytes", error))?;
        }
        Ok(self.placed_with(after, salt))
    }

    fn placed_with(mut self, after: &AuditHead, salt: [u8; 16]) -> Self {
        self.number = after.number.saturating_add(1);
        self.salt = self.ip.is_some().then_some(salt);
        self.ip_commitment = self.ip.as_deref().map(|ip| commitment(&salt, ip));
        self.previous = after.hash;
        self.hash = self.hash_after(after);
        self
    }

    /// Its place in the chain.
    #[must_use]
    pub const fn head(&self) -> AuditHead {
        AuditHead {
            number: self.number,
            hash: self.hash,
        }
    }

    /// What its hash has to be at the place after another.
    #[must_use]
    pub fn hash_after(&self, before: &AuditHead) -> AuditHash {
        let mut hash = Sha256::new();
        text(&mut hash, ROW);
        hash.update(before.hash.as_bytes());
        hash.update(before.number.saturating_add(1).to_be_bytes());
        hash.update(self.at.unix_micros().to_be_bytes());
        text(&mut hash, self.actor.as_bytes());
        text(&mut hash, self.action.as_bytes());
        text(&mut hash, self.target.as_bytes());
        match &self.owner {
            None => hash.update([0]),
            Some(owner) => {
                hash.update([1]);
                text(&mut hash, owner.as_bytes());
            }
        }
        match &self.ip_commitment {
            None => hash.update([0]),
            Some(commitment) => {
                hash.update([1]);
                hash.update(commitment.as_bytes());
            }
        }
        text(&mut hash, self.details.as_bytes());
        AuditHash::from_bytes(hash.finalize().into())
    }

    /// Whether the IP is the one that was hashed, or there was none, or it was erased with its salt.
    #[must_use]
    pub fn has_its_ip(&self) -> bool {
        match (&self.ip, &self.salt, &self.ip_commitment) {
            (Some(ip), Some(salt), Some(known)) => commitment(salt, ip) == *known,
            (None, None, _) => true,
            _ => false,
        }
    }

    /// Whether its IP was erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        self.ip_commitment.is_some() && self.ip.is_none()
    }

    /// The row without its IP, at the same place of the chain.
    pub fn erase_ip(&mut self) {
        (self.ip, self.salt) = (None, None);
    }

    /// The entry that it was made of.
    ///
    /// Of a row that a stranger has written it has what can be read.
    #[must_use]
    pub fn entry(&self) -> AuditEntry {
        let details = serde_json::from_str(&self.details);
        AuditEntry {
            at: self.at,
            actor: self.actor.clone(),
            action: Cow::Owned(self.action.clone()),
            target: self.target.clone(),
            owner: self.owner.as_ref().and_then(|owner| owner.parse().ok()),
            ip: self.ip.as_ref().and_then(|ip| ip.parse().ok()),
            details: details.unwrap_or_default(),
        }
    }
}

fn commitment(salt: &[u8; 16], ip: &str) -> AuditHash {
    let mut hash = Sha256::new();
    text(&mut hash, IP);
    hash.update(salt);
    text(&mut hash, ip.as_bytes());
    AuditHash::from_bytes(hash.finalize().into())
}

fn text(hash: &mut Sha256, text: &[u8]) {
    // A length is at most 64 bits on every platform.
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    hash.update(length.to_be_bytes());
    hash.update(text);
}
