//! Who a verified credential speaks for.

use std::{fmt, sync::Arc, time::Duration};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::{Catalogue, ScopeSet};
use portcullis_token::{Environment, TokenKind};

use crate::{Identity, Meta, Networks, Owner, PlanName, User};

/// Who a verified credential speaks for, as far as it was known when it was verified.
///
/// Cheap to clone; nothing in it is secret.
#[derive(Clone)]
pub struct Principal {
    who: Who,
    scopes: ScopeSet,
}

#[derive(Clone)]
enum Who {
    /// The bearer of a credential of ours.
    Own(Arc<About>),
    /// Whom the application has found out itself.
    External(Arc<Identity>),
}

/// What does not change while a record stays as it is: shared by all its principals.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) id: CredentialId,
    pub(crate) kind: TokenKind,
    pub(crate) environment: Environment,
    pub(crate) owner: Owner,
    pub(crate) user: Option<User>,
    pub(crate) plan: Option<PlanName>,
    pub(crate) name: String,
    pub(crate) meta: Meta,
    pub(crate) networks: Networks,
    pub(crate) family: Option<CredentialId>,
    /// Of a rotated key.
    pub(crate) successor: Option<CredentialId>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) idle_ttl: Option<Duration>,
}

impl Principal {
    pub(crate) const fn new(about: Arc<About>, scopes: ScopeSet) -> Self {
        let who = Who::Own(about);
        Self { who, scopes }
    }

    /// A user whom the application has found out itself, with what of the grant the catalogue
    /// knows.
    #[must_use]
    pub fn external(identity: Arc<Identity>, catalogue: &Catalogue) -> Self {
        Self {
            scopes: catalogue.resolve(&identity.grant),
            who: Who::External(identity),
        }
    }

    /// The id of the credential; nothing if it is not one of ours.
    #[must_use]
    pub fn credential(&self) -> Option<CredentialId> {
        self.about().map(|about| about.id)
    }

    /// The id of the credential as it stands in APIs; nothing if it is not one of ours.
    #[must_use]
    pub fn id(&self) -> Option<PrefixedId> {
        self.about().map(|about| PrefixedId(about.kind, about.id))
    }

    /// API key or session. Whom the application has found out itself counts as a session.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.about().map_or(TokenKind::Session, |about| about.kind)
    }

    /// The environment it was minted for; nothing if it is not one of ours.
    #[must_use]
    pub fn environment(&self) -> Option<Environment> {
        self.about().map(|about| about.environment)
    }

    /// Whom the credential belongs to.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        match &self.who {
            Who::Own(about) => &about.owner,
            Who::External(identity) => &identity.owner,
        }
    }

    /// Whose session it is, or who made the key, if known.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        match &self.who {
            Who::Own(about) => about.user.as_ref(),
            Who::External(identity) => Some(&identity.user),
        }
    }

    /// What the owner's plan is called, if it has one.
    #[must_use]
    pub fn plan(&self) -> Option<&PlanName> {
        self.about()?.plan.as_ref()
    }

    /// What the owner calls the credential.
    #[must_use]
    pub fn name(&self) -> &str {
        self.about().map_or("", |about| &about.name)
    }

    /// The application's own data beside the credential.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match &self.who {
            Who::Own(about) => &about.meta,
            Who::External(identity) => &identity.meta,
        }
    }

    /// From where the credential is accepted.
    #[must_use]
    pub fn networks(&self) -> &Networks {
        const ANY: &Networks = &Networks::ANY;
        self.about().map_or(ANY, |about| &about.networks)
    }

    /// What it may do.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// From when the credential is no longer accepted, if ever.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.who {
            Who::Own(about) => about.expires_at,
            Who::External(identity) => identity.expires_at,
        }
    }

    pub(crate) fn about(&self) -> Option<&About> {
        match &self.who {
            Who::Own(about) => Some(about),
            Who::External(_) => None,
        }
    }

    /// The login that the session came of.
    pub(crate) fn family(&self) -> Option<CredentialId> {
        // Of a key it is another key, whose place it took.
        self.about()
            .filter(|about| about.kind != TokenKind::ApiKey)?
            .family
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("credential", &self.id())
            .field("owner", self.owner())
            .field("user", &self.user())
            .finish_non_exhaustive()
    }
}

/// The id of a credential as it stands in APIs: `key_…`, `ses_…`, `ref_…` or `dev_…`.
///
/// # Examples
/// ```
/// use portcullis_registry::PrefixedId;
/// use portcullis_token::TokenKind;
///
/// let id = "qBhy02hoi8ucTVyA".parse().expect("an id");
/// assert_eq!(PrefixedId(TokenKind::ApiKey, id).to_string(), "key_qBhy02hoi8ucTVyA");
/// assert_eq!(PrefixedId::read(TokenKind::ApiKey, "key_qBhy02hoi8ucTVyA"), Some(id));
/// assert_eq!(PrefixedId::read(TokenKind::Session, "key_qBhy02hoi8ucTVyA"), None);
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct PrefixedId(pub TokenKind, pub CredentialId);

impl PrefixedId {
    const fn prefix(kind: TokenKind) -> &'static str {
        match kind {
            TokenKind::ApiKey => "key_",
            TokenKind::Session => "ses_",
            TokenKind::Refresh => "ref_",
            TokenKind::Device => "dev_",
        }
    }

    /// Reads the id of a credential of one kind; nothing if the text is not one.
    #[must_use]
    pub fn read(kind: TokenKind, text: &str) -> Option<CredentialId> {
        text.strip_prefix(Self::prefix(kind))?.parse().ok()
    }
}

impl fmt::Display for PrefixedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::prefix(self.0), self.1)
    }
}

impl fmt::Debug for PrefixedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
