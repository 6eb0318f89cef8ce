//! Who changes credentials, and from where.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_scope::{Catalogue, ScopeSet};
use portcullis_token::TokenKind;

use crate::{CreatedBy, Owner, PrefixedId, Principal, User};

/// Who makes a change: it may hand on no scope that it lacks, and touch nothing of another owner.
///
/// An actor comes from a verified credential ([`Actor::from_principal`]), from the application's
/// own login ([`Actor::user`]), or is the application itself ([`Actor::dangerous_system`]).
#[derive(Clone, Debug)]
pub struct Actor {
    who: Who,
    scopes: ScopeSet,
    ip: Option<IpAddr>,
}

#[derive(Clone, Debug)]
enum Who {
    System,
    User {
        owner: Owner,
        user: User,
    },
    /// A user of another system, which may have users of the same names as others.
    External {
        owner: Owner,
        user: User,
    },
    Credential(Principal),
}

impl Actor {
    /// The application itself: any owner, any scope. For its own jobs, never for a caller.
    #[must_use]
    pub const fn dangerous_system() -> Self {
        Self {
            who: Who::System,
            scopes: ScopeSet::EMPTY,
            ip: None,
        }
    }

    /// A person whom the application has signed in itself, acting for one owner with these scopes.
    ///
    /// The name of an owner must never be used again for another: it would inherit the keys. (Row
    /// ids of SQLite are used again unless they are `AUTOINCREMENT`.)
    #[must_use]
    pub const fn user(owner: Owner, user: User, scopes: ScopeSet) -> Self {
        Self {
            who: Who::User { owner, user },
            scopes,
            ip: None,
        }
    }

    /// The bearer of a verified credential, or whom the application has found out itself.
    #[must_use]
    pub fn from_principal(principal: &Principal) -> Self {
        let who = match (principal.about(), principal.user()) {
            (None, Some(user)) => Who::External {
                owner: principal.owner().clone(),
                user: user.clone(),
            },
            _ => Who::Credential(principal.clone()),
        };
        Self {
            who,
            scopes: *principal.scopes(),
            ip: None,
        }
    }

    /// From where the change is asked for, for the audit log.
    #[must_use]
    pub const fn with_ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// For whom the actor acts; nobody in particular if it is the application itself.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        match &self.who {
            Who::System => None,
            Who::User { owner, .. } | Who::External { owner, .. } => Some(owner),
            Who::Credential(principal) => Some(principal.owner()),
        }
    }

    /// The person, if known.
    #[must_use]
    pub fn person(&self) -> Option<&User> {
        match &self.who {
            Who::System => None,
            Who::User { user, .. } | Who::External { user, .. } => Some(user),
            Who::Credential(principal) => principal.user(),
        }
    }

    /// Whether it is one of the users by whose names sessions are kept.
    pub(crate) fn is_user(&self, user: &User) -> bool {
        let is_external = matches!(self.who, Who::External { .. });
        !is_external && self.person() == Some(user)
    }

    /// Whether it is the application itself.
    pub(crate) const fn is_system(&self) -> bool {
        matches!(self.who, Who::System)
    }

    /// What the actor may hand on: everything, if it is the application itself.
    pub(crate) fn scopes(&self, catalogue: &Catalogue) -> ScopeSet {
        match &self.who {
            Who::System => catalogue.all(),
            _ => self.scopes,
        }
    }

    /// From where the change is asked for, if that was said.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    pub(crate) fn may_act_for(&self, owner: &Owner) -> bool {
        self.owner().is_none_or(|own| own == owner)
    }

    /// The credential that acts, if it is one of ours.
    pub(crate) fn credential(&self) -> Option<CredentialId> {
        match &self.who {
            Who::Credential(principal) => principal.credential(),
            _ => None,
        }
    }

    /// The API key that acts, if it is one: keys hand on no more than themselves, and for no
    /// longer.
    pub(crate) fn key(&self) -> Option<CredentialId> {
        match &self.who {
            Who::Credential(principal) if principal.kind() == TokenKind::ApiKey => {
                principal.credential()
            }
            _ => None,
        }
    }

    /// The session that acts, if it is one of ours.
    pub(crate) fn session(&self) -> Option<CredentialId> {
        match &self.who {
            Who::Credential(principal) if principal.kind() == TokenKind::Session => {
                principal.credential()
            }
            _ => None,
        }
    }

    pub(crate) fn created_by(&self) -> CreatedBy {
        match &self.who {
            Who::System => CreatedBy::System,
            Who::User { user, .. } | Who::External { user, .. } => CreatedBy::User(user.clone()),
            Who::Credential(principal) => {
                match (self.key(), principal.user(), principal.credential()) {
                    (None, Some(user), _) => CreatedBy::User(user.clone()),
                    (_, _, Some(id)) => CreatedBy::Credential(id),
                    // INVARIANT: without a credential of ours it is a user.
                    (_, _, None) => CreatedBy::System,
                }
            }
        }
    }

    pub(crate) fn audit_name(&self) -> String {
        match &self.who {
            Who::System => "system".into(),
            Who::User { user, .. } | Who::External { user, .. } => format!("user:{user}"),
            Who::Credential(principal) => principal
                .id()
                .as_ref()
                .map_or_else(String::new, PrefixedId::to_string),
        }
    }
}
