//! What the routes do by which people log in and out.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use portcullis_core::{CredentialId, Secret, Timestamp};
use portcullis_error::{Cause, ErrorCode};
use portcullis_gate::Gate;
use portcullis_login::{Email, LoggedIn, Login, LoginError, NewUser, Profile, SignupError};
use portcullis_registry::{PrefixedId, Revoked, SessionInfo};
use portcullis_scope::Scope;
use portcullis_token::TokenKind;
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, Caller, Created, Data, JsonBody, Permitted,
    body::{nothing, secret},
    extract::{AnyPath, Refused},
    guarded::peer_of,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignupBody {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RefreshBody {
    #[serde(deserialize_with = "secret")]
    refresh_token: Secret<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LoggedInBody<'a> {
    token: &'a str,
    refresh_token: &'a str,
    expires_at: Timestamp,
    user: UserBody<'a>,
    org_id: &'a str,
}

#[derive(Debug, Serialize)]
struct UserBody<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileBody<'a> {
    id: &'a str,
    org_id: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    auth_type: &'static str,
    scopes: Vec<&'a str>,
}

/// A session of the caller.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    id: String,
    org_id: &'a str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Whether it is the one that asks.
    current: bool,
}

/// Where people log in: the login, and the gate that tells their addresses.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) login: Login,
    pub(super) gate: Gate,
}

impl Desk {
    pub(super) async fn log_in(
        &self,
        parts: &Parts,
        JsonBody(body): JsonBody<LoginBody>,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let logged_in = self.login.login(&body.email, &body.password, ip).await;
        logged_in
            .map(|logged_in| Data(LoggedInBody::of(&logged_in)).into_response())
            .map_err(refused)
    }

    pub(super) async fn refresh(
        &self,
        parts: &Parts,
        JsonBody(body): JsonBody<RefreshBody>,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let logged_in = self.login.refresh(&body.refresh_token, ip).await;
        logged_in
            .map(|logged_in| Data(LoggedInBody::of(&logged_in)).into_response())
            .map_err(refused)
    }

    pub(super) async fn log_out(
        &self,
        parts: &Parts,
        Caller(who): Caller,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let Revoked::Everywhere = self.login.logout(&who, ip).await.map_err(refused)?;
        Ok(nothing())
    }

    pub(super) async fn profile(&self, Caller(who): Caller) -> Result<Response, Refused> {
        let profile = self.login.profile(&who).await.map_err(refused)?;
        let Profile {
            id,
            org,
            name,
            email,
            auth_type,
            scopes,
        } = &profile;
        Ok(Data(ProfileBody {
            id,
            org_id: org.as_str(),
            name,
            email: email.as_ref().map(Email::as_str),
            auth_type: auth_type.as_str(),
            scopes: scopes.iter().map(Scope::as_str).collect(),
        })
        .into_response())
    }

    pub(super) async fn sign_up(
        &self,
        parts: &Parts,
        JsonBody(body): JsonBody<SignupBody>,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let email: Email = body.email.parse().map_err(|_| {
            ApiError::invalid_request("`email` is an address such as `ada@example.com`")
        })?;
        let new = NewUser {
            email,
            password: body.password,
            name: body.name,
        };
        let signed_up = self.login.signup(new, ip).await.map_err(not_signed_up)?;
        Ok(Created(LoggedInBody::of(&signed_up)).into_response())
    }

    pub(super) async fn log_out_everywhere(
        &self,
        parts: &Parts,
        Caller(who): Caller,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        self.login
            .logout_everywhere(&who, ip)
            .await
            .map_err(refused)?;
        Ok(nothing())
    }

    pub(super) async fn sessions(&self, Permitted(permit): Permitted) -> Result<Response, Refused> {
        let sessions = self.login.sessions(&permit).await.map_err(refused)?;
        let id = permit.credential();
        let shown = sessions.iter().map(|session| SessionBody::of(session, id));
        Ok(Data(shown.collect::<Vec<_>>()).into_response())
    }

    /// One of the caller's own, also the one that asks.
    pub(super) async fn end_session(
        &self,
        Permitted(permit): Permitted,
        id: AnyPath,
    ) -> Result<Response, Refused> {
        let unknown = || Refused::from(ApiError::not_found("session"));
        let id = id
            .ok()
            .and_then(|Path(id)| PrefixedId::read(TokenKind::Session, &id));
        let id = id.ok_or_else(unknown)?;
        let ended = self.login.end_session(&permit, id, permit.ip()).await;
        match ended.map_err(refused)? {
            true => Ok(nothing()),
            false => Err(unknown()),
        }
    }
}

impl<'a> LoggedInBody<'a> {
    fn of(logged_in: &'a LoggedIn) -> Self {
        let LoggedIn {
            issued,
            account,
            org,
            ..
        } = logged_in;
        Self {
            token: issued.token.expose(),
            refresh_token: issued.refresh.expose(),
            expires_at: issued.expires_at,
            user: UserBody {
                id: account.id.as_str(),
                email: account.email.as_str(),
                name: &account.name,
            },
            org_id: org.id.as_str(),
        }
    }
}

impl<'a> SessionBody<'a> {
    fn of(session: &'a SessionInfo, own: Option<CredentialId>) -> Self {
        Self {
            id: session.id().to_string(),
            org_id: session.owner().as_str(),
            created_at: session.created_at(),
            last_used_at: session.usage().last_used_at,
            expires_at: session.expires_at(),
            current: own == Some(session.credential()),
        }
    }
}

/// What a refused login is to the client. What went wrong inside goes to the log alone.
fn refused(error: LoginError) -> Refused {
    match error {
        LoginError::InvalidCredentials => ApiError::new(
            ErrorCode::InvalidCredentials,
            "the email or the password is wrong",
        )
        .into(),
        LoginError::RateLimited { retry_after } => Cause::RateLimited {
            retry_after: Some(retry_after),
        }
        .into(),
        LoginError::Rejected => Cause::InvalidToken.into(),
        LoginError::SessionRequired => Cause::SessionRequired.into(),
        LoginError::Limited => {
            ApiError::new(ErrorCode::InsufficientScope, error.to_string()).into()
        }
        LoginError::Unavailable(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}

fn not_signed_up(error: SignupError) -> Refused {
    match error {
        SignupError::Closed => ApiError::new(
            ErrorCode::SignupClosed,
            "this service takes no new users by itself",
        )
        .into(),
        SignupError::Name => ApiError::invalid_request(format!("`name`: {error}")).into(),
        SignupError::Password => ApiError::invalid_request(format!("`password`: {error}")).into(),
        SignupError::EmailTaken => ApiError::conflict(error.to_string()).into(),
        SignupError::RateLimited { retry_after } => Cause::RateLimited {
            retry_after: Some(retry_after),
        }
        .into(),
        SignupError::Unavailable(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}
