//! The name of a limit.

use std::{fmt, str::FromStr};

/// What a limit is called, in the headers too.
///
/// # Syntax
///
/// 1 to 64 printable ASCII characters without `"` and `\`, so that it stands in a String of
/// RFC 9651, section 3.3.3, as it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LimitName(Box<str>);

/// Why a text is no name of a limit. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LimitNameError {
    /// Nothing at all.
    #[error("the name of a limit must not be empty")]
    Empty,
    /// Longer than 64 bytes.
    #[error("the name of a limit can be at most 64 characters long")]
    TooLong,
    /// Not printable ASCII, or one of `"` and `\`.
    #[error("a character that can't stand in the name of a limit at byte {at}")]
    Character {
        /// Its offset.
        at: usize,
    },
}

impl LimitName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The name.
    ///
    /// # Errors
    ///
    /// See [`LimitNameError`].
    pub fn new(name: &str) -> Result<Self, LimitNameError> {
        if name.is_empty() {
            return Err(LimitNameError::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(LimitNameError::TooLong);
        }
        let is_bad = |byte: u8| !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\';
        match name.bytes().position(is_bad) {
            Some(at) => Err(LimitNameError::Character { at }),
            None => Ok(Self(name.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LimitName {
    type Err = LimitNameError;

    fn from_str(name: &str) -> Result<Self, LimitNameError> {
        Self::new(name)
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
