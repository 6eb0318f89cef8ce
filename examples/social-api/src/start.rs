//! Putting the parts together, serving, and stopping.

use std::{error::Error, io::Write, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::{HeaderName, Method},
};
use portcullis::{
    Environment, Gate, Guarded, Registry, TokenFormat,
    axum::{Data, method_not_allowed_fallback, not_found_fallback, rendered},
    core::Secret,
    login::{Bootstrap, Directory, Email, Login, MemoryDirectory, OAuth},
    registry::{MemoryStore, SessionTerms, Store},
    sqlite::SqliteStore,
};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::{
    billing,
    catalogue::Social,
    metrics::Metrics,
    oauth::oauth,
    options::{Limits, Settings, Signup, Store as StoreOption},
    peppers::peppers,
    quickstart::{Password, Quickstart},
    resources::{self, Demo},
    roles::roles,
    serve::{Signals, serve},
};

/// Why the server does not start, in one line.
#[derive(Debug)]
pub(crate) struct StartError(pub(crate) String);

impl StartError {
    pub(crate) fn new(what: &str, error: &(dyn Error + 'static)) -> Self {
        let mut line = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(line.replace(['\n', '\r'], " "))
    }
}

fn failed<E: Error + 'static>(what: &'static str) -> impl FnOnce(E) -> StartError {
    move |error| StartError::new(what, &error)
}

/// Starts, serves until a signal, drains, writes what is left.
pub(crate) async fn run(mut settings: Settings) -> Result<(), StartError> {
    // The port first: with it in use nothing is made.
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener
        .map_err(|error| StartError::new(&format!("listen on {}", settings.listen), &error))?;
    let address = listener.local_addr().map_err(failed("listen"))?;
    // Before whatever counts is made.
    let metrics = match settings.metrics_listen {
        Some(address) => Some(Metrics::install(address).await?),
        None => None,
    };
    let Limits::Memory = settings.limits;
    let email: Email = settings
        .admin_email
        .parse()
        .map_err(failed("option `admin-email`"))?;

    let parts = open(&settings)?;
    let given = std::mem::replace(&mut settings.peppers, crate::options::Peppers::none());
    let ring = peppers(given, &*parts.store, &settings.store).await?;
    let format = TokenFormat::new("ap", Environment::Live).map_err(failed("token format"))?;
    let opened = Registry::open(Arc::clone(&parts.store), format, Social::catalogue(), ring).await;
    let (registry, driver) = opened.map_err(failed("store"))?;
    let driver = tokio::spawn(driver);
    // The store is this process's alone: what is reserved was left by one that died.
    registry.release_orphans().await.map_err(failed("store"))?;

    let terms = SessionTerms {
        ttl: settings.session_ttl,
        idle_ttl: settings.session_idle_ttl,
        refresh_ttl: settings.refresh_ttl,
    };
    let roles = roles().map_err(failed("roles"))?;
    let login = Login::new(registry.clone(), parts.directory, roles).map_err(failed("login"))?;
    let login = login.with_terms(terms);
    let login = match settings.signup {
        Signup::Closed => login,
        Signup::Open => login.with_signup(settings.credits),
    };
    let clock = Arc::clone(registry.clock());
    let demo = match &settings.store {
        StoreOption::Sqlite(path) => Demo::open(path, clock),
        StoreOption::Memory => Demo::in_memory(clock),
    };
    let demo = demo.map_err(failed("store"))?;
    let oauth = oauth(&settings, &login, address).map_err(failed("oauth"))?;
    let app = app(&settings, registry.clone(), (login.clone(), oauth), demo)?;

    // Last, since its password may be shown only now.
    let first = bootstrap(&login, &email, &settings).await?;

    let signals = Signals::new().map_err(failed("signals"))?;
    let bound = Bound {
        api: address,
        metrics: metrics.as_ref().map(Metrics::address),
    };
    greet(&settings, &bound, first.as_ref()).map_err(failed("standard output"))?;
    let metrics = metrics.map(Metrics::serve);
    serve(listener, app, signals).await;
    registry.close().await.map_err(failed("store"))?;
    driver.await.map_err(failed("background work"))?;
    // Last, so that what the end counts can still be read.
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
    Ok(())
}

/// A store and the users in it.
struct Parts {
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
}

fn open(settings: &Settings) -> Result<Parts, StartError> {
    Ok(match &settings.store {
        StoreOption::Memory => Parts {
            store: Arc::new(MemoryStore::new()),
            directory: Arc::new(MemoryDirectory::new()),
        },
        StoreOption::Sqlite(path) => {
            let opened = match &settings.journal {
                Some(journal) => SqliteStore::open_with_journal(path, journal),
                None => SqliteStore::open(path),
            };
            let sqlite = Arc::new(opened.map_err(failed("store"))?);
            let directory: Arc<dyn Directory> = Arc::<SqliteStore>::clone(&sqlite);
            Parts {
                store: sqlite,
                directory,
            }
        }
    })
}

/// The first start: its password, if it was made up.
struct First {
    made_up: Option<Secret<String>>,
}

/// Makes the first user of an empty store.
async fn bootstrap(
    login: &Login,
    email: &Email,
    settings: &Settings,
) -> Result<Option<First>, StartError> {
    let accounts = login.directory().count_accounts().await;
    let is_first = accounts.map_err(failed("first user"))? == 0;
    let made_up = match &settings.admin_password {
        Some(_) => None,
        None => Some(random_password()?),
    };
    if let Some(password) = made_up.as_ref().filter(|_| is_first) {
        // Shown before it is of use: if it can't be shown, the next start makes another.
        let mut out = std::io::stdout().lock();
        let line = writeln!(out, "first user {email}, password {}", password.expose());
        line.and_then(|()| out.flush())
            .map_err(failed("standard output"))?;
    }
    let password = settings.admin_password.as_ref().or(made_up.as_ref());
    let Some(password) = password else {
        return Ok(None);
    };
    let outcome = login.bootstrap(email, password, settings.credits).await;
    Ok(match outcome.map_err(failed("first user"))? {
        Bootstrap::Created => Some(First { made_up }),
        Bootstrap::AlreadyThere => None,
    })
}

/// 20 characters of base32: 100 bits.
fn random_password() -> Result<Secret<String>, StartError> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(failed("random bytes"))?;
    let letter = |byte: u8| {
        ALPHABET
            .get(usize::from(byte % 32))
            .copied()
            .map_or('a', char::from)
    };
    Ok(Secret::new(bytes.into_iter().map(letter).collect()))
}

fn app(
    settings: &Settings,
    registry: Registry,
    (login, oauth): (Login, Option<OAuth>),
    demo: Demo,
) -> Result<Router, StartError> {
    let gate = Gate::new(registry.clone())
        .with_key_limit(settings.key_limit)
        .with_session_limit(settings.session_limit)
        .with_trusted_hops(settings.trusted_hops);
    let api = Guarded::new(gate);
    // First, since challenges name where it is described.
    let api = match oauth {
        Some(oauth) => api
            .with_oauth(oauth.clone(), Social::TOKENS_INTROSPECT)
            .with_pages(oauth, "Social API"),
        None => api,
    };
    let rendering = api.gate().rendering().clone();
    let api = api
        .public(Method::GET, "/health", || async {
            Data(Map::<String, Value>::new())
        })
        .with_login(login.clone())
        .with_orgs(login)
        .with_keys("/api-keys", Social::API_KEYS_READ, Social::API_KEYS_WRITE)
        .with_audit("/audit", Social::AUDIT_READ)
        .with_denials("/denials", Social::API_KEYS_READ);
    let api = billing::routes(api, registry.clone());
    let router = resources::routes(api, registry)
        .into_router()
        .map_err(failed("routes"))?
        .with_state(demo);
    let router = router
        .fallback(not_found_fallback)
        .method_not_allowed_fallback(method_not_allowed_fallback);
    let router = rendered(router, &rendering);
    Ok(if settings.cors_origins.is_empty() {
        router
    } else {
        router.layer(cors(settings))
    })
}

/// For browsers of other origins: answers and refusals are readable, the rate headers too.
fn cors(settings: &Settings) -> CorsLayer {
    let exposed = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "retry-after",
        "www-authenticate",
        "x-request-id",
        "x-total-count",
        "x-next-cursor",
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(settings.cors_origins.iter().cloned()))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.map(HeaderName::from_static))
}

/// The addresses that were bound.
struct Bound {
    api: SocketAddr,
    metrics: Option<SocketAddr>,
}

/// Says where the server listens, and after the first start what to do with it.
fn greet(settings: &Settings, bound: &Bound, first: Option<&First>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let address = bound.api;
    writeln!(out, "listening on http://{address}")?;
    if let Some(metrics) = bound.metrics {
        writeln!(out, "metrics on http://{metrics}/metrics")?;
    }
    if let Some(First { made_up }) = first {
        let own = format!("http://{address}");
        let password = match made_up {
            Some(password) => Password::Shown(password),
            None if std::env::var_os("PORTCULLIS_ADMIN_PASSWORD").is_some() => Password::Variable,
            None => Password::File,
        };
        let base_url = settings.base_url.as_deref().unwrap_or(&own);
        write!(
            out,
            "{}",
            Quickstart {
                base_url,
                email: &settings.admin_email,
                password
            }
        )?;
    }
    out.flush()
}
