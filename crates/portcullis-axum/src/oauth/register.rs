//! Clients that register themselves (RFC 7591).

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use http::{StatusCode, request::Parts};
use portcullis_login::ClientMetadata;

use super::{answers::json, endpoint::Endpoint, failed::Failed, form::MAX_BYTES};
use crate::{ApiError, json as body};

const INVALID: &str = "invalid_client_metadata";

/// What a client says of itself: JSON.
#[derive(Debug)]
pub(super) struct Metadata(ClientMetadata);

impl<S: Send + Sync> FromRequest<S> for Metadata {
    type Rejection = Failed;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failed> {
        let failed = |error: ApiError| Failed::of_body(INVALID, &error);
        if !body::is_json(request.headers()) {
            let unsupported = "the body has to be `application/json`, without a coding";
            return Err(failed(ApiError::unsupported_media_type(unsupported)));
        }
        let read = body::read(request, MAX_BYTES).await.map_err(failed)?;
        body::parse(&read).map(Self).map_err(failed)
    }
}

impl Endpoint {
    /// RFC 7591, section 3.
    pub(super) async fn register(
        &self,
        parts: &Parts,
        Metadata(metadata): Metadata,
    ) -> Result<Response, Failed> {
        let registered = self.oauth.register(&metadata, self.ip(parts)).await?;
        Ok(json(StatusCode::CREATED, &registered))
    }
}
