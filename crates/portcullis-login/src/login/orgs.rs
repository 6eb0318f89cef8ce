//! The organisations of a person, the one that a session speaks for, and who else is in it.

use std::{net::IpAddr, time::Duration};

use portcullis_registry::{Actor, ChangeError, Owner, Principal, StoreError, User};
use portcullis_scope::Scope;
use portcullis_token::TokenKind;

use super::{Login, Unavailable, service::at};
use crate::{Membership, Role};

/// Why an organisation, or who is in it, was not shown or changed.
///
/// Each says what to answer with over HTTP.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OrgError {
    /// A key asks, or somebody whom this directory doesn't know: 403 `session_required`.
    #[error("a session is needed")]
    SessionRequired,
    /// The session may do less than its user, or its user is neither owner nor admin: 403
    /// `insufficient_scope`.
    #[error("this is for the session of an owner or an admin, with all that they may do")]
    Insufficient {
        /// What is asked for and the session lacks; nothing if it is the role alone.
        missing: Vec<Scope>,
    },
    /// An admin gives or takes ownership, or an admin or owner gives what they lack: 403
    /// `insufficient_scope`.
    #[error("only an owner makes, changes or removes an owner")]
    Ownership,
    /// No such organisation or member, or none of the caller's: 404 `not_found`.
    #[error("there is no such organisation or member")]
    NotFound,
    /// Who is to be added has no account: 404 `not_found`.
    #[error("there is no account of this address")]
    NoAccount,
    /// Who is to be added is a member: 409 `conflict`.
    #[error("this person is a member already")]
    AlreadyMember,
    /// An organisation keeps an owner: 409 `conflict`.
    #[error("the last owner stays")]
    LastOwner,
    /// The organisation has as many members as it may: 409 `conflict`.
    #[error("an organisation has at most {MAX_MEMBERS} members")]
    TooMany,
    /// The person is in as many organisations as one may be: 409 `conflict`.
    #[error("this person is a member of {MAX_MEMBERSHIPS} organisations already")]
    TooManyOfPerson,
    /// Too many addresses without an account were tried: 429 `rate_limited` with Retry-After.
    #[error("too many addresses without an account")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The caller's session has ended meanwhile: 401 `invalid_token`.
    #[error("the caller's own session has ended")]
    Ended,
    /// A store could not be had, or others changed the same again and again: 503 `unavailable`. The
    /// change may have been made: ask again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How many members an organisation has at most.
pub(super) const MAX_MEMBERS: usize = 1_000;
/// How many organisations a person is a member of at most: who is added is not asked.
pub(super) const MAX_MEMBERSHIPS: usize = 100;

impl From<StoreError> for OrgError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChangeError> for OrgError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::SessionRequired => Self::SessionRequired,
            ChangeError::Ended => Self::Ended,
            // It was approved for one organisation.
            ChangeError::Limited => Self::Insufficient {
                missing: Vec::new(),
            },
            error => Self::Unavailable(error.into()),
        }
    }
}

/// The person whose session asks.
pub(super) fn person(who: &Principal) -> Result<&User, OrgError> {
    let user = who.user().filter(|_| who.credential().is_some());
    let user = user.filter(|_| who.kind() == TokenKind::Session);
    user.ok_or(OrgError::SessionRequired)
}

impl Login {
    /// The organisations that the person whose session asks is a member of, in the order in which
    /// they joined.
    ///
    /// # Errors
    /// [`OrgError`]: `SessionRequired` for a key, or `Unavailable`.
    pub async fn orgs(&self, who: &Principal) -> Result<Vec<Membership>, OrgError> {
        let user = person(who)?;
        Ok(self.directory.memberships(user.clone()).await?)
    }

    /// Makes the session that asks speak for another organisation of its user, with what the user
    /// may do there; what is refreshed later does too.
    ///
    /// When this returns, every check that begins later sees the new organisation. A session that
    /// may do less than its user stays where it is.
    ///
    /// # Errors
    /// [`OrgError`]: `NotFound` if the user is no member there, `SessionRequired` for a key,
    /// `Insufficient` for a session that may do less than its user, `Ended` or `Unavailable`.
    pub async fn switch_org(
        &self,
        who: &Principal,
        org: &Owner,
        ip: Option<IpAddr>,
    ) -> Result<Membership, OrgError> {
        let user = person(who)?;
        let actor = at(Actor::from_principal(who), ip);
        let mut switched = {
            // As in `follow_membership`: who has read an older role must not write it over a newer.
            let _alone = self.following.lock().await;
            let memberships = self.directory.memberships(user.clone()).await?;
            let here = memberships
                .iter()
                .find(|found| found.org.id == *who.owner());
            let here = here.ok_or(OrgError::NotFound)?;
            self.check_whole(who, here.role)?;
            let mut memberships = memberships.into_iter();
            let there = memberships.find(|found| found.org.id == *org);
            let there = there.ok_or(OrgError::NotFound)?;
            let grant = self.roles.grant(there.role);
            self.registry.switch_owner(&actor, org, &grant).await?;
            there
        };
        // The membership may have changed on another node before the session was to be found there.
        let role = self.role_in(user, org).await?;
        if role != Some(switched.role) {
            let system = at(Actor::dangerous_system(), ip);
            let followed = self.follow_membership(&system, user, org).await?;
            switched.role = followed.ok_or(OrgError::NotFound)?;
        }
        Ok(switched)
    }

    /// Whether a session may do all that a role may.
    pub(super) fn check_whole(&self, who: &Principal, role: Role) -> Result<(), OrgError> {
        let needed = self.roles.scopes(role);
        if needed.is_subset_of(who.scopes()) {
            return Ok(());
        }
        let missing = self.registry.catalogue().missing(&needed, who.scopes());
        Err(OrgError::Insufficient {
            missing: missing.cloned().collect(),
        })
    }
}
