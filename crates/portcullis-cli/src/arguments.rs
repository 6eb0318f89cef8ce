//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use portcullis_token::PepperVersion;

/// Backs up and restores a store of Portcullis, and keeps its peppers.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copies a store, also while a service uses it.
    Backup {
        /// The store: a SQLite file.
        #[arg(long)]
        store: PathBuf,
        /// The copy, which must not be there yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Makes a store of a backup, without what was revoked since.
    Restore {
        /// What `portcullis backup` has made.
        #[arg(long)]
        backup: PathBuf,
        /// The revocation journal of the store that was backed up.
        #[arg(long)]
        journal: PathBuf,
        /// The store to make, which must not be there yet.
        #[arg(long)]
        store: PathBuf,
        #[command(flatten)]
        file: InFile,
        /// Revokes the credentials under peppers that are not in the file any more; passwords under
        /// them are lost. Without this such a backup is not restored.
        #[arg(long)]
        revoke_missing: bool,
    },
    /// Gives up the revocation journal of a store, so that it may be opened without one or with a
    /// new one. What is revoked without one comes back with a restore.
    DangerousForgetJournal {
        /// The store: a SQLite file that no service has open.
        #[arg(long)]
        store: PathBuf,
    },
    /// Keeps the file of peppers.
    #[command(subcommand)]
    Pepper(PepperCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PepperCommand {
    /// Makes the file, with a first pepper.
    New(InFile),
    /// Shows the versions, their fingerprints and, of a store, how many credentials
    /// and passwords are under each.
    List {
        #[command(flatten)]
        file: InFile,
        /// The store: a SQLite file, which a service may have open.
        #[arg(long)]
        store: Option<PathBuf>,
    },
    /// Adds a pepper that is accepted and not yet used: the first phase of a change.
    Add(InFile),
    /// Makes a pepper the one that new credentials are under: the second phase.
    Promote {
        /// Its version.
        version: PepperVersion,
        #[command(flatten)]
        file: InFile,
    },
    /// Makes a store forget a pepper, and takes it out of the file.
    Retire {
        /// Its version.
        version: PepperVersion,
        #[command(flatten)]
        file: InFile,
        /// The store: a SQLite file that no service has open.
        #[arg(long)]
        store: PathBuf,
        /// The revocation journal of the store, if it has one.
        #[arg(long)]
        journal: Option<PathBuf>,
        /// Revokes the credentials that are still under it; passwords under it are lost.
        #[arg(long)]
        revoke_rest: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct InFile {
    /// The file of peppers, which belongs outside the folder of the store.
    #[arg(long)]
    pub(crate) peppers: PathBuf,
}
