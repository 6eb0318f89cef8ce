//! One name of a permission.

use std::{borrow::Borrow, fmt, str::FromStr};

use crate::{
    syntax::{ParseScopeError, check_scope},
    text::Text,
};

/// One permission: `resource:action`.
///
/// Made of a constant it allocates nothing, and a copy never does.
///
/// # Syntax
/// `resource ":" action`, each 1 to 32 of `a-z`, `0-9`, `_` and `-`, the first a letter. Every scope
/// is a scope-token of RFC 6749, section 3.3, and can stand in a quoted string. Nothing is trimmed
/// or folded: `Posts:read`, ` posts:read` and a look-alike from beyond ASCII are refused.
///
/// # Examples
/// ```
/// use portcullis_scope::{ParseScopeError, Scope};
///
/// let scope: Scope = "posts:read".parse()?;
/// assert_eq!((scope.resource(), scope.action()), ("posts", "read"));
///
/// let refused = "posts;read".parse::<Scope>().unwrap_err();
/// assert_eq!(refused.span(), 5..6);
/// # Ok::<(), ParseScopeError>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(Text);

impl Scope {
    /// A scope of the program text.
    ///
    /// # Panics
    /// If the text is not a scope; in a constant that is an error of compilation.
    ///
    /// # Examples
    /// ```
    /// use portcullis_scope::Scope;
    ///
    /// const READ: Scope = Scope::from_static("posts:read");
    /// ```
    /// ```compile_fail
    /// # use portcullis_scope::Scope;
    /// const READ: Scope = Scope::from_static("posts");
    /// ```
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "const evaluation has no other way to refuse")]
    pub const fn from_static(text: &'static str) -> Self {
        match check_scope(text) {
            Ok(()) => Self(Text::Static(text)),
            Err(_) => panic!(
                "not a scope: expected `resource:action`, each 1 to 32 of a-z, 0-9, _, -, \
                 the first a letter"
            ),
        }
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What stands before the colon.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.as_str()
            .split_once(':')
            .map_or("", |(resource, _)| resource)
    }

    /// What stands after the colon.
    #[must_use]
    pub fn action(&self) -> &str {
        self.as_str()
            .split_once(':')
            .map_or("", |(_, action)| action)
    }

    /// For constants; empty if the scope isn't one.
    pub(crate) const fn static_bytes(&self) -> &[u8] {
        self.0.static_bytes()
    }

    pub(crate) const fn text(&self) -> &Text {
        &self.0
    }

    /// INVARIANT: the text has been checked to be a scope.
    pub(crate) const fn from_checked(text: Text) -> Self {
        Self(text)
    }
}

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_scope(text)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<&str> for Scope {
    type Error = ParseScopeError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.as_str()).finish()
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

// Hash, Eq and Ord are those of the text, as Borrow asks.
impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Scope {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Scope {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}
