//! The format of one service's credentials.

use portcullis_core::{CredentialId, Secret};
use zeroize::Zeroizing;

use crate::{
    AnyToken, Brand, Environment, FormatError, GeneratorError, Hint, Kind, Minted, Token,
    TokenKind, base62, checksum,
    mint::{draw, fill_from_system},
    prefix,
    token::{TAIL_LENGTH, VERSION_AT},
};

/// Every credential of this format, whatever its brand, as a regular expression.
///
/// There is no word boundary in it, since credentials stand behind `%3D`, `\n` and `_` too: a
/// checksum decides what is one, see [`scan`](crate::scan). For one brand see
/// [`TokenFormat::pattern`].
pub const PATTERN: &str = "[a-z][a-z0-9]{1,15}[srd]?_(live|test)_[0-9A-Za-z]{55}";

/// The format of the credentials of one service: its brand, and the environments it serves.
///
/// # Syntax
/// `{brand}{kind}_{environment}_{id:16}{secret:32}{version:1}{checksum:6}`
///
/// | part | is |
/// |---|---|
/// | brand | a [`Brand`] |
/// | kind | nothing for a key, `s` session, `r` refresh, `d` device |
/// | environment | `live` or `test` |
/// | id, secret | base62 (`0-9A-Za-z`), drawn from the generator of the system: 95 and 190 bits |
/// | version | `K`, `S`, `R`, `D`, which agrees with the kind |
/// | checksum | CRC-32 (IEEE) of all before it, in base62, padded with `0` |
///
/// Read by position from the right. ASCII only; nothing is trimmed, folded or normalised.
///
/// # Examples
/// ```
/// use portcullis_token::{ApiKey, Environment, ParseTokenError, Session, TokenFormat};
///
/// let format = TokenFormat::new("ap", Environment::Test)?;
/// let text = "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";
///
/// let key = format.parse::<ApiKey>(text)?;
/// assert_eq!(key.id().to_string(), "qBhy02hoi8ucTVyA");
/// assert_eq!(key.to_string(), "ap_test_qBhy...TVyA");
///
/// assert!(matches!(format.parse::<Session>(text), Err(ParseTokenError::Kind { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TokenFormat {
    brand: Brand,
    environment: Environment,
    serves: Serves,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Serves {
    Both,
    One,
}

/// Why a text is not a credential of this format. The text itself is never kept.
///
/// To the outside all of them are the same refusal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseTokenError {
    /// A character of the last 55 that is not of base62.
    #[error("a character that is not of base62 at byte {at}")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// The checksum doesn't hold: a typing error, or no credential of ours.
    #[error("the checksum doesn't hold")]
    Checksum,
    /// A credential of an environment that this server doesn't serve.
    #[error("a credential of the environment `{found}`, which is not served here")]
    Environment {
        /// The environment that it names.
        found: Environment,
    },
    /// A credential of another kind than was asked for.
    #[error("a credential of the kind `{found}`, which is not the one expected")]
    Kind {
        /// The kind that it is of.
        found: TokenKind,
    },
    /// Too short or too long for this brand.
    #[error("a text of {found} bytes, which no credential of this brand has")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// The brand, the kind or the environment is not one of this format.
    #[error("not the prefix of a credential of this brand, from byte {at} on")]
    Prefix {
        /// The first byte that can't stand there.
        at: usize,
    },
    /// The letter behind the brand and the version character name different kinds.
    #[error("the version character at byte {at} is not that of the prefix")]
    Version {
        /// The position of the version character.
        at: usize,
    },
}

impl TokenFormat {
    /// A format that is pinned to one environment.
    ///
    /// # Errors
    /// [`FormatError`] if the brand is not 2 to 16 of `[a-z0-9]` with a letter first.
    pub fn new(brand: &str, environment: Environment) -> Result<Self, FormatError> {
        let brand = Brand::new(brand)?;
        Ok(Self {
            brand,
            environment,
            serves: Serves::One,
        })
    }

    /// The same format, which also accepts credentials of the other environment.
    ///
    /// It still mints in the one that it was made with.
    #[must_use]
    pub const fn with_both_environments(mut self) -> Self {
        self.serves = Serves::Both;
        self
    }

    /// The brand.
    #[must_use]
    pub const fn brand(&self) -> Brand {
        self.brand
    }

    /// The environment of new credentials.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Whether credentials of this environment are accepted.
    #[must_use]
    pub fn accepts(&self, environment: Environment) -> bool {
        self.serves == Serves::Both || self.environment == environment
    }

    /// A new credential, from the generator of the operating system.
    ///
    /// # Errors
    /// [`GeneratorError`] if the generator fails; nothing was minted.
    pub fn mint<K: Kind>(&self) -> Result<Minted<K>, GeneratorError> {
        self.dangerous_mint_from(fill_from_system)
    }

    /// A new credential from another source of random bytes, for tests and frozen examples.
    ///
    /// Dangerous: the credential is as secret as what `fill` gives.
    ///
    /// # Errors
    /// What `fill` returns, or [`GeneratorError`] if it gives too few bytes below 248.
    pub fn dangerous_mint_from<K: Kind>(
        &self,
        fill: impl FnMut(&mut [u8]) -> Result<(), GeneratorError>,
    ) -> Result<Minted<K>, GeneratorError> {
        let drawn = draw(fill)?;
        let (id, secret) = split_drawn(&drawn);
        // INVARIANT: what is drawn is of base62, so there always is an id.
        let id = CredentialId::from_base62(id);
        let id = id.map_err(|_| GeneratorError::STUCK)?;
        Ok(self.assemble(self.environment, id, secret))
    }

    /// The credential of these parts, for tests and frozen examples.
    ///
    /// Dangerous: a secret that was not drawn from the generator may be guessed.
    ///
    /// # Errors
    /// [`ParseTokenError::Environment`] if the environment is not accepted, and
    /// [`ParseTokenError::Character`] with the position in the secret if that is not of base62.
    pub fn dangerous_from_parts<K: Kind>(
        &self,
        environment: Environment,
        id: CredentialId,
        secret: [u8; 32],
    ) -> Result<Minted<K>, ParseTokenError> {
        let secret = Zeroizing::new(secret);
        if !self.accepts(environment) {
            return Err(ParseTokenError::Environment { found: environment });
        }
        if let Some(at) = secret.iter().position(|byte| !byte.is_ascii_alphanumeric()) {
            return Err(ParseTokenError::Character { at });
        }
        Ok(self.assemble(environment, id, &secret))
    }

    /// Reads a credential of one kind: prefix, alphabet, kind, environment and checksum.
    ///
    /// Nothing is allocated.
    ///
    /// # Errors
    /// [`ParseTokenError`], in this order: `Length`, `Prefix`, `Environment`, `Kind`, `Version`,
    /// `Character`, `Checksum`.
    #[inline]
    pub fn parse<'t, K: Kind>(
        &self,
        text: &'t (impl AsRef<[u8]> + ?Sized),
    ) -> Result<Token<'t, K>, ParseTokenError> {
        let any = self.read(text.as_ref(), Some(K::KIND))?;
        if !any.checksum_holds() {
            return Err(ParseTokenError::Checksum);
        }
        any.typed()
            .ok_or(ParseTokenError::Kind { found: any.kind() })
    }

    /// Reads a credential of any kind without computing its checksum.
    ///
    /// This is for the hot path: the MAC covers the checksum, so it matters only when the id turns
    /// out to be unknown; see [`AnyToken::checksum_holds`]. Nothing is allocated.
    ///
    /// # Errors
    /// [`ParseTokenError`] as [`TokenFormat::parse`], but never `Kind` or `Checksum`.
    #[inline]
    pub fn recognize<'t>(&self, text: &'t [u8]) -> Result<AnyToken<'t>, ParseTokenError> {
        self.read(text, None)
    }

    /// What may be shown of a credential of which the public parts are known.
    #[must_use]
    pub fn hint(&self, kind: TokenKind, environment: Environment, id: CredentialId) -> Hint {
        let prefix = prefix::build(self.brand, kind, environment);
        Hint::new(prefix.as_bytes(), &id.to_base62())
    }

    /// The credentials of this brand, of every kind and environment, as a regular expression.
    ///
    /// # Examples
    /// ```
    /// # use portcullis_token::{Environment, TokenFormat};
    /// let format = TokenFormat::new("ap", Environment::Live)?;
    /// assert_eq!(format.pattern(), "ap[srd]?_(live|test)_[0-9A-Za-z]{55}");
    /// # Ok::<(), portcullis_token::FormatError>(())
    /// ```
    #[must_use]
    pub fn pattern(&self) -> String {
        let brand = self.brand;
        format!("{brand}[srd]?_(live|test)_[0-9A-Za-z]{{55}}")
    }

    #[inline]
    fn read<'t>(
        &self,
        text: &'t [u8],
        expected: Option<TokenKind>,
    ) -> Result<AnyToken<'t>, ParseTokenError> {
        let brand = self.brand.as_bytes();
        let mark_length = text.len().wrapping_sub(brand.len() + TAIL_LENGTH);
        let length = ParseTokenError::Length { found: text.len() };
        if !matches!(mark_length, 6 | 7) {
            return Err(length);
        }
        let (prefix, tail) = text.split_last_chunk::<TAIL_LENGTH>().ok_or(length)?;
        let Some((kind, environment)) = prefix::read(prefix, brand) else {
            return Err(prefix::misread(prefix, self.brand));
        };
        if !self.accepts(environment) {
            return Err(ParseTokenError::Environment { found: environment });
        }
        if expected.is_some_and(|expected| expected != kind) {
            return Err(ParseTokenError::Kind { found: kind });
        }
        if tail[VERSION_AT] != kind.version_character() {
            return Err(ParseTokenError::Version {
                at: prefix.len() + VERSION_AT,
            });
        }
        if !base62::is_all_base62(tail) {
            return Err(foreign_in(text));
        }
        Ok(AnyToken::new(text, kind, environment))
    }

    fn assemble<K: Kind>(
        &self,
        environment: Environment,
        id: CredentialId,
        secret: &[u8; 32],
    ) -> Minted<K> {
        let prefix = prefix::build(self.brand, K::KIND, environment);
        // Sized once, so that no part of the secret is left behind by a reallocation.
        let mut text = String::with_capacity(prefix.as_bytes().len() + TAIL_LENGTH);
        text.push_str(prefix.as_str());
        let version = [K::KIND.version_character()];
        for &byte in id.to_base62().iter().chain(secret).chain(&version) {
            text.push(char::from(byte));
        }
        let checksum = checksum::of(text.as_bytes());
        text.extend(checksum.map(char::from));
        Minted::new(Secret::new(text), id, environment)
    }
}

/// Where the first character stands that makes a tail none.
#[cold]
fn foreign_in(text: &[u8]) -> ParseTokenError {
    let start = text.len().saturating_sub(TAIL_LENGTH);
    let mut tail = text.iter().skip(start);
    let at = tail.position(|byte| !byte.is_ascii_alphanumeric());
    ParseTokenError::Character {
        at: start + at.unwrap_or(0),
    }
}

fn split_drawn(drawn: &[u8; 48]) -> (&[u8; 16], &[u8; 32]) {
    let parts = (drawn.first_chunk(), drawn.last_chunk());
    (
        parts.0.unwrap_or(&[b'0'; 16]),
        parts.1.unwrap_or(&[b'0'; 32]),
    )
}
