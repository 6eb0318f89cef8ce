//! The name of a request.

use std::{fmt, str::FromStr};

/// The name of one request, by which its answer, the log line of a denial and the line of a charge
/// are found together.
///
/// Made by the gate, never taken from a client. Not secret, and worth nothing to whoever has it.
///
/// # Syntax
/// 32 digits of `0-9a-f`, as a trace id of W3C Trace Context has.
///
/// # Examples
/// ```
/// use portcullis_core::RequestId;
///
/// let id = RequestId::from_value(0xab);
/// assert_eq!(id.to_string(), "000000000000000000000000000000ab");
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert!("AB".parse::<RequestId>().is_err());
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId([u8; 16]);

/// A text that is not 32 digits of `0-9a-f`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the id of a request is 32 digits of `0-9a-f`")]
pub struct ParseRequestIdError;

impl RequestId {
    /// The number of characters of an id.
    pub const LENGTH: usize = 32;

    /// The id of a number.
    #[must_use]
    pub const fn from_value(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// The id of its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The number of this id.
    #[must_use]
    pub const fn value(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The digits.
    #[must_use]
    pub fn to_hex(self) -> [u8; Self::LENGTH] {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut text = [b'0'; Self::LENGTH];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        text
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_hex();
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, ParseRequestIdError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != Self::LENGTH || !text.bytes().all(is_digit) {
            return Err(ParseRequestIdError);
        }
        let value = u128::from_str_radix(text, 16);
        value.map(Self::from_value).map_err(|_| ParseRequestIdError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_back_from_its_text(value in any::<u128>()) {
            let id = RequestId::from_value(value);
            prop_assert_eq!(id.to_string(), format!("{value:032x}"));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.value(), value);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = "0".repeat(33);
        let upper = "A".repeat(32);
        let signed = format!("+{}", "0".repeat(31));
        for text in ["", "0", &long, &upper, &signed] {
            assert_eq!(
                text.parse::<RequestId>(),
                Err(ParseRequestIdError),
                "{text}"
            );
        }
    }
}
