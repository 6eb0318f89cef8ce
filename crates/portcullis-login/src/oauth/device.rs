//! Device logins: the beginning (RFC 8628, sections 3.1 and 3.2).

use std::time::Duration;

use portcullis_core::Secret;

use super::{Asked, OAuth, TokenError, UserCode};

/// A device login that has begun.
#[derive(Debug)]
pub struct DeviceStarted {
    /// What the device asks with: 43 characters of base64url.
    pub device_code: Secret<String>,
    /// What the person types.
    pub user_code: UserCode,
    /// Where the person types it. There is no address that has the code in it: typing it is what
    /// tells a person that a device of their own waits (RFC 8628, section 5.4).
    pub verification_uri: String,
    /// For how long both codes are good.
    pub expires_in: Duration,
    /// How long the device waits between two questions, at first.
    pub interval: Duration,
}

impl OAuth {
    /// Begins a device login.
    ///
    /// `scope` is a list of names with spaces between them; without one it is for the read scopes
    /// of the person's role.
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidClient`, `UnauthorizedClient`, `InvalidScope`, `RateLimited` over 60
    /// in 10 minutes from one address, `Unavailable`.
    pub async fn device_authorization(
        &self,
        client_id: &str,
        scope: Option<&str>,
        asked: &Asked,
    ) -> Result<DeviceStarted, TokenError> {
        todo!("{client_id} {scope:?} {asked:?}")
    }
}
