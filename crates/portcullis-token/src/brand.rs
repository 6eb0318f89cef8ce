//! The name that a service puts before its credentials.

use std::{fmt, str::FromStr};

use crate::{inline::InlineText, kind::TokenKind};

/// The first part of every credential of one service.
///
/// # Syntax
/// 2 to 16 of `[a-z0-9]`, the first a letter.
///
/// # Examples
/// ```
/// use portcullis_token::{Brand, FormatError};
///
/// let brand: Brand = "ap".parse()?;
/// assert_eq!(brand.as_str(), "ap");
/// assert_eq!("ap_live".parse::<Brand>(), Err(FormatError::Character { at: 2 }));
/// # Ok::<(), FormatError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Brand(InlineText<16>);

/// Why a text is not the brand of a format.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// A byte that is not one of `a-z0-9`, or a first one that is not a letter.
    #[error("a character at byte {at} that a brand may not have there")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// Fewer than 2 bytes or more than 16.
    #[error("a brand has 2 to 16 characters, not {found}")]
    Length {
        /// How many there were.
        found: usize,
    },
}

impl Brand {
    /// The most characters that a brand may have.
    pub const MAX_LENGTH: usize = 16;
    /// The fewest characters that a brand may have.
    pub const MIN_LENGTH: usize = 2;

    /// Checks the text of a brand.
    ///
    /// # Errors
    /// [`FormatError`]: the first byte that may not stand where it does, else the length.
    pub fn new(text: &str) -> Result<Self, FormatError> {
        let misplaced = text
            .bytes()
            .enumerate()
            .find(|&(at, byte)| !(byte.is_ascii_lowercase() || (at > 0 && byte.is_ascii_digit())));
        if let Some((at, _)) = misplaced {
            return Err(FormatError::Character { at });
        }
        let found = text.len();
        if !(Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&found) {
            return Err(FormatError::Length { found });
        }
        Ok(Self(InlineText::EMPTY.push(text.as_bytes())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether these are the same brand, or differ by nothing but the letter of a kind.
    ///
    /// A service with several brands may not have two that clash: `ap` and `aps` do, since
    /// `aps_live_` begins the sessions of the one and the keys of the other.
    ///
    /// # Examples
    /// ```
    /// # use portcullis_token::Brand;
    /// let (ap, aps, apeu): (Brand, Brand, Brand) = ("ap".parse()?, "aps".parse()?, "apeu".parse()?);
    /// assert!(ap.clashes_with(aps) && aps.clashes_with(ap));
    /// assert!(!ap.clashes_with(apeu));
    /// # Ok::<(), portcullis_token::FormatError>(())
    /// ```
    #[must_use]
    pub fn clashes_with(self, other: Self) -> bool {
        let is_kind_of = |longer: &[u8], shorter: &[u8]| match longer.split_last() {
            Some((letter, rest)) => {
                rest == shorter
                    && TokenKind::ALL
                        .iter()
                        .any(|kind| kind.letter() == Some(*letter))
            }
            None => false,
        };
        let (a, b) = (self.as_bytes(), other.as_bytes());
        a == b || is_kind_of(a, b) || is_kind_of(b, a)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for Brand {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Brand({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_that_differ_by_the_letter_of_a_kind_clash() {
        let brand = |text| Brand::new(text).unwrap();
        for (a, b, clash) in [
            ("ap", "ap", true),
            ("ap", "aps", true),
            ("ap", "apr", true),
            ("ap", "apd", true),
            ("ap", "apk", false),
            ("ap", "apss", false),
            ("aps", "apr", false),
            ("ap", "bps", false),
        ] {
            assert_eq!(brand(a).clashes_with(brand(b)), clash, "{a} {b}");
            assert_eq!(brand(b).clashes_with(brand(a)), clash, "{b} {a}");
        }
    }

    #[test]
    fn a_brand_has_2_to_16_lower_case_letters_and_digits_and_begins_with_a_letter() {
        for good in ["ap", "x1", "portcullis", "abcdefghijklmnop"] {
            assert_eq!(Brand::new(good).unwrap().as_str(), good);
        }
        let refused = [
            ("", FormatError::Length { found: 0 }),
            ("a", FormatError::Length { found: 1 }),
            ("abcdefghijklmnopq", FormatError::Length { found: 17 }),
            ("1a", FormatError::Character { at: 0 }),
            ("Ap", FormatError::Character { at: 0 }),
            ("a_p", FormatError::Character { at: 1 }),
            ("apé", FormatError::Character { at: 2 }),
            ("a\u{212a}", FormatError::Character { at: 1 }),
        ];
        for (text, error) in refused {
            assert_eq!(Brand::new(text), Err(error), "{text}");
        }
    }
}
