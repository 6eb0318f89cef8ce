//! Ready-made routes by which people log in, for services that have no login of their own.

use axum::response::{IntoResponse, Response};
use http::{Method, request::Parts};
use portcullis_core::{Secret, Timestamp};
use portcullis_error::{Cause, ErrorCode};
use portcullis_gate::{Access, Gate};
use portcullis_login::{Email, LoggedIn, Login, LoginError, Profile};
use portcullis_registry::Revoked;
use portcullis_scope::Scope;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{ApiError, Caller, Data, Guarded, JsonBody, extract::Refused, guarded::peer_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginBody {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RefreshBody {
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

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts `/auth/login`, `/auth/refresh`, `/auth/logout` and `/auth/profile`, as `docs/HTTP.md`
    /// describes them.
    #[must_use]
    pub fn with_login(self, login: Login) -> Self {
        let desk = Desk {
            login,
            gate: self.gate().clone(),
        };
        let (refresh, logout, profile) = (desk.clone(), desk.clone(), desk.clone());
        self.public(
            Method::POST,
            "/auth/login",
            async move |parts: Parts, body| desk.log_in(&parts, body).await,
        )
        .public(
            Method::POST,
            "/auth/refresh",
            async move |parts: Parts, body| refresh.refresh(&parts, body).await,
        )
        .post(
            "/auth/logout",
            Access::session(),
            async move |parts: Parts, who| logout.log_out(&parts, who).await,
        )
        .get("/auth/profile", Access::any(), async move |who| {
            profile.profile(who).await
        })
    }
}

/// Where people log in: the login, and the gate that tells their addresses.
#[derive(Clone, Debug)]
struct Desk {
    login: Login,
    gate: Gate,
}

impl Desk {
    async fn log_in(
        &self,
        parts: &Parts,
        JsonBody(body): JsonBody<LoginBody>,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let logged_in = self.login.login(&body.email, &body.password, ip).await;
        logged_in
            .map(|logged_in| answer(&logged_in))
            .map_err(refused)
    }

    async fn refresh(
        &self,
        parts: &Parts,
        JsonBody(body): JsonBody<RefreshBody>,
    ) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let logged_in = self.login.refresh(&body.refresh_token, ip).await;
        logged_in
            .map(|logged_in| answer(&logged_in))
            .map_err(refused)
    }

    async fn log_out(&self, parts: &Parts, Caller(who): Caller) -> Result<Response, Refused> {
        let ip = self.gate.client_ip(&parts.headers, peer_of(parts));
        let Revoked::Everywhere = self.login.logout(&who, ip).await.map_err(refused)?;
        Ok(Data(Map::<String, Value>::new()).into_response())
    }

    async fn profile(&self, Caller(who): Caller) -> Result<Response, Refused> {
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
}

fn answer(logged_in: &LoggedIn) -> Response {
    let LoggedIn {
        issued,
        account,
        org,
        ..
    } = logged_in;
    Data(LoggedInBody {
        token: issued.token.expose(),
        refresh_token: issued.refresh.expose(),
        expires_at: issued.expires_at,
        user: UserBody {
            id: account.id.as_str(),
            email: account.email.as_str(),
            name: &account.name,
        },
        org_id: org.id.as_str(),
    })
    .into_response()
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
        LoginError::Unavailable(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
