//! The registry: opening it, and what else it may than verify.

use std::{fmt, ops::Deref, sync::Arc};

use portcullis_core::Clock;
use portcullis_scope::Catalogue;
use portcullis_token::{PepperRing, TokenFormat};

use crate::{Driver, OpenError, Options, Store, Verifier, verifier::Writes};

/// The life of keys and sessions: issue, verify, change, revoke. Cheap to clone.
///
/// A verified credential is checked from memory; a change is durable before its call returns, and
/// no check that begins later accepts what it revoked. Whatever its [`Verifier`] can it can too.
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
pub struct Registry(Verifier);

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
        let opened = Verifier::open_over(store, format, catalogue, peppers, options, Writes::All);
        let (verifier, driver) = opened.await?;
        Ok((Self(verifier), driver))
    }

    /// The part that verifies, and can neither make nor change a credential.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.0
    }

    /// The peppers.
    #[must_use]
    pub fn peppers(&self) -> &PepperRing {
        &self.inner.peppers
    }
}

impl Deref for Registry {
    type Target = Verifier;

    fn deref(&self) -> &Verifier {
        &self.0
    }
}

impl From<Registry> for Verifier {
    fn from(registry: Registry) -> Self {
        registry.0
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("format", self.format())
            .field("store", &self.inner.store)
            .field("cached", &self.cached())
            .finish_non_exhaustive()
    }
}
