//! The older shape of device logins, for clients of the original service.

use std::{net::IpAddr, time::Duration};

use super::{
    Asked, DeviceStarted, OAuth, TokenError, Tokens, approval::AskedScope, device_token::Polled,
};

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
        let client = self.older.as_deref().ok_or(TokenError::InvalidClient)?;
        self.start_device(client, AskedScope::Role, asked).await
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
        let client = self.older.as_deref().ok_or(TokenError::InvalidClient)?;
        Ok(match self.poll(client, device_code, ip).await? {
            Polled::Pending { interval } => CliPoll::Pending { interval },
            Polled::SlowDown { interval } => CliPoll::SlowDown { interval },
            Polled::Denied => CliPoll::Denied,
            Polled::Expired | Polled::Unknown => CliPoll::Expired,
            Polled::Done(tokens) => CliPoll::Complete(tokens),
        })
    }
}
