//! What a store did instead of what it must.

use std::{error::Error, fmt};

use portcullis_registry::{CommitError, StoreError};

/// The outcome of a check.
pub type Outcome = Result<(), Failure>;

/// What a store did instead of what it must.
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    fn of(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As its text, so that an `unwrap` in a test can be read.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(&error)
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        Self::of(&error)
    }
}

/// The checks that a store failed, by name, and how: one line each.
pub struct Failures(Vec<(&'static str, Failure)>);

impl Failures {
    pub(crate) const fn new(failures: Vec<(&'static str, Failure)>) -> Self {
        Self(failures)
    }

    /// The checks that failed and how.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Failure)> {
        self.0.iter().map(|(name, failure)| (*name, failure))
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks failed", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|(name, failure)| write!(f, "\n{name}: {failure}"))
    }
}

/// As its text, so that an `unwrap` in a test can be read.
impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failures {}

/// Fails unless both are equal.
#[expect(
    clippy::needless_pass_by_value,
    reason = "most callers have values made for this"
)]
pub(crate) fn same<T: fmt::Debug + PartialEq>(found: T, expected: T, what: &str) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what}: found {found:?}, expected {expected:?}"
    )))
}

/// Fails unless it holds.
pub(crate) fn ensure(holds: bool, what: &str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(Failure::new(what))
    }
}

/// Fails unless the commit was refused as a conflict.
pub(crate) fn conflicts<T>(committed: Result<T, CommitError>, what: &str) -> Outcome {
    match committed {
        Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(Failure::new(format!("{what}: {}", Failure::of(&error)))),
        Ok(_) => Err(Failure::new(format!("{what}: it was written"))),
    }
}

/// Fails unless the commit was refused for this balance.
pub(crate) fn too_few<T>(committed: Result<T, CommitError>, expected: i64, what: &str) -> Outcome {
    match committed {
        Err(CommitError::TooFewCredits { balance }) => same(balance, expected, what),
        Err(error) => Err(Failure::new(format!("{what}: {}", Failure::of(&error)))),
        Ok(_) => Err(Failure::new(format!("{what}: it was written"))),
    }
}
