//! Authorization codes: tokens for a code (RFC 6749, section 4.1.3).

use std::{fmt, net::IpAddr, time::Duration};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{Actor, ChangeError, Owner};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{OAuth, TokenError, Tokens, authorize::given, issue::Approved, pkce::Challenge};
use crate::{
    TicketKind, TicketPut, Unavailable,
    login::at,
    tickets::{Body, Kept, contended},
};

/// For so long a code is good.
pub(super) const LASTS: Duration = Duration::from_secs(60);
/// For so long a code that was used is known again.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a use is written against others of the same code.
const TRIES: usize = 8;

/// What is kept of a code.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Code {
    client: String,
    redirect_uri: String,
    challenge: Challenge,
    org: String,
    scopes: Vec<String>,
    /// In microseconds since 1970.
    valid_until: i64,
    state: State,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum State {
    Unused,
    /// The session that came of it, once that is there.
    Used {
        session: Option<String>,
    },
    /// It came again before its session was there: that ends at once.
    Reused,
}

impl Body for Code {
    const KIND: TicketKind = TicketKind::Code;
}

impl Code {
    pub(super) fn new(
        client: &str,
        redirect_uri: &str,
        challenge: Challenge,
        (org, scopes): (&Owner, Vec<String>),
        valid_until: Timestamp,
    ) -> Self {
        Self {
            client: client.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            challenge,
            org: org.to_string(),
            scopes,
            valid_until: valid_until.unix_micros(),
            state: State::Unused,
        }
    }
}

/// The parameters of a request for the tokens of a code, as they came.
#[derive(Clone, Default)]
pub struct CodeRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub code_verifier: Option<String>,
    /// `resource`.
    pub resource: Option<String>,
}

impl fmt::Debug for CodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRequest")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl OAuth {
    /// Gives a client the tokens of a code: once, within 60 seconds. A code that comes again ends
    /// the login that came of it.
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidRequest`, `InvalidClient`, `InvalidGrant`, `InvalidTarget`;
    /// `RateLimited` as of [`device_token`](Self::device_token), together with it; `Unavailable`.
    pub async fn code_token(
        &self,
        request: &CodeRequest,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        let client_id = given(&request.client_id).ok_or(TokenError::InvalidClient)?;
        let missing = |what| TokenError::InvalidRequest(what);
        let code = given(&request.code).ok_or(missing("`code` is missing"))?;
        let redirect_uri = given(&request.redirect_uri);
        let redirect_uri = redirect_uri.ok_or(missing("`redirect_uri` is missing"))?;
        let verifier = given(&request.code_verifier);
        let verifier = verifier.ok_or(missing("`code_verifier` is missing"))?;
        self.known_client(client_id).await?;
        let resource = given(&request.resource);
        if resource.is_some_and(|resource| !self.base.is_resource(resource)) {
            return Err(TokenError::InvalidTarget);
        }
        let wait = |retry_after| TokenError::RateLimited { retry_after };
        self.limits.check_code(ip).map_err(wait)?;
        let is_right = |code: &Code| {
            code.client == client_id
                && code.redirect_uri == redirect_uri
                && code.challenge.is_of(verifier)
        };
        let given = self.exchanged(client_id, code, is_right, ip).await;
        if let Err(TokenError::InvalidGrant) = given {
            self.limits.note_refused_code(ip);
        }
        given
    }

    async fn exchanged(
        &self,
        client_id: &str,
        code: &str,
        is_right: impl Fn(&Code) -> bool + Send + Sync,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        let directory = &**self.login.directory();
        for _ in 0..TRIES {
            let found = Kept::find(directory, &self.codes.authorizations, code.as_bytes());
            let mut kept: Kept<Code> = found.await?.ok_or(TokenError::InvalidGrant)?;
            if kept.body.state != State::Unused {
                match self.reused(kept, ip).await? {
                    TicketPut::Done => return Err(TokenError::InvalidGrant),
                    TicketPut::Overtaken => continue,
                }
            }
            let now = self.now();
            let has_ended = now >= Timestamp::from_unix_micros(kept.body.valid_until);
            if has_ended || !is_right(&kept.body) {
                return Err(TokenError::InvalidGrant);
            }
            let Code { org, scopes, .. } = &kept.body;
            let approved = Approved::read(kept.ticket.user.as_ref(), org, scopes)?;
            // Before anything is issued: of two uses at once only one comes on.
            kept.body.state = State::Used { session: None };
            kept.ticket.expires_at = now.saturating_add(KNOWN);
            match kept.put(directory).await? {
                TicketPut::Done => return self.exchange(client_id, kept, &approved, ip).await,
                TicketPut::Overtaken => {}
            }
        }
        Err(contended().into())
    }

    /// Starts the session of a code that was just used, and notes which it is.
    async fn exchange(
        &self,
        client_id: &str,
        mut kept: Kept<Code>,
        approved: &Approved,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        let tokens = match self.issue(client_id, approved, ip).await {
            Err(TokenError::AccessDenied) => return Err(TokenError::InvalidGrant),
            other => other?,
        };
        let id = tokens.issued.token.id();
        kept.body.state = State::Used {
            session: Some(id.to_string()),
        };
        kept.ticket.version = kept.ticket.version.saturating_add(1);
        match kept.put(&**self.login.directory()).await {
            Ok(TicketPut::Done) => Ok(tokens),
            // It came again meanwhile, or all that the person has was ended.
            Ok(TicketPut::Overtaken) => {
                self.end_login_of(id, ip).await?;
                Err(TokenError::InvalidGrant)
            }
            // A code that came again could not end it.
            Err(error) => {
                self.end_login_of(id, ip).await?;
                Err(error.into())
            }
        }
    }

    /// A code came that was used: who sends it has stolen it, or it was stolen from them (RFC 6749,
    /// section 4.1.2).
    async fn reused(
        &self,
        mut kept: Kept<Code>,
        ip: Option<IpAddr>,
    ) -> Result<TicketPut, TokenError> {
        match &kept.body.state {
            State::Unused | State::Reused => return Ok(TicketPut::Done),
            State::Used { session: None } => {
                kept.body.state = State::Reused;
                let put = kept.put(&**self.login.directory()).await?;
                if put == TicketPut::Overtaken {
                    return Ok(put);
                }
            }
            State::Used { session: Some(id) } => {
                let id = id.parse().map_err(|_| {
                    Unavailable::permanent("a stored ticket can't be read", "no id")
                })?;
                self.end_login_of(id, ip).await?;
            }
        }
        let Code { client, org, .. } = &kept.body;
        let (by, owner) = ("system".to_owned(), org.parse().ok());
        self.note("code.reused", by, client, owner, ip, json!({}))
            .await?;
        Ok(TicketPut::Done)
    }

    /// Ends the login that a session is of.
    pub(super) async fn end_login_of(
        &self,
        session: CredentialId,
        ip: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let system = at(Actor::dangerous_system(), ip);
        let registry = self.login.registry();
        match registry.end_session_by_id(&system, session).await {
            // It was over already, and what could refresh it is now.
            Ok(_) | Err(ChangeError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
