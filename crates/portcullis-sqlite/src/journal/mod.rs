//! The revocation journal: what a restore must be given, so that nothing revoked comes back.
//!
//! A backup is older than the revocations that came after it. So every change of an existing key or
//! owner is also written to a file outside the store's folder, synced before its caller is answered.
//! A line holds what a check depends on, as it is after the change; the newest of a target counts.
//! Sessions and refresh tokens are not in it, since a restore ends all of them.
//!
//! # Syntax
//! ASCII lines. The first is `portcullis-journal 2 STORE FROM`: the store's identity, and the change
//! after which the journal begins. Each other line is the CRC-32 of what follows it, in hexadecimal,
//! a space, and a JSON object. `change` is the number of its change, and `synced` that of the newest
//! change that was synced before the line was written; one that has no more says only up to where
//! the journal is written. Version 1 had no `synced`; such a journal is written anew when it is
//! opened.
//!
//! # Damage
//! Lines that were never synced may be cut short or lost in part when the power fails. They are
//! passed over: the store writes them again, and nobody was told that they are there. A line that
//! can't be read is damage if one behind it says that it was synced.

mod error;
mod line;
mod reading;
mod sources;
mod writing;

pub use error::JournalError;
pub(crate) use line::{Entry, Tombstone};
pub(crate) use reading::Journal;
pub(crate) use sources::{forget, identity, note, noted};
pub(crate) use writing::JournalWriter;
