//! The registry: opening it, and verifying against it.

use std::{collections::HashSet, fmt, sync::Arc};

use portcullis_core::{Clock, CredentialId, SystemClock};
use portcullis_scope::Catalogue;
use portcullis_token::{AnyToken, PepperRing, TokenFormat};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    Batch, CommitError, Driver, Found, Hot, Key, OpenError, PepperRecord, Snapshot, Store,
    StoreError, Visit,
    change::{Followed, TRIES},
    driver::Errands,
    hot::{Fill, Filling, HotTable},
};

/// How many store reads for credentials that are not in memory may be under way at once.
const COLD_READS: usize = 64;

/// What came of reading a credential into memory.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loaded {
    /// It is in memory now.
    Kept,
    /// The store has none of this id.
    Unknown,
    /// When it was its turn it was no longer wanted, and nothing was read.
    Unwanted,
}

/// The life of keys and sessions: issue, verify, change, revoke. Cheap to clone.
///
/// A verified credential is checked from memory; a change is durable before its call returns, and
/// no check that begins later accepts what it revoked.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use portcullis_registry::{Actor, MemoryStore, NewKey, Registry};
/// use portcullis_scope::Catalogue;
/// use portcullis_token::{Environment, PepperRing, TokenFormat};
///
/// let catalogue = Catalogue::builder().scope("notes:read", "Read notes").build()?;
/// let format = TokenFormat::new("nt", Environment::Live)?;
/// let store = MemoryStore::new();
/// let (registry, driver) = Registry::open(store, format, catalogue, PepperRing::generate()?).await?;
/// // tokio::spawn(driver);
/// # drop(driver);
///
/// let system = Actor::dangerous_system();
/// let key = NewKey::new("ada".parse()?, "laptop", ["notes:read".parse()?]);
/// let issued = registry.issue_key(&system, key).await?;
/// println!("shown once: {}", issued.token.expose());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) format: TokenFormat,
    pub(crate) catalogue: Catalogue,
    pub(crate) peppers: PepperRing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hot: HotTable,
    pub(crate) errands: Errands,
    pub(crate) followed: Followed,
    cold_reads: Semaphore,
}

impl Registry {
    /// Opens a registry over a store, with the clock of the system.
    ///
    /// The driver is the registry's background work; spawn it.
    ///
    /// # Errors
    /// As [`Registry::open_with_clock`].
    pub async fn open(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
    ) -> Result<(Self, Driver), OpenError> {
        Self::open_with_clock(store, format, catalogue, peppers, SystemClock::new()).await
    }

    /// Opens a registry over a store.
    ///
    /// # Errors
    /// [`OpenError`] if the store has records under a pepper that is not among `peppers`, or is
    /// another one; or if the store fails. Nothing is written then.
    pub async fn open_with_clock(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Driver), OpenError> {
        let store: Arc<dyn Store> = Arc::new(store);
        let known = store.get(Key::Peppers).await?;
        note_peppers(&*store, &known, &peppers).await?;
        let head = known.head;
        let inner = Inner {
            store,
            format,
            catalogue,
            peppers,
            clock,
            hot: HotTable::new(head),
            errands: Errands::default(),
            followed: Followed::new(head),
            cold_reads: Semaphore::new(COLD_READS),
        };
        let registry = Self {
            inner: Arc::new(inner),
        };
        let driver = Driver::new(registry.clone());
        Ok((registry, driver))
    }

    /// The format of the service's tokens.
    #[must_use]
    pub fn format(&self) -> &TokenFormat {
        &self.inner.format
    }

    /// The declared scopes.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// The peppers.
    #[must_use]
    pub fn peppers(&self) -> &PepperRing {
        &self.inner.peppers
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// How many credentials are in memory.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.inner.hot.len()
    }

    /// Verifies a credential from memory and, if it is accepted, runs `f` while it is held.
    ///
    /// No store access, no allocation. On [`Hot::Miss`], [`load`](Self::load) and ask again. `f`
    /// runs under a lock that other calls of this registry take too: it must not call it.
    pub fn visit<R>(&self, token: &AnyToken<'_>, f: impl FnOnce(&mut Visit<'_>) -> R) -> Hot<R> {
        let Inner {
            hot,
            peppers,
            clock,
            ..
        } = &*self.inner;
        hot.visit(token, peppers, &**clock, f)
    }

    /// Reads a credential from the store into memory.
    ///
    /// At most 64 such reads are under way at once; `is_wanted` is asked when it is this one's turn.
    /// A snapshot that a change has overtaken meanwhile is not kept but read again.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read, or only in a state older than a change that
    /// it has committed.
    pub async fn load_if(
        &self,
        id: CredentialId,
        is_wanted: impl Fn() -> bool + Send,
    ) -> Result<Loaded, StoreError> {
        for _ in 0..TRIES {
            let snapshot = {
                let _permit = self.cold_read().await;
                if !is_wanted() {
                    return Ok(Loaded::Unwanted);
                }
                self.inner.store.get(Key::Credential(id)).await?
            };
            let Found::Credential {
                record,
                usage,
                owner,
            } = snapshot.found
            else {
                return Ok(Loaded::Unknown);
            };
            let filling = Filling {
                head: snapshot.head,
                scopes: self.inner.catalogue.resolve(&record.grant),
                record: *record,
                usage,
                suspended: owner.is_some_and(|owner| owner.suspended),
                now: self.inner.clock.now(),
                tick: self.inner.clock.tick(),
            };
            if self.inner.hot.fill(filling) == Fill::Kept {
                return Ok(Loaded::Kept);
            }
        }
        let behind = "its reads lag behind its writes, or it was restored to an older state";
        Err(StoreError::transient(
            "the store is behind what it has committed",
            behind,
        ))
    }
}

impl Registry {
    /// Reads a credential from the store into memory; `false` if the store has none of this id.
    ///
    /// # Errors
    /// As [`load_if`](Self::load_if).
    pub async fn load(&self, id: CredentialId) -> Result<bool, StoreError> {
        Ok(self.load_if(id, || true).await? == Loaded::Kept)
    }

    /// A turn to read for an id that somebody has presented and that may be any.
    pub(crate) async fn cold_read(&self) -> Option<SemaphorePermit<'_>> {
        // INVARIANT: the semaphore is never closed.
        self.inner.cold_reads.acquire().await.ok()
    }
}

/// Refuses a store that was written under peppers we lack, and notes those that are new to it.
async fn note_peppers(
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

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("format", &self.inner.format)
            .field("store", &self.inner.store)
            .field("cached", &self.cached())
            .finish_non_exhaustive()
    }
}
