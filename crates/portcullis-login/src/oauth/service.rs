//! The service itself.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::Timestamp;
use portcullis_registry::{AuditEntry, Owner};
use serde_json::Value;

use super::{
    BaseUrl, Client, ClientShown, Clients, OAuthSetupError, TokenError, limits::Limits,
    register::SelfRegistered,
};
use crate::{Login, PageUser, Pages, Unavailable, tickets::Codes};

/// For so long after the password was given a person may let programs in.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// Lets people let programs in: device logins, authorization codes with PKCE, refreshing, revoking,
/// introspection. Cheap to clone.
///
/// What a program gets is a session of the person with one organisation, which is called by the id
/// of the client, does what was approved and the person's role allows, and never more than was
/// approved: no change of the role lifts it, and it can't move to another organisation.
#[derive(Clone, Debug)]
pub struct OAuth {
    pub(super) login: Login,
    pub(super) pages: Pages,
    pub(super) base: BaseUrl,
    pub(super) clients: Arc<Clients>,
    pub(super) older: Option<String>,
    pub(super) registration: Registration,
    pub(super) limits: Arc<Limits>,
    pub(super) codes: Arc<Purposes>,
}

/// The codes of each purpose, under subkeys of their own.
#[derive(Debug)]
pub(super) struct Purposes {
    pub(super) devices: Codes,
    pub(super) users: Codes,
    pub(super) authorizations: Codes,
    pub(super) clients: Codes,
    /// What seals the pages on which people decide.
    pub(super) approvals: Codes,
}

/// Whether clients may register themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Registration {
    Open,
    Closed,
}

impl OAuth {
    /// The logins of a service for these clients.
    ///
    /// # Errors
    /// [`OAuthSetupError`].
    pub fn new(login: Login, base: BaseUrl, clients: Clients) -> Result<Self, OAuthSetupError> {
        let peppers = login.registry().peppers();
        let codes = |purpose| Codes::new(peppers, purpose);
        let codes = Purposes {
            devices: codes("device codes"),
            users: codes("user codes"),
            authorizations: codes("authorization codes"),
            clients: codes("client ids"),
            approvals: codes("approvals"),
        };
        Ok(Self {
            pages: Pages::new(login.clone()),
            limits: Arc::new(Limits::new(login.registry().clock())?),
            codes: Arc::new(codes),
            clients: Arc::new(clients),
            older: None,
            registration: Registration::Closed,
            login,
            base,
        })
    }

    /// Lets clients [register](Self::register) themselves. Without it none may.
    #[must_use]
    pub const fn with_registration(mut self) -> Self {
        self.registration = Registration::Open;
        self
    }

    /// The client that the older shape speaks for ([`cli_device_code`](Self::cli_device_code)).
    ///
    /// # Errors
    /// [`OAuthSetupError::NoSuchClient`] unless devices may log in with it.
    pub fn with_older_client(mut self, id: &str) -> Result<Self, OAuthSetupError> {
        let client = self.clients.find(id);
        if !client.is_some_and(Client::allows_devices) {
            return Err(OAuthSetupError::NoSuchClient(id.to_owned()));
        }
        self.older = Some(id.to_owned());
        Ok(self)
    }

    /// Who logs people in.
    #[must_use]
    pub const fn login(&self) -> &Login {
        &self.login
    }

    /// Who is signed in to the pages.
    #[must_use]
    pub const fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Where the service is.
    #[must_use]
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base
    }

    /// Whether clients may register themselves.
    #[must_use]
    pub fn registers(&self) -> bool {
        self.registration == Registration::Open
    }

    /// Whether there is a client for the older shape.
    #[must_use]
    pub const fn has_older_client(&self) -> bool {
        self.older.is_some()
    }

    /// What the client of an id is called, if it is known: sessions have that id as name.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn client_shown(&self, id: &str) -> Result<Option<ClientShown>, Unavailable> {
        let found = self.client(id).await?;
        Ok(found.as_ref().map(Self::shown))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.login.registry().clock().now()
    }

    /// Whether a person has given the password within the last hour, and so may decide.
    #[must_use]
    pub fn is_fresh(&self, user: &PageUser) -> bool {
        self.now().saturating_since(user.signed_in_at) < FRESH
    }

    /// The client of an id, declared or registered by itself.
    pub(super) async fn client(&self, id: &str) -> Result<Option<KnownClient>, Unavailable> {
        if let Some(client) = self.clients.find(id) {
            return Ok(Some(KnownClient {
                client: client.clone(),
                registered: None,
            }));
        }
        match self.registration {
            Registration::Open => self.registered(id).await,
            Registration::Closed => Ok(None),
        }
    }

    /// The client of an id, for an endpoint that answers clients.
    pub(super) async fn known_client(&self, id: &str) -> Result<KnownClient, TokenError> {
        let found = self.client(id).await?;
        found.ok_or(TokenError::InvalidClient)
    }

    /// Writes what a person has decided into the audit log.
    pub(super) async fn note(
        &self,
        action: &'static str,
        by: String,
        client: &str,
        owner: Option<Owner>,
        ip: Option<IpAddr>,
        details: Value,
    ) -> Result<(), Unavailable> {
        let entry = AuditEntry {
            at: self.now(),
            actor: by,
            action: action.into(),
            target: format!("client:{client}"),
            owner,
            ip,
            details,
        };
        Ok(self.login.registry().note_audit(entry).await?)
    }
}

/// A client that was found, and what is kept of it if it has registered itself.
#[derive(Clone, Debug)]
pub(super) struct KnownClient {
    pub(super) client: Client,
    pub(super) registered: Option<SelfRegistered>,
}
