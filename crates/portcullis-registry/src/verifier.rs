//! The part of a registry that verifies.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{BoxFuture, Clock, CredentialId};
use portcullis_scope::Catalogue;
use portcullis_token::{AnyToken, PepperRing, TokenFormat};
use tokio::sync::Semaphore;

use crate::{
    Batch, Changes, CommitError, Driver, Hot, Key, OpenError, Options, Page, Principal, Query,
    Refusal, ReviewTerms, Seq, Snapshot, Store, StoreError, Visit,
    audit::Retention,
    change::Followed,
    deadlines::Deadlines,
    errands::Errands,
    events::{Events, Teller},
    hot::{Alias, Fills, HotTable, claim},
    imported::Schemes,
    load::COLD_READS,
    metrics::counted,
    peppers::{check_peppers, note_peppers},
    usage::RecentlyDenied,
};

/// Verifies credentials, and can neither make nor change one. Cheap to clone.
///
/// For an edge, and for whatever else has no business with issuing: give it this in place of a
/// [`Registry`](crate::Registry), which has one ([`Registry::verifier`](crate::Registry::verifier)).
/// One that was [opened](Self::open) by itself writes nothing to the store at all: no uses, no
/// credits, no pepper; those that a registry has count uses there. So a session that is used at
/// such an edge alone idles out: nobody hears of its uses.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use std::sync::Arc;
/// # use portcullis_registry::{Actor, NewKey, Registry};
/// use portcullis_registry::{Hot, MemoryStore, Verifier};
/// # use portcullis_scope::Catalogue;
/// # use portcullis_token::{Environment, PepperRing, TokenFormat};
/// # let catalogue = Catalogue::builder().scope("notes:read", "Read notes").build()?;
/// # let format = TokenFormat::new("nt", Environment::Live)?;
/// # let (store, peppers) = (Arc::new(MemoryStore::new()), PepperRing::generate()?);
/// # let (registry, driver) =
/// #     Registry::open(Arc::clone(&store), format, catalogue.clone(), peppers.clone()).await?;
/// # drop(driver);
/// # let key = NewKey::new("ada".parse()?, "laptop", ["notes:read".parse()?]);
/// # let issued = registry.issue_key(&Actor::dangerous_system(), key).await?;
/// # let text = issued.token.expose();
/// let (verifier, driver) = Verifier::open(store, format, catalogue, peppers).await?;
/// // tokio::spawn(driver);
/// # drop(driver);
/// let token = verifier.format().recognize(text.as_bytes())?;
/// assert!(verifier.load(token.id()).await?);
/// assert_eq!(verifier.visit(&token, None, |_| ()), Hot::Known(()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Verifier {
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
    pub(crate) retention: Retention,
    pub(crate) cold_reads: Semaphore,
    pub(crate) recently_denied: RecentlyDenied,
    pub(crate) review: ReviewTerms,
    pub(crate) writes: Writes,
    pub(crate) reservation_ttl: Duration,
}

/// What is written to the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Writes {
    All,
    Nothing,
}

impl Verifier {
    /// Opens a verifier over a store, with the clock of the system, and writes nothing to it.
    ///
    /// The driver is its background work, which follows the store's changes; spawn it.
    ///
    /// # Errors
    /// As [`Registry::open_with`](crate::Registry::open_with).
    pub async fn open(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
    ) -> Result<(Self, Driver), OpenError> {
        Self::open_with(store, format, catalogue, peppers, Options::new()).await
    }

    /// Opens a verifier over a store, and writes nothing to it.
    ///
    /// # Errors
    /// As [`Registry::open_with`](crate::Registry::open_with).
    pub async fn open_with(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
        options: Options,
    ) -> Result<(Self, Driver), OpenError> {
        let store = ReadOnly(store);
        Self::open_over(store, format, catalogue, peppers, options, Writes::Nothing).await
    }

    pub(crate) async fn open_over(
        store: impl Store + 'static,
        format: TokenFormat,
        catalogue: Catalogue,
        peppers: PepperRing,
        options: Options,
        writes: Writes,
    ) -> Result<(Self, Driver), OpenError> {
        let store = counted(Arc::new(store), &options.clock);
        let known = store.get(Key::Peppers).await?;
        check_peppers(&known, &peppers)?;
        if writes == Writes::All {
            note_peppers(&*store, &known, &peppers).await?;
        }
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
            retention: options.retention,
            cold_reads: Semaphore::new(COLD_READS),
            recently_denied: RecentlyDenied::default(),
            review: options.review,
            writes,
            reservation_ttl: options.reservation_ttl,
        };
        let verifier = Self {
            inner: Arc::new(inner),
        };
        let driver = Driver::new(verifier.clone());
        Ok((verifier, driver))
    }

    /// Whether it writes to its store: uses, credits, MACs under the current pepper.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.inner.writes == Writes::All
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

impl Verifier {
    /// Why a credential that [`visit`](Self::visit) rejects is rejected, and whom it speaks for:
    /// from memory, and only if its secret is right.
    ///
    /// For the log and for support. The client is told nothing of it.
    #[must_use]
    pub fn explain(
        &self,
        token: &AnyToken<'_>,
        ip: Option<IpAddr>,
    ) -> Option<(Refusal, Principal)> {
        let Inner {
            hot,
            peppers,
            clock,
            ..
        } = &*self.inner;
        hot.explain(&claim(token, ip, peppers), &**clock)
    }

    /// Whom a credential speaks for, if it is accepted from anywhere at all: for whoever asks about
    /// it in place of its bearer (RFC 7662).
    ///
    /// It is no use of the credential: a session that idles out is not kept alive by it. One whose
    /// owner is suspended is rejected. From memory: on [`Hot::Miss`], [`load`](Self::load) and ask
    /// again.
    pub fn inspect(&self, token: &AnyToken<'_>) -> Hot<Principal> {
        let Inner {
            hot,
            peppers,
            clock,
            ..
        } = &*self.inner;
        hot.inspect(&claim(token, None, peppers), &**clock)
    }

    /// Whether a credential that was verified before is still accepted, and if it is, runs `f`
    /// while it is held: for a stream that lasts longer than a check.
    ///
    /// The secret is not asked for again, and it is no use of the credential: a session that idles
    /// out ends its streams. As [`visit`](Self::visit) otherwise; [`Hot::Rejected`] for a principal
    /// that is not the bearer of one of our credentials.
    pub fn visit_again<R>(
        &self,
        principal: &Principal,
        ip: Option<IpAddr>,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        let Inner { hot, clock, .. } = &*self.inner;
        match principal.credential() {
            Some(id) => hot.visit_again(id, ip, &**clock, f),
            None => Hot::Rejected,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("format", self.format())
            .field("store", &self.inner.store)
            .field("cached", &self.cached())
            .finish_non_exhaustive()
    }
}

/// A store that is never written, whatever asks it.
#[derive(Debug)]
struct ReadOnly<S>(S);

impl<S: Store> Store for ReadOnly<S> {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.0.get(key)
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.0.list(query)
    }

    fn commit(&self, _: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        let refused = StoreError::permanent(
            "could not write to the store",
            "it is only verified against",
        );
        Box::pin(std::future::ready(Err(refused.into())))
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.0.changes_since(seq, limit)
    }
}
