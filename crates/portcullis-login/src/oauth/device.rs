//! Device logins: the beginning (RFC 8628, sections 3.1 and 3.2).

use std::{net::IpAddr, time::Duration};

use portcullis_core::Secret;
use serde::{Deserialize, Serialize};

use super::{Asked, OAuth, TokenError, UserCode, approval::AskedScope};
use crate::{
    TicketKind, TicketPut,
    tickets::{Body, Kept, contended, draw},
};

/// For so long a person can decide.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// How long a device waits between two questions, at first.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often another user code is drawn for one that is taken.
const DRAWS: usize = 8;

/// What is kept of a device that waits.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Device {
    pub(super) client: String,
    pub(super) scope: AskedScope,
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    /// In microseconds since 1970, as all instants here.
    pub(super) asked_at: i64,
    /// In seconds.
    pub(super) interval: u64,
    pub(super) polled_at: Option<i64>,
    pub(super) state: State,
}

/// How far a device login is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum State {
    Waiting,
    Denied,
    /// With these scopes of an organisation, by the person whose ticket it is since then.
    Approved {
        org: String,
        scopes: Vec<String>,
    },
    /// The device was told, so there is nothing more to be had.
    Delivered,
}

impl Body for Device {
    const KIND: TicketKind = TicketKind::Device;
}

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
        let known = self.known_client(client_id).await?;
        if !known.client.allows_devices() {
            return Err(TokenError::UnauthorizedClient);
        }
        let catalogue = self.login.registry().catalogue();
        let scope = AskedScope::read(catalogue, scope).map_err(|_| TokenError::InvalidScope)?;
        self.start_device(client_id, scope, asked).await
    }

    /// Begins a device login of a client that may.
    pub(super) async fn start_device(
        &self,
        client_id: &str,
        scope: AskedScope,
        asked: &Asked,
    ) -> Result<DeviceStarted, TokenError> {
        let wait = |retry_after| TokenError::RateLimited { retry_after };
        self.limits.check_device(asked.ip).map_err(wait)?;
        let now = self.now();
        let device_code = draw()?;
        let device = Device {
            client: client_id.to_owned(),
            scope,
            ip: asked.ip,
            user_agent: asked.kept_agent(),
            asked_at: now.unix_micros(),
            interval: INTERVAL.as_secs(),
            polled_at: None,
            state: State::Waiting,
        };
        let mac = self.codes.devices.mac(device_code.expose().as_bytes());
        let ticket = Kept::new(mac, now.saturating_add(LASTS), device);
        for _ in 0..DRAWS {
            let user_code = UserCode::draw()?;
            let second = self.codes.users.mac(user_code.letters());
            let ticket = ticket.clone().with_second(second);
            match ticket.put_new(&**self.login.directory(), now).await? {
                TicketPut::Done => {
                    return Ok(DeviceStarted {
                        device_code,
                        user_code,
                        verification_uri: self.base.join("/device"),
                        expires_in: LASTS,
                        interval: INTERVAL,
                    });
                }
                TicketPut::Overtaken => {}
            }
        }
        Err(contended().into())
    }
}
