//! The forms that clients send.

use std::{collections::BTreeMap, fmt};

use axum::extract::{FromRequest, Request};
use portcullis_core::Secret;

use super::failed::Failed;
use crate::{ApiError, json};

/// The most bytes of a body from a client.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The parameters of a request, by name: `application/x-www-form-urlencoded` in UTF-8 (RFC 6749,
/// appendix B).
///
/// Each stands there once, and one without a value is absent (RFC 6749, section 3.2). Those that
/// nobody asks for are ignored.
pub(crate) struct Form(BTreeMap<String, Secret<String>>);

/// Why a text is not a form. The text itself is never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FormError {
    /// A `%` without two digits after it, or bytes that are not UTF-8.
    Encoding,
    /// A parameter that stands twice.
    Repeated,
}

impl Form {
    /// # Errors
    /// [`FormError`].
    pub(crate) fn parse(text: &[u8]) -> Result<Self, FormError> {
        let mut read = BTreeMap::new();
        for pair in text.split(|&byte| byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            let at = pair.iter().position(|&byte| byte == b'=');
            let (name, value) = pair.split_at(at.unwrap_or(pair.len()));
            let name = decoded(name)?.expose().clone();
            let value = decoded(value.get(1..).unwrap_or_default())?;
            if read.insert(name, value).is_some() {
                return Err(FormError::Repeated);
            }
        }
        Ok(Self(read))
    }

    /// The form that is the body of a request, of 64 KiB at most.
    ///
    /// # Errors
    /// `too_large`, `unsupported_media_type` or `invalid_request`.
    pub(crate) async fn read(request: Request) -> Result<Self, ApiError> {
        let essence = json::essence(request.headers());
        if !essence.is_some_and(|of| of.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
            return Err(ApiError::unsupported_media_type(
                "the body has to be `application/x-www-form-urlencoded`, without a coding",
            ));
        }
        let body = json::read(request, MAX_BYTES).await?;
        Self::parse(&body).map_err(|error| {
            ApiError::invalid_request(match error {
                FormError::Encoding => "the form is not UTF-8 in percent-encoding",
                FormError::Repeated => "a parameter stands twice",
            })
        })
    }

    /// A parameter, unless it is absent or came empty.
    pub(crate) fn secret(&self, name: &str) -> Option<&Secret<String>> {
        let value = self.0.get(name);
        value.filter(|value| !value.expose().is_empty())
    }

    /// As [`secret`](Self::secret), for what is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.secret(name).map(|value| value.expose().as_str())
    }

    /// A parameter that is needed.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Failed> {
        self.needed_secret(name)
            .map(|value| value.expose().as_str())
    }

    /// A parameter that is needed.
    pub(super) fn needed_secret(&self, name: &str) -> Result<&Secret<String>, Failed> {
        let missing = || Failed::invalid_request(format!("`{name}` is missing"));
        self.secret(name).ok_or_else(missing)
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Failed;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failed> {
        Ok(Self::read(request).await?)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}

/// A name or a value, as it was meant. It is sized once, so that no part of a secret stays behind.
fn decoded(text: &[u8]) -> Result<Secret<String>, FormError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                high << 4 | low
            }
            byte => byte,
        });
    }
    let decoded = String::from_utf8(decoded);
    decoded.map(Secret::new).map_err(|_| FormError::Encoding)
}

fn digit(byte: Option<&u8>) -> Result<u8, FormError> {
    let digit = byte.and_then(|&byte| char::from(byte).to_digit(16));
    let digit = digit.and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or(FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_empty_ones_are_absent() {
        let form = Form::parse(b"&a=1%202+3&b%3D=%C3%BC=&empty=&bare&d=%26&&").unwrap();
        assert_eq!(form.text("a"), Some("1 2 3"));
        assert_eq!(form.text("b="), Some("ü="));
        assert_eq!(form.text("d"), Some("&"));
        for absent in ["empty", "bare", "c", ""] {
            assert_eq!(form.text(absent), None, "{absent}");
        }
        assert_eq!(format!("{form:?}"), "Form(..)");
    }

    #[test]
    fn what_stands_twice_or_is_no_text_is_refused() {
        let refused = |text: &[u8]| Form::parse(text).unwrap_err();
        for text in ["a=1&a=1", "a=&a=1", "a&a", "a=1&%61=2", "x=1&y=2&x="] {
            assert_eq!(refused(text.as_bytes()), FormError::Repeated, "{text}");
        }
        for text in ["a=%", "a=%4", "a=%4g", "a=%-1", "%ff=1", "a=%C3", "a=%+1"] {
            assert_eq!(refused(text.as_bytes()), FormError::Encoding, "{text}");
        }
        assert_eq!(refused(b"a=\xff"), FormError::Encoding);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_096))]

        /// What is read is what another reader has, of which nothing is mended.
        #[test]
        fn a_form_that_is_read_is_what_other_readers_have(
            text in "([a-c]|[=&+]|%[0-9a-fA-F]{2}|%|\\PC){0,24}"
        ) {
            let pairs = form_urlencoded::parse(text.as_bytes());
            let pairs: Vec<(String, String)> = pairs.into_owned().collect();
            let mut names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            let is_repeated = names.windows(2).any(|two| two[0] == two[1]);
            let is_mended = text.split('%').skip(1).any(|after| {
                let digits = after.chars().take(2).filter(char::is_ascii_hexdigit);
                digits.count() < 2
            }) || pairs.iter().any(|(name, value)| {
                name.contains(char::REPLACEMENT_CHARACTER)
                    || value.contains(char::REPLACEMENT_CHARACTER)
            });
            match Form::parse(text.as_bytes()) {
                Ok(form) => {
                    proptest::prop_assert!(!is_repeated);
                    proptest::prop_assert_eq!(form.0.len(), pairs.len());
                    for (name, value) in &pairs {
                        let read = form.0.get(name).map(|value| value.expose());
                        proptest::prop_assert_eq!(read, Some(value));
                    }
                }
                Err(FormError::Repeated) => proptest::prop_assert!(is_repeated),
                Err(FormError::Encoding) => proptest::prop_assert!(is_mended),
            }
        }
    }
}
