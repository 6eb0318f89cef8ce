//! Routes that can't be mounted without saying what they ask for.

use std::{fmt, net::SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, OriginalUri, connect_info::IntoMakeServiceWithConnectInfo},
    handler::Handler,
    routing::{MethodFilter, on},
};
use http::{Method, Uri, request::Parts};
use portcullis_gate::{Access, Gate, GuardError};
use portcullis_tower::{GateLayer, PeerAddr};

use crate::{answer::rendered, description::Description};

/// A router whose every route says what it asks for.
///
/// There is no way to mount a handler without an [`Access`] or the word `public`.
///
/// # Examples
/// ```
/// use axum::http::Method;
/// use portcullis_axum::{Caller, Guarded};
/// use portcullis_gate::{Access, Gate};
/// # fn f(gate: Gate) -> Result<(), portcullis_axum::GuardedError> {
/// let api: Guarded = Guarded::new(gate)
///     .public(Method::GET, "/health", || async { "ok" })
///     .get("/whoami", Access::any(), |Caller(who): Caller| async move { who.owner().to_string() });
/// assert_eq!(api.routes().len(), 2);
/// let router = api.into_router()?;
/// # let _: axum::Router = router; Ok(()) }
/// ```
pub struct Guarded<S = ()> {
    pub(crate) gate: Gate,
    router: Router<S>,
    pub(crate) routes: Vec<Route>,
    description: Option<Description>,
    paths: matchit::Router<()>,
    error: Option<GuardedError>,
}

/// A route, as it was mounted.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, in axum's syntax: `/posts/{id}`.
    pub path: String,
    /// What it asks for; nothing if it is public.
    pub access: Option<Access>,
    /// How its handler refuses.
    pub refusals: Refusals,
}

/// How the handler of a route refuses. The gate refuses everywhere alike.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusals {
    /// With the envelope of an [`ApiError`](crate::ApiError).
    Enveloped,
    /// In words of its own: as an RFC says, or with a page.
    Own,
}

/// Why guarded routes don't make a router.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum GuardedError {
    /// A route's access does not fit the gate.
    #[error("{method} {path}: {source}")]
    Guard {
        /// The route's method.
        method: Method,
        /// The route's path.
        path: String,
        /// Why.
        source: GuardError,
    },
    /// Two handlers for one method of one path.
    #[error("{method} {path} is mounted twice")]
    Twice {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// A path that is not one of axum's, or that another path makes ambiguous.
    #[error("{method} {path}: the path can't be routed: {reason}")]
    Path {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Routes that change credentials behind a gate at an edge, which can't.
    #[error("{path}: the gate is at an edge, where no credential is made or changed")]
    AtEdge {
        /// Under what they were to be mounted.
        path: String,
    },
    /// A method that axum can't route.
    #[error("{method} {path}: this method can't be routed")]
    Method {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// No routes yet.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self {
            gate,
            router: Router::new(),
            routes: Vec::new(),
            description: None,
            paths: matchit::Router::new(),
            error: None,
        }
    }

    /// A GET route.
    #[must_use]
    pub fn get<H, T>(self, path: &str, access: impl Into<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::GET, path, access, handler)
    }

    /// A POST route.
    #[must_use]
    pub fn post<H, T>(self, path: &str, access: impl Into<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::POST, path, access, handler)
    }

    /// A PUT route.
    #[must_use]
    pub fn put<H, T>(self, path: &str, access: impl Into<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::PUT, path, access, handler)
    }

    /// A PATCH route.
    #[must_use]
    pub fn patch<H, T>(self, path: &str, access: impl Into<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::PATCH, path, access, handler)
    }

    /// A DELETE route.
    #[must_use]
    pub fn delete<H, T>(self, path: &str, access: impl Into<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::DELETE, path, access, handler)
    }

    /// A route that asks for `access`. The handler runs only for requests that pass.
    ///
    /// A handler for OPTIONS also gets CORS preflights, which carry no credential and pass
    /// untouched: it has no [`Caller`](crate::Caller) then.
    #[must_use]
    pub fn route<H, T>(
        mut self,
        method: Method,
        path: &str,
        access: impl Into<Access>,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let access = access.into();
        match self.gate.guard(access.clone()) {
            Ok(guard) => {
                let handler = handler.layer(
                    GateLayer::new(guard)
                        .with_peer_of(peer_of)
                        .with_uri_of(uri_of),
                );
                self.mount(method, path, Some(access), handler)
            }
            Err(source) => {
                let path = path.to_owned();
                self.error.get_or_insert(GuardedError::Guard {
                    method,
                    path,
                    source,
                });
                self
            }
        }
    }

    /// A route for everybody: a credential is not even looked at.
    #[must_use]
    pub fn public<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.mount(method, path, None, handler)
    }

    fn mount<H, T>(mut self, method: Method, path: &str, access: Option<Access>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let path = path.to_owned();
        if self
            .routes
            .iter()
            .any(|route| route.method == method && route.path == path)
        {
            self.error
                .get_or_insert(GuardedError::Twice { method, path });
            return self;
        }
        let Ok(filter) = MethodFilter::try_from(method.clone()) else {
            self.error
                .get_or_insert(GuardedError::Method { method, path });
            return self;
        };
        // As axum does, which panics where this is an error.
        let is_new = self.routes.iter().all(|route| route.path != path);
        if is_new && let Err(reason) = routable(&mut self.paths, &path) {
            self.error.get_or_insert(GuardedError::Path {
                method,
                path,
                reason,
            });
            return self;
        }
        self.router = self.router.route(&path, on(filter, handler));
        self.routes.push(Route {
            method,
            path,
            access,
            refusals: Refusals::Enveloped,
        });
        self
    }

    /// Notes that what was mounted after so many routes refuses in words of its own.
    #[cfg(feature = "login")]
    pub(crate) fn refusing_in_own_words_after(mut self, routes: usize) -> Self {
        for route in self.routes.iter_mut().skip(routes) {
            route.refusals = Refusals::Own;
        }
        self
    }

    /// Names the metadata of the service in the challenges of what is mounted from now on.
    #[cfg(feature = "login")]
    pub(crate) fn with_resource_metadata(mut self, url: String) -> Self {
        let rendering = self.gate.rendering().clone().with_resource_metadata(url);
        self.gate = self.gate.with_rendering(rendering);
        self
    }

    /// Has this description written when all routes are there.
    pub(crate) fn described_by(mut self, description: Description) -> Self {
        self.description.get_or_insert(description);
        self
    }

    /// Notes that routes need a registry where there is none.
    pub(crate) fn at_edge(mut self, path: &str) -> Self {
        let path = path.to_owned();
        self.error.get_or_insert(GuardedError::AtEdge { path });
        self
    }

    /// The gate in front of the routes.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The routes, in the order in which they were mounted.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes as a router of axum, to be served or merged into another.
    ///
    /// Serve it with connection information ([`into_make_service`](Guarded::into_make_service)):
    /// without the client's address, limits per address are off.
    ///
    /// # Errors
    /// [`GuardedError`] for the first route that does not fit the gate.
    pub fn into_router(self) -> Result<Router<S>, GuardedError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(description) = &self.description {
            description.write(&self);
        }
        Ok(rendered(self.router, self.gate.rendering()))
    }
}

impl<S> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("gate", &self.gate)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

impl Guarded<()> {
    /// The routes as a service for `axum::serve`, which tells them the client's address.
    ///
    /// # Errors
    /// As [`into_router`](Self::into_router).
    pub fn into_make_service(
        self,
    ) -> Result<IntoMakeServiceWithConnectInfo<Router, SocketAddr>, GuardedError> {
        Ok(self.into_router()?.into_make_service_with_connect_info())
    }
}

/// Whether a new path can be routed beside those that are there.
fn routable(paths: &mut matchit::Router<()>, path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err("it does not begin with `/`".into());
    }
    if path.split('/').any(|part| part.starts_with([':', '*'])) {
        return Err("parameters are written `{name}` and `{*rest}`".into());
    }
    paths.insert(path, ()).map_err(|error| error.to_string())
}

/// What the client has called, before a router that this one is nested in has shortened it.
fn uri_of(parts: &Parts) -> Option<&Uri> {
    let original = parts.extensions.get::<OriginalUri>();
    original.map(|OriginalUri(uri)| uri)
}

/// The address of the other end of the connection, as axum's server or a [`PeerAddr`] says.
pub(crate) fn peer_of(parts: &Parts) -> Option<std::net::IpAddr> {
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = connection.map(|ConnectInfo(address)| address.ip());
    peer.or_else(|| parts.extensions.get().map(|PeerAddr(ip)| *ip))
}
