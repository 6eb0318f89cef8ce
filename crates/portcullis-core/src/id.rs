//! The public half of a credential.

use std::{fmt, str::FromStr};

/// The id of a credential: 16 characters of base62, which are 95 bits.
///
/// It is public: it stands in listings, logs and the first part of the credential itself, and
/// tells nothing of the secret. Kept as a number, so that it compares and hashes in one step.
///
/// # Syntax
/// `0-9A-Za-z` in that order of value, most significant first, always 16 of them.
///
/// # Examples
/// ```
/// use portcullis_core::CredentialId;
///
/// let id: CredentialId = "qBhy02hoi8ucTVyA".parse()?;
/// assert_eq!(id.to_string(), "qBhy02hoi8ucTVyA");
/// assert!("qBhy02hoi8ucTVy-".parse::<CredentialId>().is_err());
/// # Ok::<(), portcullis_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialId(u128);

/// Why a text is not the id of a credential.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseIdError {
    /// A byte that is not one of `0-9A-Za-z`.
    #[error("a character that is not of base62 at byte {at}")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// Not 16 bytes.
    #[error("an id has 16 characters")]
    Length,
}

impl CredentialId {
    /// The number of characters of an id.
    pub const LENGTH: usize = 16;
    /// One more than the largest value: 62^16.
    const END: u128 = 62u128.pow(16);

    /// Reads the 16 characters of an id.
    ///
    /// # Errors
    /// [`ParseIdError`] with the first position that is not of base62.
    pub fn from_base62(text: &[u8; Self::LENGTH]) -> Result<Self, ParseIdError> {
        let mut value: u128 = 0;
        // Two halves of 8 characters fit a u64 each, which is faster than 16 steps of u128.
        for (half, chunk) in text.as_chunks::<8>().0.iter().enumerate() {
            let mut part: u64 = 0;
            for (offset, &byte) in chunk.iter().enumerate() {
                let Some(digit) = digit(byte) else {
                    return Err(ParseIdError::Character {
                        at: half * 8 + offset,
                    });
                };
                part = part * 62 + u64::from(digit);
            }
            value = value * 62u128.pow(8) + u128::from(part);
        }
        Ok(Self(value))
    }

    /// The 16 characters of this id.
    #[must_use]
    pub fn to_base62(self) -> [u8; Self::LENGTH] {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut rest = self.0;
        let mut text = [b'0'; Self::LENGTH];
        for place in text.iter_mut().rev() {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
            rest /= 62;
        }
        text
    }

    /// The value of the characters as a number below 62^16.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0
    }

    /// The id of this value, if it is below 62^16.
    #[must_use]
    pub const fn from_value(value: u128) -> Option<Self> {
        if value < Self::END {
            Some(Self(value))
        } else {
            None
        }
    }
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_base62();
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({self})")
    }
}

impl FromStr for CredentialId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text
            .as_bytes()
            .try_into()
            .map_err(|_| ParseIdError::Length)?;
        Self::from_base62(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_follow_the_alphabet_most_significant_first() {
        assert_eq!(
            "0000000000000000".parse::<CredentialId>().unwrap().value(),
            0
        );
        assert_eq!(
            "000000000000000z".parse::<CredentialId>().unwrap().value(),
            61
        );
        assert_eq!(
            "0000000000000010".parse::<CredentialId>().unwrap().value(),
            62
        );
        assert_eq!(
            "zzzzzzzzzzzzzzzz".parse::<CredentialId>().unwrap().value(),
            62u128.pow(16) - 1
        );
        assert_eq!(CredentialId::from_value(62u128.pow(16)), None);
    }

    #[test]
    fn a_wrong_character_is_named_by_its_position() {
        assert_eq!(
            "000000000_000000".parse::<CredentialId>(),
            Err(ParseIdError::Character { at: 9 })
        );
        assert_eq!("0".parse::<CredentialId>(), Err(ParseIdError::Length));
    }

    proptest! {
        #[test]
        fn text_and_value_are_the_same_id(value in 0..62u128.pow(16)) {
            let id = CredentialId::from_value(value).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.value(), value);
        }

        #[test]
        fn order_of_text_is_order_of_ids(a in 0..62u128.pow(16), b in 0..62u128.pow(16)) {
            let (a, b) = (CredentialId(a), CredentialId(b));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }
    }
}
