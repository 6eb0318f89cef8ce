//! Authorization codes: the request, and what the person decides (RFC 6749, section 4.1; RFC 7636).

use std::{net::IpAddr, time::Duration};

use portcullis_core::{Secret, Timestamp};
use portcullis_registry::StoreError;
use serde_json::{Value, json};

use super::{
    ClientShown, Decision, OAuth, OrgChoice,
    answer::{Answer, origin},
    approval::{AskedScope, sealed},
    code::{Code, LASTS},
    pkce::Challenge,
    service::KnownClient,
};
use crate::{
    PageUser, TicketPut, Unavailable,
    tickets::{Kept, contended, draw},
};

/// For so long a page may be decided on.
const PAGE_LASTS: Duration = Duration::from_secs(10 * 60);
/// The most bytes of a state.
const MAX_STATE: usize = 2_048;

/// The parameters of a request, as they came. One that came empty is none (RFC 6749, section 3.1); a
/// request in which one came twice is to be refused before.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuthorizeRequest {
    /// `response_type`.
    pub response_type: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `resource` (RFC 8707).
    pub resource: Option<String>,
}

/// What a person is asked to agree to.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Who asks.
    pub client: ClientShown,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// The origin of that, `http://127.0.0.1:51004` say: to be shown. As a `form-action` it is too
    /// narrow: browsers ask that about the redirects of the app as well.
    pub redirect_origin: String,
    /// What it may be let in to, the oldest organisation first; if there is none, the person can
    /// only deny it.
    pub orgs: Vec<OrgChoice>,
    /// What the decision is sent back with, within ten minutes. It is of no use to another person
    /// or sign-in, with another request, nor once what was shown is no longer so.
    pub handle: String,
}

/// Why there is no answer that may be sent to the client: it isn't known, or not where it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorizeFault {
    /// There is no such client.
    #[error("there is no such client")]
    Client,
    /// The redirect URI is missing, or none that the client has registered.
    #[error("the address to go back to is none that this client has registered")]
    Redirect,
}

/// Why a person is not asked, or what they decided is not done.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// To be said on a page alone, with 400: never send the browser anywhere.
    #[error(transparent)]
    Page(AuthorizeFault),
    /// To be told to the client: send the browser to this address.
    #[error("the request was refused: {error}")]
    Redirect {
        /// The error, as it stands in the address.
        error: &'static str,
        /// Where to: with `error`, `state` and `iss` (RFC 9207).
        to: String,
    },
    /// The person has signed in over an hour ago: ask for the password again.
    #[error("the sign-in is over an hour old")]
    SignInAgain,
    /// The page is out of date: show it again. Nothing was decided.
    #[error("this page is out of date")]
    Ended,
    /// The organisation is none of those that were shown. 400.
    #[error("this organisation was not offered")]
    NoSuchOrg,
    /// A store could not be had: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for AuthorizeError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl OAuth {
    /// Whether a request is one, before anybody has signed in.
    ///
    /// # Errors
    /// [`AuthorizeError`]: `Page`, `Redirect`, `Unavailable`.
    pub async fn check_authorize(&self, request: &AuthorizeRequest) -> Result<(), AuthorizeError> {
        self.checked(request).await.map(drop)
    }

    /// What to ask a person who has signed in within the last hour.
    ///
    /// # Errors
    /// [`AuthorizeError`]: `Page`, `Redirect`, `SignInAgain`, `Unavailable`.
    pub async fn authorize(
        &self,
        request: &AuthorizeRequest,
        user: &PageUser,
    ) -> Result<Consent, AuthorizeError> {
        let checked = self.checked(request).await?;
        if !self.is_fresh(user) {
            return Err(AuthorizeError::SignInAgain);
        }
        let orgs = self.choices(user, &checked.scope).await?;
        let shown_at = self.now().unix_seconds();
        let message = message(shown_at, request, user, &orgs);
        let seal = self.codes.approvals.seal(&message);
        Ok(Consent {
            client: Self::shown(&checked.known),
            redirect_origin: origin(checked.redirect_uri),
            redirect_uri: checked.redirect_uri.to_owned(),
            handle: format!("{shown_at}.{seal}"),
            orgs,
        })
    }

    /// What the person decided: the address to send the browser to, with `code`, or the error
    /// `access_denied`; `state` and `iss` (RFC 9207). It holds a secret: don't log it.
    ///
    /// The request is the one of the page, as it came.
    ///
    /// # Errors
    /// [`AuthorizeError`].
    pub async fn decide_authorize(
        &self,
        request: &AuthorizeRequest,
        handle: &str,
        user: &PageUser,
        decision: &Decision,
        ip: Option<IpAddr>,
    ) -> Result<Secret<String>, AuthorizeError> {
        let checked = self.checked(request).await?;
        if !self.is_fresh(user) {
            return Err(AuthorizeError::SignInAgain);
        }
        let (shown_at, seal) = handle.split_once('.').ok_or(AuthorizeError::Ended)?;
        let shown_at: i64 = shown_at.parse().map_err(|_| AuthorizeError::Ended)?;
        let choices = self.choices(user, &checked.scope).await?;
        let message = message(shown_at, request, user, &choices);
        let now = self.now();
        let is_young = now.saturating_since(Timestamp::from_unix_seconds(shown_at)) < PAGE_LASTS;
        if !self.codes.approvals.is_seal(&message, seal) || !is_young {
            return Err(AuthorizeError::Ended);
        }
        let by = format!("user:{}", user.account.id);
        let client = &checked.known.client.id;
        let Decision::Approve(org) = decision else {
            let details = json!({});
            self.note("client.denied", by, client, None, ip, details)
                .await?;
            return Ok(checked.answer.error("access_denied"));
        };
        let choice = choices.iter().find(|choice| choice.org.id == *org);
        let choice = choice.ok_or(AuthorizeError::NoSuchOrg)?;
        let catalogue = self.login.registry().catalogue();
        let scopes = checked.scope.approved(catalogue, choice);
        let details = json!({ "scopes": scopes });
        let code = draw().map_err(Unavailable::from)?;
        let body = Code::new(
            client,
            checked.redirect_uri,
            checked.challenge,
            (org, scopes),
            now.saturating_add(LASTS),
        );
        let mac = self.codes.authorizations.mac(code.expose().as_bytes());
        let ticket = Kept::new(mac, now.saturating_add(LASTS), body);
        let ticket = ticket.with_user(user.account.id.clone());
        match ticket.put_new(&**self.login.directory(), now).await? {
            TicketPut::Done => {}
            TicketPut::Overtaken => return Err(contended().into()),
        }
        let owner = Some(org.clone());
        self.note("client.approved", by, client, owner, ip, details)
            .await?;
        Ok(checked.answer.code(code.expose()))
    }

    /// What a request says, if it is one.
    async fn checked<'r>(
        &'r self,
        request: &'r AuthorizeRequest,
    ) -> Result<Checked<'r>, AuthorizeError> {
        let page = |fault| AuthorizeError::Page(fault);
        let id = given(&request.client_id).ok_or(page(AuthorizeFault::Client))?;
        let known = self.client(id).await?;
        let known = known.ok_or(page(AuthorizeFault::Client))?;
        // Until this has matched the browser is sent nowhere (RFC 6749, section 4.1.2.1).
        let asked = given(&request.redirect_uri);
        let mut registered = known.client.redirect_uris.iter();
        let redirect_uri = asked
            .filter(|asked| registered.any(|uri| uri.accepts(asked)))
            .ok_or(page(AuthorizeFault::Redirect))?;
        let state = given(&request.state);
        let is_fine = state.is_none_or(may_come_back);
        let answer = Answer {
            redirect_uri,
            state: state.filter(|_| is_fine),
            issuer: self.base.as_str(),
        };
        let refused = |error: &'static str| AuthorizeError::Redirect {
            error,
            to: answer.error(error).expose().clone(),
        };
        match given(&request.response_type) {
            Some("code") => {}
            Some(_) => return Err(refused("unsupported_response_type")),
            None => return Err(refused("invalid_request")),
        }
        // Without a method it would be `plain` (RFC 7636, section 4.3).
        let is_s256 = given(&request.code_challenge_method) == Some("S256");
        let challenge = given(&request.code_challenge).and_then(Challenge::read);
        let challenge = challenge.filter(|_| is_s256 && is_fine);
        let challenge = challenge.ok_or_else(|| refused("invalid_request"))?;
        let catalogue = self.login.registry().catalogue();
        let scope = AskedScope::read(catalogue, request.scope.as_deref());
        let scope = scope.map_err(|_| refused("invalid_scope"))?;
        let resource = given(&request.resource);
        if resource.is_some_and(|resource| !self.base.is_resource(resource)) {
            return Err(refused("invalid_target"));
        }
        Ok(Checked {
            known,
            redirect_uri,
            scope,
            challenge,
            answer,
        })
    }
}

/// What a request says.
struct Checked<'r> {
    known: KnownClient,
    redirect_uri: &'r str,
    scope: AskedScope,
    challenge: Challenge,
    answer: Answer<'r>,
}

/// A parameter, unless it came empty.
pub(super) fn given(parameter: &Option<String>) -> Option<&str> {
    parameter.as_deref().filter(|text| !text.is_empty())
}

/// Whether a state comes back from the form of a page as it was: a browser writes line breaks anew,
/// and no control character may stand in one (RFC 6749, appendix A.5).
fn may_come_back(state: &str) -> bool {
    state.len() <= MAX_STATE && !state.contains(char::is_control)
}

fn message(
    shown_at: i64,
    request: &AuthorizeRequest,
    user: &PageUser,
    choices: &[OrgChoice],
) -> Vec<u8> {
    let AuthorizeRequest {
        response_type,
        client_id,
        redirect_uri,
        scope,
        state,
        code_challenge,
        code_challenge_method,
        resource,
    } = request;
    let about: Value = json!([
        shown_at,
        response_type,
        client_id,
        redirect_uri,
        scope,
        state,
        code_challenge,
        code_challenge_method,
        resource,
    ]);
    sealed("code", &about, user, choices)
}
