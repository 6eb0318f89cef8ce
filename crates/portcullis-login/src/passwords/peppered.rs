//! What argon2 is given in place of the password.

use portcullis_core::Secret;
use portcullis_token::Pepper;
use zeroize::Zeroizing;

use super::{PasswordError, Passwords};

/// `HMAC-SHA256(subkey, password)`: what is hashed, wiped when dropped.
///
/// So a stolen directory can't be searched without the pepper, and no copy of the password itself
/// leaves its owner.
pub(super) struct Peppered(Zeroizing<[u8; 32]>);

impl Peppered {
    pub(super) fn new(pepper: &Pepper, password: &Secret<String>) -> Result<Self, PasswordError> {
        let password = password.expose().as_bytes();
        if password.len() > Passwords::MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        let mac = pepper.mac_message(password);
        Ok(Self(Zeroizing::new(*mac.as_bytes())))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}
