//! The grammar of scopes and wildcards, and what is said of a text outside it.

use std::{fmt, ops::Range};

/// The longest resource or action, in bytes.
const PART_MAX: usize = 32;

/// What marks a wildcard as live.
pub(crate) const LIVE: &str = "@live";

/// The live wildcard that includes every other.
pub(crate) const EVERYTHING_LIVE: &str = "*@live";

/// Why a text is not a scope. The text itself is never kept.
///
/// [`diagnose`](crate::diagnose) draws the place under the text.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseScopeError {
    /// Something else stands there.
    #[error("unexpected character at byte {at}, expected {expected}")]
    Character {
        /// The byte, counted from 0.
        at: usize,
        /// What could stand there.
        expected: Expected,
    },
    /// The text ends too early.
    #[error("the text ends at byte {at}, expected {expected}")]
    End {
        /// The length of the text in bytes.
        at: usize,
        /// What had to follow.
        expected: Expected,
    },
}

impl ParseScopeError {
    /// The bytes that are to blame: one, or none at the end of the text.
    #[must_use]
    pub const fn span(&self) -> Range<usize> {
        match *self {
            Self::Character { at, .. } => at..at.saturating_add(1),
            Self::End { at, .. } => at..at,
        }
    }

    /// What could have stood there.
    #[must_use]
    pub const fn expected(&self) -> Expected {
        match *self {
            Self::Character { expected, .. } | Self::End { expected, .. } => expected,
        }
    }
}

/// What a parser would have taken at the place of an error.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// `a-z`, which a resource and an action begin with.
    Letter,
    /// `a-z`, or the `*` of a wildcard.
    LetterOrStar,
    /// `a-z`, `0-9`, `_`, `-`, or the colon.
    NameOrColon,
    /// The colon: the resource has all its 32 characters.
    Colon,
    /// `a-z`, `0-9`, `_`, `-`, or the end.
    NameOrEnd,
    /// The end: the action has all its 32 characters.
    End,
    /// `:` and an action, `@live`, or the end, after a `*`.
    ColonLiveOrEnd,
    /// `@live` or the end, after a wildcard.
    LiveOrEnd,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Letter => "a letter of `a-z`",
            Self::LetterOrStar => "a letter of `a-z` or `*`",
            Self::NameOrColon => "one of `a-z`, `0-9`, `_`, `-`, `:`",
            Self::Colon => "`:`, since a resource has at most 32 characters",
            Self::NameOrEnd => "one of `a-z`, `0-9`, `_`, `-`, or the end",
            Self::End => "the end, since an action has at most 32 characters",
            Self::ColonLiveOrEnd => "`:`, `@live` or the end",
            Self::LiveOrEnd => "`@live` or the end",
        })
    }
}

/// Which kind of name a grant can hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PatternKind {
    Scope,
    Resource,
    Action,
    Everything,
}

/// Whether the text is `resource:action`.
pub(crate) const fn check_scope(text: &str) -> Result<(), ParseScopeError> {
    let (rest, colon) = match part(text.as_bytes(), 0, Expected::Letter) {
        Ok(read) => read,
        Err(error) => return Err(error),
    };
    let (rest, start) = match after_resource(rest, colon) {
        Ok(read) => read,
        Err(error) => return Err(error),
    };
    match part(rest, start, Expected::Letter) {
        Ok((rest, end)) => after_action(rest, end, end - start),
        Err(error) => Err(error),
    }
}

/// What a name of a grant is: a scope, or a wildcard with or without the mark of a live one.
pub(crate) fn check_pattern(text: &str) -> Result<PatternKind, ParseScopeError> {
    // Only a wildcard has the mark; after a scope, or before an action, it is read as the characters
    // that it is.
    let may_have_mark = |body: &&str| body.contains('*') && !body.ends_with(':');
    let body = text.strip_suffix(LIVE).filter(may_have_mark);
    let bytes = body.unwrap_or(text).as_bytes();
    let kind = match bytes {
        [b'*'] => PatternKind::Everything,
        [b'*', b':', action @ ..] => {
            let (rest, end) = part(action, 2, Expected::Letter)?;
            after_action(rest, end, end - 2)?;
            PatternKind::Action
        }
        [b'*', ..] => return Err(unexpected(1, Expected::ColonLiveOrEnd)),
        _ => {
            let (rest, colon) = part(bytes, 0, Expected::LetterOrStar)?;
            let (rest, start) = after_resource(rest, colon)?;
            match rest {
                [b'*'] => PatternKind::Resource,
                [b'*', ..] => return Err(unexpected(start + 1, Expected::LiveOrEnd)),
                _ => {
                    let (rest, end) = part(rest, start, Expected::LetterOrStar)?;
                    after_action(rest, end, end - start)?;
                    PatternKind::Scope
                }
            }
        }
    };
    Ok(kind)
}

/// Reads a part, at most to its full length; gives what follows, and where.
const fn part(
    text: &[u8],
    start: usize,
    first: Expected,
) -> Result<(&[u8], usize), ParseScopeError> {
    let mut rest = match text {
        [b'a'..=b'z', rest @ ..] => rest,
        [] => {
            return Err(ParseScopeError::End {
                at: start,
                expected: first,
            });
        }
        [_, ..] => return Err(unexpected(start, first)),
    };
    let mut length = 1;
    while let [b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-', next @ ..] = rest
        && length < PART_MAX
    {
        rest = next;
        length += 1;
    }
    Ok((rest, start + length))
}

/// Reads the colon; gives what follows, and where.
const fn after_resource(rest: &[u8], at: usize) -> Result<(&[u8], usize), ParseScopeError> {
    let expected = if at < PART_MAX {
        Expected::NameOrColon
    } else {
        Expected::Colon
    };
    match rest {
        [b':', rest @ ..] => Ok((rest, at + 1)),
        [] => Err(ParseScopeError::End { at, expected }),
        [_, ..] => Err(unexpected(at, expected)),
    }
}

const fn after_action(rest: &[u8], at: usize, length: usize) -> Result<(), ParseScopeError> {
    match rest {
        [] => Ok(()),
        [_, ..] if length < PART_MAX => Err(unexpected(at, Expected::NameOrEnd)),
        [_, ..] => Err(unexpected(at, Expected::End)),
    }
}

const fn unexpected(at: usize, expected: Expected) -> ParseScopeError {
    ParseScopeError::Character { at, expected }
}
