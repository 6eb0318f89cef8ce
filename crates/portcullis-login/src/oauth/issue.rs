//! Making the session of a client.

use std::{net::IpAddr, time::Duration};

use portcullis_registry::{Actor, IssuedSession, NewSession, Owner, User};
use portcullis_scope::Grant;

use super::{
    OAuth, TokenError,
    approval::{grant_of, names_of},
};
use crate::{LoggedIn, LoginError, Membership, Org, Unavailable, login::at};

/// What a client gets: shown once.
#[derive(Debug)]
pub struct Tokens {
    /// The access token is the session's ([`IssuedSession::token`]), of the type `Bearer`; the
    /// refresh token is [`IssuedSession::refresh`].
    pub issued: IssuedSession,
    /// For how long the access token is good at most.
    pub expires_in: Duration,
    /// What it may do, with spaces between the names: those that were asked for if it got them all,
    /// else every scope that it has.
    pub scope: String,
    /// Whose it is.
    pub user: User,
    /// For which organisation it speaks.
    pub org: Org,
}

/// What a person has let a client in to.
#[derive(Clone, Debug)]
pub(super) struct Approved {
    user: User,
    org: Owner,
    scopes: Vec<String>,
}

impl Approved {
    /// As it was kept.
    pub(super) fn read(
        user: Option<&User>,
        org: &str,
        scopes: &[String],
    ) -> Result<Self, Unavailable> {
        let damaged = || Unavailable::permanent("a stored ticket can't be read", "nobody's");
        Ok(Self {
            user: user.cloned().ok_or_else(damaged)?,
            org: org.parse().map_err(|_| damaged())?,
            scopes: scopes.to_vec(),
        })
    }
}

impl OAuth {
    /// Starts the session of a client, with what was approved and the person's role has now.
    ///
    /// # Errors
    /// [`TokenError`]: `AccessDenied` if that is nothing, or the person is no member any more;
    /// `Unavailable`.
    pub(super) async fn issue(
        &self,
        client_id: &str,
        approved: &Approved,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        let Approved { user, org, scopes } = approved;
        let login = &self.login;
        let account = login.directory.account(user.clone()).await?;
        let account = account.ok_or(TokenError::AccessDenied)?;
        let memberships = login.directory.memberships(user.clone()).await?;
        let mut memberships = memberships.into_iter();
        let found = memberships.find(|membership| membership.org.id == *org);
        let Membership { org, role } = found.ok_or(TokenError::AccessDenied)?;
        let catalogue = login.registry.catalogue();
        let ceiling = grant_of(catalogue, scopes);
        let of_role = login.roles.scopes(role);
        if catalogue.resolve(&ceiling).intersect(&of_role).is_empty() {
            return Err(TokenError::AccessDenied);
        }
        login.complete(&org, role).await?;
        let actor = at(Actor::user(org.id.clone(), user.clone(), of_role), ip);
        let grant = login.roles.grant(role);
        let mut new = NewSession::new(org.id.clone(), user.clone(), grant, login.terms);
        new.ceiling = Some(ceiling.clone());
        new.name = client_id.to_owned();
        let issued = login.registry.start_session(&actor, new).await?;
        let logged_in = LoggedIn {
            issued,
            account,
            org,
            role,
        };
        let settled = login.settled(logged_in, ip).await.map_err(refused)?;
        self.touch(client_id).await;
        Ok(self.tokens(settled, &ceiling))
    }

    /// What a client is told of its session, which does what is within these scopes.
    pub(super) fn tokens(&self, logged_in: LoggedIn, within: &Grant) -> Tokens {
        let LoggedIn {
            issued,
            account,
            org,
            role,
        } = logged_in;
        let catalogue = self.login.registry.catalogue();
        let (of_role, all) = (self.login.roles.scopes(role), catalogue.resolve(within));
        let mut names = names_of(catalogue, &all.intersect(&of_role));
        // If it is all of them, they are told by the names that they were approved by.
        if all.is_subset_of(&of_role) {
            names.retain(|name| within.has_name(name));
        }
        Tokens {
            expires_in: issued.expires_at.saturating_since(self.now()),
            scope: names.join(" "),
            user: account.id,
            issued,
            org,
        }
    }
}

/// Why a client is not let in though it was approved.
pub(super) fn refused(error: LoginError) -> TokenError {
    match error {
        LoginError::RateLimited { retry_after } => TokenError::RateLimited { retry_after },
        LoginError::Unavailable(error) => TokenError::Unavailable(error),
        _ => TokenError::InvalidGrant,
    }
}
