//! Credentials that have got into the wrong hands.

use portcullis_core::Secret;
use portcullis_token::{AnyToken, TokenKind, Verified};

use super::Action;
use crate::{Actor, ChangeError, CredentialRecord, Found, Key, Registry, StoreError};

/// What came of the report of a leak.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leak {
    /// It was a credential, and is none any more, on any node; so is every key that it made.
    Revoked,
    /// It is none of this service's.
    Unknown,
}

impl Registry {
    /// Revokes a credential because somebody has it who should not: whoever holds one may say so.
    ///
    /// A key falls with every key that was made by it, as by [`revoke_key`](Self::revoke_key), also
    /// if it is disabled or has expired; a session, or a refresh token, with its login. One that was
    /// revoked before is [`Leak::Revoked`] again, and what an earlier call may have left is revoked
    /// now. The text is verified first: without the secret nobody revokes anything. It reads the
    /// store, so bound how often a stranger may ask.
    ///
    /// # Errors
    /// [`ChangeError::Contended`] and [`ChangeError::Store`]: ask again.
    pub async fn report_leak(
        &self,
        actor: &Actor,
        text: &Secret<String>,
    ) -> Result<Leak, ChangeError> {
        const REPORTED: Action = Action::Named("leak.reported");
        let text = text.expose().as_bytes();
        let found = match self.inner.format.recognize(text) {
            Ok(token) => self.proven(&token).await?,
            Err(_) => self.find_imported(text).await?,
        };
        let Some(record) = found else {
            return Ok(Leak::Unknown);
        };
        match (record.kind, record.family) {
            (TokenKind::ApiKey, _) => {
                self.fell(actor, vec![record], REPORTED).await?;
            }
            (_, Some(family)) => self.end_family(actor, family, REPORTED).await?,
            (_, None) => {
                self.revoke_all(actor, vec![record], REPORTED).await?;
                self.follow_changes().await?;
            }
        }
        Ok(Leak::Revoked)
    }

    /// The record of one of our own tokens, whatever has become of it, if the secret is right.
    async fn proven(&self, token: &AnyToken<'_>) -> Result<Option<CredentialRecord>, StoreError> {
        let found = {
            let _turn = self.cold_read().await;
            self.read(token.id()).await?
        };
        let is_meant = |record: &CredentialRecord| {
            record.kind == token.kind()
                && record.environment == token.environment()
                && record.imported.is_none()
        };
        let Some(record) = found.map(|(record, _)| record).filter(is_meant) else {
            return Ok(None);
        };
        match self
            .inner
            .peppers
            .verify(token.tail(), record.pepper, &record.mac)
        {
            Verified::Match | Verified::MatchOld => Ok(Some(record)),
            Verified::Mismatch => Ok(None),
            Verified::UnknownPepper => Err(StoreError::permanent(
                "the credential can't be verified",
                "the pepper that it is under was not given",
            )),
        }
    }

    /// The record of a key of another system: only its holder knows the text that it is found by.
    async fn find_imported(&self, text: &[u8]) -> Result<Option<CredentialRecord>, StoreError> {
        for (version, mac) in self.imported_macs(text) {
            let snapshot = {
                let _turn = self.cold_read().await;
                self.inner.store.get(Key::Imported(version, mac)).await?
            };
            if let Found::Credential { record, .. } = snapshot.found {
                return Ok(Some(*record));
            }
        }
        Ok(None)
    }
}
