//! The server's secrets, and the MACs that they key.

mod hmac;
mod mac;
mod ring;
mod secret;
mod version;

pub use mac::{Mac, Verified};
pub use ring::{ParsePeppersError, PepperRing};
pub use secret::Pepper;
pub use version::{ParsePepperVersionError, PepperVersion, UnknownPepperVersion};
