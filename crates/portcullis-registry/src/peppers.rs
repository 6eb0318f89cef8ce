//! The peppers of a store: noted when it is opened, counted, retired.

use std::collections::HashSet;

use portcullis_token::{PepperRing, PepperVersion, TokenKind};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Batch, ChangeError, CommitError, CredentialRecord, Filter, Key, Of,
    OpenError, PepperRecord, Query, Registry, Snapshot, Store, StoreError,
    change::{TRIES, Try},
    keys::Action,
};

const RETIRED: Action = Action::Named("pepper.retired");

/// How many credentials a pepper is needed for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PepperUse {
    /// Its version.
    pub version: PepperVersion,
    /// Whether it is the one that new credentials are under.
    pub is_current: bool,
    /// How many credentials are under it that are not revoked, ended ones too: those are revoked
    /// when it is retired.
    pub credentials: u64,
}

/// What becomes of the credentials that are still under a pepper when it is retired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retirement {
    /// There must be none.
    IfUnused,
    /// They are revoked: whoever has not used one since the change of pepper needs another.
    RevokeRest,
}

/// Why a pepper was not retired.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// Only the application itself retires a pepper: it is everybody's.
    #[error("a pepper is retired by the application itself")]
    Reserved,
    /// The store knows no pepper of this version.
    #[error("the store knows no pepper {version}")]
    Unknown {
        /// The version that was asked for.
        version: PepperVersion,
    },
    /// It is the one that new credentials are under.
    #[error("pepper {version} is the current one: make another current first")]
    Current {
        /// The pepper's version.
        version: PepperVersion,
    },
    /// Credentials are under it. What had ended by itself is revoked already.
    #[error(
        "{credentials} credentials are still under pepper {version}: each is brought under the \
         current one when it is used; wait, or revoke the rest"
    )]
    InUse {
        /// The pepper's version.
        version: PepperVersion,
        /// How many of them are not revoked.
        credentials: u64,
    },
    /// The change could not be made. What had ended by itself may be revoked, and with
    /// [`Retirement::RevokeRest`] some of the rest: ask again.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for RetireError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Registry {
    /// The peppers that the store knows, and how many credentials are under each.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn pepper_use(&self) -> Result<Vec<PepperUse>, StoreError> {
        let known = self.inner.store.get(Key::Peppers).await?;
        let mut uses = Vec::with_capacity(known.peppers().len());
        for pepper in known.peppers() {
            uses.push(PepperUse {
                version: pepper.version,
                is_current: pepper.version == self.inner.peppers.current(),
                credentials: self.count_under(pepper.version).await?,
            });
        }
        Ok(uses)
    }

    /// Makes the store forget a pepper, so that the service can start without it.
    ///
    /// The last step of a change of pepper: every node accepts the new one, then every node makes
    /// it current, and credentials are brought under it as they are used; what is then left under
    /// the old one is what nobody used. Leave the pepper out of the peppers file afterwards, never
    /// before. Imported keys are brought under the current pepper in the same way.
    ///
    /// What has ended, and refresh tokens that are used up, don't count: they are revoked. With
    /// [`Retirement::RevokeRest`] sessions and refresh tokens fall alone, keys with what they made.
    /// Imported keys that were revoked under the pepper can't be told from new ones afterwards, so
    /// [`import`](Self::import) is refused from then on unless it is forced.
    ///
    /// # Errors
    /// [`RetireError`]; the pepper is known as before.
    pub async fn retire_pepper(
        &self,
        actor: &Actor,
        version: PepperVersion,
        retirement: Retirement,
    ) -> Result<(), RetireError> {
        if !actor.is_system() {
            return Err(RetireError::Reserved);
        }
        if version == self.inner.peppers.current() {
            return Err(RetireError::Current { version });
        }
        let known = self.inner.store.get(Key::Peppers).await?;
        if known.fingerprint(version).is_none() {
            return Err(RetireError::Unknown { version });
        }
        // What has verified here and is not yet written counts as used.
        self.flush().await?;
        let mut revoked: u64 = 0;
        for _ in 0..TRIES {
            let mut ended = self.all(Of::Pepper(version)).await?;
            ended.retain(|record| self.is_over(record));
            self.revoke_all(actor, ended, RETIRED).await?;
            let credentials = self.count_under(version).await?;
            match retirement {
                _ if credentials == 0 => {}
                Retirement::IfUnused => {
                    return Err(RetireError::InUse {
                        version,
                        credentials,
                    });
                }
                Retirement::RevokeRest => {
                    let rest = self.all(Of::Pepper(version)).await?;
                    let (keys, others): (Vec<_>, Vec<_>) = rest
                        .into_iter()
                        .partition(|record| record.kind == TokenKind::ApiKey);
                    self.revoke_all(actor, others, RETIRED).await?;
                    self.fell(actor, keys, RETIRED).await?;
                    revoked = revoked.saturating_add(credentials);
                }
            }
            let audit = AuditEntry {
                at: self.inner.clock.now(),
                actor: actor.audit_name(),
                action: "pepper.retired".into(),
                target: format!("pepper {version}"),
                owner: None,
                ip: actor.ip(),
                details: json!({ "revoked": revoked }),
            };
            let batch = Batch {
                forgotten_peppers: vec![version],
                audit: vec![audit],
                ..Batch::default()
            };
            // Overtaken by a credential that another node put under it meanwhile.
            if let Try::Done = self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(ChangeError::Contended.into())
    }

    /// Whether a credential is over: it has ended, or it is a refresh token that is used up.
    fn is_over(&self, record: &CredentialRecord) -> bool {
        let is_used_up = record.kind != TokenKind::ApiKey && record.successor.is_some();
        is_used_up || self.has_ended(record)
    }

    async fn count_under(&self, version: PepperVersion) -> Result<u64, StoreError> {
        let query = Query {
            of: Of::Pepper(version),
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: 0,
        };
        Ok(self.inner.store.list(query).await?.total)
    }
}

/// Refuses a store that was written under peppers we lack.
pub(crate) fn check_peppers(known: &Snapshot, ring: &PepperRing) -> Result<(), OpenError> {
    for pepper in known.peppers() {
        let version = pepper.version;
        match ring.fingerprint(version) {
            None => return Err(OpenError::PepperMissing { version }),
            Some(given) if given != pepper.fingerprint => {
                return Err(OpenError::PepperMismatch { version });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Notes the peppers that are new to a store.
///
/// One that was retired is not new: it is below one that the store knows, and not the current one.
pub(crate) async fn note_peppers(
    store: &dyn Store,
    known: &Snapshot,
    ring: &PepperRing,
) -> Result<(), OpenError> {
    let noted: HashSet<_> = known
        .peppers()
        .iter()
        .map(|pepper| pepper.version)
        .collect();
    let newest = noted.iter().max().copied();
    let is_new = |version: &PepperVersion| {
        !noted.contains(version) && (Some(*version) > newest || *version == ring.current())
    };
    let record = |version| {
        ring.fingerprint(version).map(|fingerprint| PepperRecord {
            version,
            fingerprint,
        })
    };
    let new = ring
        .versions()
        .into_iter()
        .filter(is_new)
        .filter_map(record);
    let batch = Batch {
        peppers: new.collect(),
        ..Batch::default()
    };
    if batch.is_empty() {
        return Ok(());
    }
    match store.commit(batch).await {
        Ok(_) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(_) => Err(OpenError::PepperMismatch {
            version: ring.current(),
        }),
    }
}
