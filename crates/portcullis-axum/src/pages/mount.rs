//! Where the pages are mounted.

use axum::{extract::Request, response::Response};
use http::{Method, request::Parts};
use portcullis_core::BoxFuture;
use portcullis_login::OAuth;

use super::{fault::Fault, page::style, site::Site};
use crate::{Guarded, oauth::Endpoint};

/// What a page is answered with.
type Answer<'s> = BoxFuture<'s, Result<Response, Fault>>;

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
        self.page(&site, "/login", |site, parts| {
            Box::pin(site.show_sign_in(parts))
        })
        .form(&site, "/login", |site, parts, sent| {
            Box::pin(site.sign_in(parts, sent))
        })
        .form(&site, "/logout", |site, parts, sent| {
            Box::pin(site.sign_out(parts, sent))
        })
        .page(&site, "/device", |site, parts| {
            Box::pin(site.show_device(parts))
        })
        .form(&site, "/device", |site, parts, sent| {
            Box::pin(site.device(parts, sent))
        })
        .page(&site, "/oauth/authorize", |site, parts| {
            Box::pin(site.show_consent(parts))
        })
        .form(&site, "/oauth/authorize", |site, parts, sent| {
            Box::pin(site.consent(parts, sent))
        })
        .page(&site, "/sessions", |site, parts| {
            Box::pin(site.show_sessions(parts))
        })
        .form(&site, "/sessions", |site, parts, sent| {
            Box::pin(site.sessions(parts, sent))
        })
        .public(Method::GET, "/pages.css", async || style())
        .refusing_in_own_words_after(before)
    }

    fn page(
        self,
        site: &Site,
        path: &str,
        show: for<'s> fn(&'s Site, &'s Parts) -> Answer<'s>,
    ) -> Self {
        let site = site.clone();
        self.public(Method::GET, path, async move |parts: Parts| {
            site.answer(&parts.headers, show(&site, &parts)).await
        })
    }

    fn form(
        self,
        site: &Site,
        path: &str,
        take: for<'s> fn(&'s Site, &'s Parts, Request) -> Answer<'s>,
    ) -> Self {
        let site = site.clone();
        self.public(
            Method::POST,
            path,
            async move |parts: Parts, sent: Request| {
                site.answer(&parts.headers, take(&site, &parts, sent)).await
            },
        )
    }
}
