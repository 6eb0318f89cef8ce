//! The peppers that are live at once.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD_PAD_INDIFFERENT};
use portcullis_core::Secret;
use zeroize::Zeroizing;

use super::{Mac, Pepper, PepperVersion, UnknownPepperVersion, Verified};
use crate::{GeneratorError, token::TAIL_LENGTH};

/// The peppers that are live at once, by version: one is current, the others are still accepted.
///
/// A change of pepper has two phases. First every node accepts the new one ([`PepperRing::with`]),
/// then it is made current ([`PepperRing::with_current`]); a node that meets a version that it
/// doesn't know answers 503, not 401. Records are brought under the current one as they are used
/// ([`Verified::MatchOld`]).
///
/// # Syntax
/// `1:BASE64,2:BASE64` (standard alphabet, padding optional, 32 bytes each). The highest version is
/// current, unless another is marked: `1*:BASE64,2:BASE64` accepts 2 and mints under 1. White
/// space around the whole is skipped, so that a file may end in a new line.
///
/// # Examples
/// ```
/// use portcullis_token::{ApiKey, Environment, Pepper, PepperRing, PepperVersion, TokenFormat, Verified};
///
/// let key = TokenFormat::new("ap", Environment::Live)?.mint::<ApiKey>()?;
/// let peppers = PepperRing::generate()?;
/// let (version, mac) = peppers.mac(key.tail());
///
/// let second = PepperVersion::new(2).ok_or("0")?;
/// let peppers = peppers.with(second, Pepper::generate()?).with_current(second)?;
/// assert_eq!(peppers.verify(key.tail(), version, &mac), Verified::MatchOld);
///
/// let peppers = peppers.without(version).ok_or("current")?;
/// assert_eq!(peppers.verify(key.tail(), version, &mac), Verified::UnknownPepper);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PepperRing {
    current: PepperVersion,
    // INVARIANT: `pepper` is the one of `current`; `others` holds no version twice and not that one.
    pepper: Pepper,
    others: Vec<(PepperVersion, Pepper)>,
}

/// Why a text is not a ring of peppers. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParsePeppersError {
    /// Not base64 of 32 bytes.
    #[error("pepper {entry} is not 32 bytes in base64")]
    Bytes {
        /// Which of the entries, from 1.
        entry: usize,
    },
    /// No entry at all.
    #[error("there is no pepper")]
    Empty,
    /// More than one version is marked as current.
    #[error("pepper {entry} is marked as current, and so was one before it")]
    Marked {
        /// Which of the entries, from 1.
        entry: usize,
    },
    /// A version that an entry before had.
    #[error("pepper {entry} has the version of one before it")]
    Repeated {
        /// Which of the entries, from 1.
        entry: usize,
    },
    /// No version from 1 to 65,535 and `:` at the beginning of an entry.
    #[error("pepper {entry} has no version from 1 to 65535 before a colon")]
    Version {
        /// Which of the entries, from 1.
        entry: usize,
    },
}

impl PepperRing {
    /// A ring of one pepper, which is current.
    #[must_use]
    pub const fn new(version: PepperVersion, pepper: Pepper) -> Self {
        Self {
            current: version,
            pepper,
            others: Vec::new(),
        }
    }

    /// A ring of one fresh pepper of version 1, for trials and tests.
    ///
    /// What is kept under it is lost with it: a service keeps its peppers.
    ///
    /// # Errors
    /// [`GeneratorError`] if the generator of the system fails.
    pub fn generate() -> Result<Self, GeneratorError> {
        Ok(Self::new(PepperVersion::FIRST, Pepper::generate()?))
    }

    /// The same ring, which also accepts this pepper. One of the same version is replaced.
    #[must_use]
    pub fn with(mut self, version: PepperVersion, pepper: Pepper) -> Self {
        if version == self.current {
            self.pepper = pepper;
        } else {
            self.others.retain(|(other, _)| *other != version);
            self.others.push((version, pepper));
        }
        self
    }

    /// The same ring, in which this version is current.
    ///
    /// # Errors
    /// [`UnknownPepperVersion`] if the ring doesn't have it.
    pub fn with_current(self, version: PepperVersion) -> Result<Self, UnknownPepperVersion> {
        let pepper = self.pepper(version).cloned();
        let pepper = pepper.ok_or(UnknownPepperVersion { version })?;
        let mut ring = Self::new(version, pepper);
        let all = self.others.into_iter();
        let others = all.chain([(self.current, self.pepper)]);
        ring.others = others.filter(|(other, _)| *other != version).collect();
        Ok(ring)
    }

    /// The same ring without this version, or `None` if that is the current one.
    #[must_use]
    pub fn without(mut self, version: PepperVersion) -> Option<Self> {
        self.others.retain(|(other, _)| *other != version);
        (version != self.current).then_some(self)
    }

    /// A ring of the subkeys of one purpose, under the same versions; see [`Pepper::subkey`].
    #[must_use]
    pub fn subkeys(&self, tag: &str) -> Self {
        let others = self.others.iter();
        Self {
            current: self.current,
            pepper: self.pepper.subkey(tag),
            others: others
                .map(|(version, pepper)| (*version, pepper.subkey(tag)))
                .collect(),
        }
    }

    /// The version of new MACs.
    #[must_use]
    pub const fn current(&self) -> PepperVersion {
        self.current
    }

    /// The versions that are accepted, the lowest first.
    #[must_use]
    pub fn versions(&self) -> Vec<PepperVersion> {
        let mut versions: Vec<_> = self.versions_current_first().collect();
        versions.sort_unstable();
        versions
    }

    /// The pepper of a version, if the ring has it.
    #[must_use]
    pub fn pepper(&self, version: PepperVersion) -> Option<&Pepper> {
        if version == self.current {
            return Some(&self.pepper);
        }
        let mut others = self.others.iter();
        let found = others.find(|(other, _)| *other == version);
        found.map(|(_, pepper)| pepper)
    }

    /// The [`Pepper::fingerprint`] of a version, if the ring has it.
    #[must_use]
    pub fn fingerprint(&self, version: PepperVersion) -> Option<[u8; 8]> {
        self.pepper(version).map(Pepper::fingerprint)
    }

    /// The MAC of a credential's tail under the current pepper, and its version.
    #[must_use]
    pub fn mac(&self, tail: &[u8; TAIL_LENGTH]) -> (PepperVersion, Mac) {
        let mac = self.pepper.state().mac(tail);
        (self.current, Mac::from_bytes(mac))
    }

    /// The MAC of a credential's tail under the pepper of a version, if the ring has it.
    ///
    /// `None` is a fault of the server: answer 503, not 401.
    #[must_use]
    pub fn mac_with(&self, version: PepperVersion, tail: &[u8; TAIL_LENGTH]) -> Option<Mac> {
        let mac = self.pepper(version)?.state().mac(tail);
        Some(Mac::from_bytes(mac))
    }

    /// Compares a credential's tail with the MAC of a record, in constant time.
    pub fn verify(&self, tail: &[u8; TAIL_LENGTH], version: PepperVersion, mac: &Mac) -> Verified {
        match self.mac_with(version, tail) {
            None => Verified::UnknownPepper,
            Some(computed) if computed != *mac => Verified::Mismatch,
            Some(_) if version == self.current => Verified::Match,
            Some(_) => Verified::MatchOld,
        }
    }

    pub(crate) const fn current_pepper(&self) -> &Pepper {
        &self.pepper
    }

    pub(crate) fn versions_current_first(&self) -> impl Iterator<Item = PepperVersion> {
        let others = self.others.iter().map(|(version, _)| *version);
        std::iter::once(self.current).chain(others)
    }

    /// The text that [`PepperRing::from_str`] reads, the lowest version first.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        let versions = self.versions();
        let is_highest_current = versions.last() == Some(&self.current);
        // `65535*:`, 44 characters and a comma: sized once, so that no copy is left behind.
        let mut text = String::with_capacity(versions.len() * 52);
        for version in versions {
            let Some(pepper) = self.pepper(version) else {
                continue;
            };
            let comma = if text.is_empty() { "" } else { "," };
            let is_marked = version == self.current && !is_highest_current;
            let mark = if is_marked { "*" } else { "" };
            for part in [comma, &version.to_string(), mark, ":"] {
                text.push_str(part);
            }
            text.push_str(pepper.to_base64().expose());
        }
        Secret::new(text)
    }
}

impl FromStr for PepperRing {
    type Err = ParsePeppersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(ParsePeppersError::Empty);
        }
        let mut ring: Option<Self> = None;
        let mut marked = None;
        for (index, part) in text.split(',').enumerate() {
            let entry = index + 1;
            let (version, pepper, is_marked) = parse_entry(part, entry)?;
            if is_marked && marked.replace(version).is_some() {
                return Err(ParsePeppersError::Marked { entry });
            }
            ring = match ring {
                None => Some(Self::new(version, pepper)),
                Some(ring) if ring.pepper(version).is_some() => {
                    return Err(ParsePeppersError::Repeated { entry });
                }
                Some(ring) => Some(ring.with(version, pepper)),
            };
        }
        let ring = ring.ok_or(ParsePeppersError::Empty)?;
        let highest = ring.versions().last().copied();
        let current = marked.or(highest).unwrap_or(ring.current);
        ring.with_current(current)
            .map_err(|_| ParsePeppersError::Empty)
    }
}

fn parse_entry(
    part: &str,
    entry: usize,
) -> Result<(PepperVersion, Pepper, bool), ParsePeppersError> {
    let no_version = ParsePeppersError::Version { entry };
    let (version, encoded) = part.split_once(':').ok_or(no_version)?;
    let (version, is_marked) = match version.strip_suffix('*') {
        Some(version) => (version, true),
        None => (version, false),
    };
    let version = version.parse().map_err(|_| no_version)?;
    let no_bytes = ParsePeppersError::Bytes { entry };
    let mut bytes = Zeroizing::new([0; 32]);
    // `decode_slice` demands room for what the length alone allows, so the length comes first.
    let encoded = encoded.as_bytes();
    if !matches!(encoded.len(), 43 | 44) {
        return Err(no_bytes);
    }
    let mut decoded = Zeroizing::new([0; 33]);
    let length = STANDARD_PAD_INDIFFERENT.decode_slice(encoded, decoded.as_mut_slice());
    match (length, decoded.first_chunk()) {
        (Ok(32), Some(first)) => *bytes = *first,
        _ => return Err(no_bytes),
    }
    Ok((version, Pepper::from_bytes(*bytes), is_marked))
}

impl fmt::Debug for PepperRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PepperRing")
            .field("current", &self.current.number())
            .field("versions", &self.versions())
            .finish_non_exhaustive()
    }
}
