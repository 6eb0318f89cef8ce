//! One name of a grant.

use std::{cmp::Ordering, fmt, str::FromStr};

use crate::{
    scope::Scope,
    syntax::{Expected, LIVE, ParseScopeError, PatternKind, check_pattern},
    text::Text,
};

/// One name of a [`Grant`](crate::Grant): a scope, known or not, or a wildcard.
#[derive(Clone, Eq, PartialEq)]
pub struct GrantName {
    text: Text,
    kind: PatternKind,
}

impl GrantName {
    pub(super) const fn everything() -> Self {
        Self {
            text: Text::Static("*"),
            kind: PatternKind::Everything,
        }
    }

    pub(super) fn live(wildcard: &str) -> Result<Self, ParseScopeError> {
        let kind = check_pattern(wildcard)?;
        if kind == PatternKind::Scope {
            return Err(ParseScopeError::Character {
                at: 0,
                expected: Expected::LetterOrStar,
            });
        }
        let body = wildcard.strip_suffix(LIVE).unwrap_or(wildcard);
        Ok(Self {
            text: Text::Shared(format!("{body}{LIVE}").into()),
            kind,
        })
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The scope, unless it is a wildcard.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        (!self.is_wildcard()).then(|| Scope::from_checked(self.text.clone()))
    }

    /// Whether it is `posts:*`, `*:read` or `*`, live or not.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        !matches!(self.kind, PatternKind::Scope)
    }

    /// Whether it is a wildcard that stays one when it is granted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_wildcard() && self.as_str().ends_with(LIVE)
    }

    /// Whether it means this scope by its text; what a scope implies is not looked at.
    #[must_use]
    pub fn matches(&self, scope: &Scope) -> bool {
        self.pattern().matches(scope.as_str())
    }

    /// Whether it means every scope that `other` does, in every catalogue.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match (self.pattern(), other.pattern()) {
            (Pattern::Everything, _) => true,
            (pattern, Pattern::Scope(scope)) => pattern.matches(scope),
            (one, other) => one == other,
        }
    }

    /// Whether it is `*`, live or not.
    pub(crate) const fn includes_everything(&self) -> bool {
        matches!(self.kind, PatternKind::Everything)
    }

    /// What it means, to be taken once where many scopes are compared.
    pub(crate) fn pattern(&self) -> Pattern<'_> {
        let text = self.as_str();
        let body = text.strip_suffix(LIVE).unwrap_or(text);
        match self.kind {
            PatternKind::Scope => Pattern::Scope(text),
            PatternKind::Resource => Pattern::Resource(body.trim_end_matches('*')),
            PatternKind::Action => Pattern::Action(body.trim_start_matches('*')),
            PatternKind::Everything => Pattern::Everything,
        }
    }
}

/// The scopes that a name means, whatever the catalogue.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Pattern<'a> {
    Scope(&'a str),
    /// With the colon after it.
    Resource(&'a str),
    /// With the colon before it.
    Action(&'a str),
    Everything,
}

impl Pattern<'_> {
    pub(crate) fn matches(self, scope: &str) -> bool {
        match self {
            Self::Scope(text) => scope == text,
            Self::Resource(resource) => scope.starts_with(resource),
            Self::Action(action) => scope.ends_with(action),
            Self::Everything => true,
        }
    }
}

impl FromStr for GrantName {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = check_pattern(text)?;
        Ok(Self {
            text: text.into(),
            kind,
        })
    }
}

impl From<Scope> for GrantName {
    fn from(scope: Scope) -> Self {
        Self {
            text: scope.text().clone(),
            kind: PatternKind::Scope,
        }
    }
}

impl From<&Scope> for GrantName {
    fn from(scope: &Scope) -> Self {
        scope.clone().into()
    }
}

impl AsRef<str> for GrantName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Ord for GrantName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for GrantName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for GrantName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GrantName").field(&self.as_str()).finish()
    }
}
