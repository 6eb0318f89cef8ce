//! Clients that register themselves (RFC 7591).

use std::{net::IpAddr, time::Duration};

use portcullis_core::Timestamp;
use portcullis_registry::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Client, OAuth, RedirectUri,
    answer::origin,
    client::{self, Devices},
    service::KnownClient,
};
use crate::{
    TicketKind, TicketPut, Unavailable,
    id::{self, RandomError},
    tickets::{Body, Kept, contended},
};

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What the ids of clients that have registered themselves begin with.
const PREFIX: &str = "dyn-";
/// The most addresses of one client.
const MOST_URIS: usize = 5;
/// The most bytes of each.
const MOST_URI_BYTES: usize = 512;
/// For so long a client is known by which nobody was let in yet.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// For so long a client is known that was used.
const KNOWN_DAYS: u32 = 90;

/// What is kept of a client that has registered itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SelfRegistered {
    name: String,
    redirect_uris: Vec<String>,
    takes_devices: bool,
    /// In microseconds since 1970; nothing, if nobody was let in by it yet.
    used_at: Option<i64>,
}

impl Body for SelfRegistered {
    const KIND: TicketKind = TicketKind::Client;
}

/// What a client says of itself. Members that are not here are ignored (RFC 7591, section 2).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct ClientMetadata {
    /// What it is called, 1 to 100 characters that can be seen. Needed.
    pub client_name: Option<String>,
    /// Where it gets codes: at most 5, each of at most 512 bytes and without the parameters `code`,
    /// `state`, `iss` and `error`, which are the answer's.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// `authorization_code`, `refresh_token` and the one of device logins. Without any it is
    /// `authorization_code`.
    pub grant_types: Option<Vec<String>>,
    /// `code`.
    pub response_types: Option<Vec<String>>,
    /// `none`, which is also what it gets without one.
    pub token_endpoint_auth_method: Option<String>,
}

/// A client that has registered itself, as JSON to be answered with 201 and `no-store`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Registered {
    /// Its id: `dyn-` and 32 characters.
    pub client_id: String,
    /// When it did, in seconds since 1970.
    pub client_id_issued_at: i64,
    /// What it is called.
    pub client_name: String,
    /// Where it gets codes.
    pub redirect_uris: Vec<String>,
    /// How it may log people in.
    pub grant_types: Vec<String>,
    /// `code`, if it gets codes.
    pub response_types: Vec<String>,
    /// `none`.
    pub token_endpoint_auth_method: &'static str,
}

/// Why a client was not registered.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Clients don't register themselves here: 404.
    #[error("clients don't register themselves here")]
    Closed,
    /// 400 `invalid_redirect_uri`.
    #[error(
        "a redirect URI is missing, too long, none, or one too many, or has a parameter of the answer"
    )]
    InvalidRedirectUri,
    /// 400 `invalid_client_metadata`.
    #[error("{0}")]
    InvalidMetadata(&'static str),
    /// Over 10 in an hour from one address: 429 with Retry-After.
    #[error("too many registrations")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RandomError> for RegisterError {
    fn from(error: RandomError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl OAuth {
    /// Registers a client. It is forgotten if nobody is let in by it within 24 hours, and later when it
    /// was not used for 90 days.
    ///
    /// # Errors
    /// [`RegisterError`]: `Closed` unless [`with_registration`](Self::with_registration) was said.
    pub async fn register(
        &self,
        metadata: &ClientMetadata,
        ip: Option<IpAddr>,
    ) -> Result<Registered, RegisterError> {
        if !self.registers() {
            return Err(RegisterError::Closed);
        }
        let (registered, grant_types) = read(metadata)?;
        let wait = |retry_after| RegisterError::RateLimited { retry_after };
        self.limits.check_registration(ip).map_err(wait)?;
        let now = self.now();
        let client_id = new_id()?;
        let mac = self.codes.clients.mac(client_id.as_bytes());
        let ticket = Kept::new(mac, now.saturating_add(DAY), registered);
        match ticket.put_new(&**self.login.directory(), now).await? {
            TicketPut::Done => {}
            TicketPut::Overtaken => return Err(contended().into()),
        }
        let SelfRegistered {
            name,
            redirect_uris,
            ..
        } = ticket.body;
        // Anybody may write this, and it is kept for ever: so no more than tells one from another.
        let first = redirect_uris.first().map(|uri| origin(uri));
        let count = redirect_uris.len();
        let details = json!({ "name": name, "redirectUris": count, "firstOrigin": first });
        let by = "system".to_owned();
        self.note("client.registered", by, &client_id, None, ip, details)
            .await?;
        let takes_codes = grant_types.iter().any(|grant| grant == CODE);
        let response_types = takes_codes.then(|| "code".to_owned());
        Ok(Registered {
            client_id,
            client_id_issued_at: now.unix_seconds(),
            client_name: name,
            redirect_uris,
            grant_types,
            response_types: response_types.into_iter().collect(),
            token_endpoint_auth_method: "none",
        })
    }

    /// The client of an id that has registered itself and is not forgotten.
    pub(super) async fn registered(&self, id: &str) -> Result<Option<KnownClient>, Unavailable> {
        let found = self.self_registered(id).await?;
        Ok(found.map(|kept| {
            let uris = kept.body.redirect_uris.iter();
            let client = Client {
                id: id.to_owned(),
                name: kept.body.name.clone(),
                redirect_uris: uris.filter_map(|uri| uri.parse().ok()).collect(),
                devices: match kept.body.takes_devices {
                    true => Devices::Allowed,
                    false => Devices::Refused,
                },
            };
            KnownClient {
                client,
                registered: Some(kept.body),
            }
        }))
    }

    async fn self_registered(&self, id: &str) -> Result<Option<Kept<SelfRegistered>>, Unavailable> {
        if !id.starts_with(PREFIX) {
            return Ok(None);
        }
        let directory = &**self.login.directory();
        let found = Kept::<SelfRegistered>::find(directory, &self.codes.clients, id.as_bytes());
        let now = self.now();
        Ok(found.await?.filter(|kept| !kept.has_ended(now)))
    }

    /// A client was used: it is known for another 90 days. To the day, so it is seldom written.
    pub(super) async fn touch(&self, id: &str) {
        if self.clients.find(id).is_some() {
            return;
        }
        let touched = async {
            let Some(mut kept) = self.self_registered(id).await? else {
                return Ok(());
            };
            let now = self.now();
            let used_at = kept.body.used_at.map(Timestamp::from_unix_micros);
            if used_at.is_some_and(|used_at| now.saturating_since(used_at) < DAY) {
                return Ok(());
            }
            kept.body.used_at = Some(now.unix_micros());
            kept.ticket.expires_at = now.saturating_add(DAY * KNOWN_DAYS);
            // If overtaken, another use was written.
            kept.put(&**self.login.directory()).await.map(drop)
        };
        let touched: Result<(), Unavailable> = touched.await;
        if let Err(error) = touched {
            tracing::warn!(client = %id, error = %error, "the use of a client was not noted");
        }
    }
}

/// What is kept of what a client says of itself, and how it may log people in.
fn read(metadata: &ClientMetadata) -> Result<(SelfRegistered, Vec<String>), RegisterError> {
    let invalid = RegisterError::InvalidMetadata;
    let name = metadata.client_name.as_deref().unwrap_or_default();
    if !client::is_name(name) {
        return Err(invalid(
            "`client_name` has 1 to 100 characters that can be seen",
        ));
    }
    let method = metadata.token_endpoint_auth_method.as_deref();
    if method.is_some_and(|method| method != "none") {
        return Err(invalid("`token_endpoint_auth_method` is `none` here"));
    }
    let default = || vec![CODE.to_owned()];
    let grants = metadata.grant_types.clone().unwrap_or_else(default);
    let is_known = |grant: &String| [CODE, REFRESH, DEVICE].contains(&grant.as_str());
    let has = |wanted: &str| grants.iter().any(|grant| grant == wanted);
    if grants.len() > 3 || !grants.iter().all(is_known) || !(has(CODE) || has(DEVICE)) {
        return Err(invalid(
            "`grant_types` has one that is unknown, or none to log in with",
        ));
    }
    let types = metadata.response_types.iter().flatten();
    if types.clone().any(|kind| kind != "code") {
        return Err(invalid("`response_types` is `code` here"));
    }
    let uris = &metadata.redirect_uris;
    let is_one = |uri: &String| {
        let parsed = uri.parse::<RedirectUri>();
        uri.len() <= MOST_URI_BYTES && parsed.is_ok_and(|uri| !uri.has_parameter_of_answer())
    };
    if uris.len() > MOST_URIS || uris.is_empty() == has(CODE) || !uris.iter().all(is_one) {
        return Err(RegisterError::InvalidRedirectUri);
    }
    let registered = SelfRegistered {
        name: name.to_owned(),
        redirect_uris: uris.clone(),
        takes_devices: has(DEVICE),
        used_at: None,
    };
    Ok((registered, grants))
}

fn new_id() -> Result<String, RandomError> {
    let mut random = [0; 16];
    id::fill(&mut random)?;
    let digits = random.iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.fold(PREFIX.to_owned(), |id, digits| id + &digits))
}
