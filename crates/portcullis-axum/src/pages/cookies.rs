//! The cookies of the pages.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, HeaderValue};
use portcullis_core::Secret;

use super::fault::Fault;

/// A cookie. By its prefix browsers take it from this very host alone, over TLS or from their own
/// machine, and for all of its paths (RFC 6265bis, section 4.1.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// Who is signed in.
    SignIn,
    /// Who is about to sign in.
    Form,
}

impl Kept {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "__Host-portcullis",
            Self::Form => "__Host-portcullis-form",
        }
    }

    /// What the browser has sent, unless it is empty.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<Secret<String>> {
        let jar = CookieJar::from_headers(headers);
        let value = jar.get(self.name())?.value();
        Some(Secret::new(value.to_owned())).filter(|value| !value.expose().is_empty())
    }

    /// Has the browser keep it until it is closed.
    pub(super) fn set(self, value: &Secret<String>) -> Result<HeaderValue, Fault> {
        let cookie = Cookie::build((self.name(), value.expose().as_str()));
        header(cookie.build())
    }

    /// Has the browser forget it.
    pub(super) fn forget(self) -> Result<HeaderValue, Fault> {
        let mut cookie = Cookie::build((self.name(), "")).build();
        cookie.make_removal();
        header(cookie)
    }
}

fn header(mut cookie: Cookie<'_>) -> Result<HeaderValue, Fault> {
    cookie.set_secure(true);
    cookie.set_http_only(true);
    // A client sends people here from elsewhere; forms of others are refused by their origin.
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    let mut value = HeaderValue::try_from(cookie.to_string()).map_err(Fault::failed)?;
    value.set_sensitive(true);
    Ok(value)
}
