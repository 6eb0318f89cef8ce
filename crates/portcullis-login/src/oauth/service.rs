//! The service itself.

use std::sync::Arc;

use super::{BaseUrl, Clients, OAuthSetupError, limits::Limits};
use crate::{Login, Pages};

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
        todo!("{login:?} {base:?} {clients:?}")
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
        if !client.is_some_and(super::Client::allows_devices) {
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
}
