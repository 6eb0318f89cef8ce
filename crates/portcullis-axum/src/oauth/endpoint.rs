//! What the endpoints do that clients send forms to.

use std::net::IpAddr;

use axum::response::Response;
use http::{HeaderMap, StatusCode, header, request::Parts};
use portcullis_gate::Gate;
use portcullis_login::{Asked, CodeRequest, OAuth, TokenError};

use super::{
    answers::{self, json},
    failed::Failed,
    form::Form,
};
use crate::{Caller, guarded::peer_of};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Who lets programs in, and the gate that tells their addresses.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) oauth: OAuth,
    pub(crate) gate: Gate,
}

impl Endpoint {
    /// RFC 8628, section 3.1.
    pub(super) async fn device_authorization(
        &self,
        parts: &Parts,
        form: Form,
    ) -> Result<Response, Failed> {
        let client_id = public_client(&parts.headers, &form)?;
        self.check_resource(&form)?;
        let (scope, asked) = (form.text("scope"), self.asked(parts));
        let started = self.oauth.device_authorization(client_id, scope, &asked);
        Ok(answers::device(&started.await?))
    }

    /// RFC 6749, sections 4.1.3 and 6; RFC 8628, section 3.4.
    pub(super) async fn token(&self, parts: &Parts, form: Form) -> Result<Response, Failed> {
        let client_id = public_client(&parts.headers, &form)?;
        let ip = self.ip(parts);
        let tokens = match form.needed("grant_type")? {
            DEVICE_CODE => {
                self.check_resource(&form)?;
                let code = form.needed("device_code")?;
                self.oauth.device_token(client_id, code, ip).await?
            }
            "authorization_code" => {
                let parameter = |name| form.text(name).map(ToOwned::to_owned);
                let request = CodeRequest {
                    client_id: Some(client_id.to_owned()),
                    code: parameter("code"),
                    redirect_uri: parameter("redirect_uri"),
                    code_verifier: parameter("code_verifier"),
                    resource: parameter("resource"),
                };
                self.oauth.code_token(&request, ip).await?
            }
            "refresh_token" => {
                self.check_resource(&form)?;
                let token = form.needed_secret("refresh_token")?;
                let scope = form.text("scope");
                self.oauth
                    .refresh_token(client_id, token, scope, ip)
                    .await?
            }
            _ => {
                return Err(Failed::new(
                    "unsupported_grant_type",
                    "`grant_type` is none that is known here",
                ));
            }
        };
        Ok(answers::tokens(&tokens))
    }

    /// RFC 7009. What the token is hinted to be is not needed: tokens say it themselves.
    pub(super) async fn revoke(&self, parts: &Parts, form: Form) -> Result<Response, Failed> {
        let client_id = public_client(&parts.headers, &form)?;
        let token = form.needed_secret("token")?;
        self.oauth.revoke(client_id, token, self.ip(parts)).await?;
        Ok(json(StatusCode::OK, &serde_json::Map::new()))
    }

    /// RFC 7662, for a caller that the gate has let through.
    pub(super) async fn introspect(
        &self,
        Caller(who): Caller,
        form: Form,
    ) -> Result<Response, Failed> {
        let token = form.needed_secret("token")?;
        let found = self.oauth.introspect(&who, token).await?;
        Ok(json(StatusCode::OK, &found))
    }

    pub(crate) fn asked(&self, parts: &Parts) -> Asked {
        let agent = parts.headers.get(header::USER_AGENT);
        Asked {
            ip: self.ip(parts),
            user_agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
        }
    }

    pub(crate) fn ip(&self, parts: &Parts) -> Option<IpAddr> {
        self.gate.client_ip(&parts.headers, peer_of(parts))
    }

    /// Tokens are of use here alone (RFC 8707).
    fn check_resource(&self, form: &Form) -> Result<(), Failed> {
        match form.text("resource") {
            Some(resource) if !self.oauth.base_url().is_resource(resource) => {
                Err(TokenError::InvalidTarget.into())
            }
            _ => Ok(()),
        }
    }
}

/// The id of a client that shows nothing but its id (RFC 6749, section 3.2.1).
fn public_client<'f>(headers: &HeaderMap, form: &'f Form) -> Result<&'f str, Failed> {
    let credentials = headers.get_all(header::AUTHORIZATION).iter();
    let mut basic = credentials.filter(|value| is_basic(value.as_bytes()));
    if basic.next().is_some() {
        return Err(Failed::not_public().with_challenge("Basic realm=\"none\""));
    }
    let secrets = ["client_secret", "client_assertion"];
    if secrets.iter().any(|name| form.text(name).is_some()) {
        return Err(Failed::not_public());
    }
    form.needed("client_id")
}

fn is_basic(credentials: &[u8]) -> bool {
    let scheme = credentials.split(|&byte| byte == b' ').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}
