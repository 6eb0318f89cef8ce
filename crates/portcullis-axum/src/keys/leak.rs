//! Keys that have got into the wrong hands.

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use portcullis_core::Secret;
use portcullis_gate::Gate;
use serde::{Deserialize, Serialize};

use crate::{Data, JsonBody, body::secret, extract::Refused, guarded::peer_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeakBody {
    #[serde(deserialize_with = "secret")]
    key: Secret<String>,
}

#[derive(Debug, Serialize)]
struct RevokedBody {
    revoked: bool,
}

/// Whatever was sent is none of ours afterwards, and more is not told.
pub(super) async fn report(
    gate: &Gate,
    parts: &Parts,
    JsonBody(body): JsonBody<LeakBody>,
) -> Result<Response, Refused> {
    let ip = gate.client_ip(&parts.headers, peer_of(parts));
    let _ = gate.report_leak(&body.key, ip).await?;
    Ok(Data(RevokedBody { revoked: true }).into_response())
}
