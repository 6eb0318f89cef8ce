//! Issuing keys.

use portcullis_core::Timestamp;
use portcullis_scope::{Grant, Scope};
use portcullis_token::{ApiKey, Minted, TokenKind};
use serde_json::json;

use super::ApiKeyInfo;
use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Filter, Meta, Networks, Of, Owner, Query,
    Registry, State, Usage, Version,
    change::{TRIES, Try},
};

/// How many live keys an owner may have. A soft cap: keys that are made at once may pass it.
const KEYS_PER_OWNER: u64 = 1_000;

/// A key to be issued.
#[derive(Clone, Debug)]
pub struct NewKey {
    owner: Owner,
    name: String,
    grant: Grant,
    expires_at: Option<Timestamp>,
    meta: Meta,
}

impl NewKey {
    /// A key of `owner`, called `name`, with these scopes; without expiry.
    #[must_use]
    pub fn new(owner: Owner, name: &str, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self::with_grant(owner, name, scopes.into_iter().collect())
    }

    /// A key as [`new`](Self::new), with a grant.
    #[must_use]
    pub fn with_grant(owner: Owner, name: &str, grant: Grant) -> Self {
        Self {
            owner,
            name: name.into(),
            grant,
            expires_at: None,
            meta: Meta::NONE,
        }
    }

    /// From when the key is no longer accepted.
    #[must_use]
    pub const fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The application's own data, which comes back in the principal.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        self.meta = meta;
        self
    }
}

/// A key that was just issued: the only time that its token is to be had.
#[derive(Debug)]
pub struct IssuedKey {
    /// The whole token. Shown once, kept nowhere.
    pub token: Minted<ApiKey>,
    /// What is kept of it.
    pub key: ApiKeyInfo,
}

impl Registry {
    /// Issues a key. It is durable when this returns.
    ///
    /// A key made by a key never outlives it: without an expiry it takes that of its maker.
    ///
    /// # Errors
    /// [`ChangeError`]; no key was issued. `NotFound` for another owner than the actor's, `Ended`
    /// for an actor whose own credential was revoked, disabled or expired meanwhile.
    pub async fn issue_key(&self, actor: &Actor, new: NewKey) -> Result<IssuedKey, ChangeError> {
        Self::authorise(actor, &new.owner)?;
        let name = checked_name(&new.name)?;
        let now = self.inner.clock.now();
        if let Some(at) = new.expires_at.filter(|at| *at <= now) {
            return Err(ChangeError::PastExpiry { at });
        }
        let query = Query {
            of: Of::Keys(new.owner.clone()),
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: 1,
        };
        if self.inner.store.list(query).await?.total >= KEYS_PER_OWNER {
            return Err(ChangeError::TooMany {
                limit: KEYS_PER_OWNER,
            });
        }

        let token = self.inner.format.mint::<ApiKey>()?;
        let (pepper, mac) = self.inner.peppers.mac(token.tail());
        let mut record = CredentialRecord {
            id: token.id(),
            kind: TokenKind::ApiKey,
            environment: token.environment(),
            version: Version(0),
            pepper,
            mac,
            owner: new.owner,
            user: actor.person().cloned(),
            name,
            grant: Grant::none(),
            meta: new.meta,
            state: State::Enabled,
            created_at: now,
            updated_at: now,
            expires_at: None,
            idle_ttl: None,
            created_by: actor.created_by(),
            family: None,
            successor: None,
            networks: Networks::ANY,
            quota: None,
            imported: None,
        };
        for _ in 0..TRIES {
            let standing = self.standing(actor).await?;
            record.grant = self.attenuated(&standing, &new.grant)?;
            record.expires_at = capped(new.expires_at, standing.latest)?;
            let details = json!({
                "name": record.name,
                "scopes": record.grant.names().collect::<Vec<_>>(),
                "expiresAt": record.expires_at,
            });
            let audit = self.audit(actor, "key.issued", &record, details);
            let batch = Batch {
                unchanged: standing.unchanged,
                credentials: vec![record.clone()],
                audit: vec![audit],
                ..Batch::default()
            };
            if let Try::Done = self.commit(batch).await? {
                record.version = Version(1);
                return Ok(IssuedKey {
                    token,
                    key: self.info(record, Usage::default()),
                });
            }
        }
        Err(ChangeError::Contended)
    }
}

/// The expiry of a key whose maker's is `latest`.
fn capped(
    wanted: Option<Timestamp>,
    latest: Option<Timestamp>,
) -> Result<Option<Timestamp>, ChangeError> {
    match (wanted, latest) {
        (Some(wanted), Some(latest)) if wanted > latest => {
            Err(ChangeError::OutlivesMaker { latest })
        }
        (wanted, latest) => Ok(wanted.or(latest)),
    }
}

/// A name as it is kept: without white space around it.
pub(super) fn checked_name(name: &str) -> Result<String, ChangeError> {
    let name = name.trim();
    let is_short = (1..=100).contains(&name.chars().count());
    if is_short && !name.chars().any(char::is_control) {
        Ok(name.into())
    } else {
        Err(ChangeError::Name)
    }
}
