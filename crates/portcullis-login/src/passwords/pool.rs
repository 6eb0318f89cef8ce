//! Hashing and comparing, off the async threads and bounded.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use portcullis_core::Secret;
use portcullis_token::{Pepper, PepperRing};
use tokio::sync::Semaphore;

use super::{
    PasswordError, PasswordHash, PasswordParams,
    memory::{Buffer, Memory},
    peppered::Peppered,
};
use crate::id;

/// How many passwords wait for each one that is being hashed.
const WAITING_PER_SLOT: usize = 32;

/// Hashes passwords and compares them: argon2id over an HMAC of the password. Cheap to clone.
///
/// The work is done on the blocking threads of Tokio, as many passwords at once as there are cores;
/// others wait, and beyond 32 for each core they are refused as busy. Each takes the memory of its
/// [`PasswordParams`], which is wiped, as is everything in between.
///
/// That memory is allocated when it is first needed and then kept for later passwords: up to 19 MiB
/// for each core, however many passwords there are. Hashes made with parameters that need more take
/// more for as long as they are compared.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use portcullis_core::Secret;
/// use portcullis_login::{PasswordParams, PasswordVerdict, Passwords};
/// use portcullis_token::PepperRing;
///
/// # let cheap = PasswordParams::dangerous_new(8, 1, 1)?;
/// let passwords = Passwords::new(&PepperRing::generate()?);
/// # let passwords = passwords.with_params(cheap);
/// let hash = passwords.hash(&Secret::new("correct horse".into())).await?;
///
/// let right = passwords.verify(&Secret::new("correct horse".into()), Some(&hash)).await?;
/// assert_eq!(right, PasswordVerdict::Match);
/// let wrong = passwords.verify(&Secret::new("battery staple".into()), Some(&hash)).await?;
/// assert_eq!(wrong, PasswordVerdict::Mismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Passwords {
    ring: PepperRing,
    params: PasswordParams,
    /// One for each password that is being hashed.
    slots: Arc<Semaphore>,
    /// At most one buffer for each slot.
    pub(super) memory: Arc<Memory>,
    /// One for each password that is being hashed or waits.
    places: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

/// What the comparison of a password with its hash found.
#[must_use = "a verdict that is dropped accepts the password"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PasswordVerdict {
    /// It is the password.
    Match,
    /// It is, under an old pepper or other parameters: hash it anew and store that.
    MatchOutdated,
    /// It is another.
    Mismatch,
    /// The pepper of the hash was not given. This is the server's fault: answer 503, not 401.
    UnknownPepper,
}

impl Passwords {
    /// The most bytes of a password.
    pub const MAX_BYTES: usize = 1_024;

    /// Under subkeys of these peppers, with the default parameters.
    #[must_use]
    pub fn new(peppers: &PepperRing) -> Self {
        let passwords = Self {
            ring: peppers.subkeys("password"),
            params: PasswordParams::default(),
            slots: Arc::new(Semaphore::new(0)),
            memory: Arc::default(),
            places: Arc::new(Semaphore::new(0)),
            computed: Arc::default(),
        };
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        passwords.with_concurrency(cores, cores.get().saturating_mul(WAITING_PER_SLOT))
    }

    /// Makes new hashes with these parameters. Older ones are still compared as they were made.
    #[must_use]
    pub const fn with_params(mut self, params: PasswordParams) -> Self {
        self.params = params;
        self
    }

    /// Hashes so many passwords at once and lets so many more wait.
    ///
    /// As many times the memory of the parameters is the most that is kept.
    #[must_use]
    pub fn with_concurrency(mut self, at_once: NonZeroUsize, waiting: usize) -> Self {
        let at_once = at_once.get().min(Semaphore::MAX_PERMITS);
        let places = at_once.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        self.slots = Arc::new(Semaphore::new(at_once));
        // Its bound is that of the slots.
        self.memory = Arc::default();
        self.places = Arc::new(Semaphore::new(places));
        self
    }

    /// How often argon2 has run: for metrics, and for tests that the unknown cost the same.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Hashes a password that is to be set.
    ///
    /// # Errors
    /// [`PasswordError`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn hash(&self, password: &Secret<String>) -> Result<PasswordHash, PasswordError> {
        if password.expose().is_empty() {
            return Err(PasswordError::Empty);
        }
        let (version, params) = (self.ring.current(), self.params);
        let pepper = self.ring.pepper(version);
        let pepper = pepper.ok_or_else(|| PasswordError::failed("the ring lacks its pepper"))?;
        let password = Peppered::new(pepper, password)?;
        let mut salt = [0; 16];
        id::fill(&mut salt)?;
        self.run(move |memory| PasswordHash::compute(version, params, salt, &password, memory))
            .await
    }

    /// Compares a password with its hash; without one it is a mismatch at the same cost.
    ///
    /// So an unknown user takes as long as a wrong password, save where the hash of the known user
    /// was made with other parameters and has not been renewed yet.
    ///
    /// # Errors
    /// [`PasswordError`], never `Empty`.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn verify(
        &self,
        password: &Secret<String>,
        stored: Option<&PasswordHash>,
    ) -> Result<PasswordVerdict, PasswordError> {
        let is_known = stored.is_some();
        let version = stored.map_or(self.ring.current(), PasswordHash::pepper);
        let Some(pepper) = self.ring.pepper(version) else {
            return Ok(PasswordVerdict::UnknownPepper);
        };
        let password = Peppered::new(pepper, password)?;
        let hash = match stored {
            Some(hash) => hash.clone(),
            None => self.nobody(pepper)?,
        };
        let is_current = version == self.ring.current() && hash.is_made_with(self.params);
        let is_same = self
            .run(move |memory| hash.is_of(&password, memory))
            .await?;
        Ok(match (is_same && is_known, is_current) {
            (true, true) => PasswordVerdict::Match,
            (true, false) => PasswordVerdict::MatchOutdated,
            (false, _) => PasswordVerdict::Mismatch,
        })
    }

    /// A hash of nobody's password, always the same one.
    fn nobody(&self, pepper: &Pepper) -> Result<PasswordHash, PasswordError> {
        let [salt, output] = [&b"salt of nobody"[..], b"password of nobody"]
            .map(|tag| *pepper.subkey("nobody").mac_message(tag).as_bytes());
        let salt = salt.first_chunk().copied().unwrap_or_default();
        PasswordHash::dangerous_from_parts(self.ring.current(), self.params, salt, output)
    }

    /// Runs argon2 once, when it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Buffer) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::Busy)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(PasswordError::failed)?;
        let computed = Arc::clone(&self.computed);
        let (memory, params) = (Arc::clone(&self.memory), self.params);
        let task = tokio::task::spawn_blocking(move || {
            // Held here, since the work goes on if the caller goes away.
            let _held = (place, slot);
            computed.fetch_add(1, Ordering::Relaxed);
            // Given back before the slot is.
            let mut buffer = memory.take(params);
            work(&mut buffer)
        });
        task.await.map_err(PasswordError::failed)?
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("ring", &self.ring)
            .field("params", &self.params)
            .field("computed", &self.computed())
            .finish_non_exhaustive()
    }
}
