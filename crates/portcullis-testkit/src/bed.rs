//! A registry in memory for the tests of an application.

use std::sync::Arc;

use portcullis_core::ManualClock;
use portcullis_gate::Gate;
use portcullis_registry::{
    Actor, MemoryStore, NewKey, NewSession, Options, Owner, Registry, SessionTerms, User,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};

/// What the tests of an application need of access control: a registry in memory, a clock that they
/// move by hand, and credentials in one call.
///
/// Tokens are of the brand `tb` and live. Keys and sessions are real ones, verified like any other:
/// a test goes through the same gate as a caller. Nothing happens by itself: a test that looks at
/// uses, or at credits after a request that was dropped, calls
/// [`flush`](portcullis_registry::Verifier::flush) first.
///
/// # Panics
/// All methods that issue something panic where an application would handle an error: for a scope
/// that the catalogue doesn't declare, or an owner that can't be one.
///
/// # Examples
/// ```
/// use portcullis_testkit::TestBed;
///
/// portcullis_scope::catalogue! {
///     pub Notes {
///         READ  = "notes:read", "Read notes";
///         WRITE = "notes:write" => READ, "Write notes";
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let bed = TestBed::new(Notes::catalogue()).await;
/// let gate = bed.gate().with_limit("60/60s".parse()?);        // as the application builds it
/// let guard = gate.guard(Notes::WRITE)?;
///
/// let key = bed.key([Notes::READ]).await;
/// let request = http::Request::get("/notes").header("authorization", format!("Bearer {key}"));
/// let denial = guard.check(&request.body(())?.into_parts().0, None).await.unwrap_err();
/// assert_eq!(denial.code(), "insufficient_scope");
///
/// let session = bed.session([Notes::WRITE]).await;
/// let request = http::Request::get("/notes").header("authorization", format!("Bearer {session}"));
/// assert!(guard.check(&request.body(())?.into_parts().0, None).await.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestBed {
    registry: Registry,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl TestBed {
    /// The owner of what [`key`](Self::key) and [`session`](Self::session) issue.
    pub const OWNER: &'static str = "acme";
    /// The user whose session [`session`](Self::session) starts, and who makes the keys.
    pub const USER: &'static str = "ada";

    /// An empty registry whose scopes are those of `catalogue`.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    pub async fn new(catalogue: Catalogue) -> Self {
        Self::with_options(catalogue, Options::new()).await
    }

    /// An empty registry that is opened as the application opens its own: with the keys of other
    /// systems, for example. The clock stays that of the test.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    pub async fn with_options(catalogue: Catalogue, options: Options) -> Self {
        let format = must(TokenFormat::new("tb", Environment::Live));
        let peppers = must(PepperRing::generate());
        let store = Arc::new(MemoryStore::new());
        let clock = ManualClock::new();
        let (backend, time) = (Arc::clone(&store), Arc::<ManualClock>::clone(&clock));
        let options = options.with_clock(time);
        let opened = Registry::open_with(backend, format, catalogue, peppers, options).await;
        // Without its driver, nothing of the registry happens between two lines of a test.
        let (registry, _driver) = must(opened);
        Self {
            registry,
            store,
            clock,
        }
    }

    /// The token of a new API key of [`OWNER`](Self::OWNER) with these scopes.
    ///
    /// # Panics
    /// If the catalogue doesn't declare them.
    pub async fn key(&self, scopes: impl IntoIterator<Item = Scope>) -> String {
        self.key_of(Self::OWNER, scopes).await
    }

    /// The token of a new API key of another owner.
    ///
    /// # Panics
    /// If the catalogue doesn't declare the scopes, or the name of the owner can't be one.
    pub async fn key_of(&self, owner: &str, scopes: impl IntoIterator<Item = Scope>) -> String {
        let owner: Owner = must(owner.parse());
        let new = NewKey::new(owner.clone(), "test", scopes);
        let issued = self.registry.issue_key(&self.actor(owner), new).await;
        must(issued).token.expose().to_owned()
    }

    /// The token of a new session of [`USER`](Self::USER) in [`OWNER`](Self::OWNER).
    ///
    /// It lasts as [`SessionTerms::default`] says.
    ///
    /// # Panics
    /// If the catalogue doesn't declare the scopes.
    pub async fn session(&self, scopes: impl IntoIterator<Item = Scope>) -> String {
        self.session_of(Self::OWNER, Self::USER, scopes).await
    }

    /// The token of a new session of another user or in another owner.
    ///
    /// # Panics
    /// If the catalogue doesn't declare the scopes, or a name can't be one.
    pub async fn session_of(
        &self,
        owner: &str,
        user: &str,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> String {
        let owner: Owner = must(owner.parse());
        let user: User = must(user.parse());
        let all = self.registry.catalogue().all();
        let actor = Actor::user(owner.clone(), user.clone(), all);
        let new = NewSession::new(
            owner,
            user,
            scopes.into_iter().collect(),
            SessionTerms::default(),
        );
        let issued = self.registry.start_session(&actor, new).await;
        must(issued).token.expose().to_owned()
    }

    /// A gate without limits in front of the registry, to be configured as the application's.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate::new(self.registry.clone())
    }

    /// The registry.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The clock of the registry and of its gates: it stands still until it is moved.
    #[must_use]
    pub const fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// The store, with its audit log and ledger.
    #[must_use]
    pub const fn store(&self) -> &Arc<MemoryStore> {
        &self.store
    }

    /// A user who may hand on every scope.
    fn actor(&self, owner: Owner) -> Actor {
        let user: User = must(Self::USER.parse());
        Actor::user(owner, user, self.registry.catalogue().all())
    }
}

#[expect(
    clippy::panic,
    reason = "what a test can't set up is a failure of the test"
)]
fn must<T, E: std::fmt::Display>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| panic!("the test bed can't be set up: {error}"))
}
