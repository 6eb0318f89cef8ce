//! Writing a journal: behind every commit, and anew when most of it is of no use any more.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use portcullis_registry::Seq;
use rusqlite::Connection;

use super::{
    Entry, Journal, JournalError, identity,
    line::Line,
    reading::{NAME, VERSION, length},
    sources,
};
use crate::{fetch, file};

/// It may grow to twice what is live and this more before it is written anew.
const SLACK: u64 = 1 << 20;

/// A journal that is being written, by one process at a time.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    /// Without symbolic links, since a rename would take the place of one.
    path: PathBuf,
    file: File,
    /// Up to which change it is written and synced.
    last: Seq,
    /// How long it is that far.
    bytes: u64,
    /// How long it is to be before it is written anew.
    compact_at: u64,
    /// Whether an attempt that failed may have left something behind that.
    has_leftover: bool,
    /// Whether the name of the file would outlast a power failure.
    is_named: bool,
    /// A file beside it, since it is itself replaced.
    _lock: File,
}

impl JournalWriter {
    /// Opens the journal of a store, or makes it, and writes what a crash has kept out of it.
    pub(crate) fn open(path: &Path, connection: &Connection) -> Result<Self, JournalError> {
        let lock = lock(path)?;
        let store = identity(connection)?;
        let head = fetch::head(connection)?;
        let (file, journal) = match Journal::read(path) {
            Ok(journal) if journal.store != store => {
                return Err(match journal.last_of(&store) {
                    Some(_) => JournalError::Superseded,
                    None => JournalError::OtherStore,
                });
            }
            Ok(journal) if journal.last > head => {
                // The store is older than what was acknowledged: it was restored by other means.
                return Err(JournalError::Gap {
                    from: head.0,
                    to: journal.last.0,
                });
            }
            Ok(mut journal) if journal.is_worn() => {
                journal.add_imports(connection)?;
                anew(path, journal)?
            }
            Ok(journal) => (reopen(path, &journal)?, journal),
            Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                anew(path, Journal::new(store, head))?
            }
            Err(error) => return Err(error),
        };
        file::sync_parent(path)?;
        let mut writer = Self {
            path: path.to_owned(),
            file,
            last: journal.last,
            bytes: journal.whole_bytes,
            compact_at: compact_at(journal.live_bytes()),
            has_leftover: false,
            is_named: true,
            _lock: lock,
        };
        writer.catch_up(connection)?;
        Ok(writer)
    }

    /// Writes and syncs every change that is committed and not yet written.
    ///
    /// After an error the next call writes the same again, over what was left of it.
    pub(crate) fn catch_up(&mut self, connection: &Connection) -> Result<(), JournalError> {
        let head = fetch::head(connection)?;
        if head == self.last {
            return Ok(());
        }
        let lines = self.lines_up_to(head, connection)?;
        if self.has_leftover {
            self.file.set_len(self.bytes)?;
        }
        self.has_leftover = true;
        self.file.seek(io::SeekFrom::Start(self.bytes))?;
        self.file.write_all(lines.as_bytes())?;
        self.file.sync_data()?;
        if !self.is_named {
            file::sync_parent(&self.path)?;
            self.is_named = true;
        }
        self.has_leftover = false;
        self.bytes += length(lines.as_bytes());
        self.last = head;
        if self.bytes > self.compact_at && self.compact().is_err() {
            // It is whole as it is, only long. A disk without room may have some later.
            self.compact_at = self.bytes.saturating_mul(2);
        }
        Ok(())
    }

    fn lines_up_to(&self, head: Seq, connection: &Connection) -> Result<String, JournalError> {
        let line = |change, entry| Line {
            synced: Some(self.last),
            change,
            entry,
        };
        let mut lines = String::new();
        let mut written = self.last;
        let mut missing = head.0.saturating_sub(self.last.0);
        sources::changes_after(connection, self.last, |change, entry| {
            missing = missing.saturating_sub(1);
            if entry.is_some() {
                lines.push_str(&line(change, entry).to_text());
                written = change;
            }
        })?;
        if missing > 0 {
            // A restored store doesn't have what came between the backup and the restore.
            return Err(JournalError::Gap {
                from: self.last.0,
                to: head.0,
            });
        }
        if written != head {
            lines.push_str(&line(head, None).to_text());
        }
        Ok(lines)
    }

    /// Writes the journal anew, with what is live alone.
    fn compact(&mut self) -> Result<(), JournalError> {
        self.file.seek(io::SeekFrom::Start(0))?;
        let written = (&self.file).take(self.bytes);
        let journal = Journal::read_from(BufReader::new(written))?;
        if journal.last != self.last {
            // Somebody else has written into it: not to be made worse.
            return Err(JournalError::Format);
        }
        let (file, journal) = anew(&self.path, journal)?;
        self.file = file;
        self.bytes = journal.whole_bytes;
        self.compact_at = compact_at(journal.live_bytes());
        // Until the folder is synced too the old file may come back: the next write sees to it.
        self.is_named = file::sync_parent(&self.path).is_ok();
        Ok(())
    }
}

const fn compact_at(live_bytes: u64) -> u64 {
    live_bytes.saturating_mul(2).saturating_add(SLACK)
}

impl Journal {
    fn new(store: String, from: Seq) -> Self {
        Self {
            version: VERSION,
            store,
            former: Vec::new(),
            from,
            last: from,
            entries: std::collections::HashMap::new(),
            lines: 0,
            whole_bytes: 0,
            last_group: 0,
            synced: None,
        }
    }

    /// Takes up what a store has changed that goes on with it.
    pub(crate) fn take_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        sources::changes_after(connection, self.last, |change, entry| {
            if let Some(entry) = entry {
                self.entries.insert(entry.of(), (change, entry));
            }
        })?;
        self.last = fetch::head(connection)?;
        Ok(())
    }

    /// Whether it is to be written anew: for its length or its version.
    fn is_worn(&self) -> bool {
        self.version < VERSION || self.whole_bytes > compact_at(self.live_bytes())
    }

    /// Adds what earlier versions did not have of keys of other systems.
    pub(crate) fn add_imports(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.version < VERSION {
            for (_, entry) in self.entries.values_mut() {
                if let Entry::Credential { id, .. } = entry
                    && let Some(now) = sources::credential(connection, *id)?
                {
                    *entry = now;
                }
            }
        }
        Ok(())
    }

    /// How many bytes the lines have that count: about, since not all are as long.
    fn live_bytes(&self) -> u64 {
        let live = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let one = self.whole_bytes / self.lines.max(1);
        one.saturating_mul(live)
    }
}

/// Takes the lock of a journal that is there.
pub(crate) fn lock_existing(path: &Path) -> Result<File, JournalError> {
    // No lock is left beside what is none.
    fs::metadata(path)?;
    lock(path)
}

/// Takes the lock file beside a journal, which the operating system gives back when the process
/// ends. That of the store is not enough: there may be copies of it.
fn lock(path: &Path) -> Result<File, JournalError> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let file = match file::private().create_new(true).open(&name) {
        Ok(file) => {
            if let Ok(journal) = fs::metadata(path) {
                keep_owner(&file, &journal);
            }
            file
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut options = file::private();
            options.create(true).truncate(false).open(&name)?
        }
        Err(error) => return Err(error.into()),
    };
    match file::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Gives a new file the owner and the mode of the one that was there: who runs a restore need not
/// be the user of the service.
///
/// Best effort: who may not hand it on keeps it, for its own eyes.
#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_same = file
        .metadata()
        .is_ok_and(|now| (now.uid(), now.gid()) == (before.uid(), before.gid()));
    if is_same || fchown(file, Some(before.uid()), Some(before.gid())).is_ok() {
        let _ = file.set_permissions(before.permissions());
    }
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _before: &Metadata) {}

fn reopen(path: &Path, journal: &Journal) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    // What was cut short goes, so that the next line stands alone.
    file.set_len(journal.whole_bytes)?;
    // A sync that failed may have left lines in the memory of the system alone, which takes them
    // for written. So the last ones are written once more.
    let mut last = Vec::new();
    file.seek(io::SeekFrom::Start(journal.last_group))?;
    file.read_to_end(&mut last)?;
    file.seek(io::SeekFrom::Start(journal.last_group))?;
    file.write_all(&last)?;
    file.sync_all()?;
    Ok(file)
}

/// Writes a journal anew: it gets its name, and takes that of the old one, when it is whole.
pub(crate) fn anew(path: &Path, journal: Journal) -> Result<(File, Journal), JournalError> {
    let unfinished = file::unfinished(path);
    let before = fs::metadata(path).ok();
    let made = write_anew(&unfinished, journal).and_then(|made| {
        if let Some(before) = before {
            keep_owner(&made.0, &before);
            made.0.sync_all()?;
        }
        fs::rename(&unfinished, path)?;
        Ok(made)
    });
    if made.is_err() {
        // Best effort: it has a name that no journal has.
        let _ = fs::remove_file(&unfinished);
    }
    Ok(made?)
}

fn write_anew(unfinished: &Path, mut journal: Journal) -> io::Result<(File, Journal)> {
    let file = file::make_unfinished(unfinished)?;
    let mut out = BufWriter::new(&file);
    write!(out, "{NAME} {VERSION} {} {}", journal.store, journal.from.0)?;
    for (store, last) in &journal.former {
        write!(out, " {store}:{}", last.0)?;
    }
    writeln!(out)?;
    let mut entries: Vec<_> = journal.entries.values().collect();
    // In their order, so that damage shows.
    entries.sort_by_key(|(change, _)| *change);
    journal.lines = 0;
    for (change, entry) in entries {
        let line = Line {
            synced: Some(journal.from),
            change: *change,
            entry: Some(entry.clone()),
        };
        out.write_all(line.to_text().as_bytes())?;
        journal.lines += 1;
    }
    if journal.last != journal.from {
        // All of it is synced when it gets its name.
        let end = Line {
            synced: Some(journal.last),
            change: journal.last,
            entry: None,
        };
        out.write_all(end.to_text().as_bytes())?;
        journal.lines += 1;
    }
    out.flush()?;
    drop(out);
    file.sync_all()?;
    journal.version = VERSION;
    journal.whole_bytes = file.metadata()?.len();
    Ok((file, journal))
}
