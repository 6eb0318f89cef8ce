//! Listing.

use std::{fmt, str::FromStr};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_token::PepperVersion;

use crate::{CredentialRecord, Owner, PrefixedId, Usage, User};

/// Which credentials to list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Of {
    /// The API keys of an owner.
    Keys(Owner),
    /// The sessions of a user, with whichever owner.
    Sessions(User),
    /// What was made by the bearer of a credential, revoked ones too: what those made is found by
    /// them.
    CreatedBy(CredentialId),
    /// The sessions and refresh tokens that came of one login.
    Family(CredentialId),
    /// All credentials of an owner, of any kind.
    Owner(Owner),
    /// All credentials of a user, of any kind, with whichever owner.
    User(User),
    /// All that are still under a pepper.
    Pepper(PepperVersion),
    /// All API keys.
    AllKeys,
    /// All.
    All,
}

/// Which of a list to keep; all of it by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Only those that were created before this instant.
    pub created_before: Option<Timestamp>,
    /// Only those that end from the first instant on and before the second.
    pub ending: Option<(Timestamp, Timestamp)>,
    /// Only those whose name, id or hint has this text in it; see [`Filter::keeps`].
    pub text: Option<String>,
}

impl Filter {
    /// Whether a credential is kept.
    ///
    /// The text is looked for in the name and in the id (`key_…`), ASCII letters of either case
    /// being equal. A hint, or its end, is a text with `...` between the first four and the last
    /// four characters of an id, and these must be equal. An imported key is found by its prefix.
    #[must_use]
    pub fn keeps(&self, record: &CredentialRecord) -> bool {
        let is_old = self
            .created_before
            .is_none_or(|before| record.created_at < before);
        let is_ending = self
            .ending
            .is_none_or(|(from, to)| record.expires_at.is_some_and(|at| from <= at && at < to));
        is_old && is_ending && self.text.as_ref().is_none_or(|text| has(record, text))
    }

    /// Whether it keeps everything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.created_before.is_none() && self.ending.is_none() && self.text.is_none()
    }
}

fn has(record: &CredentialRecord, text: &str) -> bool {
    let id = PrefixedId(record.kind, record.id).to_string();
    let hinted = text.split_once("...").is_some_and(|(start, end)| {
        let first = start.rsplit_once('_').map_or(start, |(_, first)| first);
        first.len() == 4 && end.len() == 4 && {
            let id = record.id.to_string();
            id.starts_with(first) && id.ends_with(end)
        }
    });
    let imported = record.imported.as_ref();
    hinted
        || contains(&record.name, text)
        || contains(&id, text)
        || imported.is_some_and(|prefix| contains(&format!("{prefix}..."), text))
}

/// Whether a text is in another, ASCII letters of either case being equal.
fn contains(text: &str, wanted: &str) -> bool {
    let fold = |text: &str| text.to_ascii_lowercase();
    fold(text).contains(&fold(wanted))
}

/// A list to read: newest first, by creation and then by id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// Which.
    pub of: Of,
    /// And which of these.
    pub filter: Filter,
    /// Only what comes after this place.
    pub after: Option<Cursor>,
    /// How many to pass over, after that.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
}

/// A place in a list, stable under inserts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Cursor {
    /// When the last credential before this place was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: CredentialId,
}

impl Cursor {
    /// The place of a credential.
    #[must_use]
    pub const fn of(record: &CredentialRecord) -> Self {
        Self {
            created_at: record.created_at,
            id: record.id,
        }
    }
}

/// The text is not a cursor.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.created_at.unix_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (micros, id) = text.rsplit_once('-').ok_or(ParseCursorError)?;
        Ok(Self {
            created_at: Timestamp::from_unix_micros(micros.parse().map_err(|_| ParseCursorError)?),
            id: id.parse().map_err(|_| ParseCursorError)?,
        })
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The credentials and how they were used.
    pub items: Vec<(CredentialRecord, Usage)>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
    /// How many there are in the whole list, as far as the filter keeps them.
    pub total: u64,
}

impl Query {
    /// Picks a page out of a whole list: for stores that can't filter by themselves.
    #[must_use]
    pub fn page(&self) -> Paging<'_> {
        Paging {
            query: self,
            page: Page::default(),
            passed: 0,
            has_more: false,
        }
    }
}

/// Picks a page out of a list that is read from its start, newest first; see [`Query::page`].
#[derive(Debug)]
pub struct Paging<'q> {
    query: &'q Query,
    page: Page,
    passed: u64,
    has_more: bool,
}

impl Paging<'_> {
    /// Takes the next of the list.
    pub fn see(&mut self, item: (CredentialRecord, Usage)) {
        if !self.query.filter.keeps(&item.0) {
            return;
        }
        self.page.total = self.page.total.saturating_add(1);
        let place = Cursor::of(&item.0);
        if self.query.after.is_some_and(|after| place >= after) {
            return;
        }
        if self.passed < self.query.offset {
            self.passed = self.passed.saturating_add(1);
        } else if self.page.items.len() < self.query.limit {
            self.page.items.push(item);
        } else {
            self.has_more = true;
        }
    }

    /// The page.
    #[must_use]
    pub fn end(mut self) -> Page {
        let last = self.page.items.last().filter(|_| self.has_more);
        self.page.next = last.map(|(record, _)| Cursor::of(record));
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        let cursor = Cursor {
            created_at: Timestamp::from_unix_micros(-5),
            id: "qBhy02hoi8ucTVyA".parse().unwrap(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "-",
            "5",
            "5-",
            "x-qBhy02hoi8ucTVyA",
            "5-qBhy02hoi8ucTVyAA",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "{text}");
        }
    }
}
