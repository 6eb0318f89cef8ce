//! What all pages have in common: who asks, and whether a form is one of ours.

use std::{future::Future, net::IpAddr, sync::Arc};

use axum::{extract::Request, response::Response};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use maud::Markup;
use portcullis_core::{Secret, Timestamp};
use portcullis_login::{Asked, Decision, Form as FormKind, OAuth, PageUser, Pages};

use super::{
    cookies::Kept,
    fault::{Fault, Said},
    next::Next,
    page::{Page, hidden},
};
use crate::oauth::{Endpoint, Form};

/// The field that shows that a form was made for the browser that sends it.
const CSRF: &str = "csrf";

/// The pages of a service.
#[derive(Clone, Debug)]
pub(super) struct Site {
    endpoint: Endpoint,
    name: Arc<str>,
}

/// Somebody who is signed in, and the cookie that says so.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) user: PageUser,
    pub(super) cookie: Secret<String>,
}

impl Site {
    pub(super) fn new(endpoint: Endpoint, name: &str) -> Self {
        Self {
            endpoint,
            name: name.into(),
        }
    }

    /// What the service is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn oauth(&self) -> &OAuth {
        &self.endpoint.oauth
    }

    pub(super) const fn pages(&self) -> &Pages {
        self.oauth().pages()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.pages().login().registry().clock().now()
    }

    pub(super) fn ip(&self, parts: &Parts) -> Option<IpAddr> {
        self.endpoint.ip(parts)
    }

    pub(super) fn asked(&self, parts: &Parts) -> Asked {
        self.endpoint.asked(parts)
    }

    /// Who is signed in, if anybody.
    pub(super) async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, Fault> {
        let Some(cookie) = Kept::SignIn.read(headers) else {
            return Ok(None);
        };
        let user = self.pages().user(cookie.expose()).await?;
        Ok(user.map(|user| Visitor { user, cookie }))
    }

    /// Who is signed in, for a page that is of no use to others.
    pub(super) async fn needed_visitor(
        &self,
        parts: &Parts,
        next: impl FnOnce() -> Next,
    ) -> Result<Visitor, Fault> {
        let status = match parts.method {
            Method::POST => StatusCode::UNAUTHORIZED,
            _ => StatusCode::OK,
        };
        let found = self.visitor(&parts.headers).await?;
        found.ok_or_else(|| Fault::signed_out(next(), status))
    }

    /// The form that was sent, if it was sent from a page of ours.
    ///
    /// Browsers say with each form from where it was sent; what says nothing is no browser of this
    /// decade, or somebody hides it.
    pub(super) async fn form(&self, request: Request) -> Result<Form, Fault> {
        let headers = request.headers();
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_own = match (origins.next(), origins.next()) {
            (Some(origin), None) => origin == self.oauth().base_url().as_str(),
            (None, None) => headers
                .get("sec-fetch-site")
                .is_some_and(|site| site == "same-origin"),
            _ => false,
        };
        if !is_own {
            return Err(self.forged());
        }
        Form::read(request).await.map_err(|error| (&error).into())
    }

    /// The field of a form by which it is known again.
    pub(super) fn csrf(&self, cookie: &Secret<String>, form: FormKind) -> Markup {
        hidden(CSRF, &self.pages().csrf(cookie.expose(), form))
    }

    /// Whether a form was made for the browser that has this cookie.
    pub(super) fn check_csrf(
        &self,
        cookie: Option<&Secret<String>>,
        kind: FormKind,
        form: &Form,
    ) -> Result<(), Fault> {
        let token = form.text(CSRF).unwrap_or_default();
        let is_ours =
            |cookie: &Secret<String>| self.pages().check_csrf(cookie.expose(), kind, token);
        match cookie.is_some_and(is_ours) {
            true => Ok(()),
            false => Err(self.forged()),
        }
    }

    fn forged(&self) -> Fault {
        Fault::forged(self.oauth().base_url().as_str())
    }

    /// The page that was asked for, or the one that is answered in its place.
    pub(super) async fn answer(
        &self,
        headers: &HeaderMap,
        page: impl Future<Output = Result<Response, Fault>>,
    ) -> Response {
        let fault = match page.await {
            Ok(page) => return page,
            Err(fault) => fault,
        };
        let answered = match fault {
            Fault::SignIn(asked) => self.sign_in_page(headers, *asked),
            Fault::Said(said) => self.said(&said),
        };
        // A page that can't even be framed has no characters but ours.
        answered.unwrap_or_else(|_| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }

    fn said(&self, said: &Said) -> Result<Response, Fault> {
        let content = maud::html! {
            p role="alert" { (said.text) }
            p { a href="/device" { "Add a device" } " · " a href="/sessions" { "Your sessions" } }
        };
        let page = Page::new(said.title, content).with_status(said.status);
        let page = page.with_retry_after(said.retry_after);
        page.response(self, None)
    }
}

/// What a person has decided with a form.
pub(super) fn decision(form: &Form) -> Result<Decision, Fault> {
    match (form.text("decision"), form.text("org")) {
        (Some("deny"), _) => Ok(Decision::Deny),
        (Some("approve"), Some(org)) => match org.parse() {
            Ok(org) => Ok(Decision::Approve(org)),
            Err(_) => Err(Fault::malformed()),
        },
        _ => Err(Fault::malformed()),
    }
}
