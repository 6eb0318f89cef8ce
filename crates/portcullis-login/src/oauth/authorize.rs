//! Authorization codes: the request, and what the person decides (RFC 6749, section 4.1; RFC 7636).

use std::net::IpAddr;

use portcullis_registry::StoreError;

use super::{ClientShown, Decision, OAuth, OrgChoice};
use crate::{PageUser, Unavailable};

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
    /// The origin of that, `http://127.0.0.1:51004` say: for `form-action`, and to be shown.
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
        todo!("{request:?}")
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
        todo!("{request:?} {user:?}")
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
    ) -> Result<portcullis_core::Secret<String>, AuthorizeError> {
        todo!("{request:?} {handle} {user:?} {decision:?} {ip:?}")
    }
}
