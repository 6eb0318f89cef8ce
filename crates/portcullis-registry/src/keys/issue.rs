//! Issuing keys.

use portcullis_core::Timestamp;
use portcullis_limit::Quota;
use portcullis_scope::{Grant, Scope};
use portcullis_token::{ApiKey, Minted, TokenKind};
use serde_json::{Map, Value, json};

use super::ApiKeyInfo;
use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Filter, Meta, Networks, Of, Owner,
    Query, Registry, State, Usage, Version,
    change::{TRIES, Try},
};

/// How many keys that have not ended an owner may have. A soft cap: keys that are made at once may
/// pass it.
pub(super) const KEYS_PER_OWNER: u64 = 1_000;

/// A key to be issued.
#[derive(Clone, Debug)]
pub struct NewKey {
    owner: Owner,
    name: String,
    grant: Grant,
    expires_at: Option<Timestamp>,
    meta: Meta,
    networks: Option<Networks>,
    quota: Option<Quota>,
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
            networks: None,
            quota: None,
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

    /// From where the key is accepted; from anywhere, or as the key that makes it, unless said.
    #[must_use]
    pub fn with_networks(mut self, networks: Networks) -> Self {
        self.networks = Some(networks);
        self
    }

    /// A quota of its own, which goes before that of its owner's plan; the application alone may
    /// say one.
    #[must_use]
    pub const fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
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
    /// A key made by a key never outlives it: without an expiry it takes that of its maker. So it
    /// does with the networks and the quota of its maker.
    ///
    /// # Errors
    /// [`ChangeError`]; no key was issued, but after `Store` that is not known: look for one of this
    /// name, whose token nobody has. `NotFound` for another owner than the actor's, `Ended`
    /// for an actor whose own credential, or one that it falls with, was revoked, disabled or
    /// expired meanwhile, `QuotaReserved` for a quota unless the application itself asks, `TooMany`
    /// if the owner has 1,000 keys that have not ended.
    pub async fn issue_key(&self, actor: &Actor, new: NewKey) -> Result<IssuedKey, ChangeError> {
        Self::authorise(actor, &new.owner)?;
        if new.quota.is_some() && !actor.is_system() {
            return Err(ChangeError::QuotaReserved);
        }
        let name = checked_name(&new.name)?;
        let now = self.inner.clock.now();
        if let Some(at) = new.expires_at.filter(|at| *at <= now) {
            return Err(ChangeError::PastExpiry { at });
        }
        self.check_room(&new.owner, KEYS_PER_OWNER).await?;
        let token = self.inner.format.mint::<ApiKey>()?;
        let mut record = self.blank(&token, new.owner, now);
        record.user = actor.person().cloned();
        record.name = name;
        record.meta = new.meta;
        record.created_by = actor.created_by();
        for _ in 0..TRIES {
            let standing = self.standing(actor).await?;
            record.grant = self.attenuated(&standing, &new.grant)?;
            record.expires_at = capped(new.expires_at, standing.latest)?;
            record.networks = within(new.networks.as_ref(), &standing.networks)?;
            record.quota = new.quota.or(standing.quota);
            let audit = self.audit(actor, "key.issued", &record, described(&record).into());
            let batch = Batch {
                credentials: vec![record.clone()],
                audit: vec![audit],
                ..standing.batch()
            };
            if let Try::Done = self.commit(batch).await? {
                self.note_handed_on(actor, &self.inner.catalogue.resolve(&record.grant));
                record.version = Version(1);
                return Ok(IssuedKey {
                    token,
                    key: self.info(record, Usage::default()),
                });
            }
        }
        Err(ChangeError::Contended)
    }

    /// The record of a new key that may do nothing yet.
    pub(super) fn blank(
        &self,
        token: &Minted<ApiKey>,
        owner: Owner,
        now: Timestamp,
    ) -> CredentialRecord {
        let (pepper, mac) = self.inner.peppers.mac(token.tail());
        CredentialRecord {
            id: token.id(),
            kind: TokenKind::ApiKey,
            environment: token.environment(),
            version: Version(0),
            pepper,
            mac,
            owner,
            user: None,
            name: String::new(),
            grant: Grant::none(),
            meta: Meta::NONE,
            state: State::Enabled,
            created_at: now,
            updated_at: now,
            expires_at: None,
            idle_ttl: None,
            created_by: CreatedBy::System,
            family: None,
            successor: None,
            ceiling: None,
            networks: Networks::ANY,
            quota: None,
            imported: None,
        }
    }

    /// Refuses one key more than an owner may have, of those that have not ended.
    pub(super) async fn check_room(&self, owner: &Owner, limit: u64) -> Result<(), ChangeError> {
        let query = Query {
            of: Of::Keys(owner.clone()),
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: 1,
        };
        if self.inner.store.list(query).await?.total < limit {
            return Ok(());
        }
        let keys = self.all(Of::Keys(owner.clone())).await?;
        let now = self.inner.clock.now();
        let lasting = keys
            .iter()
            .filter(|key| key.expires_at.is_none_or(|end| now < end));
        let lasting = u64::try_from(lasting.count()).unwrap_or(u64::MAX);
        if lasting < limit {
            Ok(())
        } else {
            Err(ChangeError::TooMany { limit })
        }
    }
}

/// What an audit entry says of a new key: what is unusual of it only where it is.
pub(super) fn described(record: &CredentialRecord) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("name".into(), json!(record.name));
    let scopes: Vec<_> = record.grant.names().collect();
    details.insert("scopes".into(), json!(scopes));
    details.insert("expiresAt".into(), json!(record.expires_at));
    if !record.networks.is_any() {
        let networks: Vec<_> = record.networks.names().collect();
        details.insert("networks".into(), json!(networks));
    }
    if let Some(quota) = record.quota {
        details.insert("quota".into(), json!(quota));
    }
    details
}

/// The networks of a key whose maker's are these.
pub(super) fn within(
    wanted: Option<&Networks>,
    makers: &Networks,
) -> Result<Networks, ChangeError> {
    let wanted = wanted.unwrap_or(makers);
    if wanted.is_within(makers) {
        Ok(wanted.clone())
    } else {
        Err(ChangeError::OutsideNetworks {
            within: makers.clone(),
        })
    }
}

/// The expiry of a key whose maker's is `latest`.
pub(super) fn capped(
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
