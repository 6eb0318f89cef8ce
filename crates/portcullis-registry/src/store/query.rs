//! Listing.

use std::{fmt, str::FromStr};

use portcullis_core::{CredentialId, Timestamp};

use crate::{CredentialRecord, Owner, Usage, User};

/// Which credentials to list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Of {
    /// The API keys of an owner.
    Keys(Owner),
    /// The sessions of a user, with whichever owner.
    Sessions(User),
    /// What was made by the bearer of a credential.
    CreatedBy(CredentialId),
    /// The sessions and refresh tokens that came of one login.
    Family(CredentialId),
}

/// A list to read: newest first, by creation and then by id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// Which.
    pub of: Of,
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
    /// How many there are in the whole list.
    pub total: u64,
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
