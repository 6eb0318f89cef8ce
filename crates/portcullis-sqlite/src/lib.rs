#![doc = include_str!("../README.md")]

mod attempt;
mod audit;
mod backup;
mod cells;
mod commit;
mod credits;
#[cfg(feature = "login")]
mod directory;
mod error;
mod fetch;
mod file;
mod journal;
mod ledger;
mod look;
mod lost;
mod migrate;
mod reader;
mod restore;
mod store;
mod traces;
mod uses;
mod writer;

pub use audit::{VerifyError, verify_audit};
pub use backup::{Backup, BackupError, backup};
pub use error::OpenError;
pub use journal::JournalError;
pub use look::{LookError, StoredPepper, look_at_audit, look_at_peppers};
pub use restore::{MissingPeppers, RestoreError, Restored, restore};
pub use store::SqliteStore;
