//! The audit log: rows in a chain, whose ends are in a table of their own.

mod keeping;
mod reading;
mod verifying;
mod writing;

pub(crate) use keeping::{due, keep};
pub(crate) use reading::page;
pub use verifying::{VerifyError, verify_audit};
pub(crate) use writing::{CHAINED_SINCE, add, add_all, chain, of_store};
