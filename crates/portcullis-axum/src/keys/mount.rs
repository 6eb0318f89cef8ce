//! Where the routes for keys are mounted.

use axum::{Router, middleware, routing};
use http::{Method, request::Parts};
use portcullis_error::Rendering;
use portcullis_gate::Access;
use portcullis_registry::Registry;

use super::{
    bodies::{KeyChangeBody, NewKeyBody, RotationBody},
    handlers::{AnyPath, Keys, require_actor},
    leak,
};
use crate::{
    Guarded, JsonBody, OptionalJsonBody, method_not_allowed_fallback, not_found_fallback, rendered,
};

/// The routes, as closures over the handlers: the same for both ways of mounting.
macro_rules! handler {
    ($keys:expr, create) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts, body: JsonBody<NewKeyBody>| keys.create(parts, body).await
    }};
    ($keys:expr, change) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts, id: AnyPath, body: JsonBody<KeyChangeBody>| {
            keys.change(parts, id, body).await
        }
    }};
    ($keys:expr, rotate) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts, id: AnyPath, body: OptionalJsonBody<RotationBody>| {
            keys.rotate(parts, id, body).await
        }
    }};
    ($keys:expr, list) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts| keys.list(parts).await
    }};
    ($keys:expr, review) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts| keys.review(parts).await
    }};
    ($keys:expr, $one:ident) => {{
        let keys: Keys = $keys.clone();
        async move |parts: Parts, id: AnyPath| keys.$one(parts, id).await
    }};
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts the routes for API keys under `path` (`/api-keys`, say), as `docs/HTTP.md` describes
    /// them.
    ///
    /// Reading asks for `read`, everything else for `write`; whoever holds a key may report it as
    /// leaked without either. The actor is the caller: nobody hands
    /// on what they lack. A gate at an edge has no keys to manage: [`GuardedError::AtEdge`](
    /// crate::GuardedError::AtEdge).
    #[must_use]
    pub fn with_keys(self, path: &str, read: impl Into<Access>, write: impl Into<Access>) -> Self {
        let (read, write) = (read.into(), write.into());
        let Some(registry) = self.gate().registry().cloned() else {
            return self.at_edge(path);
        };
        let keys = Keys::behind_gate(registry);
        let one = format!("{path}/{{id}}");
        let (rotate, usage) = (format!("{one}/rotate"), format!("{one}/usage"));
        let review = format!("{path}/review");
        let (leak, gate) = (format!("{path}/report-leak"), self.gate().clone());
        self.public(Method::POST, &leak, async move |parts: Parts, body| {
            leak::report(&gate, &parts, body).await
        })
        .post(path, write.clone(), handler!(keys, create))
        .get(path, read.clone(), handler!(keys, list))
        .get(&review, read.clone(), handler!(keys, review))
        .get(&usage, read.clone(), handler!(keys, usage))
        .get(&one, read, handler!(keys, show))
        .patch(&one, write.clone(), handler!(keys, change))
        .delete(&one, write.clone(), handler!(keys, revoke))
        .post(&rotate, write, handler!(keys, rotate))
    }
}

/// The routes for API keys, for an application that signs in its users itself.
///
/// Put the application's own middleware in front, which finds out who calls and inserts an
/// [`Actor`](portcullis_registry::Actor) into the request's extensions; a request without one is
/// answered with 401. The address for the audit log is that of the connection, if the actor has
/// none. An application that signs in with cookies has to refuse requests that other sites send
/// before they come here: a rotation needs no body, and so no preflight. The paths are relative:
/// nest the router where it belongs. Refusals have the default form; see
/// [`router_with`].
///
/// # Examples
/// ```
/// use axum::{Extension, Router};
/// use portcullis_registry::{Actor, Registry};
/// # fn f(registry: Registry) -> Result<Router, portcullis_registry::ParseNameError> {
/// let all = registry.catalogue().all();
/// let ada = Actor::user("acme".parse()?, "ada".parse()?, all);
/// let app = Router::new()
///     .nest("/api-keys", portcullis_axum::keys::router(registry))
///     .layer(Extension(ada));
/// # Ok(app) }
/// ```
pub fn router<S: Clone + Send + Sync + 'static>(registry: Registry) -> Router<S> {
    router_with(registry, &Rendering::default())
}

/// As [`router`], with refusals of another form.
pub fn router_with<S>(registry: Registry, rendering: &Rendering) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let keys = Keys::of(registry);
    let routes = Router::new()
        .route(
            "/",
            routing::post(handler!(keys, create)).get(handler!(keys, list)),
        )
        .route(
            "/{id}",
            routing::get(handler!(keys, show))
                .patch(handler!(keys, change))
                .delete(handler!(keys, revoke)),
        )
        .route("/review", routing::get(handler!(keys, review)))
        .route("/{id}/usage", routing::get(handler!(keys, usage)))
        .route("/{id}/rotate", routing::post(handler!(keys, rotate)))
        .route_layer(middleware::from_fn(require_actor))
        .fallback(not_found_fallback)
        .method_not_allowed_fallback(method_not_allowed_fallback);
    rendered(routes, rendering)
}
