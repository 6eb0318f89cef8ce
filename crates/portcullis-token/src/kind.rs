//! The kinds of credential, as values and as types.

use std::{fmt, hash::Hash};

/// What a credential is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum TokenKind {
    /// An API key: `ap_live_…K…`.
    ApiKey,
    /// A session token: `aps_live_…S…`.
    Session,
    /// A refresh token: `apr_live_…R…`.
    Refresh,
    /// A device code: `apd_live_…D…`.
    Device,
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ApiKey, Self::Session, Self::Refresh, Self::Device];

    /// The letter behind the brand; an API key has none.
    #[must_use]
    pub const fn letter(self) -> Option<u8> {
        match self {
            Self::ApiKey => None,
            Self::Session => Some(b's'),
            Self::Refresh => Some(b'r'),
            Self::Device => Some(b'd'),
        }
    }

    /// The character before the checksum, which names the kind and the version of the format.
    #[must_use]
    pub const fn version_character(self) -> u8 {
        match self {
            Self::ApiKey => b'K',
            Self::Session => b'S',
            Self::Refresh => b'R',
            Self::Device => b'D',
        }
    }

    /// The word for logs and records: `api_key`, `session`, `refresh` or `device`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Session => "session",
            Self::Refresh => "refresh",
            Self::Device => "device",
        }
    }

    pub(crate) const fn from_version_character(byte: u8) -> Option<Self> {
        match byte {
            b'K' => Some(Self::ApiKey),
            b'S' => Some(Self::Session),
            b'R' => Some(Self::Refresh),
            b'D' => Some(Self::Device),
            _ => None,
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

mod sealed {
    #[expect(
        unnameable_types,
        reason = "a supertrait that can't be named is what seals `Kind`"
    )]
    pub trait Sealed {}
}

/// A kind of credential as a type, so that one can't be passed where another is expected.
///
/// Implemented by [`ApiKey`], [`Session`], [`Refresh`] and [`Device`], and by nothing else.
///
/// # Examples
/// A function that takes a key takes nothing else:
/// ```
/// use portcullis_token::{ApiKey, Environment, Token, TokenFormat};
///
/// fn charge(_key: Token<'_, ApiKey>) {}
///
/// let format = TokenFormat::new("ap", Environment::Live)?;
/// let minted = format.mint::<ApiKey>()?;
/// charge(format.parse::<ApiKey>(minted.expose())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// A refresh token doesn't compile there:
/// ```compile_fail,E0308
/// use portcullis_token::{ApiKey, Environment, Refresh, Token, TokenFormat};
///
/// fn charge(_key: Token<'_, ApiKey>) {}
///
/// let format = TokenFormat::new("ap", Environment::Live)?;
/// let minted = format.mint::<Refresh>()?;
/// charge(format.parse::<Refresh>(minted.expose())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Kind: sealed::Sealed + Copy + fmt::Debug + Eq + Hash + Send + Sync + 'static {
    /// The same kind as a value.
    const KIND: TokenKind;
}

/// The kind of an API key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ApiKey;

/// The kind of a session token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Session;

/// The kind of a refresh token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Refresh;

/// The kind of a device code.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Device;

impl sealed::Sealed for ApiKey {}
impl sealed::Sealed for Session {}
impl sealed::Sealed for Refresh {}
impl sealed::Sealed for Device {}

impl Kind for ApiKey {
    const KIND: TokenKind = TokenKind::ApiKey;
}

impl Kind for Session {
    const KIND: TokenKind = TokenKind::Session;
}

impl Kind for Refresh {
    const KIND: TokenKind = TokenKind::Refresh;
}

impl Kind for Device {
    const KIND: TokenKind = TokenKind::Device;
}
