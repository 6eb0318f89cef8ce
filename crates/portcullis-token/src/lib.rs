#![doc = include_str!("../README.md")]

mod base62;
mod brand;
mod checksum;
mod credentials;
mod environment;
mod format;
mod hex;
mod hint;
mod imported;
mod inline;
mod kind;
mod mint;
mod pepper;
mod prefix;
mod scan;
mod token;

pub use brand::{Brand, FormatError};
pub use credentials::{
    CredentialHeaders, HeaderError, HeaderNameError, Presented, Via, read_credentials,
};
pub use environment::{Environment, ParseEnvironmentError};
pub use format::{PATTERN, ParseTokenError, TokenFormat};
pub use hint::Hint;
pub use imported::{
    DigestEncoding, HashedPart, ImportedScheme, KeyDigest, ParseDigestError, SchemeError,
};
pub use kind::{ApiKey, Device, Kind, Refresh, Session, TokenKind};
pub use mint::{GeneratorError, Minted};
pub use pepper::{
    Mac, ParsePepperVersionError, ParsePeppersError, Pepper, PepperRing, PepperVersion,
    UnknownPepperVersion, Verified,
};
pub use scan::{Found, Scan, scan};
pub use token::{AnyToken, OwnedToken, Token};
