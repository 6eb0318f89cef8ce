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
        match self.kind {
            PatternKind::Scope => self.text == *scope.text(),
            PatternKind::Resource => self.resource() == scope.resource(),
            PatternKind::Action => self.action() == scope.action(),
            PatternKind::Everything => true,
        }
    }

    /// Whether it means every scope that `other` does, in every catalogue.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (PatternKind::Everything, _) => true,
            (PatternKind::Resource, PatternKind::Resource | PatternKind::Scope) => {
                self.resource() == other.resource()
            }
            (PatternKind::Action, PatternKind::Action | PatternKind::Scope) => {
                self.action() == other.action()
            }
            (PatternKind::Scope, PatternKind::Scope) => self.text == other.text,
            _ => false,
        }
    }

    /// Whether it is `*`, live or not.
    pub(crate) const fn includes_everything(&self) -> bool {
        matches!(self.kind, PatternKind::Everything)
    }

    fn resource(&self) -> &str {
        self.parts().0
    }

    fn action(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let text = self.as_str();
        text.strip_suffix(LIVE)
            .unwrap_or(text)
            .split_once(':')
            .unwrap_or(("*", "*"))
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
