//! A name that no catalogue knows.

use std::fmt;

use crate::{grant::GrantName, scope::Scope};

/// A name that the catalogue doesn't know.
///
/// Its message shows the name if that is well-formed, and otherwise its place alone: what is
/// outside the grammar is never kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownScope {
    index: usize,
    name: Option<GrantName>,
}

impl UnknownScope {
    pub(crate) const fn new(index: usize, name: Option<GrantName>) -> Self {
        Self { index, name }
    }

    /// Which name of the list or grant, counted from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The name, unless it is outside the grammar.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(GrantName::as_str)
    }

    /// The name as a scope, unless it is a wildcard that matches nothing or outside the grammar.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.name.as_ref().and_then(GrantName::scope)
    }
}

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) if name.is_wildcard() => write!(f, "`{name}` matches no scope"),
            Some(name) => write!(f, "unknown scope `{name}`"),
            None => write!(f, "name {} is not a scope", self.index),
        }
    }
}

impl std::error::Error for UnknownScope {}
