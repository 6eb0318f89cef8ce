//! Starting sessions.

use std::time::Duration;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::Grant;
use portcullis_token::{Kind, Mac, Minted, PepperVersion, Refresh, Session};
use serde_json::json;

use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Meta, Networks, Owner, Registry, State,
    User, Version, change::Try,
};

/// For how long sessions and refresh tokens last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionTerms {
    /// A session ends so long after its start, whatever happens: 12 hours by default.
    pub ttl: Duration,
    /// A session ends when it goes unused for so long: 1 hour by default.
    pub idle_ttl: Duration,
    /// A refresh token ends so long after it was issued: 30 days by default.
    pub refresh_ttl: Duration,
}

impl Default for SessionTerms {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(12 * 60 * 60),
            idle_ttl: Duration::from_secs(60 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// A session to be started: a user, speaking for an owner, with a grant.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// For whom the session speaks.
    pub owner: Owner,
    /// Whose it is.
    pub user: User,
    /// What it may do.
    pub grant: Grant,
    /// What it is limited to, if it is to do less than its user: of the grant it gets what is in
    /// here as well, and so it does when the user's role changes.
    pub ceiling: Option<Grant>,
    /// What it is called: the client that it was made for, say. May be empty.
    pub name: String,
    /// For how long.
    pub terms: SessionTerms,
}

impl NewSession {
    /// A session that may do all of a grant, without a name.
    #[must_use]
    pub const fn new(owner: Owner, user: User, grant: Grant, terms: SessionTerms) -> Self {
        Self {
            owner,
            user,
            grant,
            ceiling: None,
            name: String::new(),
            terms,
        }
    }
}

/// A session that was just started: the only time that its tokens are to be had.
#[derive(Debug)]
pub struct IssuedSession {
    /// The token of the session.
    pub token: Minted<Session>,
    /// What it is refreshed with, once.
    pub refresh: Minted<Refresh>,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// For whom it speaks.
    pub owner: Owner,
    /// Whose it is.
    pub user: User,
}

impl Registry {
    /// Starts a session for a user who has proved to be one. It is durable when this returns.
    ///
    /// The actor is the application itself or the user; a person who is signed in with one of our
    /// sessions gives no more scopes than that has. A user has at most 100 sessions: beyond
    /// that the newest of each login stays, and of those the newest 100.
    ///
    /// # Errors
    /// [`ChangeError`]: `SessionRequired` for a key, `NotFound` for another user or owner than the
    /// actor's, `Excess` or `UnknownScope` for the grant, `Store`, `Generator`. After `Contended`
    /// or `Store` a session may have been started whose token nobody has.
    pub async fn start_session(
        &self,
        actor: &Actor,
        new: NewSession,
    ) -> Result<IssuedSession, ChangeError> {
        Self::authorise(actor, &new.owner)?;
        if actor.key().is_some() {
            return Err(ChangeError::SessionRequired);
        }
        if actor.person().is_some_and(|person| *person != new.user) {
            return Err(ChangeError::NotFound);
        }
        let standing = match actor.credential() {
            Some(_) => self.standing(actor).await?,
            None => self.standing_at_login(actor),
        };
        let grant = self.within(new.ceiling.as_ref(), &new.grant)?;
        let grant = self.attenuated(&standing, &grant)?;
        let refresh = self.inner.format.mint::<Refresh>()?;
        let created_by = CreatedBy::User(new.user.clone());
        let pair = Pair {
            owner: new.owner,
            user: new.user,
            grant,
            ceiling: new.ceiling,
            name: new.name,
            family: refresh.id(),
        };
        let (issued, records) = self.pair(pair, refresh, created_by, &new.terms)?;
        let details = json!({ "expiresAt": issued.expires_at });
        let audit = records
            .first()
            .map(|session| self.audit(actor, "session.started", session, details));
        let batch = Batch {
            credentials: records.into(),
            audit: audit.into_iter().collect(),
            ..standing.batch()
        };
        match self.commit(batch).await? {
            Try::Done => {
                self.end_beyond_cap(actor, &issued.user).await;
                Ok(issued)
            }
            Try::Overtaken => Err(ChangeError::Contended),
        }
    }

    /// What of a grant is within a ceiling: all, if there is none.
    ///
    /// A ceiling is kept for as long as the login, so it may name scopes that the catalogue has
    /// given up meanwhile: they allow nothing.
    pub(super) fn within(
        &self,
        ceiling: Option<&Grant>,
        grant: &Grant,
    ) -> Result<Grant, ChangeError> {
        let Some(ceiling) = ceiling else {
            return Ok(grant.clone());
        };
        let catalogue = &self.inner.catalogue;
        catalogue
            .check_known(grant)
            .map_err(ChangeError::UnknownScope)?;
        let (ceiling, grant) = (catalogue.resolve(ceiling), catalogue.resolve(grant));
        Ok(catalogue.grant(&ceiling.intersect(&grant)))
    }

    /// Makes a session and a refresh token of one family, as tokens and as records to be written.
    pub(super) fn pair(
        &self,
        pair: Pair,
        refresh: Minted<Refresh>,
        created_by: CreatedBy,
        terms: &SessionTerms,
    ) -> Result<(IssuedSession, [CredentialRecord; 2]), ChangeError> {
        let token = self.inner.format.mint::<Session>()?;
        let now = self.inner.clock.now();
        let expires_at = now.saturating_add(terms.ttl);
        let session_mac = self.inner.peppers.mac(token.tail());
        let refresh_mac = self.inner.peppers.mac(refresh.tail());
        let mut session = pair.record(&token, session_mac, now, expires_at, created_by.clone());
        session.idle_ttl = Some(terms.idle_ttl);
        let refresh_end = now.saturating_add(terms.refresh_ttl);
        let refresh_record = pair.record(&refresh, refresh_mac, now, refresh_end, created_by);
        let issued = IssuedSession {
            token,
            refresh,
            expires_at,
            owner: pair.owner,
            user: pair.user,
        };
        Ok((issued, [session, refresh_record]))
    }
}

/// What a session and its refresh token share.
pub(super) struct Pair {
    pub(super) owner: Owner,
    pub(super) user: User,
    pub(super) grant: Grant,
    pub(super) ceiling: Option<Grant>,
    pub(super) name: String,
    pub(super) family: CredentialId,
}

impl Pair {
    fn record<K: Kind>(
        &self,
        token: &Minted<K>,
        (pepper, mac): (PepperVersion, Mac),
        now: Timestamp,
        expires_at: Timestamp,
        created_by: CreatedBy,
    ) -> CredentialRecord {
        CredentialRecord {
            id: token.id(),
            kind: K::KIND,
            environment: token.environment(),
            version: Version(0),
            pepper,
            mac,
            owner: self.owner.clone(),
            user: Some(self.user.clone()),
            name: self.name.clone(),
            grant: self.grant.clone(),
            ceiling: self.ceiling.clone(),
            meta: Meta::NONE,
            state: State::Enabled,
            created_at: now,
            updated_at: now,
            expires_at: Some(expires_at),
            idle_ttl: None,
            created_by,
            family: Some(self.family),
            successor: None,
            networks: Networks::ANY,
            quota: None,
            imported: None,
        }
    }
}
