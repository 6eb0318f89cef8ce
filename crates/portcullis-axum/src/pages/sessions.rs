//! The page on which a person sees where they are logged in, and ends what they no longer want.

use std::collections::BTreeMap;

use axum::{extract::Request, response::Response};
use http::request::Parts;
use maud::{Markup, html};
use portcullis_core::Timestamp;
use portcullis_login::{ClientShown, Form as FormKind, PageInfo, Unavailable};
use portcullis_registry::{Owner, PrefixedId, SessionInfo};
use portcullis_token::TokenKind;

use super::{
    cookies::Kept,
    device::client,
    fault::Fault,
    next::Next,
    page::{Page, see_other},
    site::{Site, Visitor},
    when,
};

/// What the names of clients and organisations are looked up in.
struct Names {
    clients: BTreeMap<String, ClientShown>,
    orgs: BTreeMap<Owner, String>,
}

impl Site {
    pub(super) async fn show_sessions(&self, parts: &Parts) -> Result<Response, Fault> {
        let visitor = self.needed_visitor(parts, || Next::Sessions).await?;
        let sessions = self.pages().sessions(&visitor.user).await?;
        let sign_ins = self.pages().list(&visitor.user).await?;
        let names = self.names(&visitor, &sessions).await?;
        let now = self.now();
        let content = html! {
            p { "Signed in as " strong { (visitor.user.account().name) } ", "
                (visitor.user.account().email) "." }
            form method="post" action="/sessions" {
                (self.csrf(&visitor.cookie, FormKind::Sessions))
                h2 { "Apps and devices" }
                @if sessions.is_empty() { p { "None." } }
                ul class="sessions" {
                    @for session in &sessions { (shown(session, &names, now)) }
                }
                h2 { "Browsers" }
                ul class="sessions" {
                    @for sign_in in &sign_ins { (browser(sign_in, now)) }
                }
                h2 { "Everywhere" }
                p { "Ends all of them, this one too. API keys go on working." }
                button class="deny" type="submit" name="everywhere" value="yes" {
                    "Sign out everywhere"
                }
            }
        };
        Page::new("Your sessions", content).response(self, Some(&visitor))
    }

    pub(super) async fn sessions(&self, parts: &Parts, sent: Request) -> Result<Response, Fault> {
        let form = self.form(sent).await?;
        let visitor = self.needed_visitor(parts, || Next::Sessions).await?;
        self.check_csrf(Some(&visitor.cookie), FormKind::Sessions, &form)?;
        let (pages, user, ip) = (self.pages(), &visitor.user, self.ip(parts));
        let parameters = ["everywhere", "session", "sign_in"].map(|name| form.text(name));
        match parameters {
            [Some("yes"), None, None] => {
                pages.sign_out_everywhere(user, ip).await?;
                return see_other("/login", vec![Kept::SignIn.forget()?]);
            }
            [None, Some(id), None] => {
                let id = PrefixedId::read(TokenKind::Session, id).ok_or_else(Fault::malformed)?;
                // One that has ended meanwhile is as it was to be.
                pages.end_session(user, id, ip).await?;
            }
            [None, None, Some(id)] => {
                pages.end(user, id).await?;
            }
            _ => return Err(Fault::malformed()),
        }
        // It may have been the sign-in of this page.
        match pages.user(visitor.cookie.expose()).await? {
            Some(_) => see_other("/sessions", Vec::new()),
            None => see_other("/login", vec![Kept::SignIn.forget()?]),
        }
    }

    async fn names(&self, visitor: &Visitor, sessions: &[SessionInfo]) -> Result<Names, Fault> {
        let mut clients = BTreeMap::new();
        for session in sessions {
            let id = session.name();
            if id.is_empty() || clients.contains_key(id) {
                continue;
            }
            if let Some(client) = self.oauth().client_shown(id).await? {
                clients.insert(id.to_owned(), client);
            }
        }
        let directory = self.pages().login().directory();
        let memberships = directory.memberships(visitor.user.account().id.clone());
        let memberships = memberships.await.map_err(Unavailable::from)?.into_iter();
        let orgs = memberships.map(|membership| (membership.org.id, membership.org.name));
        Ok(Names {
            clients,
            orgs: orgs.collect(),
        })
    }
}

fn shown(session: &SessionInfo, names: &Names, now: Timestamp) -> Markup {
    let name = session.name();
    let name = called(name, names.clients.get(name));
    let org = names.orgs.get(session.owner()).map(String::as_str);
    let id = session.id().to_string();
    html! {
        li {
            div {
                span id={ "name-" (id) } { (name) }
                @if let Some(org) = org { " in " (org) }
                dl {
                    dt { "Since" }
                    dd id={ "since-" (id) } { (when::ago(session.created_at(), now)) }
                    @if let Some(used) = session.usage().last_used_at {
                        dt { "Last used" }
                        dd { (when::ago(used, now)) }
                    }
                    @if let Some(ends) = session.expires_at() {
                        dt { "Ends" }
                        dd { (when::at(ends)) }
                    }
                }
            }
            button class="deny" type="submit" name="session" value=(id) id={ "end-" (id) }
                aria-labelledby={ "end-" (id) " name-" (id) " since-" (id) } { "End" }
        }
    }
}

/// What a session is called, with what nobody has checked marked as such.
fn called(name: &str, known: Option<&ClientShown>) -> Markup {
    match known {
        Some(known) => client(known),
        None if name.is_empty() => html! { strong { "Login with your password" } },
        None => html! { strong { (name) } },
    }
}

fn browser(sign_in: &PageInfo, now: Timestamp) -> Markup {
    html! {
        li {
            div {
                strong id={ "name-" (sign_in.id) } {
                    "A browser"
                    @if sign_in.is_own { " (this one)" }
                }
                dl {
                    dt { "Signed in" }
                    dd id={ "since-" (sign_in.id) } { (when::ago(sign_in.signed_in_at, now)) }
                    dt { "Last used" }
                    dd { (when::ago(sign_in.used_at, now)) }
                    @if let Some(ip) = sign_in.ip {
                        dt { "From" }
                        dd { code { (ip) } }
                    }
                    @if let Some(agent) = &sign_in.user_agent {
                        dt { "Calls itself" }
                        dd { (agent) }
                    }
                }
            }
            button class="deny" type="submit" name="sign_in" value=(sign_in.id)
                id={ "end-" (sign_in.id) }
                aria-labelledby={ "end-" (sign_in.id) " name-" (sign_in.id) " since-" (sign_in.id) } { "End" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_took_the_name_of_something_else_is_marked() {
        let password = called("", None).into_string();
        assert_eq!(password, "<strong>Login with your password</strong>");
        let shown = ClientShown {
            id: "dyn-1".into(),
            name: "Login with your password".into(),
            is_self_registered: true,
        };
        let taken = called("dyn-1", Some(&shown)).into_string();
        assert!(taken.starts_with(&password));
        assert!(taken.contains("nobody has checked it"), "{taken}");
        // One that was forgotten.
        assert_eq!(
            called("dyn-1", None).into_string(),
            "<strong>dyn-1</strong>"
        );
    }
}
