//! The registry: opening it, and verifying against it.

use std::{fmt, net::IpAddr, sync::Arc};

use portcullis_core::{Clock, CredentialId};
use portcullis_scope::Catalogue;
use portcullis_token::{AnyToken, PepperRing, TokenFormat};
use tokio::sync::Semaphore;

use crate::{
    Driver, Hot, Key, OpenError, Options, Store, Visit,
    change::Followed,
    deadlines::Deadlines,
    driver::Errands,
    events::{Events, Teller},
    hot::{Alias, Fills, HotTable, claim},
    imported::Schemes,
    load::COLD_READS,
    peppers::note_peppers,
};

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
    pub(crate) events: Teller,
    pub(crate) followed: Followed,
    pub(crate) deadlines: Deadlines,
    pub(crate) fills: Fills<CredentialId>,
    pub(crate) schemes: Schemes,
    pub(crate) imported_fills: Fills<Alias>,
    pub(crate) cold_reads: Semaphore,
}

impl Registry {
    /// Opens a registry over a store, with the clock of the system.
    ///
    /// The driver is the registry's background work; spawn it.
    ///
    /// # Errors
    /// As [`Registry::open_with`].
    pub async fn open(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
    ) -> Result<(Self, Driver), OpenError> {
        Self::open_with(store, format, catalogue, peppers, Options::new()).await
    }

    /// Opens a registry over a store, with a clock.
    ///
    /// # Errors
    /// As [`Registry::open_with`].
    pub async fn open_with_clock(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Driver), OpenError> {
        let options = Options::new().with_clock(clock);
        Self::open_with(store, format, catalogue, peppers, options).await
    }

    /// Opens a registry over a store.
    ///
    /// # Errors
    /// [`OpenError`] if the store has records under a pepper that is not among `peppers`, or is
    /// another one; or if the store fails. Nothing is written then.
    pub async fn open_with(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
        options: Options,
    ) -> Result<(Self, Driver), OpenError> {
        let store: Arc<dyn Store> = Arc::new(store);
        let known = store.get(Key::Peppers).await?;
        note_peppers(&*store, &known, &peppers).await?;
        let head = known.head;
        let events = Teller::new();
        let inner = Inner {
            store,
            format,
            catalogue,
            peppers,
            clock: options.clock,
            hot: HotTable::new(head, options.capacity, events.clone()),
            errands: Errands::default(),
            events,
            followed: Followed::new(head),
            deadlines: Deadlines::default(),
            fills: Fills::default(),
            schemes: Schemes::new(options.imported),
            imported_fills: Fills::default(),
            cold_reads: Semaphore::new(COLD_READS),
        };
        let registry = Self {
            inner: Arc::new(inner),
        };
        let driver = Driver::new(registry.clone());
        Ok((registry, driver))
    }

    /// What happens from now on: a stream that holds the newest 1,024 events for its listener.
    ///
    /// It never slows a check or a change; a listener that is slow loses events, and is told how
    /// many. Without a listener nothing is gathered.
    #[must_use]
    pub fn events(&self) -> Events {
        self.inner.events.listen()
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
    /// `ip` is the address of the client: a credential with allowed networks is accepted from these
    /// alone. No store access, no allocation. On [`Hot::Miss`], [`load`](Self::load) and ask again.
    /// `f` runs under a lock that other calls of this registry take too: it must not call it.
    pub fn visit<R>(
        &self,
        token: &AnyToken<'_>,
        ip: Option<IpAddr>,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        let Inner {
            hot,
            peppers,
            clock,
            ..
        } = &*self.inner;
        hot.visit(&claim(token, ip, peppers), &**clock, f)
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
