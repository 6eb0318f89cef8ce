//! Why a file is not the journal of a store.

use std::io;

/// Why a file is not the journal of a store.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line is damaged that was synced.
    #[error("line {line} is damaged")]
    Damaged {
        /// Which, from 1.
        line: usize,
    },
    /// It is none, or of a later version.
    #[error("it is not a revocation journal of a version that this program knows")]
    Format,
    /// It is of another store, or a copy of the store's own from before it was restored.
    #[error("it is the journal of another store, or a copy from before this one was restored")]
    OtherStore,
    /// A restore has made another store of this one or of a backup of it, which alone goes on with
    /// the journal.
    #[error(
        "a store that was restored goes on with it in the place of this one: open that, or restore \
         a backup once more"
    )]
    Superseded,
    /// It and the store don't meet. It begins later than what it is to continue, or ends before, or
    /// there is a hole that the store can't fill: it is an older copy, say. Or the store is older
    /// than it, without having been restored.
    #[error(
        "changes between {from} and {to} are missing from it or from the store: give the newest \
         copy of it; where the store is the older, restore it; who gives the journal up instead \
         may get back what was revoked"
    )]
    Gap {
        /// The last change before those that are missing.
        from: u64,
        /// The first behind them, or the last of them if nothing is behind.
        to: u64,
    },
    /// It is in the folder of the store, where a loss of that would take it along.
    #[error("it is in the folder of the store: keep it elsewhere")]
    BesideStore,
    /// Another process has it open, or this one a second time: a copy of the store, say.
    #[error("another store has it open")]
    InUse,
    /// The store has a journal, and this one is not there.
    #[error(
        "it does not exist, and the store has one already: name that, or give the old one up first, \
         after which backups from before can't be restored"
    )]
    Missing,
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] rusqlite::Error),
}
