//! The page on which a person types the code of a device, and lets it in (RFC 8628, section 3.3).

use axum::{extract::Request, response::Response};
use http::{StatusCode, request::Parts};
use maud::{Markup, html};
use portcullis_login::{
    ApprovalError, ClientShown, Decision, DeviceShown, Form as FormKind, OrgChoice,
};

use super::{
    fault::Fault,
    next::Next,
    page::{Page, error, hidden, nothing},
    site::{Site, Visitor, decision},
    when,
};
use crate::oauth::Form;

/// What is wrong with a code that was typed.
pub(super) struct Wrong<'w> {
    status: StatusCode,
    text: &'w str,
}

impl Site {
    pub(super) async fn show_device(&self, parts: &Parts) -> Result<Response, Fault> {
        let visitor = self.needed_visitor(parts, || Next::Device(None)).await?;
        if !self.oauth().is_fresh(&visitor.user) {
            return Err(Fault::stale(Next::Device(None), StatusCode::OK));
        }
        self.code_form(&visitor, "", None)?
            .response(self, Some(&visitor))
    }

    pub(super) async fn device(&self, parts: &Parts, request: Request) -> Result<Response, Fault> {
        let form = self.form(request).await?;
        let visitor = self.needed_visitor(parts, || Next::device(&form)).await?;
        let cookie = Some(&visitor.cookie);
        if let Some(handle) = form.text("handle") {
            self.check_csrf(cookie, FormKind::Device, &form)?;
            let decision = decision(&form)?;
            return self.decide_device(parts, &visitor, handle, &decision).await;
        }
        self.check_csrf(cookie, FormKind::UserCode, &form)?;
        self.find_device(parts, &visitor, &form).await
    }

    async fn find_device(
        &self,
        parts: &Parts,
        visitor: &Visitor,
        form: &Form,
    ) -> Result<Response, Fault> {
        let code = form.text("user_code").unwrap_or_default();
        let wrong = |status, text: &str| {
            let wrong = Wrong { status, text };
            self.code_form(visitor, code, Some(&wrong))
        };
        let found = self
            .oauth()
            .device_shown(code, &visitor.user, self.ip(parts));
        let page = match found.await {
            Ok(device) => self.approval(visitor, &device),
            Err(ApprovalError::NoSuchCode) => wrong(
                StatusCode::NOT_FOUND,
                "No device waits under this code. Compare it with what the device shows; after ten \
                 minutes it shows a new one.",
            )?,
            Err(ApprovalError::RateLimited { retry_after }) => {
                let wait = when::wait(retry_after);
                let text = format!("Too many wrong codes. Try again in {wait}.");
                let page = wrong(StatusCode::TOO_MANY_REQUESTS, &text)?;
                page.with_retry_after(Some(retry_after))
            }
            Err(error) => return Err(fault(error, Next::device(form))),
        };
        page.response(self, Some(visitor))
    }

    async fn decide_device(
        &self,
        parts: &Parts,
        visitor: &Visitor,
        handle: &str,
        decision: &Decision,
    ) -> Result<Response, Fault> {
        let (user, ip) = (&visitor.user, self.ip(parts));
        let decided = self.oauth().decide_device(handle, user, decision, ip);
        decided
            .await
            .map_err(|error| fault(error, Next::Device(None)))?;
        let page = match decision {
            Decision::Approve(_) => Page::new(
                "Approved",
                html! {
                    p role="status" { "The device is let in. You can go back to it now." }
                    p { "It stands among " a href="/sessions" { "your sessions" } ", where you can end it." }
                },
            ),
            Decision::Deny => Page::new(
                "Denied",
                html! {
                    p role="status" { "The device is not let in. You can close this page." }
                },
            ),
        };
        page.response(self, Some(visitor))
    }

    pub(super) fn code_form(
        &self,
        visitor: &Visitor,
        code: &str,
        wrong: Option<&Wrong<'_>>,
    ) -> Result<Page, Fault> {
        let about = match wrong {
            Some(_) => "error hint",
            None => "hint",
        };
        let content = html! {
            @if let Some(wrong) = wrong { (error(wrong.text)) }
            form method="post" action="/device" {
                (self.csrf(&visitor.cookie, FormKind::UserCode))
                label for="user_code" { "Code" }
                input id="user_code" name="user_code" type="text" required autofocus
                    autocomplete="off" autocapitalize="characters" spellcheck="false"
                    maxlength="32" value=(code)
                    aria-describedby=(about) aria-invalid=[wrong.map(|_| "true")];
                p id="hint" {
                    "The eight letters that your own device shows, such as "
                    code { "BCDF-GHJK" } "."
                }
                button type="submit" { "Continue" }
            }
        };
        let page = Page::new("Add a device", content);
        Ok(match wrong {
            Some(wrong) => page.with_status(wrong.status).with_error(),
            None => page,
        })
    }

    fn approval(&self, visitor: &Visitor, device: &DeviceShown) -> Page {
        let now = self.now();
        let content = html! {
            p { (client(&device.client)) " asks to be let in to your account." }
            p class="warning" {
                strong { "Approve only what you have started yourself, just now, on a device in front of you." }
                " If somebody has sent you this code, deny it: they would be let in as you."
            }
            dl {
                dt { "Asked" }
                dd { (when::ago(device.asked_at, now)) }
                dt { "From" }
                dd {
                    @match device.ip {
                        Some(ip) => code { (ip) },
                        None => "an unknown address",
                    }
                }
                @if let Some(agent) = &device.user_agent {
                    dt { "Calls itself" }
                    dd { (agent) }
                }
                dt { "Until" }
                dd { (when::at(device.expires_at)) }
            }
            form method="post" action="/device" {
                (self.csrf(&visitor.cookie, FormKind::Device))
                (hidden("handle", &device.handle))
                (choices(&device.orgs))
                (buttons(&device.orgs, "Approve"))
            }
        };
        Page::new("Let this device in?", content)
    }
}

/// Who asks, by the name that it was given, or has given itself.
pub(super) fn client(client: &ClientShown) -> Markup {
    html! {
        strong { (client.name) }
        @if client.is_self_registered {
            " (which has registered itself under this name: nobody has checked it)"
        }
    }
}

/// What is approved, and for which organisation.
pub(super) fn choices(orgs: &[OrgChoice]) -> Markup {
    match orgs {
        [] => html! {
            p { "None of your organisations has what it asks for, so that you can only deny it." }
        },
        [only] => html! {
            (hidden("org", only.org.id.as_str()))
            h2 { "In " (only.org.name) " it could" }
            (scopes(only))
        },
        several => html! {
            fieldset {
                legend { "In which organisation?" }
                @for (at, choice) in several.iter().enumerate() {
                    div class="choice" {
                        @let id = format!("org-{at}");
                        input type="radio" name="org" id=(id) value=(choice.org.id)
                            checked[at == 0] aria-describedby={ (id) "-scopes" };
                        label for=(id) { (choice.org.name) " (" (choice.role) ")" }
                        div id={ (id) "-scopes" } { p { "There it could" } (scopes(choice)) }
                    }
                }
            }
        },
    }
}

fn scopes(choice: &OrgChoice) -> Markup {
    html! {
        ul {
            @for shown in &choice.scopes {
                li { (shown.description) " " code { (shown.scope) } }
            }
        }
    }
}

/// What may be decided. To deny it needs no organisation.
pub(super) fn buttons(orgs: &[OrgChoice], approve: &str) -> Markup {
    html! {
        div class="buttons" {
            @if orgs.is_empty() { (nothing()) } @else {
                button type="submit" name="decision" value="approve" { (approve) }
            }
            button class="deny" type="submit" name="decision" value="deny" { "Deny" }
        }
    }
}

fn fault(error: ApprovalError, next: Next) -> Fault {
    match error {
        ApprovalError::SignInAgain => Fault::stale(next, StatusCode::UNAUTHORIZED),
        ApprovalError::Ended => Fault::ended(),
        ApprovalError::NoSuchOrg => Fault::malformed(),
        ApprovalError::Unavailable(source) => source.into(),
        error => Fault::failed(error),
    }
}
