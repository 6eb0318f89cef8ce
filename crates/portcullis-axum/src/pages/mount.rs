//! Where the pages are mounted.

use axum::extract::Request;
use http::{Method, request::Parts};
use portcullis_login::OAuth;

use super::{page::style, site::Site};
use crate::{Guarded, oauth::Endpoint};

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts the pages of people: `/login`, `/logout`, `/device`, `/sessions` and
    /// `/oauth/authorize`, and their style sheet `/pages.css`, as `docs/HTTP.md` describes them.
    /// `name` is what people call the service.
    ///
    /// They work under the base URL of `oauth` alone
    /// ([`OAuth::base_url`](portcullis_login::OAuth::base_url)): a form that a browser sends from
    /// another address is refused.
    #[must_use]
    pub fn with_pages(self, oauth: OAuth, name: &str) -> Self {
        let before = self.routes().len();
        let endpoint = Endpoint {
            gate: self.gate().clone(),
            oauth,
        };
        let site = Site::new(endpoint, name);
        let own = || site.clone();
        let (sign_in, signed, out) = (own(), own(), own());
        let (device, decided) = (own(), own());
        let (consent, consented) = (own(), own());
        let (sessions, ended) = (own(), own());
        self.public(Method::GET, "/login", async move |parts: Parts| {
            sign_in
                .answer(&parts.headers, sign_in.show_sign_in(&parts))
                .await
        })
        .public(
            Method::POST,
            "/login",
            async move |parts: Parts, sent: Request| {
                signed
                    .answer(&parts.headers, signed.sign_in(&parts, sent))
                    .await
            },
        )
        .public(
            Method::POST,
            "/logout",
            async move |parts: Parts, sent: Request| {
                out.answer(&parts.headers, out.sign_out(&parts, sent)).await
            },
        )
        .public(Method::GET, "/device", async move |parts: Parts| {
            device
                .answer(&parts.headers, device.show_device(&parts))
                .await
        })
        .public(
            Method::POST,
            "/device",
            async move |parts: Parts, sent: Request| {
                decided
                    .answer(&parts.headers, decided.device(&parts, sent))
                    .await
            },
        )
        .public(
            Method::GET,
            "/oauth/authorize",
            async move |parts: Parts| {
                consent
                    .answer(&parts.headers, consent.show_consent(&parts))
                    .await
            },
        )
        .public(
            Method::POST,
            "/oauth/authorize",
            async move |parts: Parts, sent: Request| {
                consented
                    .answer(&parts.headers, consented.consent(&parts, sent))
                    .await
            },
        )
        .public(Method::GET, "/sessions", async move |parts: Parts| {
            sessions
                .answer(&parts.headers, sessions.show_sessions(&parts))
                .await
        })
        .public(
            Method::POST,
            "/sessions",
            async move |parts: Parts, sent: Request| {
                ended
                    .answer(&parts.headers, ended.sessions(&parts, sent))
                    .await
            },
        )
        .public(Method::GET, "/pages.css", async || style())
        .refusing_in_own_words_after(before)
    }
}
