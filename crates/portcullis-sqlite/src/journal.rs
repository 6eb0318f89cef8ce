//! The revocation journal: what a restore must be given, so that nothing revoked comes back.
//!
//! A backup is older than the revocations that came after it. So every change of an existing record
//! is also written to a file outside the store's folder, synced before its caller is answered. A
//! line holds what a check depends on, as it is after the change; the newest of a target counts.
//!
//! # Syntax
//! ASCII lines. The first is `portcullis-journal 1 STORE FROM`: the store's identity, and the change
//! after which the journal begins. Each other line is the CRC-32 of what follows it, in hexadecimal,
//! a space, and a JSON object. A last line that is cut short was never acknowledged.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, Write},
    path::Path,
};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{Networks, Owner, Seq, State};
use portcullis_scope::Grant;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use crate::{cells, fetch, file};

const FORMAT: &str = "portcullis-journal 1";
/// A journal of fewer lines is not worth making shorter.
const SHORT: usize = 10_000;

/// What a check depends on, as it was after a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Credential {
        id: CredentialId,
        state: State,
        grant: Grant,
        expires_at: Option<Timestamp>,
        networks: Networks,
    },
    Owner {
        owner: Owner,
        suspended: bool,
    },
}

/// A journal that was read.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) store: String,
    /// The change after which it begins.
    pub(crate) from: Seq,
    /// The newest change of it.
    pub(crate) last: Seq,
    /// The newest entry of each target, with its change.
    pub(crate) entries: BTreeMap<String, (Seq, Entry)>,
    lines: usize,
    /// How many bytes are whole lines.
    whole_bytes: u64,
}

/// Why a file is not the journal of a store.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line is damaged that is not the last.
    #[error("line {line} is damaged")]
    Damaged {
        /// Which, from 1.
        line: usize,
    },
    /// It is none, or of a later version.
    #[error("it is not a revocation journal of a version that this program knows")]
    Format,
    /// It is of another store.
    #[error("it is the journal of another store")]
    OtherStore,
    /// It begins later than what it is to continue, or ends before.
    #[error("it lacks the changes between {from} and {to}")]
    Gap {
        /// The last change that is known without it.
        from: u64,
        /// The first that it has.
        to: u64,
    },
    /// It is in the folder of the store, where a loss of that would take it along.
    #[error("it is in the folder of the store: keep it elsewhere")]
    BesideStore,
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] rusqlite::Error),
}

impl Journal {
    /// Reads a journal; what is cut short at its end is passed over.
    pub(crate) fn read(path: &Path) -> Result<Self, JournalError> {
        let bytes = fs::read(path)?;
        let text = str::from_utf8(&bytes).map_err(|_| JournalError::Format)?;
        let mut lines = text.split_inclusive('\n');
        let header = lines
            .next()
            .and_then(|line| line.strip_suffix('\n')?.strip_prefix(FORMAT));
        let mut words = header.ok_or(JournalError::Format)?.split(' ').skip(1);
        let store = words.next().ok_or(JournalError::Format)?.to_owned();
        let from = words.next().and_then(|from| from.parse().ok());
        let from = Seq(from.ok_or(JournalError::Format)?);
        let mut journal = Self {
            store,
            from,
            last: from,
            entries: BTreeMap::new(),
            lines: 0,
            whole_bytes: length(text.lines().next().unwrap_or_default()) + 1,
        };
        let mut lines = (2..).zip(lines).peekable();
        while let Some((number, line)) = lines.next() {
            match line.strip_suffix('\n').and_then(parse) {
                Some((seq, entry)) => {
                    journal.lines += 1;
                    journal.whole_bytes += length(line);
                    journal.last = journal.last.max(seq);
                    journal.entries.insert(entry.target(), (seq, entry));
                }
                None if lines.peek().is_none() && !line.ends_with('\n') => {}
                None => return Err(JournalError::Damaged { line: number }),
            }
        }
        Ok(journal)
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// A journal that is being written, one process at a time: the lock of the store sees to that.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    file: File,
    /// Up to which change it is written.
    last: Seq,
    /// How long it is as far as it is whole.
    bytes: u64,
}

impl JournalWriter {
    /// Opens the journal of a store, or makes it, and writes what a crash has kept out of it.
    pub(crate) fn open(path: &Path, connection: &Connection) -> Result<Self, JournalError> {
        let store = identity(connection)?;
        let head = fetch::head(connection)?;
        let mut writer = match Journal::read(path) {
            Ok(journal) if journal.store != store => return Err(JournalError::OtherStore),
            Ok(journal) if journal.last > head => {
                // The store is older than what was acknowledged: it was restored by other means.
                return Err(JournalError::Gap {
                    from: head.0,
                    to: journal.last.0,
                });
            }
            Ok(journal) => Self::reopen(path, journal)?,
            Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(path, &store, head, &BTreeMap::new(), head)?
            }
            Err(error) => return Err(error),
        };
        writer.catch_up(connection)?;
        Ok(writer)
    }

    fn reopen(path: &Path, journal: Journal) -> Result<Self, JournalError> {
        if journal.lines > SHORT && journal.lines > 2 * journal.entries.len() {
            let Journal {
                store,
                from,
                last,
                entries,
                ..
            } = journal;
            return Self::make(path, &store, from, &entries, last);
        }
        let file = OpenOptions::new().write(true).open(path)?;
        // What was cut short goes, so that the next line stands alone.
        file.set_len(journal.whole_bytes)?;
        file.sync_all()?;
        Ok(Self {
            file,
            last: journal.last,
            bytes: journal.whole_bytes,
        })
    }

    /// Writes a journal anew: it gets its name when it is whole.
    fn make(
        path: &Path,
        store: &str,
        from: Seq,
        entries: &BTreeMap<String, (Seq, Entry)>,
        last: Seq,
    ) -> Result<Self, JournalError> {
        let unfinished = file::unfinished(path);
        let made = file::private()
            .create(true)
            .truncate(true)
            .open(&unfinished)?;
        let mut out = BufWriter::new(&made);
        writeln!(out, "{FORMAT} {store} {}", from.0)?;
        for (seq, entry) in entries.values() {
            out.write_all(line(*seq, entry).as_bytes())?;
        }
        out.flush()?;
        drop(out);
        made.sync_all()?;
        fs::rename(&unfinished, path)?;
        file::sync_parent(path)?;
        let bytes = made.metadata()?.len();
        Ok(Self {
            file: made,
            last,
            bytes,
        })
    }

    /// Writes and syncs every change that is committed and not yet written.
    ///
    /// After an error the next call writes the same again, over what was left of it.
    pub(crate) fn catch_up(&mut self, connection: &Connection) -> Result<(), JournalError> {
        let head = fetch::head(connection)?;
        if head == self.last {
            return Ok(());
        }
        let mut lines = String::new();
        let statement = "SELECT seq, credential, owner FROM changes WHERE seq > ?1 ORDER BY seq";
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows = statement.query([cells::count_cell(self.last.0)])?;
        while let Some(row) = rows.next()? {
            let seq = Seq(cells::count(row, 0)?);
            let entry = match cells::optional_id(row, 1)? {
                Some(id) => credential(connection, id)?,
                None => owner(connection, cells::text(row, 2)?)?,
            };
            if let Some(entry) = entry {
                lines.push_str(&line(seq, &entry));
            }
        }
        self.file.seek(io::SeekFrom::Start(self.bytes))?;
        self.file.write_all(lines.as_bytes())?;
        self.file.sync_data()?;
        self.bytes += length(&lines);
        self.last = head;
        Ok(())
    }
}

/// What tells stores apart, and a backup from that of another.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT lower(hex(id)) FROM identity", [], |row| row.get(0))
}

fn credential(connection: &Connection, id: CredentialId) -> rusqlite::Result<Option<Entry>> {
    let statement = "SELECT state, grant, expires_at, networks FROM credentials WHERE id = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(Entry::Credential {
            id,
            state: cells::state(row, 0)?,
            grant: cells::text(row, 1)?,
            expires_at: cells::optional_timestamp(row, 2)?,
            networks: cells::optional_text(row, 3)?.unwrap_or_default(),
        })
    };
    statement.query_row([cells::id_cell(id)], read).optional()
}

fn owner(connection: &Connection, owner: Owner) -> rusqlite::Result<Option<Entry>> {
    let statement = "SELECT suspended FROM owners WHERE owner = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let suspended = statement.query_row(params![owner.as_str()], |row| row.get(0));
    let suspended = suspended.optional()?;
    Ok(suspended.map(|suspended| Entry::Owner { owner, suspended }))
}

impl Entry {
    fn target(&self) -> String {
        match self {
            Self::Credential { id, .. } => format!("credential {id}"),
            Self::Owner { owner, .. } => format!("owner {owner}"),
        }
    }
}

/// A line with its end.
fn line(seq: Seq, entry: &Entry) -> String {
    let value = match entry {
        Entry::Credential {
            id,
            state,
            grant,
            expires_at,
            networks,
        } => json!({
            "change": seq.0,
            "credential": id.to_string(),
            "state": cells::state_cell(*state),
            "grant": grant.to_string(),
            "expiresAt": expires_at.map(Timestamp::unix_micros),
            "networks": networks.to_string(),
        }),
        Entry::Owner { owner, suspended } => json!({
            "change": seq.0,
            "owner": owner.as_str(),
            "suspended": suspended,
        }),
    };
    let json = value.to_string();
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// Reads a line without its end.
fn parse(line: &str) -> Option<(Seq, Entry)> {
    let (checksum, json) = line.split_once(' ')?;
    if format!("{:08x}", crc32fast::hash(json.as_bytes())) != checksum {
        return None;
    }
    let value: Value = serde_json::from_str(json).ok()?;
    let text = |name: &str| value.get(name)?.as_str();
    let seq = Seq(value.get("change")?.as_u64()?);
    let entry = match text("credential") {
        Some(id) => Entry::Credential {
            id: id.parse().ok()?,
            state: cells::state_of(text("state")?)?,
            grant: text("grant")?.parse().ok()?,
            expires_at: match value.get("expiresAt")? {
                Value::Null => None,
                micros => Some(Timestamp::from_unix_micros(micros.as_i64()?)),
            },
            networks: text("networks")?.parse().ok()?,
        },
        None => Entry::Owner {
            owner: text("owner")?.parse().ok()?,
            suspended: value.get("suspended")?.as_bool()?,
        },
    };
    Some((seq, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revoked(id: u64) -> Entry {
        Entry::Credential {
            id: CredentialId::from_value(id.into()).unwrap(),
            state: State::Revoked,
            grant: "posts:read".parse().unwrap(),
            expires_at: Some(Timestamp::from_unix_micros(-7)),
            networks: "203.0.113.0/24".parse().unwrap(),
        }
    }

    #[test]
    fn a_line_is_read_back_and_a_changed_one_is_not() {
        let suspended = Entry::Owner {
            owner: "acme \u{fc}".parse().unwrap(),
            suspended: true,
        };
        for entry in [revoked(5), suspended] {
            let line = line(Seq(9), &entry);
            let line = line.strip_suffix('\n').unwrap();
            assert_eq!(parse(line), Some((Seq(9), entry)));
            for at in 0..line.len() {
                let mut changed = line.as_bytes().to_vec();
                changed[at] ^= 1;
                if let Ok(changed) = str::from_utf8(&changed) {
                    assert_eq!(parse(changed), None, "{changed}");
                }
            }
        }
    }

    #[test]
    fn what_is_cut_short_at_the_end_is_passed_over_and_damage_before_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let whole = format!(
            "{FORMAT} ab 3\n{}{}",
            line(Seq(4), &revoked(1)),
            line(Seq(5), &revoked(2))
        );
        for cut in 0..=whole.len() {
            let (kept, _) = whole.split_at(cut);
            fs::write(&path, kept).unwrap();
            let read = Journal::read(&path);
            let lines = kept.matches('\n').count();
            match lines {
                0 => assert!(matches!(read, Err(JournalError::Format)), "{cut}"),
                _ => assert_eq!(read.unwrap().entries.len(), lines - 1, "{cut}"),
            }
        }
        let damaged = whole.replacen("revoked", "enabled", 1);
        fs::write(&path, damaged).unwrap();
        let read = Journal::read(&path);
        assert!(matches!(read, Err(JournalError::Damaged { line: 2 })));
    }
}
