//! The peppers of a store: noted when it is opened, counted, retired.

use std::collections::HashSet;

use portcullis_token::{PepperRing, PepperVersion};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Batch, ChangeError, CommitError, Filter, Key, Of, OpenError, PepperRecord,
    Query, Registry, Snapshot, Store, StoreError,
    change::{TRIES, Try},
};

/// How many credentials are under a pepper.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PepperUse {
    /// Its version.
    pub version: PepperVersion,
    /// Whether it is the one that new credentials are under.
    pub is_current: bool,
    /// How many credentials are under it that are not revoked, expired ones too.
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
    /// It is the one that new credentials are under.
    #[error("pepper {version} is the current one: make another current first")]
    Current {
        /// The pepper's version.
        version: PepperVersion,
    },
    /// Credentials are under it.
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
    /// The change could not be made. With [`Retirement::RevokeRest`] some may be revoked: ask again.
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
    /// # Errors
    /// [`RetireError`]; the pepper is known as before.
    pub async fn retire_pepper(
        &self,
        actor: &Actor,
        version: PepperVersion,
        retirement: Retirement,
    ) -> Result<(), RetireError> {
        if version == self.inner.peppers.current() {
            return Err(RetireError::Current { version });
        }
        // What has verified here and is not yet written counts as used.
        self.flush().await?;
        let mut revoked: u64 = 0;
        for _ in 0..TRIES {
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
                    for credential in self.all(Of::Pepper(version)).await? {
                        self.revoke_with_descendants(actor, credential, "pepper.retired")
                            .await?;
                    }
                    revoked = revoked.saturating_add(credentials);
                }
            }
            let audit = AuditEntry {
                at: self.inner.clock.now(),
                actor: actor.audit_name(),
                action: "pepper.retired",
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

/// Refuses a store that was written under peppers we lack, and notes those that are new to it.
pub(crate) async fn note_peppers(
    store: &dyn Store,
    known: &Snapshot,
    ring: &PepperRing,
) -> Result<(), OpenError> {
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
    let noted: HashSet<_> = known
        .peppers()
        .iter()
        .map(|pepper| pepper.version)
        .collect();
    let record = |version| {
        ring.fingerprint(version).map(|fingerprint| PepperRecord {
            version,
            fingerprint,
        })
    };
    let new = ring
        .versions()
        .into_iter()
        .filter(|version| !noted.contains(version))
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
