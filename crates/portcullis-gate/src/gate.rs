//! The gate: what is the same for all routes of a service.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderName, request::Parts};
use portcullis_core::RequestId;
use portcullis_error::Rendering;
use portcullis_limit::{Quota, client_ip};
use portcullis_registry::{Credits, Registry, Verifier};
use portcullis_scope::RequirementError;
use portcullis_token::{CredentialHeaders, TokenKind};

use crate::{
    Access, Authenticator, Guard,
    externals::Externals,
    failures::Failures,
    metrics::Metrics,
    names::{CredentialNames, lines},
    request_ids::RequestIds,
};

/// 20 failures in 60 seconds.
const FAILURES: (u32, Duration) = (20, Duration::from_secs(60));

/// What is the same for all routes of a service: the registry, the limits, the form of refusals.
///
/// Cheap to clone; clones share everything. Without a limit, requests are not counted. The windows
/// are the registry's: gates over one registry count the same requests, and should agree on the
/// limits. Failures by address, and users of the application's own, are counted by each gate.
///
/// # Examples
/// ```
/// # use portcullis_gate::{Access, Gate, GuardError};
/// # use portcullis_registry::Registry;
/// # fn f(registry: Registry) -> Result<(), Box<dyn std::error::Error>> {
/// let gate = Gate::new(registry).with_limit("600/60s".parse()?);
/// let guard = gate.guard(Access::any())?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Gate {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    verifier: Verifier,
    /// Nothing at an edge.
    registry: Option<Registry>,
    /// Nothing at an edge, unless they were given.
    credits: Option<Arc<dyn Credits>>,
    pub(crate) headers: CredentialHeaders,
    pub(crate) names: CredentialNames,
    pub(crate) rendering: Rendering,
    key_quota: Option<Quota>,
    session_quota: Option<Quota>,
    trusted_hops: u8,
    failures: Option<Arc<Failures>>,
    authenticators: Vec<Arc<dyn Authenticator>>,
    externals: Option<Arc<Externals>>,
    request_ids: Arc<RequestIds>,
    metrics: Metrics,
    warned: Arc<Warned>,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is warned of once.
#[derive(Default)]
struct Warned {
    untrusted_hops: AtomicBool,
    no_address: AtomicBool,
}

/// Why a guard can't be built.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum GuardError {
    /// The route's scopes don't fit the registry's catalogue.
    #[error("the route asks for scopes that the catalogue can't tell: {0}")]
    Requirement(#[from] RequirementError),
    /// The route has a price, and the gate is at an edge, where credits can't be taken unless they
    /// are [elsewhere](Gate::with_credits).
    #[error("a gate at an edge takes no credits of its own: a route behind it has no price")]
    PriceAtEdge,
    /// The route costs more than the limit ever admits.
    #[error("a request costs {cost} units and the limit is {limit}: it would never pass")]
    NeverFits {
        /// The route's cost.
        cost: u32,
        /// The units of the quota.
        limit: u32,
    },
}

impl Gate {
    /// A gate in front of what the registry's credentials may do.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        let credits: Arc<dyn Credits> = Arc::new(registry.clone());
        let gate = Self::over(registry.verifier().clone(), Some(registry));
        gate.with_credits(credits)
    }

    /// A gate at an edge, which verifies and limits, and can neither mint nor change a credential.
    ///
    /// A route behind it has no price, unless there are [credits elsewhere](Self::with_credits).
    #[must_use]
    pub fn at_edge(verifier: Verifier) -> Self {
        Self::over(verifier, None)
    }

    fn over(verifier: Verifier, registry: Option<Registry>) -> Self {
        let gate = Self {
            inner: Arc::new(Inner {
                verifier,
                registry,
                credits: None,
                names: CredentialNames::of(&CredentialHeaders::default()),
                headers: CredentialHeaders::default(),
                rendering: Rendering::default(),
                key_quota: None,
                session_quota: None,
                trusted_hops: 0,
                failures: None,
                authenticators: Vec::new(),
                externals: None,
                request_ids: Arc::new(RequestIds::new()),
                metrics: Metrics::new(),
                warned: Arc::default(),
            }),
        };
        let (units, window) = FAILURES;
        // INVARIANT: these two are a quota.
        match Quota::new(units, window) {
            Ok(quota) => gate.with_failure_limit(quota),
            Err(_) => gate,
        }
    }

    /// How many verifications one client address may fail: 20 in 60 seconds unless said otherwise.
    ///
    /// An IPv6 client is a /64; its /56 may fail 4 times as often, its /48 16 times.
    /// Over the limit only store look-ups and failures are refused, with 429: a credential that
    /// verifies from memory passes, so that a noisy neighbour behind the same address locks nobody
    /// out.
    #[must_use]
    pub fn with_failure_limit(self, quota: Quota) -> Self {
        self.with(|inner| {
            let clock = Arc::clone(inner.verifier.clock());
            // INVARIANT: the names of its limits are names.
            inner.failures = Failures::new(quota, clock).ok().map(Arc::new);
        })
    }

    /// How much each credential may use: every key and every session has a window of its own.
    ///
    /// A quota of its own, or of its owner's plan, goes before this.
    #[must_use]
    pub fn with_limit(self, quota: Quota) -> Self {
        self.with_key_limit(quota).with_session_limit(quota)
    }

    /// How much each API key may use.
    #[must_use]
    pub fn with_key_limit(self, quota: Quota) -> Self {
        self.with(|inner| inner.key_quota = Some(quota))
    }

    /// How much each session may use.
    #[must_use]
    pub fn with_session_limit(self, quota: Quota) -> Self {
        self.with(|inner| {
            inner.session_quota = Some(quota);
            let externals = Externals::new(quota, inner.verifier.clock());
            inner.externals = Some(Arc::new(externals));
        })
    }

    /// Asks also this authenticator about credentials that are none of ours, after those that were
    /// added before. Its users are limited as sessions are, each by itself.
    #[must_use]
    pub fn with_authenticator(self, authenticator: impl Authenticator + 'static) -> Self {
        self.with(|inner| inner.authenticators.push(Arc::new(authenticator)))
    }

    /// How many proxies in front of the service append to X-Forwarded-For: 0 by default, when the
    /// header is not believed at all.
    #[must_use]
    pub fn with_trusted_hops(self, proxies: u8) -> Self {
        self.with(|inner| inner.trusted_hops = proxies)
    }

    /// In which headers credentials come.
    #[must_use]
    pub fn with_credential_headers(self, headers: CredentialHeaders) -> Self {
        self.with(|inner| {
            inner.names = CredentialNames::of(&headers);
            inner.headers = headers;
        })
    }

    /// Takes prices from these credits: a billing service, say. Without this they are the
    /// registry's.
    #[must_use]
    pub fn with_credits(self, credits: Arc<dyn Credits>) -> Self {
        self.with(|inner| inner.credits = Some(credits))
    }

    /// How refusals look.
    #[must_use]
    pub fn with_rendering(self, rendering: Rendering) -> Self {
        self.with(|inner| inner.rendering = rendering)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// What the gate verifies with.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// The registry behind the gate; nothing at an edge.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        self.inner.registry.as_ref()
    }

    /// Where prices are taken from; nowhere at an edge, unless it was said.
    #[must_use]
    pub fn credits(&self) -> Option<&Arc<dyn Credits>> {
        self.inner.credits.as_ref()
    }

    /// How refusals look.
    #[must_use]
    pub fn rendering(&self) -> &Rendering {
        &self.inner.rendering
    }

    /// A guard for one route.
    ///
    /// # Errors
    /// [`GuardError`] if the access can't be told by the catalogue, or could never pass.
    pub fn guard(&self, access: impl Into<Access>) -> Result<Guard, GuardError> {
        Guard::compile(self.clone(), access.into())
    }

    pub(crate) fn authenticators(&self) -> &[Arc<dyn Authenticator>] {
        &self.inner.authenticators
    }

    /// The windows of users of the application's own, if sessions are limited.
    pub(crate) fn externals(&self) -> Option<&Externals> {
        self.inner.externals.as_deref()
    }

    pub(crate) fn next_request_id(&self) -> RequestId {
        self.inner.request_ids.next()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The quota of a kind of credential.
    pub(crate) fn quota(&self, kind: TokenKind) -> Option<&Quota> {
        match kind {
            TokenKind::ApiKey => self.inner.key_quota.as_ref(),
            _ => self.inner.session_quota.as_ref(),
        }
    }

    /// The address of the client: the peer's, or what trusted proxies say of it.
    pub fn client_ip(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let Inner {
            trusted_hops,
            warned,
            ..
        } = &*self.inner;
        let Some(peer) = peer else {
            if !warned.no_address.swap(true, Ordering::Relaxed) {
                tracing::warn!("requests come without a peer address: limits per address are off");
            }
            return None;
        };
        let forwarded = headers.get_all(FORWARDED_FOR);
        if *trusted_hops == 0 {
            let is_news = forwarded.iter().next().is_some()
                && !warned.untrusted_hops.swap(true, Ordering::Relaxed);
            if is_news {
                tracing::warn!(
                    "X-Forwarded-For arrives and no proxy is trusted: all its clients count as one"
                );
            }
            return Some(peer);
        }
        Some(client_ip(
            peer,
            forwarded.iter().map(http::HeaderValue::as_bytes),
            *trusted_hops,
        ))
    }

    /// For how long a client has to wait that has failed too often.
    pub(crate) fn failed_too_often(&self, ip: Option<IpAddr>) -> Option<Duration> {
        self.inner.failures.as_ref()?.wait(ip)
    }

    /// Counts a failed verification; refuses with the time to wait.
    pub(crate) fn count_failure(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        self.inner
            .failures
            .as_ref()
            .map_or(Ok(()), |failures| failures.count(ip))
    }

    /// What a request presents, and from where.
    pub(crate) fn read<'h>(&self, parts: &'h Parts) -> portcullis_token::Presented<'h> {
        let Inner { headers, names, .. } = &*self.inner;
        portcullis_token::read_credentials(
            headers,
            lines(&parts.headers, names.authorization.as_ref()),
            lines(&parts.headers, names.api_key.as_ref()),
            parts.uri.query().map(str::as_bytes),
        )
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("verifier", &self.inner.verifier)
            .field("key_quota", &self.inner.key_quota)
            .field("session_quota", &self.inner.session_quota)
            .field("trusted_hops", &self.inner.trusted_hops)
            .finish_non_exhaustive()
    }
}
