//! The service itself.

use std::{net::IpAddr, sync::Arc};

use portcullis_limit::Quota;
use portcullis_registry::{Actor, Registry, SessionTerms};

use super::SetupError;
use crate::{Directory, Passwords, Roles, limits::Attempts, metrics::Metrics};

/// Logs people in with their passwords, and speaks of who they are. Cheap to clone.
///
/// # Limits
/// An address (IPv6 by /64) may log in 10 times in 60 seconds, whatever comes of it. An account may
/// fail 5 times in 15 minutes over all addresses from which it has not logged in before; each
/// address from which it has may fail as often by itself. So nobody can lock a user out of the
/// addresses that the user comes from, nor does a restart help: the [`Directory`] keeps the 8
/// newest of each account. Where the address of the caller is not known only the limit of the
/// account holds. Limits are checked before the password is looked at, and an attempt that is under
/// way counts as failed, so that many at once gain nothing. The counts themselves are of this
/// process.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use portcullis_core::Secret;
/// use portcullis_login::{Bootstrap, Login, LoginError, MemoryDirectory, Roles};
/// use portcullis_registry::{MemoryStore, Registry};
/// use portcullis_scope::{Catalogue, Grant};
/// use portcullis_token::{Environment, PepperRing, TokenFormat};
///
/// let catalogue = Catalogue::builder().scope("notes:read", "Read notes").build()?;
/// let roles = Roles::new(&catalogue, |_| Grant::everything())?;
/// let format = TokenFormat::new("nt", Environment::Live)?;
/// let (registry, _driver) =
///     Registry::open(MemoryStore::new(), format, catalogue, PepperRing::generate()?).await?;
///
/// let login = Login::new(registry, Arc::new(MemoryDirectory::new()), roles)?;
/// # use portcullis_login::{PasswordParams, Passwords};
/// # let cheap = PasswordParams::dangerous_new(8, 1, 1)?;
/// # let passwords = Passwords::new(login.registry().peppers()).with_params(cheap);
/// # let login = login.with_passwords(passwords);
/// let password = Secret::new("correct horse".into());
/// let first = login.bootstrap(&"ada@example.com".parse()?, &password, 1_000).await?;
/// assert_eq!(first, Bootstrap::Created);
///
/// let logged_in = login.login("ada@example.com", &password, None).await?;
/// println!("shown once: {}", logged_in.issued.token.expose());
///
/// let refused = login.login("ada@example.com", &Secret::new("wrong".into()), None).await;
/// assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Login {
    pub(crate) registry: Registry,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) roles: Arc<Roles>,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) terms: SessionTerms,
    /// What the organisation of who signs up gets, if people may.
    pub(crate) signup_credits: Option<u32>,
    pub(crate) metrics: Metrics,
    /// Held while sessions are given what a membership says.
    pub(crate) following: Arc<tokio::sync::Mutex<()>>,
}

impl Login {
    /// A login for the users of a directory, with passwords under the registry's peppers.
    ///
    /// # Errors
    /// [`SetupError::ForeignRoles`] if the roles are of another catalogue than the registry;
    /// [`SetupError::Generator`].
    pub fn new(
        registry: Registry,
        directory: Arc<dyn Directory>,
        roles: Roles,
    ) -> Result<Self, SetupError> {
        if roles.catalogue() != registry.catalogue() {
            return Err(SetupError::ForeignRoles);
        }
        Ok(Self {
            passwords: Passwords::new(registry.peppers()),
            attempts: Arc::new(Attempts::new(registry.clock())?),
            terms: SessionTerms::default(),
            signup_credits: None,
            metrics: Metrics::new(),
            following: Arc::default(),
            registry,
            directory,
            roles: Arc::new(roles),
        })
    }

    /// For how long sessions last.
    #[must_use]
    pub const fn with_terms(mut self, terms: SessionTerms) -> Self {
        self.terms = terms;
        self
    }

    /// Lets people [sign up](Self::signup) by themselves; the organisation of each gets these first
    /// credits. Without it nobody may.
    #[must_use]
    pub const fn with_signup(mut self, credits: u32) -> Self {
        self.signup_credits = Some(credits);
        self
    }

    /// How passwords are hashed.
    #[must_use]
    pub fn with_passwords(mut self, passwords: Passwords) -> Self {
        self.passwords = passwords;
        self
    }

    /// How often an address may log in: 10 times in 60 seconds unless said otherwise.
    #[must_use]
    pub fn with_login_limit(self, quota: Quota) -> Self {
        self.attempts.set_logins(quota);
        self
    }

    /// How often an address may sign up: 5 times in an hour unless said otherwise.
    #[must_use]
    pub fn with_signup_limit(self, quota: Quota) -> Self {
        self.attempts.set_signups(quota);
        self
    }

    /// How often an account may fail: 5 times in 15 minutes unless said otherwise.
    #[must_use]
    pub fn with_failure_limit(self, quota: Quota) -> Self {
        self.attempts.set_failures(quota);
        self
    }

    /// The registry, in which the sessions are.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The directory, in which the people are.
    #[must_use]
    pub fn directory(&self) -> &Arc<dyn Directory> {
        &self.directory
    }

    /// What each role may do.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// How passwords are hashed.
    #[must_use]
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}

/// The actor, and from where if that is known.
pub(crate) fn at(actor: Actor, ip: Option<IpAddr>) -> Actor {
    match ip {
        Some(ip) => actor.with_ip(ip),
        None => actor,
    }
}
