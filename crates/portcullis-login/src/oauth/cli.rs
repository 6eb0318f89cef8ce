//! The older shape of device logins, for clients of the original service.

use std::{net::IpAddr, time::Duration};

use super::{Asked, DeviceStarted, OAuth, TokenError, Tokens};

/// What a device of the older shape is told: always with 200.
#[derive(Debug)]
pub enum CliPoll {
    /// `authorization_pending`.
    Pending {
        /// How long it waits between two questions.
        interval: Duration,
    },
    /// `slow_down`.
    SlowDown {
        /// How long it waits between two questions from now on.
        interval: Duration,
    },
    /// `complete`.
    Complete(Box<Tokens>),
    /// `expired_token`, also for a code that is unknown or was used.
    Expired,
    /// `access_denied`.
    Denied,
}

impl OAuth {
    /// Begins a device login of the older shape: for all that the person's role has.
    ///
    /// # Errors
    /// As [`device_authorization`](Self::device_authorization); `InvalidClient` unless
    /// [`with_older_client`](Self::with_older_client) was said.
    pub async fn cli_device_code(&self, asked: &Asked) -> Result<DeviceStarted, TokenError> {
        todo!("{asked:?}")
    }

    /// What has become of it.
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidClient`, `RateLimited`, `Unavailable`.
    pub async fn cli_poll(
        &self,
        device_code: &str,
        ip: Option<IpAddr>,
    ) -> Result<CliPoll, TokenError> {
        todo!("{device_code} {ip:?}")
    }
}
