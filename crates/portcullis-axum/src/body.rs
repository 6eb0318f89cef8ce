//! What the bodies of ready-made routes have in common.

use portcullis_core::Secret;
use serde::{Deserialize, Deserializer};

/// A text that is never shown.
pub(crate) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// `{}`
#[cfg(feature = "login")]
pub(crate) fn nothing() -> axum::response::Response {
    let nothing = crate::Data(serde_json::Map::<String, serde_json::Value>::new());
    axum::response::IntoResponse::into_response(nothing)
}
