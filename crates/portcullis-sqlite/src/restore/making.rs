//! The restore itself.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use portcullis_registry::Seq;
use portcullis_token::{PepperRing, PepperVersion};
use rusqlite::{Connection, OpenFlags};

use super::{MissingPeppers, RestoreError, peppers, replay::replay};
use crate::{
    audit,
    backup::check_integrity,
    cells, fetch, file,
    journal::{self, Journal, JournalError},
    migrate::{self, Contents},
};

/// What was done to a backup to make a store of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Restored {
    /// How many records were brought to their newest state by the journal.
    pub changes: u64,
    /// How many sessions and refresh tokens were ended.
    pub sessions: u64,
    /// How many keys were revoked because their pepper was not given, with what they have made;
    /// among them keys of other systems that were imported after the backup, under a pepper from
    /// then.
    pub revoked: u64,
    /// How many passwords are under peppers that were not given: they can't be used any more.
    pub passwords: u64,
}

/// Makes a store of a backup, with every change of an existing key or owner since, as the journal
/// has it.
///
/// So nothing comes back that was revoked, disabled, narrowed, shortened or suspended after the
/// backup was made; a key of another system that was imported since, and changed then, is there as
/// it was, so that it does not come back by another import. What else was made after it is not
/// known any more. Sessions and refresh tokens end, since what was refreshed after the backup can't
/// be told from what was stolen. Credits are as they were in the backup.
///
/// The peppers are those that the service will have: where the backup needs others, `missing` says
/// what becomes of it.
///
/// The journal goes on with the restored store, and with that alone: a store that it had before is
/// not opened any more, and one that has the journal open keeps it from being restored with.
/// Backups of the store before can still be restored. The backup stays as it is.
///
/// # Errors
/// [`RestoreError`]; no store was made then. If the very last step failed, or the program was killed
/// before it, the journal is handed on already, and the restore has to be run again.
pub fn restore(
    backup: &Path,
    journal: &Path,
    to: &Path,
    peppers: &PepperRing,
    missing: MissingPeppers,
) -> Result<Restored, RestoreError> {
    check_place(to)?;
    let refused = |source: JournalError| RestoreError::Journal {
        path: journal.to_owned(),
        source,
    };
    let io = |path: &Path, source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => RestoreError::Exists(path.to_owned()),
        _ => RestoreError::Io {
            path: path.to_owned(),
            source,
        },
    };
    file::real(to).map_err(|error| io(to, error))?;
    let real = file::real(journal).map_err(|error| refused(error.into()))?;
    file::check_apart(&real, to).map_err(refused)?;
    // For whoever writes into it meanwhile would give numbers that the restored store gives too.
    let _lock = journal::lock_existing(&real).map_err(refused)?;
    let mut read = Journal::read(&real).map_err(refused)?;
    let mut from = File::open(backup).map_err(|error| io(backup, error))?;
    let unfinished = file::unfinished(to);
    let restored = file::make_unfinished(&unfinished)
        .and_then(|mut copy| io::copy(&mut from, &mut copy))
        .map_err(|error| io(to, error))
        .and_then(|_| {
            let copy = Copy {
                backup,
                path: &unfinished,
                journal: &real,
            };
            copy.apply(&mut read, peppers, missing)
        })
        .and_then(|restored| {
            check_place(to)?;
            // From here on only what is restored goes on with it: a store that has the name and not
            // the journal would bring back what is revoked with it.
            journal::anew(&real, read).map_err(refused)?;
            file::sync_parent(&real).map_err(|error| refused(error.into()))?;
            file::publish(&unfinished, to).map_err(|error| io(to, error))?;
            Ok(restored)
        });
    if restored.is_err() {
        // Best effort: it has a name that no store has.
        let _ = file::discard(&unfinished);
    }
    restored
}

/// Refuses a place where there is a store, or what would be applied to one.
fn check_place(to: &Path) -> Result<(), RestoreError> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    if is_there(to) {
        return Err(RestoreError::Exists(to.to_owned()));
    }
    let beside = file::side_files(to).into_iter();
    let left: Vec<PathBuf> = beside.filter(|path| is_there(path)).collect();
    match left.is_empty() {
        true => Ok(()),
        false => Err(RestoreError::Leftovers(left)),
    }
}

/// A copy of a backup that is to be a store.
struct Copy<'a> {
    backup: &'a Path,
    path: &'a Path,
    journal: &'a Path,
}

impl Copy<'_> {
    fn apply(
        &self,
        read: &mut Journal,
        ring: &PepperRing,
        missing: MissingPeppers,
    ) -> Result<Restored, RestoreError> {
        let sqlite = |error| RestoreError::of_sqlite(self.backup, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(self.path, flags).map_err(sqlite)?;
        let version = match migrate::contents(&connection).map_err(sqlite)? {
            Contents::Store(version) if version <= migrate::known() => version,
            _ => return Err(RestoreError::NotABackup(self.backup.to_owned())),
        };
        let damaged = |problem| RestoreError::Damaged {
            path: self.backup.to_owned(),
            problem,
        };
        check_integrity(&connection)
            .map_err(sqlite)?
            .map_err(damaged)?;
        let absent = peppers::check(&connection, ring, missing, self.backup)?;
        migrate::migrate(&mut connection, version).map_err(sqlite)?;
        let head = self.check_journal(&connection, read)?;
        let restored = self
            .change(&mut connection, read, head, ring, absent)
            .map_err(sqlite)?;
        hand_on(&connection, read).map_err(sqlite)?;
        // All of it into the one file, which is synced when it is published.
        connection
            .pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
            .map_err(sqlite)?;
        Ok(restored)
    }

    /// The journal is that of the store and has all that came after the backup. Returns the change
    /// from which on it counts.
    fn check_journal(&self, connection: &Connection, read: &Journal) -> Result<Seq, RestoreError> {
        let sqlite = |error| RestoreError::of_sqlite(self.backup, error);
        let refused = |source| RestoreError::Journal {
            path: self.journal.to_owned(),
            source,
        };
        let store = journal::identity(connection).map_err(sqlite)?;
        let Some(last) = read.last_of(&store) else {
            return Err(refused(JournalError::OtherStore));
        };
        let mut head = fetch::head(connection).map_err(sqlite)?;
        if last != read.last {
            // Behind it there are numbers of a store that was restored since.
            head = head.min(last);
        }
        let gap = |from: Seq, to: Seq| {
            Err(refused(JournalError::Gap {
                from: from.0,
                to: to.0,
            }))
        };
        if read.from > head {
            return gap(head, read.from);
        }
        if read.last < head {
            // It was synced before any of these was acknowledged, so this is an old copy of it.
            return gap(read.last, head);
        }
        Ok(head)
    }

    fn change(
        &self,
        connection: &mut Connection,
        read: &Journal,
        head: Seq,
        ring: &PepperRing,
        mut absent: Vec<PepperVersion>,
    ) -> rusqlite::Result<Restored> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut restored = Restored::default();
        let transaction = connection.transaction()?;
        let newer = read.entries.values().filter(|(seq, _)| *seq > head);
        let mut newer: Vec<_> = newer.collect();
        // In their order: a foreign key that was imported twice is as it was last.
        newer.sort_by_key(|(seq, _)| *seq);
        for (_, entry) in newer {
            restored.changes += count(replay(&transaction, entry)?);
        }
        let sessions = transaction.execute(
            "UPDATE credentials SET version = version + 1, state = 'revoked' \
             WHERE kind <> 'api_key' AND state <> 'revoked'",
            [],
        )?;
        restored.sessions = count(sessions);
        // The journal goes on from here: no number is given twice.
        let mut head = read.last;
        // The backup has none of these: they are of keys that were imported since.
        for version in peppers::used(&transaction)? {
            if ring.pepper(version).is_none() && !absent.contains(&version) {
                absent.push(version);
            }
        }
        for version in &absent {
            let lost = peppers::revoke(&transaction, *version, &mut head)?;
            restored.revoked += lost.credentials;
            restored.passwords += lost.passwords;
        }
        let seq = cells::count_cell(head.0);
        transaction.execute("UPDATE head SET seq = ?1", [seq])?;
        journal::note(&transaction, self.journal)?;
        let details = serde_json::json!({
            "changes": restored.changes,
            "sessions": restored.sessions,
            "forgottenPeppers": absent.iter().map(|version| version.number()).collect::<Vec<_>>(),
            "revoked": restored.revoked,
        });
        audit::add(&transaction, &audit::of_store("store.restored", details))?;
        transaction.commit()?;
        Ok(restored)
    }
}

/// Makes a store of its own of the copy, with which the journal goes on.
fn hand_on(connection: &Connection, read: &mut Journal) -> rusqlite::Result<()> {
    journal::renew_identity(connection)?;
    read.hand_on(journal::identity(connection)?);
    read.take_up(connection)?;
    read.add_imports(connection)
}
