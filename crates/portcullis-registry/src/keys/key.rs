//! What is shown of a key, and lists of them.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::Grant;
use portcullis_token::{Hint, TokenKind};

use crate::{
    Actor, ChangeError, CreatedBy, CredentialRecord, Cursor, Filter, Meta, Of, Owner, PrefixedId,
    Query, Registry, State, Usage, User,
};

/// Everything of an API key that may be shown.
#[derive(Clone, Debug)]
pub struct ApiKeyInfo {
    record: CredentialRecord,
    usage: Usage,
    hint: Hint,
}

/// Which part of a list to read.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// Only what comes after this place.
    pub after: Option<Cursor>,
    /// How many to pass over, after that.
    pub offset: u64,
    /// How many to return: 1 to 100, others are taken as the nearest.
    pub limit: usize,
}

impl Default for Listing {
    /// The newest 50.
    fn default() -> Self {
        Self {
            after: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// A part of an owner's keys, newest first.
#[derive(Clone, Debug)]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<ApiKeyInfo>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
    /// How many keys the owner has in all.
    pub total: u64,
}

impl ApiKeyInfo {
    pub(super) const fn new(record: CredentialRecord, usage: Usage, hint: Hint) -> Self {
        Self {
            record,
            usage,
            hint,
        }
    }

    /// The id.
    #[must_use]
    pub const fn credential(&self) -> CredentialId {
        self.record.id
    }

    /// The id as it stands in APIs: `key_…`.
    #[must_use]
    pub const fn id(&self) -> PrefixedId {
        PrefixedId(self.record.kind, self.record.id)
    }

    /// What the owner calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Enough of the token to recognise it by, and nothing of its secret.
    #[must_use]
    pub const fn hint(&self) -> &Hint {
        &self.hint
    }

    /// Whom it belongs to.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.record.owner
    }

    /// Who made it, if a person did.
    #[must_use]
    pub const fn user(&self) -> Option<&User> {
        self.record.user.as_ref()
    }

    /// What it may do, as it was granted.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.record.grant
    }

    /// The application's own data.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.record.meta
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.record.state == State::Enabled
    }

    /// From when it is no longer accepted, if ever.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.record.expires_at
    }

    /// When it was issued.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// When it was last changed.
    #[must_use]
    pub const fn updated_at(&self) -> Timestamp {
        self.record.updated_at
    }

    /// Who made it.
    #[must_use]
    pub const fn created_by(&self) -> &CreatedBy {
        &self.record.created_by
    }

    /// How it was used, up to the last flush.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }
}

impl Registry {
    pub(super) fn info(&self, record: CredentialRecord, usage: Usage) -> ApiKeyInfo {
        let hint = self
            .inner
            .format
            .hint(record.kind, record.environment, record.id);
        ApiKeyInfo::new(record, usage, hint)
    }

    /// Reads a key that the actor may see.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for one that is unknown, revoked or of another owner;
    /// [`ChangeError::Store`].
    pub async fn key(&self, actor: &Actor, id: CredentialId) -> Result<ApiKeyInfo, ChangeError> {
        let (record, usage) = self.read_key(actor, id).await?;
        Ok(self.info(record, usage))
    }

    /// Lists the keys of an owner, newest first; disabled and expired ones too.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; [`ChangeError::Store`].
    pub async fn keys(
        &self,
        actor: &Actor,
        owner: &Owner,
        listing: Listing,
    ) -> Result<KeyList, ChangeError> {
        Self::authorise(actor, owner)?;
        let Listing {
            after,
            offset,
            limit,
        } = listing;
        let query = Query {
            of: Of::Keys(owner.clone()),
            filter: Filter::default(),
            after,
            offset,
            limit: limit.clamp(1, 100),
        };
        let page = self.inner.store.list(query).await?;
        let keys = page
            .items
            .into_iter()
            .map(|(record, usage)| self.info(record, usage));
        Ok(KeyList {
            keys: keys.collect(),
            next: page.next,
            total: page.total,
        })
    }

    pub(super) async fn read_key(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<(CredentialRecord, Usage), ChangeError> {
        let found = self.read(id).await?;
        let is_live = |record: &CredentialRecord| {
            record.kind == TokenKind::ApiKey && record.state != State::Revoked
        };
        let (record, usage) = found
            .filter(|(record, _)| is_live(record))
            .ok_or(ChangeError::NotFound)?;
        Self::authorise(actor, &record.owner)?;
        Ok((record, usage))
    }
}
