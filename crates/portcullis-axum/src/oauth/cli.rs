//! The older shape of device logins, for clients of the original service.

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header, request::Parts};
use portcullis_login::{CliPoll, DeviceStarted, TokenError};
use serde::Serialize;

use super::{
    answers::json,
    endpoint::Endpoint,
    failed::{Failed, seconds},
    form::Form,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedBody<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: &'a str,
    expires_in: u64,
    interval: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PollBody<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
}

impl Endpoint {
    /// Whatever the body is: nothing in it is asked for.
    pub(super) async fn cli_device_code(&self, parts: &Parts) -> Result<Response, Failed> {
        let started = self.oauth.cli_device_code(&self.asked(parts)).await?;
        let DeviceStarted {
            device_code,
            user_code,
            verification_uri,
            expires_in,
            interval,
        } = &started;
        let user_code = user_code.shown();
        let body = StartedBody {
            device_code: device_code.expose(),
            user_code: user_code.expose(),
            verification_uri,
            expires_in: expires_in.as_secs(),
            interval: seconds(*interval),
        };
        Ok(json(StatusCode::OK, &body))
    }

    /// 200 whatever has become of it, unless that can't be found out.
    pub(super) async fn cli_poll(&self, parts: &Parts) -> Result<Response, Failed> {
        // A router has HEAD answered by what answers GET: its answer would lose the tokens.
        if parts.method == Method::HEAD {
            let allow = [(header::ALLOW, "GET")];
            return Ok((StatusCode::METHOD_NOT_ALLOWED, allow).into_response());
        }
        let query = parts.uri.query().unwrap_or_default();
        let form = Form::parse(query.as_bytes()).ok();
        // What can't be read is a code that is not known.
        let code = form.as_ref().and_then(|form| form.text("device_code"));
        let told = self
            .oauth
            .cli_poll(code.unwrap_or_default(), self.ip(parts));
        let told = match told.await {
            Err(TokenError::RateLimited { retry_after }) => CliPoll::SlowDown {
                interval: retry_after,
            },
            told => told?,
        };
        let body = match &told {
            CliPoll::Pending { interval } => PollBody::waiting("authorization_pending", *interval),
            CliPoll::SlowDown { interval } => PollBody::waiting("slow_down", *interval),
            CliPoll::Complete(tokens) => PollBody {
                status: "complete",
                session_token: Some(tokens.issued.token.expose()),
                org_id: Some(tokens.org.id.as_str()),
                interval: None,
            },
            CliPoll::Expired => PollBody::ended("expired_token"),
            CliPoll::Denied => PollBody::ended("access_denied"),
        };
        Ok(json(StatusCode::OK, &body))
    }
}

impl PollBody<'_> {
    fn waiting(status: &'static str, interval: std::time::Duration) -> Self {
        Self {
            interval: Some(seconds(interval)),
            ..Self::ended(status)
        }
    }

    fn ended(status: &'static str) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}
