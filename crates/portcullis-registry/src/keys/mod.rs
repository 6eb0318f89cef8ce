//! API keys: issue, read, list, change, revoke.

mod change;
mod issue;
mod key;
mod revoke;

pub use change::{Expiry, KeyChange};
pub use issue::{IssuedKey, NewKey};
pub use key::{ApiKeyInfo, KeyList, Listing};
pub use revoke::Revoked;
