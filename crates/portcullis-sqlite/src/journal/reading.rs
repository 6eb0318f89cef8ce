//! Reading a journal, line by line.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use portcullis_registry::Seq;

use super::{
    JournalError,
    line::{Entry, Line, Of},
};

pub(super) const NAME: &str = "portcullis-journal";
/// The version that is written; those before it are read.
pub(super) const VERSION: u32 = 3;
/// More than a first line has, so that a large file without lines is not read whole.
const LONGEST_FIRST: u64 = 1 << 16;
/// So many of the stores before fit into it.
const MOST_FORMER: usize = 1_000;

/// A journal that was read.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(super) version: u32,
    /// The store that goes on with it.
    pub(crate) store: String,
    /// Those before it, of which it was restored, each with its last change.
    pub(crate) former: Vec<(String, Seq)>,
    /// The change after which it begins.
    pub(crate) from: Seq,
    /// The newest change of it.
    pub(crate) last: Seq,
    /// The newest entry of each target, with its change.
    pub(crate) entries: HashMap<Of, (Seq, Entry)>,
    pub(super) lines: u64,
    /// How many bytes are whole lines.
    pub(super) whole_bytes: u64,
    /// Where those begin that were written last, all at once, and what was synced before them.
    pub(super) last_group: u64,
    pub(super) synced: Option<Seq>,
}

impl Journal {
    /// Reads a journal; what was never synced and is not whole is passed over.
    pub(crate) fn read(path: &Path) -> Result<Self, JournalError> {
        Self::read_from(BufReader::new(File::open(path)?))
    }

    pub(super) fn read_from(mut from: impl BufRead) -> Result<Self, JournalError> {
        let mut bytes = Vec::new();
        from.by_ref()
            .take(LONGEST_FIRST)
            .read_until(b'\n', &mut bytes)?;
        let mut journal = Self::begin(&bytes).ok_or(JournalError::Format)?;
        let mut unreadable = None;
        for number in 2.. {
            bytes.clear();
            if from.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            match (Line::parse(&bytes), unreadable) {
                (Some(line), None) => journal.add(line, length(&bytes)),
                (None, None) => unreadable = Some(number),
                // This one was written when what can't be read had been synced.
                (Some(line), Some(damaged))
                    if line.synced.is_none_or(|synced| synced > journal.last) =>
                {
                    return Err(JournalError::Damaged { line: damaged });
                }
                _ => {}
            }
        }
        Ok(journal)
    }

    /// A journal of which the first line alone was read.
    fn begin(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let words: Vec<_> = text.split(' ').collect();
        let [NAME, version, store, from, ref former @ ..] = words[..] else {
            return None;
        };
        let version = version.parse().ok();
        let former = former.iter().map(|word| {
            let (store, last) = word.split_once(':')?;
            Some((store.to_owned(), Seq(last.parse().ok()?)))
        });
        let from = Seq(from.parse().ok()?);
        Some(Self {
            version: version.filter(|version| (1..=VERSION).contains(version))?,
            store: store.to_owned(),
            former: former.collect::<Option<_>>()?,
            from,
            last: from,
            entries: HashMap::new(),
            lines: 0,
            whole_bytes: length(bytes),
            last_group: 0,
            synced: None,
        })
    }

    /// Hands it on to a store that was restored, which begins behind the newest change.
    pub(crate) fn hand_on(&mut self, store: String) {
        let before = std::mem::replace(&mut self.store, store);
        self.former.push((before, self.last));
        let too_many = self.former.len().saturating_sub(MOST_FORMER);
        self.former.drain(..too_many);
    }

    /// Up to which change it has been that of a store; none if it never was.
    pub(crate) fn last_of(&self, store: &str) -> Option<Seq> {
        if self.store == store {
            return Some(self.last);
        }
        let former = self.former.iter().find(|(former, _)| former == store);
        former.map(|(_, last)| *last)
    }

    fn add(&mut self, line: Line, bytes: u64) {
        if self.lines == 0 || line.synced != self.synced {
            self.last_group = self.whole_bytes;
            self.synced = line.synced;
        }
        self.lines += 1;
        self.whole_bytes += bytes;
        self.last = self.last.max(line.change);
        if let Some(entry) = line.entry {
            self.entries.insert(entry.of(), (line.change, entry));
        }
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::line::revoked;

    fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
        Journal::read_from(bytes)
    }

    fn line(synced: u64, change: u64) -> String {
        let line = Line {
            synced: Some(Seq(synced)),
            change: Seq(change),
            entry: Some(revoked(change)),
        };
        line.to_text()
    }

    /// Two groups: 4 and 5, then 6 and 7.
    fn lines() -> [String; 5] {
        let first = format!("{NAME} {VERSION} ab 3\n");
        [first, line(3, 4), line(3, 5), line(5, 6), line(5, 7)]
    }

    #[test]
    fn what_is_cut_short_at_the_end_is_passed_over() {
        let whole = lines().concat();
        for cut in 0..=whole.len() {
            let (kept, _) = whole.split_at(cut);
            let read = read(kept.as_bytes());
            let lines = kept.matches('\n').count();
            match lines {
                0 => assert!(matches!(read, Err(JournalError::Format)), "{cut}"),
                _ => assert_eq!(read.unwrap().entries.len(), lines - 1, "{cut}"),
            }
        }
    }

    #[test]
    fn several_lines_that_were_never_synced_may_be_lost_and_what_was_synced_may_not() {
        for (damaged, expected) in [
            (&[3][..], Ok(5)),
            (&[4], Ok(6)),
            (&[3, 4], Ok(5)),
            // Nothing behind them says that they were synced.
            (&[2, 3, 4], Ok(4)),
            (&[1], Err(2)),
            (&[2], Err(3)),
            (&[1, 2, 3], Err(2)),
        ] {
            for how in [&b"x"[..], b"\n", b"\0", b"\xff"] {
                let mut bytes = Vec::new();
                for (number, line) in lines().iter().enumerate() {
                    let mut line = line.clone().into_bytes();
                    if damaged.contains(&number) {
                        line[20..21].copy_from_slice(how);
                    }
                    bytes.append(&mut line);
                }
                let found = match read(&bytes) {
                    Ok(journal) => Ok(journal.last.0),
                    Err(JournalError::Damaged { line }) => Err(line),
                    Err(other) => panic!("{other}"),
                };
                assert_eq!(found, expected, "{damaged:?} {how:?}");
            }
        }
    }

    #[test]
    fn a_journal_of_version_1_is_read_and_one_of_another_program_is_not() {
        let old = Line {
            synced: None,
            change: Seq(4),
            entry: Some(revoked(4)),
        };
        let old = old.to_text();
        let journal = read(format!("{NAME} 1 ab 3\n{old}").as_bytes()).unwrap();
        assert_eq!((journal.version, journal.last), (1, Seq(4)));
        let damaged = format!("{NAME} 1 ab 3\nx{old}{old}");
        let damaged = read(damaged.as_bytes());
        assert!(matches!(damaged, Err(JournalError::Damaged { line: 2 })));
        for first in [
            "portcullis-journal 10 ab 3\n",
            "portcullis-journal 19 ab 3\n",
            "portcullis-journal 4 ab 3\n",
            "portcullis-journal 0 ab 3\n",
            "portcullis-journal 2 ab\n",
            "portcullis-journal 3 ab 3 4\n",
            "portcullis-journal 3 ab 3 cd:4 \n",
            "portcullis-journal 3 ab 3 cd:x\n",
            "portcullis-journals 2 ab 3\n",
            "",
        ] {
            let read = read(first.as_bytes());
            assert!(matches!(read, Err(JournalError::Format)), "{first}");
        }
    }
}
