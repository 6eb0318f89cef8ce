//! What is written in one go.

use portcullis_core::{CredentialId, RequestId, Timestamp};
use portcullis_token::{Mac, PepperVersion};

use crate::{
    AuditEntry, AuditUpkeep, CredentialRecord, CreditGrant, Denied, Owner, OwnerRecord,
    PepperRecord, Terms, UsageDelta, Version,
};

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
    /// Denied requests to keep: of each owner the newest
    /// [`DeniedPage::KEPT_BY_OWNER`](crate::DeniedPage::KEPT_BY_OWNER). Never a change; one whose id is
    /// there already is passed over.
    pub denied: Vec<Denied>,
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
            && self.denied.is_empty()
            && self.remacs.is_empty()
            && self.audit.is_empty()
            && self.audit_upkeep.is_none()
    }
}

/// One movement of credits: what it does to an [`Account`](crate::Account) is said by
/// [`apply_movement`](crate::apply_movement), for all stores.
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
    /// Adds as [`Add`](Self::Add) does, once for the id of the grant, and tells of it in the audit log.
    Grant {
        /// Whose. If credits were added to it under the id already, nothing is done; if to another,
        /// it is a conflict.
        owner: Owner,
        /// How much, and why.
        grant: CreditGrant,
        /// When.
        at: Timestamp,
        /// The row for the audit log, after those of the batch. Its details get `credits`, what was
        /// really added, and `balance`, what there is after it.
        audit: Box<AuditEntry>,
    },
    /// Takes from the balance, never below zero unless the owner pays afterwards, and remembers it
    /// under the id of a request. An allowance that is due is given first.
    Reserve {
        /// The request. If it is reserved or was charged already, nothing is done; if it is another
        /// owner's, it is a conflict. If it was given back, that was no charge: it is reserved anew.
        id: RequestId,
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
    /// reservation takes what was reserved. Without the reservation, also if it has expired:
    /// nothing, since its credits may have been spent by others.
    Settle {
        /// The request.
        id: RequestId,
        /// The charge.
        amount: u32,
        /// When.
        at: Timestamp,
    },
    /// Gives a reservation back. Without the reservation: nothing.
    Release {
        /// The request.
        id: RequestId,
        /// When.
        at: Timestamp,
    },
    /// Gives back every reservation made before an instant.
    ReleaseBefore {
        /// The instant.
        before: Timestamp,
        /// When.
        at: Timestamp,
        /// Those that stay: their requests are under way.
        except: Vec<RequestId>,
    },
    /// Lets the allowance of a month that has passed lapse, and gives that of the current one.
    Renew {
        /// Whose.
        owner: Owner,
        /// When.
        at: Timestamp,
    },
    /// Puts what the owner's plan says of credits.
    SetTerms {
        /// Whose.
        owner: Owner,
        /// What the plan says.
        terms: Terms,
        /// When.
        at: Timestamp,
    },
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
