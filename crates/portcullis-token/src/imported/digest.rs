//! The digest by which another system knew a key.

use std::fmt;

use base64::{
    DecodeError, DecodeSliceError, Engine,
    engine::general_purpose::{GeneralPurpose, STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT},
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::hex;

/// The SHA-256 of a key that another system issued. Wiped when dropped, never shown.
///
/// It is not kept as it is: see [`PepperRing::import`](crate::PepperRing::import).
pub struct KeyDigest([u8; 32]);

/// How another system wrote down its digests.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DigestEncoding {
    /// 64 hexadecimal digits of either case.
    Hex,
    /// Base64 (RFC 4648, section 4), padding optional.
    Base64,
    /// Base64 with `-` and `_` (RFC 4648, section 5), padding optional.
    Base64Url,
}

/// Why a text is not a SHA-256 in the encoding that was named. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseDigestError {
    /// A byte that is not of the encoding, or may not stand there.
    #[error("a character at byte {at} that the encoding may not have there")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// Not the length of 32 bytes in this encoding.
    #[error("a text of {found} bytes, which is not the length of a digest in this encoding")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
}

impl KeyDigest {
    /// A digest of which the bytes are known.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Reads a digest as another system wrote it down.
    ///
    /// # Errors
    /// [`ParseDigestError`]: the length first, then the first byte that is not of the encoding.
    ///
    /// # Examples
    /// ```
    /// use portcullis_token::{DigestEncoding, KeyDigest, ParseDigestError};
    ///
    /// let text = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
    /// assert!(KeyDigest::parse(text, DigestEncoding::Base64Url).is_ok());
    /// let error = KeyDigest::parse(text, DigestEncoding::Base64).err();
    /// assert_eq!(error, Some(ParseDigestError::Character { at: 6 }));
    /// ```
    pub fn parse(text: &str, encoding: DigestEncoding) -> Result<Self, ParseDigestError> {
        match encoding {
            DigestEncoding::Hex => parse_hex(text),
            DigestEncoding::Base64 => parse_base64(text, &STANDARD_PAD_INDIFFERENT),
            DigestEncoding::Base64Url => parse_base64(text, &URL_SAFE_PAD_INDIFFERENT),
        }
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for KeyDigest {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

fn parse_hex(text: &str) -> Result<KeyDigest, ParseDigestError> {
    let found = text.len();
    if found != 64 {
        return Err(ParseDigestError::Length { found });
    }
    let mut digest = KeyDigest([0; 32]);
    let pairs = text.as_bytes().as_chunks().0;
    for (index, (place, [high, low])) in digest.0.iter_mut().zip(pairs).enumerate() {
        let high = hex::digit(*high).ok_or(ParseDigestError::Character { at: 2 * index })?;
        let low = hex::digit(*low).ok_or(ParseDigestError::Character { at: 2 * index + 1 })?;
        *place = high << 4 | low;
    }
    Ok(digest)
}

fn parse_base64(text: &str, engine: &GeneralPurpose) -> Result<KeyDigest, ParseDigestError> {
    let found = text.len();
    let length = ParseDigestError::Length { found };
    if !matches!(found, 43 | 44) {
        return Err(length);
    }
    // One byte more than a digest, since 44 characters without padding would be 33.
    let mut decoded = Zeroizing::new([0; 33]);
    match (
        engine.decode_slice(text, decoded.as_mut_slice()),
        decoded.first_chunk(),
    ) {
        (Ok(32), Some(digest)) => Ok(KeyDigest(*digest)),
        (Err(DecodeSliceError::DecodeError(error)), _) => Err(match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => {
                ParseDigestError::Character { at }
            }
            _ => length,
        }),
        _ => Err(length),
    }
}
