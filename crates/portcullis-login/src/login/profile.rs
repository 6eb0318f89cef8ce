//! Who asks.

use portcullis_registry::{Owner, PrefixedId, Principal};
use portcullis_scope::Scope;
use portcullis_token::TokenKind;

use super::{Login, LoginError};
use crate::Email;

/// Who the bearer of a credential is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// The user's id for a session, the key's (`key_…`) for a key.
    pub id: String,
    /// For whom the credential speaks.
    pub org: Owner,
    /// The person's name for a session, the key's for a key.
    pub name: String,
    /// The person's address, or that of the key's creator; absent if that is not known.
    pub email: Option<Email>,
    /// Session or key.
    pub auth_type: AuthType,
    /// Everything that the credential may do, what is implied too, in the catalogue's order.
    pub scopes: Vec<Scope>,
}

/// What a caller has shown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AuthType {
    /// A session.
    Session,
    /// An API key.
    ApiKey,
}

impl AuthType {
    /// As it stands in APIs: `session` or `api_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiKey => "api_key",
        }
    }
}

impl Login {
    /// Says who the bearer of a verified credential is.
    ///
    /// A key made by nobody in the directory has no email; a session of somebody who is no longer
    /// there has no name either.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`] if the directory could not be read.
    pub async fn profile(&self, principal: &Principal) -> Result<Profile, LoginError> {
        // A user of another system is none of the directory's, whatever the name.
        let known = principal
            .user()
            .filter(|_| principal.credential().is_some());
        let account = match known {
            Some(user) => self.directory.account(user.clone()).await?,
            None => None,
        };
        let credential = principal.id();
        let (id, name, auth_type) = match principal.kind() {
            TokenKind::Session => (
                principal.user().map(ToString::to_string),
                account.as_ref().map(|account| account.name.clone()),
                AuthType::Session,
            ),
            _ => (None, Some(principal.name().to_owned()), AuthType::ApiKey),
        };
        let scopes = self.registry.catalogue().names(principal.scopes());
        Ok(Profile {
            id: id
                .or_else(|| credential.as_ref().map(PrefixedId::to_string))
                .unwrap_or_default(),
            org: principal.owner().clone(),
            name: name.unwrap_or_default(),
            email: account.map(|account| account.email),
            auth_type,
            scopes: scopes.cloned().collect(),
        })
    }
}
