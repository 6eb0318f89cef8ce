//! Why a password was not hashed or compared.

use std::error::Error;

use super::Passwords;
use crate::id::RandomError;

/// Why a password was not hashed or compared.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// An empty password can't be set. (One that is compared is simply wrong.)
    #[error("a password is not empty")]
    Empty,
    /// Over 1,024 bytes.
    #[error("a password has at most {} bytes", Passwords::MAX_BYTES)]
    TooLong,
    /// As many passwords as may wait are waiting: try again later.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The memory could not be had, or the runtime is shutting down.
    #[error("the password could not be hashed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The generator of the operating system gave no salt.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl PasswordError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy)
    }

    pub(super) fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
