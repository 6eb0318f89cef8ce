//! Keys that another system issued, of which only the SHA-256 is known.

mod digest;
mod scheme;

pub use digest::{DigestEncoding, KeyDigest, ParseDigestError};
pub use scheme::{HashedPart, ImportedScheme, SchemeError};
