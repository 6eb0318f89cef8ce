//! Grants from text.

use std::{ops::Range, str::FromStr};

use super::{Grant, GrantName};
use crate::syntax::ParseScopeError;

/// Room for the names of most grants, so that they are read without growing.
const USUAL_NAMES: usize = 16;

/// Which name of a list is none, and why. The text itself is never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("name {index}: {cause}")]
pub struct ParseGrantError {
    index: usize,
    offset: usize,
    cause: ParseScopeError,
}

impl ParseGrantError {
    pub(super) const fn new(index: usize, offset: usize, cause: ParseScopeError) -> Self {
        Self {
            index,
            offset,
            cause,
        }
    }

    /// Which name of the list, counted from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The bytes that are to blame: of the whole text for a scope string, of the one name for a
    /// list.
    #[must_use]
    pub const fn span(&self) -> Range<usize> {
        let span = self.cause.span();
        span.start.saturating_add(self.offset)..span.end.saturating_add(self.offset)
    }

    /// What is wrong with the name, its positions counted from the start of the name.
    #[must_use]
    pub const fn cause(&self) -> ParseScopeError {
        self.cause
    }
}

/// Reads the scope string of RFC 6749, section 3.3: names with one space between them.
///
/// The empty text is the grant of nothing.
impl FromStr for Grant {
    type Err = ParseGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::none());
        }
        let mut names: Vec<GrantName> = Vec::with_capacity(USUAL_NAMES);
        let mut offset = 0;
        for (index, name) in text.split(' ').enumerate() {
            let read = name.parse();
            names.push(read.map_err(|cause| ParseGrantError::new(index, offset, cause))?);
            offset += name.len() + 1;
        }
        Ok(Self::from_unsorted(names))
    }
}
