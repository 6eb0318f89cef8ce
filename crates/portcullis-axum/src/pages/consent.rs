//! The page on which a person lets a client in that asks for a code (RFC 6749, section 4.1.1).

use axum::{extract::Request, response::Response};
use http::{StatusCode, request::Parts};
use maud::{Markup, html};
use portcullis_login::{
    AuthorizeError, AuthorizeFault, AuthorizeRequest, Consent, Form as FormKind,
};

use super::{
    device::{buttons, choices, client},
    fault::Fault,
    next::{Next, fields, request},
    page::{Page, error, hidden, see_other},
    site::{Site, Visitor, decision},
};
use crate::oauth::Form;

impl Site {
    pub(super) async fn show_consent(&self, parts: &Parts) -> Result<Response, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let asked = Form::parse(query.as_bytes()).map_err(|_| repeated())?;
        let asked = request(&asked);
        // A request that is none gets its answer before anybody has to sign in for it.
        if let Err(error) = self.oauth().check_authorize(&asked).await {
            return self.refused(&asked, error).await;
        }
        let next = || Next::Authorize(Box::new(asked.clone()));
        let visitor = self.needed_visitor(parts, next).await?;
        self.ask(&visitor, &asked, None).await
    }

    pub(super) async fn consent(&self, parts: &Parts, sent: Request) -> Result<Response, Fault> {
        let form = self.form(sent).await?;
        let asked = request(&form);
        let next = || Next::Authorize(Box::new(asked.clone()));
        let visitor = self.needed_visitor(parts, next).await?;
        self.check_csrf(Some(&visitor.cookie), FormKind::Consent, &form)?;
        let decision = decision(&form)?;
        let handle = form.text("handle").unwrap_or_default();
        let (user, ip) = (&visitor.user, self.ip(parts));
        let decided = self.oauth();
        let decided = decided.decide_authorize(&asked, handle, user, &decision, ip);
        match decided.await {
            Ok(to) => see_other(to.expose(), Vec::new()),
            Err(AuthorizeError::Ended) => {
                let why = "This page was out of date, so that nothing was done. Look at it again.";
                self.ask(&visitor, &asked, Some(why)).await
            }
            Err(AuthorizeError::SignInAgain) => Err(Fault::stale(next(), StatusCode::UNAUTHORIZED)),
            Err(error) => self.refused(&asked, error).await,
        }
    }

    /// Asks somebody, again if something was wrong.
    async fn ask(
        &self,
        visitor: &Visitor,
        asked: &AuthorizeRequest,
        wrong: Option<&str>,
    ) -> Result<Response, Fault> {
        match self.oauth().authorize(asked, &visitor.user).await {
            Ok(consent) => {
                let status = wrong.map_or(StatusCode::OK, |_| StatusCode::CONFLICT);
                let page = self.consent_page(visitor, asked, &consent, wrong);
                let page = match wrong {
                    Some(_) => page.with_error(),
                    None => page,
                };
                page.with_status(status).response(self, Some(visitor))
            }
            Err(error) => self.refused(asked, error).await,
        }
    }

    fn consent_page(
        &self,
        visitor: &Visitor,
        asked: &AuthorizeRequest,
        consent: &Consent,
        wrong: Option<&str>,
    ) -> Page {
        let content = html! {
            @if let Some(wrong) = wrong { (error(wrong)) }
            p { (client(&consent.client)) " asks to be let in to your account." }
            @if consent.client.is_self_registered {
                p class="warning" {
                    strong { "Allow it only if you have started this yourself, just now, in an app that you know." }
                    " Anybody may call an app like this one. If a link or a message has led you here, deny it."
                }
            }
            p { "You will be sent back to " (back_to(&consent.redirect_origin)) "." }
            form method="post" action="/oauth/authorize" {
                (self.csrf(&visitor.cookie, FormKind::Consent))
                (hidden("handle", &consent.handle))
                (fields(asked))
                (choices(&consent.orgs))
                (buttons(&consent.orgs, "Allow"))
            }
        };
        Page::new("Let this app in?", content).leading_to_an_app()
    }

    /// What is told to whom instead.
    async fn refused(
        &self,
        asked: &AuthorizeRequest,
        error: AuthorizeError,
    ) -> Result<Response, Fault> {
        match error {
            AuthorizeError::Page(AuthorizeFault::Redirect) => Err(Fault::said(
                StatusCode::BAD_REQUEST,
                "This link doesn't work",
                "The address that the app wants the answer at is none that it has registered. \
                 Nothing was sent there. Tell whoever makes the app.",
            )),
            AuthorizeError::Page(_) => Err(Fault::said(
                StatusCode::BAD_REQUEST,
                "This link doesn't work",
                "The app that it is for is not known here. Nothing was done.",
            )),
            AuthorizeError::Redirect { error, to } => self.told(asked, error, &to).await,
            AuthorizeError::SignInAgain => {
                let next = Next::Authorize(Box::new(asked.clone()));
                Err(Fault::stale(next, StatusCode::OK))
            }
            AuthorizeError::Ended => Err(Fault::ended()),
            AuthorizeError::NoSuchOrg => Err(Fault::malformed()),
            AuthorizeError::Unavailable(source) => Err(source.into()),
            error => Err(Fault::failed(error)),
        }
    }

    /// Tells a client what is wrong with its request. One that has registered itself may be
    /// anybody's: the person is asked before the browser goes there (RFC 9700, section 4.11.2).
    async fn told(
        &self,
        asked: &AuthorizeRequest,
        error: &str,
        to: &str,
    ) -> Result<Response, Fault> {
        let id = asked.client_id.as_deref().unwrap_or_default();
        let shown = self.oauth().client_shown(id).await?;
        match shown.filter(|shown| shown.is_self_registered) {
            None => see_other(to, Vec::new()),
            Some(shown) => {
                let content = html! {
                    p role="alert" {
                        (client(&shown)) " has asked for something that can't be done ("
                        code { (error) } ")."
                    }
                    p { a href=(to) rel="noreferrer" { "Go back to it" } " only if you know it: the link leads to "
                        code { (asked.redirect_uri.as_deref().unwrap_or_default()) } "." }
                };
                let page = Page::new("This link doesn't work", content);
                page.with_status(StatusCode::BAD_REQUEST)
                    .response(self, None)
            }
        }
    }
}

/// Where the answer goes, as people say it.
fn back_to(origin: &str) -> Markup {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    match name {
        "127.0.0.1" | "[::1]" | "localhost" => html! { "a program on this computer" },
        _ => html! { strong { (host) } },
    }
}

fn repeated() -> Fault {
    let text = "A part of it stands there twice, or it is not encoded as it has to be.";
    Fault::said(StatusCode::BAD_REQUEST, "This link doesn't work", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_where_they_are_sent_back_to() {
        for (origin, said) in [
            ("http://127.0.0.1:5555", "a program on this computer"),
            ("http://127.0.0.1", "a program on this computer"),
            ("http://[::1]:5555", "a program on this computer"),
            ("http://[::1]", "a program on this computer"),
            ("http://localhost:1", "a program on this computer"),
            ("https://example.com", "<strong>example.com</strong>"),
            (
                "https://localhost.example",
                "<strong>localhost.example</strong>",
            ),
            (
                "https://example.com:8443",
                "<strong>example.com:8443</strong>",
            ),
            ("https://[2001:db8::1]", "<strong>[2001:db8::1]</strong>"),
        ] {
            assert_eq!(back_to(origin).into_string(), said, "{origin}");
        }
    }
}
