//! Why a change of credentials was not made.

use portcullis_core::Timestamp;
use portcullis_scope::{AttenuateError, Scope, UnknownScope};
use portcullis_token::{GeneratorError, PepperVersion};

use crate::{Networks, PrefixedId, StoreError};

/// Why a registry could not be opened. Nothing was written.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store has records under a pepper that was not given.
    #[error(
        "the store was written with pepper {version}, which is missing: start with the peppers it \
         was made with"
    )]
    PepperMissing {
        /// The pepper's version.
        version: PepperVersion,
    },
    /// A pepper is not the one that the store was written with.
    #[error("pepper {version} is not the one that the store was written with")]
    PepperMismatch {
        /// The pepper's version.
        version: PepperVersion,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a change of a credential, or a list, was refused. Nothing was changed, save where a method
/// says otherwise of `Contended` and `Store`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such credential for this actor: unknown, revoked, or of another owner.
    #[error("there is no such credential")]
    NotFound,
    /// The credential of the actor has ended meanwhile, or one that it falls with.
    #[error("the caller's own credential has ended")]
    Ended,
    /// The owner that the actor acts for is suspended.
    #[error("the caller's owner is suspended")]
    Suspended,
    /// The actor lacks scopes of the target, before or after the change.
    #[error("the caller lacks {}", ListOf(.0))]
    Excess(Vec<Scope>),
    /// A scope that the catalogue does not declare.
    #[error(transparent)]
    UnknownScope(UnknownScope),
    /// A key can't change or rotate itself, nor rotate what another key has made, nor log out
    /// people.
    #[error("a key can't do this: a session is needed")]
    SessionRequired,
    /// A session that was approved for less than its user may do stays with the owner that it was
    /// approved for.
    #[error("this session was approved for one owner, and stays with it")]
    Limited,
    /// A key whose place another has taken can't be rotated again, nor can its end be moved.
    #[error("the key was rotated already: its successor is {successor}")]
    Rotated {
        /// What took its place.
        successor: PrefixedId,
    },
    /// Networks beyond those of the key that asks.
    #[error("a key hands on no networks but those that it is accepted from: {within}")]
    OutsideNetworks {
        /// Those of the key.
        within: Networks,
    },
    /// Only the application itself suspends an owner or gives it a plan.
    #[error("this is for the application itself to change")]
    Reserved,
    /// Credits were added to another owner under this id.
    #[error("credits were added to another owner under this id")]
    IdTaken,
    /// Only the application itself gives a key a quota of its own.
    #[error("the quota of a key is set by the application itself")]
    QuotaReserved,
    /// A name is not 1 to 100 characters without control characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    Name,
    /// An expiry that has passed.
    #[error("the expiry {at} has passed")]
    PastExpiry {
        /// The expiry.
        at: Timestamp,
    },
    /// An expiry beyond that of the credential that asks for it.
    #[error("a key made by a key can't outlive it: at the latest {latest}")]
    OutlivesMaker {
        /// The latest expiry that is allowed.
        latest: Timestamp,
    },
    /// The owner has as many live credentials of this kind as it may.
    #[error("at most {limit} of this kind for an owner: revoke one first")]
    TooMany {
        /// The cap.
        limit: u64,
    },
    /// Others changed the same credential at the same time, again and again.
    #[error("the credential is being changed by others: try again")]
    Contended,
    /// The generator of the operating system failed.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttenuateError> for ChangeError {
    fn from(error: AttenuateError) -> Self {
        match error {
            AttenuateError::Unknown(unknown) => Self::UnknownScope(unknown),
            AttenuateError::Excess(excess) => Self::Excess(excess),
            // A reason that this crate does not know gives nothing.
            _ => Self::Excess(Vec::new()),
        }
    }
}

struct ListOf<'a>(&'a [Scope]);

impl std::fmt::Display for ListOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            write!(f, "{}`{scope}`", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
