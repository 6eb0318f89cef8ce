//! What is written in one go.

use std::fmt;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_token::{Mac, PepperVersion};

use crate::{AuditEntry, AuditUpkeep, CredentialRecord, Owner, OwnerRecord, PepperRecord, Version};

/// What one commit writes, all of it or nothing.
///
/// The parts are applied in the order of the fields.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Credentials that must still be at the version that was read: else a conflict.
    pub unchanged: Vec<(CredentialId, Version)>,
    /// Owners that must still be at the version that was read (0: not noted): else a conflict.
    pub unchanged_owners: Vec<(Owner, Version)>,
    /// Versioned puts: each record carries the version that was read (0: must not exist yet) and is
    /// stored with the next one. A put of an existing record is a change: it takes the next number.
    pub credentials: Vec<CredentialRecord>,
    /// Versioned puts, as above.
    pub owners: Vec<OwnerRecord>,
    /// Peppers to note. One that is there already must have the same fingerprint: else a conflict.
    pub peppers: Vec<PepperRecord>,
    /// Peppers to forget. One that a credential is under which is not revoked: a conflict.
    pub forgotten_peppers: Vec<PepperVersion>,
    /// Movements of credits, in this order.
    pub credits: Vec<CreditOp>,
    /// Counters to add and last uses to move forward. Never a change; unknown ids are passed over.
    pub usage: Vec<UsageDelta>,
    /// MACs under another pepper. Never a change, nor a new version.
    pub remacs: Vec<Remac>,
    /// Lines for the audit log, which are [sealed](crate::AuditRecord::seal) in the order of commits.
    pub audit: Vec<AuditEntry>,
    /// What is removed from the audit log.
    pub audit_upkeep: Option<AuditUpkeep>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.credentials.is_empty()
            && self.owners.is_empty()
            && self.peppers.is_empty()
            && self.forgotten_peppers.is_empty()
            && self.credits.is_empty()
            && self.usage.is_empty()
            && self.remacs.is_empty()
            && self.audit.is_empty()
            && self.audit_upkeep.is_none()
    }
}

/// The name of a reservation: 128 random bits, made by the gate.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReservationId(pub u128);

impl fmt::Debug for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReservationId({:032x})", self.0)
    }
}

/// One movement of credits.
///
/// The balance is what may still be spent. Every movement but a reservation and its release is a
/// line of the ledger, so the lines of an owner add up to its balance plus what is reserved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CreditOp {
    /// Adds to (or, if negative, takes from) a balance, without a floor.
    Add {
        /// Whose.
        owner: Owner,
        /// How much.
        amount: i64,
        /// When.
        at: Timestamp,
        /// Why, for the ledger.
        note: String,
    },
    /// Takes from the balance, never below zero, and remembers it under an id.
    Reserve {
        /// Its name. A second reservation of the same name does nothing.
        id: ReservationId,
        /// Whose.
        owner: Owner,
        /// How much.
        amount: u32,
        /// When.
        at: Timestamp,
        /// What for, for the ledger.
        note: String,
    },
    /// Turns a reservation into a charge; what was reserved beyond it goes back. A charge above the
    /// reservation takes what was reserved. Without the reservation: nothing.
    Settle {
        /// The reservation.
        id: ReservationId,
        /// The charge.
        amount: u32,
        /// When.
        at: Timestamp,
    },
    /// Gives a reservation back. Without the reservation: nothing.
    Release {
        /// The reservation.
        id: ReservationId,
    },
    /// Gives back every reservation made before an instant.
    ReleaseBefore {
        /// The instant.
        at: Timestamp,
        /// Those that stay: their requests are under way.
        except: Vec<ReservationId>,
    },
}

/// Uses of a credential since the last write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsageDelta {
    /// The credential.
    pub id: CredentialId,
    /// The newest use; an older one than what is stored is passed over.
    pub last_used_at: Timestamp,
    /// Requests passed, to be added.
    pub requests: u64,
    /// Requests denied, to be added.
    pub denied: u64,
}

/// A MAC under another pepper.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remac {
    /// The credential.
    pub id: CredentialId,
    /// The pepper that the stored MAC must still be under; else nothing is written.
    pub from: PepperVersion,
    /// The new pepper.
    pub to: PepperVersion,
    /// The new MAC.
    pub mac: Mac,
}
