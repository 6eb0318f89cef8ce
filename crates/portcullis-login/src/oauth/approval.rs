//! What is shown to a person who decides whether a client is let in, and what they may answer.

use std::time::Duration;

use portcullis_registry::{Owner, StoreError};
use portcullis_scope::{Catalogue, Grant, Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OAuth, service::KnownClient};
use crate::{Membership, Org, PageUser, Role, Unavailable};

/// A client, as a person is shown it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientShown {
    /// Its id.
    pub id: String,
    /// What it is called. Of one that has registered itself it is its own claim.
    pub name: String,
    /// Whether it has registered itself: nobody vouches for its name then, and the page says so.
    pub is_self_registered: bool,
}

/// A scope, as a person is shown it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopeShown {
    /// Its name.
    pub scope: Scope,
    /// What it allows.
    pub description: String,
}

/// An organisation that the client may be let in to, and what it could do there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrgChoice {
    /// The organisation.
    pub org: Org,
    /// What the person is there.
    pub role: Role,
    /// What the client would get: what it asked for, as far as the role has it; never nothing.
    pub scopes: Vec<ScopeShown>,
}

/// What a person has decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The client is let in, to this organisation.
    Approve(Owner),
    /// It is not.
    Deny,
}

/// Why a device login could not be shown or decided.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// No device waits under this code: say that it is wrong or has ended. 404.
    #[error("no device waits under this code")]
    NoSuchCode,
    /// Too many wrong codes: 429 with Retry-After. Nothing was looked at.
    #[error("too many wrong codes")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The person has signed in over an hour ago: ask for the password again.
    #[error("the sign-in is over an hour old")]
    SignInAgain,
    /// The page is out of date: it was decided, it has ended, another person or another sign-in was
    /// shown it, or what it showed is no longer so. Nothing was decided. 409.
    #[error("this request has ended")]
    Ended,
    /// The organisation is none of those that were shown. 400.
    #[error("this organisation was not offered")]
    NoSuchOrg,
    /// A store could not be had: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for ApprovalError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What a client has asked to be let in to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum AskedScope {
    /// The read scopes of the person's role: nothing was said.
    Reads,
    /// These.
    Names(Vec<String>),
    /// All that the person's role has: the older shape.
    Role,
}

/// A scope that the catalogue doesn't know, or a wildcard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct UnknownScopes;

impl AskedScope {
    /// Reads a list with single spaces between its names (RFC 6749, section 3.3); an empty one is
    /// none.
    pub(super) fn read(catalogue: &Catalogue, scope: Option<&str>) -> Result<Self, UnknownScopes> {
        let Some(scope) = scope.filter(|scope| !scope.is_empty()) else {
            return Ok(Self::Reads);
        };
        let names = scope.split(' ').map(|name| {
            let known = catalogue.entry(name);
            known.map(|entry| entry.scope.to_string())
        });
        let names: Option<Vec<String>> = names.collect();
        let mut names = names.ok_or(UnknownScopes)?;
        names.sort_unstable();
        names.dedup();
        Ok(Self::Names(names))
    }

    /// What of it somebody has who has all of `role`.
    pub(super) fn within(&self, catalogue: &Catalogue, role: &ScopeSet) -> ScopeSet {
        match self {
            Self::Role => *role,
            Self::Names(names) => set_of(catalogue, names).intersect(role),
            Self::Reads => {
                let reads = catalogue.scopes().map(|entry| entry.scope);
                let reads = reads.filter(|scope| scope.action() == "read");
                let reads: Vec<String> = reads.map(ToString::to_string).collect();
                set_of(catalogue, &reads).intersect(role)
            }
        }
    }
}

impl AskedScope {
    /// What is approved with a choice that was shown: by the names that were asked for, if it is all
    /// of them. Clients compare what they get with what they have asked for.
    pub(super) fn approved(&self, catalogue: &Catalogue, choice: &OrgChoice) -> Vec<String> {
        let shown = choice.names();
        match self {
            Self::Names(names) if set_of(catalogue, names) == set_of(catalogue, &shown) => {
                names.clone()
            }
            _ => shown,
        }
    }
}

/// The scopes of these names, as far as the catalogue has them.
pub(super) fn set_of(catalogue: &Catalogue, names: &[String]) -> ScopeSet {
    catalogue.resolve(&grant_of(catalogue, names))
}

/// These names, as far as the catalogue has them.
pub(super) fn grant_of(catalogue: &Catalogue, names: &[String]) -> Grant {
    let known = names.iter().filter_map(|name| catalogue.entry(name));
    known.map(|entry| entry.scope).collect()
}

/// Every scope of a set by name.
pub(super) fn names_of(catalogue: &Catalogue, set: &ScopeSet) -> Vec<String> {
    catalogue.names(set).map(ToString::to_string).collect()
}

impl OAuth {
    /// What a person can let a client in to.
    pub(super) async fn choices(
        &self,
        user: &PageUser,
        scope: &AskedScope,
    ) -> Result<Vec<OrgChoice>, Unavailable> {
        let directory = self.login.directory();
        let memberships = directory.memberships(user.account.id.clone()).await?;
        let catalogue = self.login.registry().catalogue();
        let choices = memberships.into_iter().map(|Membership { org, role }| {
            let set = scope.within(catalogue, &self.login.roles().scopes(role));
            let scopes = catalogue.names(&set).filter_map(|scope| {
                let entry = catalogue.entry(scope.as_str())?;
                Some(ScopeShown {
                    scope: scope.clone(),
                    description: entry.description.to_owned(),
                })
            });
            let scopes = scopes.collect();
            OrgChoice { org, role, scopes }
        });
        Ok(choices.filter(|choice| !choice.scopes.is_empty()).collect())
    }

    pub(super) fn shown(known: &KnownClient) -> ClientShown {
        ClientShown {
            id: known.client.id.clone(),
            name: known.client.name.clone(),
            is_self_registered: known.registered.is_some(),
        }
    }
}

/// What a page has shown, and to whom: what its decision is sealed with.
pub(super) fn sealed(what: &str, about: &Value, user: &PageUser, choices: &[OrgChoice]) -> Vec<u8> {
    let choices: Vec<_> = choices
        .iter()
        .map(|OrgChoice { org, scopes, .. }| {
            let scopes: Vec<_> = scopes.iter().map(|shown| shown.scope.as_str()).collect();
            json!([org.id.as_str(), scopes])
        })
        .collect();
    // JSON, so that no part can be taken for another.
    let session: &[u8] = user.session.as_bytes();
    let message = json!([what, about, user.account.id.as_str(), session, choices]);
    message.to_string().into_bytes()
}

impl OrgChoice {
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.scopes.iter().map(|shown| shown.scope.to_string());
        names.collect()
    }
}
