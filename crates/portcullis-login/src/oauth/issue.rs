//! Making the session of a client.

use std::time::Duration;

use portcullis_registry::{IssuedSession, User};

use crate::Org;

/// What a client gets: shown once.
#[derive(Debug)]
pub struct Tokens {
    /// The access token is the session's ([`IssuedSession::token`]), of the type `Bearer`; the
    /// refresh token is [`IssuedSession::refresh`].
    pub issued: IssuedSession,
    /// For how long the access token is good at most.
    pub expires_in: Duration,
    /// What it may do: every scope by name, with spaces between them.
    pub scope: String,
    /// Whose it is.
    pub user: User,
    /// For which organisation it speaks.
    pub org: Org,
}
