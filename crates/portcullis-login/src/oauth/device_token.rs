//! Device logins: the device asks whether it is let in (RFC 8628, sections 3.4 and 3.5).

use std::{net::IpAddr, time::Duration};

use portcullis_core::Timestamp;

use super::{
    OAuth, TokenError, Tokens,
    device::{Device, State},
    issue::Approved,
};
use crate::{
    TicketPut,
    tickets::{Body, Kept, contended},
};

/// By so much longer a device waits that has asked too soon (RFC 8628, section 3.5).
const SLOWER_SECONDS: u64 = 5;
/// The longest that a device is told to wait.
const LONGEST_SECONDS: u64 = 60;
/// How often a question is written against others of the same device.
const TRIES: usize = 8;

/// What a device is told.
#[derive(Debug)]
pub(super) enum Polled {
    Pending {
        interval: Duration,
    },
    SlowDown {
        interval: Duration,
    },
    Denied,
    Expired,
    /// The code is unknown, another client's, or was used.
    Unknown,
    Done(Box<Tokens>),
}

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
    /// one that was used; `InvalidClient`; `RateLimited` for an address of which 300 codes were
    /// `InvalidGrant` in 60 seconds; `Unavailable`.
    pub async fn device_token(
        &self,
        client_id: &str,
        device_code: &str,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        self.known_client(client_id).await?;
        match self.poll(client_id, device_code, ip).await? {
            Polled::Pending { .. } => Err(TokenError::AuthorizationPending),
            Polled::SlowDown { .. } => Err(TokenError::SlowDown),
            Polled::Denied => Err(TokenError::AccessDenied),
            Polled::Expired => Err(TokenError::ExpiredToken),
            Polled::Unknown => Err(TokenError::InvalidGrant),
            Polled::Done(tokens) => Ok(*tokens),
        }
    }

    /// What a device is told; errors are limits and stores alone.
    pub(super) async fn poll(
        &self,
        client_id: &str,
        device_code: &str,
        ip: Option<IpAddr>,
    ) -> Result<Polled, TokenError> {
        let wait = |retry_after| TokenError::RateLimited { retry_after };
        self.limits.check_code(ip).map_err(wait)?;
        let directory = &**self.login.directory();
        for _ in 0..TRIES {
            let found = Kept::find(directory, &self.codes.devices, device_code.as_bytes());
            let found: Option<Kept<Device>> = found.await?;
            let found = found.filter(|kept| kept.body.client == client_id);
            let Some(mut device) = found else {
                self.limits.note_refused_code(ip);
                return Ok(Polled::Unknown);
            };
            let now = self.now();
            if device.body.state == State::Delivered {
                self.limits.note_refused_code(ip);
                return Ok(Polled::Unknown);
            }
            if device.has_ended(now) {
                return Ok(Polled::Expired);
            }
            if device.body.is_too_early(now) {
                let interval = device.body.interval;
                let slower = interval.saturating_add(SLOWER_SECONDS);
                device.body.interval = slower.min(LONGEST_SECONDS);
                let told = Polled::SlowDown {
                    interval: Duration::from_secs(device.body.interval),
                };
                // Nothing to be written any more, however often it asks.
                if interval >= LONGEST_SECONDS {
                    return Ok(told);
                }
                device.body.polled_at = Some(now.unix_micros());
                match device.put(directory).await? {
                    TicketPut::Done => return Ok(told),
                    TicketPut::Overtaken => continue,
                }
            }
            device.body.polled_at = Some(now.unix_micros());
            let (told, approved) = match &device.body.state {
                State::Denied | State::Delivered => return Ok(Polled::Denied),
                State::Waiting => {
                    let interval = Duration::from_secs(device.body.interval);
                    (Some(Polled::Pending { interval }), None)
                }
                State::Approved { org, scopes } => {
                    let approved = Approved::read(device.ticket.user.as_ref(), org, scopes)?;
                    device.body.state = State::Delivered;
                    (None, Some(approved))
                }
            };
            match device.put(directory).await? {
                TicketPut::Done => {}
                // It was decided meanwhile, or asked for twice at once: of these one is first.
                TicketPut::Overtaken => continue,
            }
            let Some(approved) = approved else {
                return Ok(told.unwrap_or(Polled::Unknown));
            };
            let tokens = match self.issue(client_id, &approved, ip).await {
                Ok(tokens) => tokens,
                Err(TokenError::AccessDenied) => return Ok(Polled::Denied),
                Err(error) => return Err(error),
            };
            // All that the person has may have been ended before the session was there.
            let (kind, mac) = (Device::KIND, device.ticket.mac);
            if directory.ticket(kind, mac).await?.is_none() {
                self.end_login_of(tokens.issued.token.id(), ip).await?;
                return Ok(Polled::Unknown);
            }
            return Ok(Polled::Done(Box::new(tokens)));
        }
        Err(contended().into())
    }
}

impl Device {
    /// Whether it asks sooner than it was told to. A clock that was set back makes nobody wait.
    fn is_too_early(&self, now: Timestamp) -> bool {
        let Some(polled_at) = self.polled_at.map(Timestamp::from_unix_micros) else {
            return false;
        };
        polled_at <= now && now.saturating_since(polled_at) < Duration::from_secs(self.interval)
    }
}
