//! API keys: issue, read, list, change, rotate, revoke, report as leaked.

mod change;
mod import;
mod issue;
mod key;
mod key_change;
mod leak;
mod list;
mod revoke;
mod rotate;

pub use import::{ImportError, Imports, NewImport};
pub use issue::{IssuedKey, NewKey};
pub use key::ApiKeyInfo;
pub use key_change::{Expiry, KeyChange};
pub use leak::Leak;
pub use list::{KeyList, Listing};
pub(crate) use revoke::Action;
pub use revoke::Revoked;
