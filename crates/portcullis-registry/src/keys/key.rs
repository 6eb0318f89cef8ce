//! What is shown of a key.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_limit::Quota;
use portcullis_scope::Grant;
use portcullis_token::{Hint, TokenKind};

use crate::{
    Actor, ChangeError, CreatedBy, CredentialRecord, Meta, Networks, Owner, PrefixedId, Registry,
    State, Usage, User,
};

/// Everything of an API key that may be shown.
#[derive(Clone, Debug)]
pub struct ApiKeyInfo {
    record: CredentialRecord,
    usage: Usage,
    hint: Hint,
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

    /// The prefix of the foreign keys that it is one of, if it was imported; it may be empty.
    #[must_use]
    pub fn imported(&self) -> Option<&str> {
        self.record.imported.as_deref()
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

    /// From where it is accepted.
    #[must_use]
    pub const fn networks(&self) -> &Networks {
        &self.record.networks
    }

    /// Its own quota, which goes before that of its owner's plan.
    #[must_use]
    pub const fn quota(&self) -> Option<Quota> {
        self.record.quota
    }

    /// The key whose place it took, if it was made by a rotation.
    #[must_use]
    pub fn replaces(&self) -> Option<PrefixedId> {
        let id = self.record.replaces();
        id.map(|id| PrefixedId(TokenKind::ApiKey, id))
    }

    /// The key that took its place, if it was rotated: it ends when the overlap does.
    #[must_use]
    pub fn successor(&self) -> Option<PrefixedId> {
        let id = self.record.successor;
        id.map(|id| PrefixedId(TokenKind::ApiKey, id))
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
    pub(crate) fn info(&self, record: CredentialRecord, usage: Usage) -> ApiKeyInfo {
        let hint = match &record.imported {
            Some(prefix) => Hint::of_imported(prefix),
            None => {
                let format = &self.inner.format;
                format.hint(record.kind, record.environment, record.id)
            }
        };
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

    pub(crate) async fn read_key(
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
