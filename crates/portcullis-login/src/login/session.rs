//! Logging in with a password, refreshing, logging out.

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, NewSession, Principal, RefreshError, Revoked, User,
};
use portcullis_scope::Grant;
use portcullis_token::TokenKind;

use super::{Login, LoginError, Unavailable, service::at, sessions::is_of_client};
use crate::{
    Account, Email, Membership, Org, PasswordError, PasswordVerdict, Replaced, Role, StoredAccount,
    TicketKind, metrics::Attempted,
};

/// How often a refresh is tried against changes of what its user may do.
const REFRESHES: u32 = 4;

/// Somebody who was just logged in or refreshed.
#[derive(Debug)]
pub struct LoggedIn {
    /// The session and what it is refreshed with: the only time that they are to be had.
    pub issued: IssuedSession,
    /// Who it is.
    pub account: Account,
    /// For whom the session speaks.
    pub org: Org,
    /// What the person is there.
    pub role: Role,
}

impl Login {
    /// Logs somebody in, to the first organisation that they joined and are still a member of. So
    /// whoever is added to another goes on to log in to the same.
    ///
    /// The text of the address need not be one: it is then as unknown as another. An unknown user
    /// costs the same work as a wrong password. A hash that was made with an old pepper or other
    /// parameters is renewed.
    ///
    /// # Errors
    /// [`LoginError`]: `InvalidCredentials`, `RateLimited` or `Unavailable`.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn login(
        &self,
        email: &str,
        password: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        let logged_in = self.logged_in(email, password, ip).await;
        self.metrics.count(Attempted::Login, (&logged_in).into());
        logged_in
    }

    async fn logged_in(
        &self,
        email: &str,
        password: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        let (account, first) = self.known(email, password, ip).await?;
        self.started(account, first, ip).await
    }

    /// Whose password it is, and the first organisation that they joined; within the limits.
    pub(crate) async fn known(
        &self,
        email: &str,
        password: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<(Account, Membership), LoginError> {
        let attempt = self.attempts.begin(&*self.directory, email, ip).await?;
        let account = match self.proven(email, password).await {
            Ok(Some(account)) => account,
            // Left as charged.
            Ok(None) => return Err(LoginError::InvalidCredentials),
            Err(unavailable) => {
                attempt.excuse();
                return Err(unavailable.into());
            }
        };
        attempt.succeed();
        self.remember(&account, ip).await;
        let memberships = self.directory.memberships(account.id.clone()).await?;
        match memberships.into_iter().next() {
            Some(first) => Ok((account, first)),
            None => Err(LoginError::InvalidCredentials),
        }
    }

    /// Starts a session for somebody who has proved to be the one.
    pub(super) async fn started(
        &self,
        account: Account,
        Membership { org, role }: Membership,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        self.complete(&org, role).await?;
        let actor = Actor::user(org.id.clone(), account.id.clone(), self.roles.scopes(role));
        let new = NewSession::new(
            org.id.clone(),
            account.id.clone(),
            self.roles.grant(role),
            self.terms,
        );
        let issued = self.registry.start_session(&at(actor, ip), new).await?;
        let logged_in = LoggedIn {
            issued,
            account,
            org,
            role,
        };
        self.settled(logged_in, ip).await
    }

    /// Takes a refresh token and gives a new session and the next refresh token.
    ///
    /// The session gets what the person's role is today. See
    /// [`Registry::refresh`](portcullis_registry::Registry::refresh) for a token that was used
    /// before; a person who is no longer a member loses the whole login. An address whose tokens
    /// were refused 20 times in 60 seconds has to wait. The login of a client is refreshed by
    /// [`OAuth::refresh_token`](crate::OAuth::refresh_token) alone.
    ///
    /// # Errors
    /// [`LoginError`]: `Rejected`, also if the person is no longer a member of the organisation;
    /// `RateLimited` or `Unavailable`.
    pub async fn refresh(
        &self,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        self.refresh_for("", None, token, ip).await
    }

    /// As [`refresh`](Self::refresh), for the client that the login is of; of what it may do the
    /// session gets what is in `ceiling`.
    pub(crate) async fn refresh_for(
        &self,
        client: &str,
        ceiling: Option<&Grant>,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        let refreshed = match self.attempts.check_refresh(ip) {
            Ok(()) => self.refreshed(client, ceiling, token, ip).await,
            Err(retry_after) => Err(LoginError::RateLimited { retry_after }),
        };
        self.metrics.count(Attempted::Refresh, (&refreshed).into());
        match &refreshed {
            Ok(logged_in) => self.remember(&logged_in.account, ip).await,
            Err(LoginError::Rejected) => self.attempts.note_refused_refresh(ip),
            Err(_) => {}
        }
        refreshed
    }

    async fn refreshed(
        &self,
        client: &str,
        ceiling: Option<&Grant>,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        let mut tried = 1;
        loop {
            match self.refreshed_once(client, ceiling, token, ip).await {
                // The role may have changed in between: look it up again.
                Err(RefreshError::Change(ChangeError::Contended)) if tried < REFRESHES => {
                    tried += 1;
                }
                Err(error) => return Err(refused_refresh(error)),
                Ok(Some(logged_in)) => return self.settled(logged_in, ip).await,
                Ok(None) => return Err(LoginError::Rejected),
            }
        }
    }

    /// Nothing, if the person is no longer a member: the login has ended then.
    async fn refreshed_once(
        &self,
        client: &str,
        ceiling: Option<&Grant>,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<Option<LoggedIn>, RefreshError> {
        // Who it is shows only in the token.
        let nobody = at(Actor::dangerous_system(), ip);
        let verified = self.registry.verify_refresh(&nobody, token).await?;
        if verified.name() != client {
            return Err(RefreshError::Rejected);
        }
        let account = self.directory.account(verified.user().clone()).await?;
        let memberships = self.directory.memberships(verified.user().clone()).await?;
        let mut memberships = memberships.into_iter();
        let membership = memberships.find(|membership| membership.org.id == *verified.owner());
        let (Some(account), Some(Membership { org, role })) = (account, membership) else {
            let Revoked::Everywhere = self.registry.end_login(&nobody, &verified).await?;
            return Ok(None);
        };
        let actor = Actor::user(org.id.clone(), account.id.clone(), self.roles.scopes(role));
        let grant = self.roles.grant(role);
        let issued = self
            .registry
            .refresh_within(&at(actor, ip), verified, &grant, ceiling, &self.terms)
            .await?;
        Ok(Some(LoggedIn {
            issued,
            account,
            org,
            role,
        }))
    }

    /// Ends the session that asks for it, and what could refresh it.
    ///
    /// # Errors
    /// [`LoginError`]: `SessionRequired` for an API key, or `Unavailable`.
    pub async fn logout(
        &self,
        principal: &Principal,
        ip: Option<IpAddr>,
    ) -> Result<Revoked, LoginError> {
        if principal.kind() != TokenKind::Session || principal.credential().is_none() {
            return Err(LoginError::SessionRequired);
        }
        let actor = at(Actor::from_principal(principal), ip);
        Ok(self.registry.end_session(&actor, principal).await?)
    }

    /// Ends all sessions of the person whose session asks, with whichever organisation, and what
    /// could refresh them; and their sign-ins to the pages, and what they have approved and nobody
    /// has fetched yet. Returns how many sessions and refresh tokens were ended.
    ///
    /// # Errors
    /// [`LoginError`]: `SessionRequired` for an API key, `Limited` for a session that a client was
    /// given, or `Unavailable`.
    pub async fn logout_everywhere(
        &self,
        principal: &Principal,
        ip: Option<IpAddr>,
    ) -> Result<u64, LoginError> {
        let user = principal
            .user()
            .filter(|_| principal.kind() == TokenKind::Session && principal.credential().is_some());
        let user = user.ok_or(LoginError::SessionRequired)?;
        if is_of_client(principal) {
            return Err(LoginError::Limited);
        }
        let actor = at(Actor::from_principal(principal), ip);
        self.end_everywhere(&actor, user).await
    }

    /// Ends all that a person has come in by.
    pub(crate) async fn end_everywhere(
        &self,
        actor: &Actor,
        user: &User,
    ) -> Result<u64, LoginError> {
        // First what sessions could still come of.
        for kind in [TicketKind::Device, TicketKind::Code, TicketKind::Page] {
            for ticket in self.directory.tickets_of(kind, user.clone()).await? {
                self.directory.remove_ticket(kind, ticket.mac).await?;
            }
        }
        Ok(self.registry.end_sessions_of(actor, user).await?)
    }

    /// The address is known to the account from now on.
    pub(crate) async fn remember(&self, account: &Account, ip: Option<IpAddr>) {
        let directory = &*self.directory;
        self.attempts.remember(directory, account, ip).await;
    }

    /// The account, if the password is its own.
    async fn proven(
        &self,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Option<Account>, Unavailable> {
        let found = match email.parse::<Email>() {
            Ok(email) => self.directory.account_by_email(email).await?,
            Err(_) => None,
        };
        let hash = found.as_ref().map(|stored| &stored.password);
        let verdict = match self.passwords.verify(password, hash).await {
            Ok(verdict) => verdict,
            // Nobody's: there is no need to look.
            Err(PasswordError::TooLong) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(match (verdict, found) {
            (PasswordVerdict::Match, Some(stored)) => Some(stored.account),
            (PasswordVerdict::MatchOutdated, Some(stored)) => {
                self.renew_hash(&stored, password).await;
                Some(stored.account)
            }
            (PasswordVerdict::UnknownPepper, _) => {
                let source = "the pepper of its hash was not given";
                return Err(Unavailable::permanent(
                    "the password could not be checked",
                    source,
                ));
            }
            _ => None,
        })
    }

    /// Stores a new hash of a password that is right. A failure is left for the next login.
    async fn renew_hash(&self, stored: &StoredAccount, password: &Secret<String>) {
        let id = stored.account.id.clone();
        let new = match self.passwords.hash(password).await {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(user = %id, error = %error, "a password was not hashed anew");
                return;
            }
        };
        let old = stored.password.clone();
        let replaced = self.directory.replace_password_hash(id.clone(), old, new);
        match replaced.await {
            // If overtaken, the password was changed meanwhile, or renewed by another login.
            Ok(Replaced::Done | Replaced::Overtaken) => {}
            Err(error) => {
                tracing::warn!(user = %id, error = %error, "a new password hash was not stored");
            }
        }
    }
}

fn refused_refresh(error: RefreshError) -> LoginError {
    match error {
        RefreshError::Rejected => LoginError::Rejected,
        RefreshError::Change(error) => error.into(),
        other => Unavailable::permanent("the refresh token could not be checked", other).into(),
    }
}
