//! What a store keeps.

use std::time::Duration;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_limit::Quota;
use portcullis_scope::Grant;
use portcullis_token::{Environment, Mac, PepperVersion, TokenKind};

use crate::{Meta, Networks, Owner, Plan, User};

/// How often a record has been written: 0 is a record that no store has yet.
///
/// A put says the version that it read; a store that has another refuses it, so that a lost update
/// is an error and not a silence.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u64);

/// The number of a change: 0 before the first.
///
/// Every put of an existing record takes the next one; the newest is the store's *head*.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Seq(pub u64);

/// Whether a credential is of use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// It is, unless it has expired.
    Enabled,
    /// Switched off for now.
    Disabled,
    /// For ever without use; kept for the audit.
    Revoked,
}

/// Who made a credential.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum CreatedBy {
    /// The application itself.
    System,
    /// A person, by the application's own login.
    User(User),
    /// The bearer of another credential. A key made by a key falls with it.
    Credential(CredentialId),
}

/// A credential as it is stored: everything but its secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialRecord {
    /// The public half, and the primary key.
    pub id: CredentialId,
    /// API key, session or refresh token.
    pub kind: TokenKind,
    /// The environment it was minted for.
    pub environment: Environment,
    /// How often it has been written.
    pub version: Version,
    /// The pepper that `mac` was made with.
    pub pepper: PepperVersion,
    /// The MAC of the last 55 characters of the token.
    pub mac: Mac,
    /// Whom it belongs to.
    pub owner: Owner,
    /// Whose session it is, or who made the key, if known.
    pub user: Option<User>,
    /// What its owner calls it: 1 to 100 characters for a key, may be empty for a session.
    pub name: String,
    /// What it may do.
    pub grant: Grant,
    /// The application's own data.
    pub meta: Meta,
    /// Enabled, disabled or revoked.
    pub state: State,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last changed by somebody (not used).
    pub updated_at: Timestamp,
    /// From when it is no longer accepted; never, if absent.
    pub expires_at: Option<Timestamp>,
    /// For how long it may go unused; for ever, if absent.
    pub idle_ttl: Option<Duration>,
    /// Who made it.
    pub created_by: CreatedBy,
    /// The refresh family: the id of the login's first refresh token, shared by all that came of
    /// it. Of a key that took the place of another, the id of that one.
    pub family: Option<CredentialId>,
    /// What took the place of this one: of a refresh token the next, of a rotated key its
    /// successor.
    pub successor: Option<CredentialId>,
    /// What it was approved for, of a session that may do less than its user, and of what refreshes
    /// it: whatever the user may do later, it never does more.
    pub ceiling: Option<Grant>,
    /// From where it is accepted.
    pub networks: Networks,
    /// Its own quota, which goes before that of its owner's plan.
    pub quota: Option<Quota>,
    /// The prefix of the foreign keys that it is one of, if it was imported: then `mac` is of its
    /// digest, and is what it is found by. It never changes.
    pub imported: Option<String>,
}

/// How a credential has been used. Kept apart from its record and without a version, so that
/// writing it can never make a revoke fail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// The newest use, to the minute or better.
    pub last_used_at: Option<Timestamp>,
    /// Requests that passed the gate.
    pub requests: u64,
    /// Requests of this credential that the gate denied.
    pub denied: u64,
}

/// An owner as far as access is concerned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnerRecord {
    /// The application's name for it.
    pub owner: Owner,
    /// How often it has been written.
    pub version: Version,
    /// Suspended owners are told so with 403; their credentials stay as they are.
    pub suspended: bool,
    /// What its credentials may use.
    pub plan: Option<Plan>,
}

impl OwnerRecord {
    /// An owner that no store has yet: not suspended, without a plan.
    #[must_use]
    pub const fn new(owner: Owner) -> Self {
        Self {
            owner,
            version: Version(0),
            suspended: false,
            plan: None,
        }
    }
}

/// A pepper that the store has records under. The pepper itself is never stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PepperRecord {
    /// Its version.
    pub version: PepperVersion,
    /// What tells a wrong pepper of the same version.
    pub fingerprint: [u8; 8],
}
