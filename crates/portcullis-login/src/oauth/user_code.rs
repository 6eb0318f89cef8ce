//! The code that a person types.

use std::{fmt, str::FromStr};

use portcullis_core::Secret;

use crate::id::{self, RandomError};

/// Consonants that are not taken for each other, without vowels so that no words come of them (RFC
/// 8628, section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// The code that a device shows and a person types: 8 letters, 34.5 bits.
///
/// # Syntax
/// `BCDF-GHJK`: 8 of `BCDFGHJKLMNPQRSTVWXZ`. Read in either case; hyphens and spaces are skipped.
///
/// # Examples
/// ```
/// use portcullis_login::UserCode;
///
/// let code: UserCode = "bcdf ghjk".parse()?;
/// assert_eq!(code.shown().expose(), "BCDF-GHJK");
/// assert!("ABCD-EFGH".parse::<UserCode>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UserCode(Secret<[u8; LENGTH]>);

/// A text that no device shows. The text itself is never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a code is 8 consonants")]
pub struct ParseUserCodeError;

impl UserCode {
    /// A code that nobody can guess.
    pub(super) fn draw() -> Result<Self, RandomError> {
        let mut letters = [0; LENGTH];
        let mut drawn = 0;
        while drawn < LENGTH {
            let mut random = [0; 16];
            id::fill(&mut random)?;
            // 240 of 256 values share evenly among 20 letters: those beyond are drawn again.
            let fine = random.iter().filter(|&&byte| byte < 240);
            let fine = fine.filter_map(|byte| ALPHABET.get(usize::from(byte % 20)));
            for (place, letter) in letters.iter_mut().skip(drawn).zip(fine) {
                *place = *letter;
                drawn += 1;
            }
        }
        Ok(Self(Secret::new(letters)))
    }

    /// As it is shown: `BCDF-GHJK`.
    #[must_use]
    pub fn shown(&self) -> Secret<String> {
        let mut shown = String::with_capacity(LENGTH + 1);
        for (at, letter) in self.0.expose().iter().enumerate() {
            if at == LENGTH / 2 {
                shown.push('-');
            }
            shown.push(char::from(*letter));
        }
        Secret::new(shown)
    }

    pub(super) fn letters(&self) -> &[u8] {
        self.0.expose()
    }
}

impl FromStr for UserCode {
    type Err = ParseUserCodeError;

    fn from_str(text: &str) -> Result<Self, ParseUserCodeError> {
        let mut letters = [0; LENGTH];
        let mut places = letters.iter_mut();
        for byte in text.bytes().filter(|byte| !b"- ".contains(byte)) {
            let letter = byte.to_ascii_uppercase();
            let place = places.next().filter(|_| ALPHABET.contains(&letter));
            *place.ok_or(ParseUserCodeError)? = letter;
        }
        match places.next() {
            None => Ok(Self(Secret::new(letters))),
            Some(_) => Err(ParseUserCodeError),
        }
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}
