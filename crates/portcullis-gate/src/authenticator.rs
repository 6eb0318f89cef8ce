//! Credentials of other systems, which the application verifies itself.

use std::{fmt, sync::Arc, time::Duration};

use portcullis_core::BoxFuture;
use portcullis_registry::Identity;

/// Finds out for whom a credential of another system speaks, such as a JWT of the application's
/// own.
///
/// The gate asks about what is neither a token of ours nor an imported key, one authenticator after
/// the other, in the order in which they were [added](crate::Gate::with_authenticator). What none
/// of them owns is a 401. From there on such a caller is checked as any other: the owner's
/// suspension, holder, scopes, rate and credits. It counts as a session, limited as the gate says
/// of sessions: a window for each user of an owner, up to 100,000 of them apart. The quotas of a
/// plan are for credentials of ours.
///
/// The gate believes an identity that is accepted, also past its
/// [expiry](Identity::with_expiry), which only [`Permit::recheck`](crate::Permit::recheck) looks
/// at: reject a credential that has expired.
///
/// Implementers may not assume that the text is well-formed, nor that it is asked about once: it
/// has at most as many bytes as the gate reads
/// ([`CredentialHeaders::with_max_length`](portcullis_token::CredentialHeaders::with_max_length)),
/// all of them visible ASCII. A comparison of secrets must take constant time, and the text must
/// not be logged.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use portcullis_gate::{Authentication, Authenticator};
/// use portcullis_registry::Identity;
///
/// #[derive(Debug)]
/// struct OwnJwt;
///
/// impl Authenticator for OwnJwt {
///     fn authenticate(&self, credential: &[u8]) -> Authentication {
///         if !credential.starts_with(b"eyJ") {
///             return Authentication::NotMine;
///         }
///         match verified(credential) {
///             Some(identity) => Authentication::Accepted(Arc::new(identity)),
///             None => Authentication::Rejected,
///         }
///     }
/// }
/// # fn verified(_: &[u8]) -> Option<Identity> { None }
/// ```
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Whom the credential speaks for, as far as it is this authenticator's to say.
    fn authenticate(&self, credential: &[u8]) -> Authentication;
}

/// What an authenticator says of a credential.
#[must_use = "a credential that is rejected must not pass"]
pub enum Authentication {
    /// It belongs to another: the next authenticator is asked.
    NotMine,
    /// It speaks for this user.
    Accepted(Arc<Identity>),
    /// It is one of those that this authenticator issued, and is not accepted: 401.
    Rejected,
    /// It can't be verified now: 503.
    Unavailable {
        /// When another try makes sense, if that is known.
        retry_after: Option<Duration>,
    },
    /// It has to be looked up first, which is not even begun for a client that has failed too
    /// often.
    Later(BoxFuture<'static, Self>),
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMine => f.write_str("NotMine"),
            Self::Accepted(identity) => f.debug_tuple("Accepted").field(identity).finish(),
            Self::Rejected => f.write_str("Rejected"),
            Self::Unavailable { retry_after } => f
                .debug_struct("Unavailable")
                .field("retry_after", retry_after)
                .finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}
