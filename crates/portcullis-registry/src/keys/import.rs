//! Importing the keys of another system, of which only the digests are known.

use std::collections::HashSet;

use portcullis_core::Timestamp;
use portcullis_limit::Quota;
use portcullis_scope::{Grant, Scope};
use portcullis_token::{ApiKey, ImportedScheme, KeyDigest, Mac, PepperVersion, TokenKind};
use serde_json::json;

use super::issue::{capped, checked_name, described, within};
use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Found, Key, Meta, Networks, Owner, Registry,
    State, StoreError, User, Version,
    change::{TRIES, Try},
    standing::Standing,
};

/// How many keys one commit imports. Indexes by ids and MACs are touched all over: the more at once
/// the fewer pages for each, and the longer another commit waits.
const AT_ONCE: usize = 5_000;

/// A key of another system, to be imported.
#[derive(Debug)]
pub struct NewImport {
    scheme: ImportedScheme,
    digest: KeyDigest,
    owner: Owner,
    name: String,
    grant: Grant,
    user: Option<User>,
    state: State,
    created_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    meta: Meta,
    networks: Option<Networks>,
    quota: Option<Quota>,
}

impl NewImport {
    /// A key of `owner`, called `name`, that another system knew by this digest; without expiry.
    #[must_use]
    pub fn new(
        scheme: &ImportedScheme,
        digest: KeyDigest,
        owner: Owner,
        name: &str,
        grant: Grant,
    ) -> Self {
        Self {
            scheme: scheme.clone(),
            digest,
            owner,
            name: name.into(),
            grant,
            user: None,
            state: State::Enabled,
            created_at: None,
            expires_at: None,
            meta: Meta::NONE,
            networks: None,
            quota: None,
        }
    }

    /// Who made it in the other system.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.user = Some(user);
        self
    }

    /// When the other system issued it; now, unless said or later than that.
    #[must_use]
    pub const fn with_created_at(mut self, at: Timestamp) -> Self {
        self.created_at = Some(at);
        self
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

    /// From where the key is accepted; from anywhere, unless said.
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

    /// Switched off, until it is enabled.
    #[must_use]
    pub const fn disabled(mut self) -> Self {
        self.state = State::Disabled;
        self
    }
}

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imports {
    /// How many keys are new.
    pub imported: u64,
    /// How many were there already, revoked ones too: they stay as they are.
    pub already_there: u64,
    /// How many were passed over because they had expired.
    pub expired: u64,
}

/// Why an import stopped. All records before the one that is named were dealt with.
///
/// Run it again from the beginning when the cause is removed: nothing is imported twice.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The scheme of a record was not declared when the registry was opened, so that its key would
    /// never be accepted.
    #[error("record {at} is of a scheme of imported keys that was not declared")]
    Undeclared {
        /// The record, from 0.
        at: u64,
    },
    /// Keys were imported under peppers that have been retired. Whether a record is one of them,
    /// and perhaps a revoked one, can't be told any more.
    #[error(
        "{keys} keys were imported under peppers that are retired: those can't be told from new \
         ones, nor the revoked ones among them"
    )]
    Untold {
        /// How many, revoked ones too.
        keys: u64,
    },
    /// A record was refused, or the store failed.
    #[error("the import stopped at record {at}")]
    Refused {
        /// The record, from 0.
        at: u64,
        /// Why.
        #[source]
        why: ChangeError,
    },
}

/// A record of an import that is not yet known to be there.
struct Wanted {
    at: u64,
    new: NewImport,
    mac: Mac,
}

impl Registry {
    /// Imports keys of another system, of which only the digests are known.
    ///
    /// From then on each is accepted where its text is presented, and is in all else a key as any
    /// other; a rotation gives it a successor in our own format. What is kept of a digest is its
    /// MAC. The cap on the keys of an owner refuses no import.
    ///
    /// Only the application itself imports, or who holds every scope of the catalogue; it may hand
    /// on no more than when it issues a key.
    ///
    /// # Atomicity
    /// Commits of 5,000 records each, in the order given. A record whose digest was imported before
    /// is passed over, whatever else it says: an import that stopped is run again as a whole.
    ///
    /// # Errors
    /// [`ImportError`], at the first record that is refused; those before it are imported.
    /// [`ImportError::Untold`] if a pepper was retired that imported keys were under: see
    /// [`dangerous_import_anew`](Self::dangerous_import_anew).
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use portcullis_registry::{Actor, Hot, MemoryStore, NewImport, Options, Registry};
    /// use portcullis_scope::{Catalogue, Grant};
    /// use portcullis_token::{
    ///     DigestEncoding, Environment, HashedPart, ImportedScheme, KeyDigest, PepperRing, TokenFormat,
    /// };
    ///
    /// // The other system had the SHA-256 of what is behind the prefix.
    /// let scheme = ImportedScheme::new("sk-social-")?.with_part(HashedPart::AfterPrefix)?;
    /// let catalogue = Catalogue::builder().scope("notes:read", "Read notes").build()?;
    /// let format = TokenFormat::new("nt", Environment::Live)?;
    /// let (store, peppers) = (MemoryStore::new(), PepperRing::generate()?);
    /// let options = Options::new().with_imported([scheme.clone()]);
    /// let (registry, driver) = Registry::open_with(store, format, catalogue, peppers, options).await?;
    /// # drop(driver);
    ///
    /// let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// let digest = KeyDigest::parse(abc, DigestEncoding::Hex)?;
    /// let grant: Grant = "notes:read".parse()?;
    /// let new = NewImport::new(&scheme, digest, "ada".parse()?, "laptop", grant);
    /// let imports = registry.import(&Actor::dangerous_system(), [new]).await?;
    /// assert_eq!(imports.imported, 1);
    ///
    /// for (text, is_accepted) in [(b"sk-social-abc", true), (b"sk-social-abd", false)] {
    ///     assert_eq!(registry.load_imported(text).await?, is_accepted);
    ///     let visited = registry.visit_imported(text, None, |_| ());
    ///     assert_eq!(visited == Hot::Known(()), is_accepted);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn import(
        &self,
        actor: &Actor,
        new: impl IntoIterator<Item = NewImport>,
    ) -> Result<Imports, ImportError> {
        let failed = |error: StoreError| ImportError::Refused {
            at: 0,
            why: error.into(),
        };
        let peppers = self.inner.store.get(Key::Peppers).await.map_err(failed)?;
        match peppers.found {
            Found::Peppers { lost_imports, .. } if lost_imports > 0 => {
                Err(ImportError::Untold { keys: lost_imports })
            }
            _ => self.dangerous_import_anew(actor, new).await,
        }
    }

    /// As [`import`](Self::import), also if keys were imported under a pepper that is retired.
    ///
    /// A record of one of these is imported as if it were new: one that was revoked is accepted
    /// again. So none of the records may have been imported before the pepper was retired.
    ///
    /// # Errors
    /// As [`import`](Self::import), save `Untold`.
    pub async fn dangerous_import_anew(
        &self,
        actor: &Actor,
        new: impl IntoIterator<Item = NewImport>,
    ) -> Result<Imports, ImportError> {
        let mut imports = Imports::default();
        let mut new = (0..).zip(new);
        loop {
            let some: Vec<_> = new.by_ref().take(AT_ONCE).collect();
            let Some((at, _)) = some.first() else {
                return Ok(imports);
            };
            let at = *at;
            let peppers = &self.inner.peppers;
            let wanted = some.into_iter().map(|(at, new)| Wanted {
                at,
                mac: peppers.import(&new.scheme, &new.digest).1,
                new,
            });
            self.import_some(actor, at, wanted.collect(), &mut imports)
                .await?;
        }
    }

    async fn import_some(
        &self,
        actor: &Actor,
        at: u64,
        mut wanted: Vec<Wanted>,
        imports: &mut Imports,
    ) -> Result<(), ImportError> {
        let refused = |why: ChangeError| ImportError::Refused { at, why };
        let failed = |error: StoreError| refused(error.into());
        let count = wanted.len();
        let mut seen = HashSet::new();
        wanted.retain(|one| seen.insert(*one.mac.as_bytes()));
        self.pass_over_old(&mut wanted).await.map_err(failed)?;
        imports.already_there = more(imports.already_there, count - wanted.len());

        let mut stop = None;
        for _ in 0..TRIES {
            let standing = self.standing(actor).await.map_err(refused)?;
            self.check_holds_everything(&standing).map_err(refused)?;
            let now = self.inner.clock.now();
            let (mut records, mut expired) = (Vec::with_capacity(wanted.len()), 0);
            let mut stopped_at = None;
            for (index, one) in wanted.iter().enumerate() {
                match self.imported_record(actor, &standing, one, now) {
                    Ok(Some(record)) => records.push(record),
                    Ok(None) => expired += 1,
                    Err(error) => {
                        (stop, stopped_at) = (Some(error), Some(index));
                        break;
                    }
                }
            }
            wanted.truncate(stopped_at.unwrap_or(wanted.len()));

            let imported = records.len();
            let done = if records.is_empty() {
                Try::Done
            } else {
                let batch = self.import_batch(actor, standing, records);
                self.commit(batch).await.map_err(failed)?
            };
            if let Try::Done = done {
                self.note_handed_on(actor, &self.inner.catalogue.all());
                imports.imported = more(imports.imported, imported);
                imports.expired = more(imports.expired, expired);
                return stop.map_or(Ok(()), Err);
            }
            let count = wanted.len();
            self.pass_over_current(&mut wanted).await.map_err(failed)?;
            imports.already_there = more(imports.already_there, count - wanted.len());
        }
        Err(refused(ChangeError::Contended))
    }

    fn check_holds_everything(&self, standing: &Standing) -> Result<(), ChangeError> {
        let catalogue = &self.inner.catalogue;
        let missing = catalogue.missing(&catalogue.all(), &standing.scopes);
        let missing: Vec<Scope> = missing.cloned().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(ChangeError::Excess(missing))
        }
    }

    /// The record of an imported key; nothing for one that has expired.
    fn imported_record(
        &self,
        actor: &Actor,
        standing: &Standing,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Option<CredentialRecord>, ImportError> {
        let Wanted { at, new, mac } = wanted;
        let refused = |why: ChangeError| ImportError::Refused { at: *at, why };
        if !self.inner.schemes.contains(&new.scheme) {
            return Err(ImportError::Undeclared { at: *at });
        }
        Self::authorise(actor, &new.owner).map_err(refused)?;
        if new.quota.is_some() && !actor.is_system() {
            return Err(refused(ChangeError::QuotaReserved));
        }
        let name = checked_name(&new.name).map_err(refused)?;
        if new.expires_at.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        // Of this token nobody ever learns more than the id.
        let minted = self.inner.format.mint::<ApiKey>();
        let minted = minted.map_err(|error| refused(error.into()))?;
        let networks = within(new.networks.as_ref(), &standing.networks);
        Ok(Some(CredentialRecord {
            id: minted.id(),
            kind: TokenKind::ApiKey,
            environment: minted.environment(),
            version: Version(0),
            pepper: self.inner.peppers.current(),
            mac: *mac,
            owner: new.owner.clone(),
            user: new.user.clone(),
            name,
            grant: self.attenuated(standing, &new.grant).map_err(refused)?,
            meta: new.meta.clone(),
            state: new.state,
            created_at: new.created_at.map_or(now, |created| created.min(now)),
            updated_at: now,
            expires_at: capped(new.expires_at, standing.latest).map_err(refused)?,
            idle_ttl: None,
            created_by: actor.created_by(),
            family: None,
            successor: None,
            ceiling: None,
            networks: networks.map_err(refused)?,
            quota: new.quota.or(standing.quota),
            imported: Some(new.scheme.prefix().into()),
        }))
    }

    fn import_batch(
        &self,
        actor: &Actor,
        standing: Standing,
        records: Vec<CredentialRecord>,
    ) -> Batch {
        let audit = records.iter().map(|record| {
            let mut details = described(record);
            details.insert("prefix".into(), json!(record.imported));
            self.audit(actor, "key.imported", record, details.into())
        });
        Batch {
            audit: audit.collect(),
            credentials: records,
            ..standing.batch()
        }
    }

    /// Passes over what was imported under an older pepper, and has not been used since.
    ///
    /// Before the commit, which finds what is under the current one: there a key comes from an
    /// older one, and never goes back.
    async fn pass_over_old(&self, wanted: &mut Vec<Wanted>) -> Result<(), StoreError> {
        let peppers = &self.inner.peppers;
        if peppers.versions().len() == 1 {
            return Ok(());
        }
        let mut left = Vec::with_capacity(wanted.len());
        'wanted: for one in wanted.drain(..) {
            let NewImport { scheme, digest, .. } = &one.new;
            for (version, mac) in peppers.import_candidates(scheme, digest) {
                if version != peppers.current() && self.is_imported(version, mac).await? {
                    continue 'wanted;
                }
            }
            left.push(one);
        }
        *wanted = left;
        Ok(())
    }

    /// Passes over what was imported under the current pepper.
    async fn pass_over_current(&self, wanted: &mut Vec<Wanted>) -> Result<(), StoreError> {
        let current = self.inner.peppers.current();
        let mut left = Vec::with_capacity(wanted.len());
        for one in wanted.drain(..) {
            if !self.is_imported(current, one.mac).await? {
                left.push(one);
            }
        }
        *wanted = left;
        Ok(())
    }

    async fn is_imported(&self, version: PepperVersion, mac: Mac) -> Result<bool, StoreError> {
        let snapshot = self.inner.store.get(Key::Imported(version, mac)).await?;
        Ok(matches!(snapshot.found, Found::Credential { .. }))
    }
}

fn more(count: u64, by: usize) -> u64 {
    count.saturating_add(u64::try_from(by).unwrap_or(u64::MAX))
}
