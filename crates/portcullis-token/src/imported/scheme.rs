//! How another system's keys are told, and which part of them it hashed.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::KeyDigest;
use crate::{Mac, PepperRing, PepperVersion, inline::InlineText};

/// How the keys of another system are told, and which part of them it hashed.
///
/// # Matching
/// A text matches if it begins with the prefix, is visible ASCII, has a length that is allowed, and
/// has the part that is hashed.
///
/// # Examples
/// ```
/// use portcullis_token::{DigestEncoding, HashedPart, ImportedScheme, KeyDigest, PepperRing};
///
/// // What the other system had: the SHA-256 of the part behind the last `_`.
/// let scheme = ImportedScheme::new("mycompany_")?.with_part(HashedPart::AfterLast(b'_'))?;
/// let digest = KeyDigest::parse(
///     "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37",
///     DigestEncoding::Hex,
/// )?;
///
/// // What is kept, as the index of the record.
/// let peppers = PepperRing::generate()?;
/// let (version, mac) = peppers.import(&scheme, &digest);
///
/// // What comes with a request.
/// let digest = scheme.digest(b"mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG").ok_or("no match")?;
/// assert_eq!(peppers.import_with(version, &scheme, &digest), Some(mac));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportedScheme {
    prefix: InlineText<{ TAG_LENGTH - 1 }>,
    part: HashedPart,
    lengths: RangeInclusive<usize>,
}

/// The part of a key that another system hashed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HashedPart {
    /// All of it.
    Whole,
    /// What stands behind the prefix.
    AfterPrefix,
    /// What stands behind the last of this character, which is visible ASCII.
    AfterLast(u8),
}

/// Why a scheme of imported keys can't be told from another.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SchemeError {
    /// A byte that is not visible ASCII, or a comma.
    #[error("a character at byte {at} that the prefix of a key may not have")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// No length is allowed, or none above that of the prefix.
    #[error("no length that a key of this prefix can have")]
    Lengths,
    /// A prefix of no bytes, or of more than 22.
    #[error("the prefix of a key has 1 to 22 characters, not {found}")]
    Prefix {
        /// How many bytes there were.
        found: usize,
    },
    /// The part is behind a character that is not visible ASCII, or a comma.
    #[error("the hashed part can't begin behind a character that no key has")]
    Separator,
}

/// What the scheme adds to a digest: one byte for the part, and the prefix, padded with NUL.
const TAG_LENGTH: usize = 23;

impl ImportedScheme {
    /// The longest prefix.
    pub const MAX_PREFIX_LENGTH: usize = TAG_LENGTH - 1;

    /// Keys that begin with a prefix, of at most 512 bytes, of which the whole was hashed.
    ///
    /// # Errors
    /// [`SchemeError::Prefix`] and [`SchemeError::Character`].
    pub fn new(prefix: &str) -> Result<Self, SchemeError> {
        let found = prefix.len();
        if !(1..=Self::MAX_PREFIX_LENGTH).contains(&found) {
            return Err(SchemeError::Prefix { found });
        }
        if let Some(at) = prefix.bytes().position(|byte| !is_of_key(byte)) {
            return Err(SchemeError::Character { at });
        }
        Ok(Self {
            prefix: InlineText::EMPTY.push(prefix.as_bytes()),
            part: HashedPart::Whole,
            lengths: found + 1..=512,
        })
    }

    /// Keys that only their length tells, of which the whole was hashed.
    ///
    /// Each text of such a length costs a look-up, so narrow lengths are better.
    ///
    /// # Errors
    /// [`SchemeError::Lengths`] if none is allowed.
    pub fn without_prefix(lengths: RangeInclusive<usize>) -> Result<Self, SchemeError> {
        let scheme = Self {
            prefix: InlineText::EMPTY,
            part: HashedPart::Whole,
            lengths: 1..=512,
        };
        scheme.with_lengths(lengths)
    }

    /// The same keys, of which this part was hashed.
    ///
    /// # Errors
    /// [`SchemeError::Separator`] if the part begins behind what is not visible ASCII.
    pub const fn with_part(mut self, part: HashedPart) -> Result<Self, SchemeError> {
        if let HashedPart::AfterLast(separator) = part
            && !is_of_key(separator)
        {
            return Err(SchemeError::Separator);
        }
        self.part = part;
        Ok(self)
    }

    /// The same keys, of these lengths in bytes, the prefix included.
    ///
    /// # Errors
    /// [`SchemeError::Lengths`] if none of them is above the length of the prefix.
    pub fn with_lengths(mut self, lengths: RangeInclusive<usize>) -> Result<Self, SchemeError> {
        if lengths.is_empty() || *lengths.end() <= self.prefix.as_bytes().len() {
            return Err(SchemeError::Lengths);
        }
        self.lengths = lengths;
        Ok(self)
    }

    /// The prefix, which may be empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.prefix.as_str()
    }

    /// The part that is hashed.
    #[must_use]
    pub const fn part(&self) -> HashedPart {
        self.part
    }

    /// Whether a text has the shape of these keys.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.hashed(text).is_some()
    }

    /// The digest of the part that is hashed, or `None` if the text is none of these keys.
    #[must_use]
    pub fn digest(&self, text: &[u8]) -> Option<KeyDigest> {
        self.hashed(text).map(KeyDigest::of)
    }

    fn hashed<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        if !self.lengths.contains(&text.len()) || !text.iter().all(|&byte| is_of_key(byte)) {
            return None;
        }
        let behind_prefix = text.strip_prefix(self.prefix.as_bytes())?;
        let hashed = match self.part {
            HashedPart::Whole => text,
            HashedPart::AfterPrefix => behind_prefix,
            HashedPart::AfterLast(separator) => {
                let at = memchr::memrchr(separator, text)?;
                let hashed = text.get(at + 1..)?;
                // The separator may be the last of the prefix, but not one before that.
                (hashed.len() <= behind_prefix.len()).then_some(hashed)?
            }
        };
        (!hashed.is_empty()).then_some(hashed)
    }

    /// What the MAC is of: the tag of the scheme and the digest, which together fit one block.
    fn message(&self, digest: &KeyDigest) -> Zeroizing<[u8; TAG_LENGTH + 32]> {
        let part = match self.part {
            HashedPart::Whole => 0,
            HashedPart::AfterPrefix => 1,
            // INVARIANT: visible ASCII, so it is below 0x80 and the values are distinct.
            HashedPart::AfterLast(separator) => 0x80 | separator,
        };
        let mut message = Zeroizing::new([0; TAG_LENGTH + 32]);
        let tag = std::iter::once(&part).chain(self.prefix.as_bytes());
        for (place, &byte) in message.iter_mut().zip(tag) {
            *place = byte;
        }
        if let Some(place) = message.last_chunk_mut() {
            *place = *digest.as_bytes();
        }
        message
    }
}

/// What a request can present as a key: visible ASCII without a comma.
const fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

impl PepperRing {
    /// What is kept of an imported key under the current pepper: its index and proof in one.
    ///
    /// The MAC of the digest and of the scheme under a subkey, so that no plain digest is kept, a
    /// key of one scheme is never taken for one of another, and the pepper covers keys that nobody
    /// has used since the import.
    #[must_use]
    pub fn import(&self, scheme: &ImportedScheme, digest: &KeyDigest) -> (PepperVersion, Mac) {
        let mac = self
            .current_pepper()
            .imported()
            .mac(&scheme.message(digest));
        (self.current(), Mac::from_bytes(mac))
    }

    /// What is kept of an imported key under the pepper of a version, if the ring has it.
    #[must_use]
    pub fn import_with(
        &self,
        version: PepperVersion,
        scheme: &ImportedScheme,
        digest: &KeyDigest,
    ) -> Option<Mac> {
        let mac = self
            .pepper(version)?
            .imported()
            .mac(&scheme.message(digest));
        Some(Mac::from_bytes(mac))
    }

    /// All under which a presented key may be kept, that of the current pepper first.
    pub fn import_candidates<'a>(
        &'a self,
        scheme: &'a ImportedScheme,
        digest: &'a KeyDigest,
    ) -> impl Iterator<Item = (PepperVersion, Mac)> + 'a {
        let versions = self.versions_current_first();
        versions.filter_map(|version| Some((version, self.import_with(version, scheme, digest)?)))
    }
}
