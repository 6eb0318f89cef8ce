//! The command line.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand};
use portcullis_core::Timestamp;
use portcullis_registry::{AuditHead, Owner};
use portcullis_token::PepperVersion;

/// Backs up and restores a store of Portcullis, keeps its peppers, and verifies its audit log.
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
    /// Reads, verifies and trims the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies that no row of the log was changed or removed, also while a service has the store
    /// open.
    Verify {
        /// The store: a SQLite file.
        #[arg(long)]
        store: PathBuf,
        /// A head that was noted before, as `audit head` prints it: the log must have its row.
        #[arg(long)]
        witness: Option<AuditHead>,
    },
    /// Prints the newest row's number and hash: a witness, to be kept elsewhere.
    Head {
        /// The store: a SQLite file.
        #[arg(long)]
        store: PathBuf,
    },
    /// Prints the whole log as lines of JSON, oldest first.
    Export {
        /// The store: a SQLite file.
        #[arg(long)]
        store: PathBuf,
    },
    /// Verifies an export of the whole log.
    Check {
        /// The export; standard input, if it is absent or `-`.
        file: Option<PathBuf>,
        /// A head that was noted before: the export must have its row.
        #[arg(long)]
        witness: Option<AuditHead>,
    },
    /// Removes the oldest rows. A row says so.
    Prune {
        #[command(flatten)]
        alone: Alone,
        /// From before when: an age such as `365d`, or a time such as `2026-01-01T00:00:00Z`.
        #[arg(long)]
        before: Before,
    },
    /// Erases addresses; the rows stay, and the log can be verified as before. A row says so.
    #[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
    EraseIps {
        #[command(flatten)]
        alone: Alone,
        /// Those from before: an age such as `90d`, or a time such as `2026-01-01T00:00:00Z`.
        #[arg(long, group = "which")]
        before: Option<Before>,
        /// Those in rows of this owner.
        #[arg(long, group = "which")]
        owner: Option<Owner>,
    },
}

/// A store that is written to.
#[derive(Args, Debug)]
pub(crate) struct Alone {
    /// The store: a SQLite file that no service has open.
    #[arg(long)]
    pub(crate) store: PathBuf,
    /// The revocation journal of the store, if it has one.
    #[arg(long)]
    pub(crate) journal: Option<PathBuf>,
}

/// An instant, or so long before now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
    At(Timestamp),
    Ago(Duration),
}

impl FromStr for Before {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let age = text.char_indices().next_back().and_then(|(at, unit)| {
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 60 * 60,
                'd' => 24 * 60 * 60,
                _ => return None,
            };
            let number = text.get(..at)?;
            if !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            number.parse::<u64>().ok()?.checked_mul(seconds)
        });
        age.map(|seconds| Self::Ago(Duration::from_secs(seconds)))
            .ok_or("neither an age such as `365d` nor a time such as `2026-01-01T00:00:00Z`")
    }
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
