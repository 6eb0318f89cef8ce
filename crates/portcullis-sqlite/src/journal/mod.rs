//! The revocation journal: what a restore must be given, so that nothing revoked comes back.
//!
//! A backup is older than the revocations that came after it. So every change of an existing key or
//! owner is also written to a file outside the store's folder, synced before its caller is
//! answered. A line holds what a check depends on, as it is after the change; the newest of a
//! target counts. Sessions and refresh tokens are not in it, since a restore ends all of them.
//!
//! # Syntax
//! ASCII lines. The first is `portcullis-journal 3 STORE FROM`: the store's identity, and the
//! change after which the journal begins; then, as `STORE:LAST`, each store before it that it was
//! restored of, with the last change of that. Each other line is the CRC-32 of what follows it, in
//! hexadecimal, a space, and a JSON object. `change` is the number of its change, and `synced` that
//! of the newest change that was synced before the line was written; one that has no more says only
//! up to where the journal is written. A key of another system has all that a store needs to hold
//! it.
//!
//! Version 1 had no `synced`, versions 1 and 2 no stores before, and of other systems' keys at most
//! the revoked ones. Such a journal is written anew when it is opened.
//!
//! # Restores
//! A restored store has an identity of its own, and numbers its changes behind all that the journal
//! has. The journal is handed on to it, before it gets its name, by being written anew: so the
//! store that was before, which would give the same numbers to other changes, can't go on. Backups
//! of all of these stores can be restored; what such a store numbered behind its last change was
//! never acknowledged, and counts for nothing.
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
pub(crate) use line::{Entry, Import};
pub(crate) use reading::Journal;
pub(crate) use sources::{forget, identity, note, noted, renew_identity};
pub(crate) use writing::{JournalWriter, anew, lock_existing};
