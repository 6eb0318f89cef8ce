//! A page: what stands around its content, and the headers that keep it from others.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis_login::Form as FormKind;

use super::{
    fault::Fault,
    site::{Site, Visitor},
};
use crate::oauth::seconds;

/// The style sheet.
pub(super) const STYLE: &str = include_str!("pages.css");

/// Where the forms of a page may lead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Forms {
    ToUs,
    Anywhere,
}

/// A page, before it has a frame.
#[derive(Debug)]
pub(super) struct Page {
    title: String,
    content: Markup,
    status: StatusCode,
    retry_after: Option<Duration>,
    cookies: Vec<HeaderValue>,
    forms: Forms,
    title_begins: &'static str,
}

impl Page {
    pub(super) fn new(title: impl Into<String>, content: Markup) -> Self {
        Self {
            title: title.into(),
            content,
            status: StatusCode::OK,
            retry_after: None,
            cookies: Vec::new(),
            forms: Forms::ToUs,
            title_begins: "",
        }
    }

    /// A form is shown again since something is wrong: who can't see it hears that first.
    pub(super) fn with_error(self) -> Self {
        Self {
            title_begins: "Error: ",
            ..self
        }
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    pub(super) fn with_cookie(mut self, cookie: HeaderValue) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The form of the page leads to an app. Browsers ask the policy about every redirect after a
    /// form, also about those of the app, which may end at any address: there is none to be named.
    pub(super) fn leading_to_an_app(self) -> Self {
        Self {
            forms: Forms::Anywhere,
            ..self
        }
    }

    /// The answer, for somebody who is signed in or not.
    pub(super) fn response(
        self,
        site: &Site,
        visitor: Option<&Visitor>,
    ) -> Result<Response, Fault> {
        let html = self.html(site, visitor).into_string();
        let mut headers = headers();
        let policy = HeaderValue::from_static(self.forms.policy());
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds(wait).into());
        }
        for cookie in self.cookies {
            headers.append(header::SET_COOKIE, cookie);
        }
        Ok((self.status, headers, html).into_response())
    }

    fn html(&self, site: &Site, visitor: Option<&Visitor>) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title_begins) (self.title) " – " (site.name()) }
                    link rel="stylesheet" href="/pages.css";
                }
                body {
                    header {
                        span class="service" { (site.name()) }
                        @if let Some(visitor) = visitor { (navigation(site, visitor)) }
                    }
                    main {
                        h1 { (self.title) }
                        (self.content)
                    }
                }
            }
        }
    }
}

impl Forms {
    /// The policy of a page with such forms.
    const fn policy(self) -> &'static str {
        match self {
            Self::ToUs => {
                "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                 base-uri 'none'"
            }
            Self::Anywhere => {
                "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
            }
        }
    }
}

fn navigation(site: &Site, visitor: &Visitor) -> Markup {
    html! {
        nav aria-label="Account" {
            a href="/device" { "Add a device" }
            a href="/sessions" { "Sessions" }
            form method="post" action="/logout" {
                (site.csrf(&visitor.cookie, FormKind::SignOut))
                button class="link" type="submit" {
                    "Sign out " span class="who" { (visitor.user.account().email) }
                }
            }
        }
    }
}

/// Sends the browser to another page, which it asks for anew.
pub(super) fn see_other(to: &str, cookies: Vec<HeaderValue>) -> Result<Response, Fault> {
    let mut headers = headers();
    headers.remove(header::CONTENT_TYPE);
    let mut to = HeaderValue::try_from(to).map_err(Fault::failed)?;
    // A code may stand in it.
    to.set_sensitive(true);
    headers.insert(header::LOCATION, to);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// The style sheet, which everybody may have.
pub(super) fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}

/// What every page says to the browser.
fn headers() -> HeaderMap {
    const ALL: [(HeaderName, &str); 7] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` browsers would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let all = ALL.into_iter();
    all.map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

/// What is wrong with a form, where it is read out at once.
pub(super) fn error(text: &str) -> Markup {
    html! { p class="error" role="alert" id="error" { (text) } }
}

/// A field of a form that nobody sees.
pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// Nothing.
pub(super) const fn nothing() -> Markup {
    PreEscaped(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_app_alone_may_lead_elsewhere() {
        let page = || Page::new("Title", nothing());
        assert!(page().forms.policy().contains("; form-action 'self'; "));
        let policy = page().leading_to_an_app().forms.policy();
        assert!(!policy.contains("form-action"), "{policy}");
        for kept in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(kept), "{policy}");
        }
    }
}
