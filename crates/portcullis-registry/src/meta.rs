//! The application's own data beside a credential.

use std::{fmt, sync::Arc};

/// Why a value can't be kept beside a credential.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MetaError {
    /// Not JSON.
    #[error("meta is not JSON")]
    Syntax,
    /// More than 1,024 bytes.
    #[error("meta has at most 1024 bytes")]
    TooLong,
}

/// A JSON value of at most 1,024 bytes that the application keeps beside a credential.
///
/// It comes back in the [`Principal`](crate::Principal) without a look-up; cheap to clone.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Meta(Option<Arc<str>>);

impl Meta {
    /// The largest text, in bytes.
    pub const MAX_BYTES: usize = 1_024;
    /// Nothing: the JSON value `null`.
    pub const NONE: Self = Self(None);

    /// Takes a JSON text.
    ///
    /// # Errors
    /// [`MetaError`] if it is not JSON or longer than 1,024 bytes.
    pub fn new(json: &str) -> Result<Self, MetaError> {
        if json.len() > Self::MAX_BYTES {
            return Err(MetaError::TooLong);
        }
        let value: serde_json::Value = serde_json::from_str(json).map_err(|_| MetaError::Syntax)?;
        Ok(Self((!value.is_null()).then(|| json.into())))
    }

    /// The JSON text; `null` if there is none.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_deref().unwrap_or("null")
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Default for Meta {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meta({})", self.as_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_is_json_of_at_most_a_kibibyte() {
        assert_eq!(
            Meta::new(r#"{"plan":7}"#).map(|meta| meta.as_json().len()),
            Ok(10)
        );
        assert_eq!(Meta::new(" null "), Ok(Meta::NONE));
        assert_eq!(Meta::new("{"), Err(MetaError::Syntax));
        assert_eq!(
            Meta::new(&format!("\"{}\"", "x".repeat(1_023))),
            Err(MetaError::TooLong)
        );
    }
}
