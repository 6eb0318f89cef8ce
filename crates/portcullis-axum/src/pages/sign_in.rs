//! Signing in, and out.

use std::time::Duration;

use axum::{extract::Request, response::Response};
use http::{HeaderMap, StatusCode, request::Parts};
use maud::html;
use portcullis_core::Secret;
use portcullis_login::{Form as FormKind, LoginError, PageSession};

use super::{
    cookies::Kept,
    fault::{Fault, SignInAsked},
    next::Next,
    page::{Page, error, see_other},
    site::{Site, Visitor},
    when,
};
use crate::oauth::Form;

/// What the form for signing in says.
struct SignInForm<'f> {
    next: &'f Next,
    status: StatusCode,
    email: &'f str,
    why: Option<&'f str>,
    retry_after: Option<Duration>,
}

impl Site {
    pub(super) async fn show_sign_in(&self, parts: &Parts) -> Result<Response, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let next = match Form::parse(query.as_bytes()) {
            // A query has no request in it: whoever is let in has been asked for by its own page.
            Ok(form) if form.text("next") == Some("device") => Next::Device(None),
            _ => Next::Sessions,
        };
        match self.visitor(&parts.headers).await? {
            Some(_) => see_other(&next.path(), Vec::new()),
            None => Err(Fault::signed_out(next, StatusCode::OK)),
        }
    }

    pub(super) async fn sign_in(&self, parts: &Parts, request: Request) -> Result<Response, Fault> {
        let form = self.form(request).await?;
        let before = Kept::Form.read(&parts.headers);
        self.check_csrf(before.as_ref(), FormKind::SignIn, &form)?;
        let next = Next::of(&form);
        let email = form.text("email").unwrap_or_default().trim();
        let none = Secret::new(String::new());
        let password = form.secret("password").unwrap_or(&none);
        let asked = self.asked(parts);
        let signed_in = self.pages().sign_in(email, password, &asked).await;
        let wrong = |status, why: &str, retry_after| {
            let form = SignInForm {
                next: &next,
                status,
                email,
                why: Some(why),
                retry_after,
            };
            self.sign_in_form(&parts.headers, &form)
        };
        match signed_in {
            Ok(signed_in) => {
                // The browser's earlier cookie is of no more use to whoever has it.
                if let Some(earlier) = Kept::SignIn.read(&parts.headers) {
                    self.pages().sign_out(earlier.expose()).await?;
                }
                let cookies = vec![Kept::SignIn.set(&signed_in.cookie)?, Kept::Form.forget()?];
                if let Next::Device(Some(code)) = &next {
                    let PageSession { user, cookie } = signed_in;
                    let visitor = Visitor { user, cookie };
                    let page = self.code_form(&visitor, code, None)?;
                    let page = cookies.into_iter().fold(page, Page::with_cookie);
                    return page.response(self, Some(&visitor));
                }
                see_other(&next.path(), cookies)
            }
            Err(LoginError::InvalidCredentials) => wrong(
                StatusCode::UNAUTHORIZED,
                "The email address or the password is wrong.",
                None,
            ),
            Err(LoginError::RateLimited { retry_after }) => wrong(
                StatusCode::TOO_MANY_REQUESTS,
                &format!(
                    "Too many attempts. Try again in {}.",
                    when::wait(retry_after)
                ),
                Some(retry_after),
            ),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn sign_out(
        &self,
        parts: &Parts,
        request: Request,
    ) -> Result<Response, Fault> {
        let form = self.form(request).await?;
        let cookie = Kept::SignIn.read(&parts.headers);
        self.check_csrf(cookie.as_ref(), FormKind::SignOut, &form)?;
        if let Some(cookie) = cookie {
            self.pages().sign_out(cookie.expose()).await?;
        }
        see_other("/login", vec![Kept::SignIn.forget()?])
    }

    /// The form for signing in, in the place of another page.
    pub(super) fn sign_in_page(
        &self,
        headers: &HeaderMap,
        asked: SignInAsked,
    ) -> Result<Response, Fault> {
        let SignInAsked { next, status, why } = asked;
        let form = SignInForm {
            next: &next,
            status,
            email: "",
            why,
            retry_after: None,
        };
        self.sign_in_form(headers, &form)
    }

    fn sign_in_form(&self, headers: &HeaderMap, form: &SignInForm<'_>) -> Result<Response, Fault> {
        let (cookie, is_new) = match Kept::Form.read(headers) {
            Some(cookie) => (cookie, false),
            None => (self.pages().pre_session()?, true),
        };
        let about = form.why.map(|_| "error");
        let invalid =
            (form.status == StatusCode::UNAUTHORIZED && !form.email.is_empty()).then_some("true");
        let content = html! {
            @if let Some(why) = form.why { (error(why)) }
            form method="post" action="/login" {
                (self.csrf(&cookie, FormKind::SignIn))
                (form.next.hidden())
                label for="email" { "Email address" }
                input id="email" name="email" type="email" autocomplete="username" required
                    maxlength="254" value=(form.email) autofocus[form.email.is_empty()]
                    aria-describedby=[about] aria-invalid=[invalid];
                label for="password" { "Password" }
                input id="password" name="password" type="password" required
                    autocomplete="current-password" autofocus[!form.email.is_empty()]
                    aria-describedby=[about] aria-invalid=[invalid];
                button type="submit" { "Sign in" }
            }
        };
        let page = Page::new("Sign in", content).with_status(form.status);
        let page = page.with_retry_after(form.retry_after);
        let page = match form.status {
            StatusCode::OK => page,
            _ => page.with_error(),
        };
        let page = if is_new {
            page.with_cookie(Kept::Form.set(&cookie)?)
        } else {
            page
        };
        page.response(self, None)
    }
}
