//! Device logins: the device asks whether it is let in (RFC 8628, sections 3.4 and 3.5).

use std::net::IpAddr;

use super::{OAuth, TokenError, Tokens};

impl OAuth {
    /// Gives a device its tokens, once, if a person has let it in.
    ///
    /// The login is marked as used before the session is made: if the answer is lost, the person
    /// lets the device in again. The role is read anew, so it gets what was approved and the role
    /// still has.
    ///
    /// # Errors
    /// [`TokenError`]: `AuthorizationPending`; `SlowDown` if it asks sooner than its interval, which
    /// is 5 seconds longer from then on, to a minute at most; `AccessDenied`, also if the person is
    /// no longer a member; `ExpiredToken`; `InvalidGrant` for an unknown code, another client's, or
    /// one that was used; `InvalidClient`, `RateLimited`, `Unavailable`.
    pub async fn device_token(
        &self,
        client_id: &str,
        device_code: &str,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        todo!("{client_id} {device_code} {ip:?}")
    }
}
