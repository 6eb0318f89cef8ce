//! What is stored and shown of a credential's scopes.

mod name;
mod parse;
#[cfg(feature = "serde")]
mod serde;

use std::{fmt, slice};

pub use name::GrantName;
pub use parse::ParseGrantError;

use crate::{scope::Scope, syntax::ParseScopeError};

/// Names of scopes: what is stored and shown, and what a caller asks for.
///
/// A grant keeps names that no catalogue knows (or that this release no longer knows): they grant
/// nothing, and they survive a rewrite. It is a set in one order, so two grants of the same names
/// are equal and have one text; `Display` and `FromStr` are the scope string of RFC 6749, section
/// 3.3, and serde (feature `serde`) is an array of strings. What a grant allows is for a
/// [`Catalogue`](crate::Catalogue) to say: [`resolve`](crate::Catalogue::resolve).
///
/// # Syntax
/// Each name is a [`Scope`], or a wildcard: `posts:*`, `*:read`, `*`. A wildcard means what the
/// catalogue at hand has, and [`attenuate`](crate::Catalogue::attenuate) replaces it by the names
/// that it meant at that time. A wildcard that ends in `@live` (`posts:*@live`) is kept, so that
/// it also means scopes that are declared later.
///
/// # Examples
/// ```
/// use portcullis_scope::Grant;
///
/// let grant: Grant = "posts:write brands:read posts:write".parse()?;
/// assert_eq!(grant.to_string(), "brands:read posts:write");
///
/// let refused = "posts:write Brands:read".parse::<Grant>().unwrap_err();
/// assert_eq!((refused.index(), refused.span()), (1, 12..13));
/// # Ok::<(), portcullis_scope::ParseGrantError>(())
/// ```
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct Grant {
    // INVARIANT: sorted, each once.
    names: Vec<GrantName>,
}

impl Grant {
    /// The grant of nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { names: Vec::new() }
    }

    /// `*`: every scope of the catalogue that resolves or attenuates it.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            names: vec![GrantName::everything()],
        }
    }

    /// A wildcard that stays one when it is granted: `posts:*`, `*:read` or `*`.
    ///
    /// Scopes that are declared later are then granted too.
    ///
    /// # Errors
    /// If the text is no wildcard.
    ///
    /// # Examples
    /// ```
    /// use portcullis_scope::Grant;
    ///
    /// assert_eq!(Grant::live("posts:*")?.to_string(), "posts:*@live");
    /// assert!(Grant::live("posts:read").is_err());
    /// # Ok::<(), portcullis_scope::ParseScopeError>(())
    /// ```
    pub fn live(wildcard: &str) -> Result<Self, ParseScopeError> {
        Ok(Self {
            names: vec![GrantName::live(wildcard)?],
        })
    }

    /// Reads a list of names.
    ///
    /// # Errors
    /// The first name outside the grammar, with its index.
    pub fn parse<N: AsRef<str>>(
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, ParseGrantError> {
        let read = |(index, name): (usize, N)| {
            name.as_ref()
                .parse()
                .map_err(|cause| ParseGrantError::new(index, 0, cause))
        };
        let names: Result<Vec<GrantName>, _> = names.into_iter().enumerate().map(read).collect();
        names.map(Self::from_unsorted)
    }

    /// The names, each once, in the order of their text.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator + Clone {
        self.names.iter().map(GrantName::as_str)
    }

    /// The same names with what is known of each.
    pub fn entries(&self) -> slice::Iter<'_, GrantName> {
        self.names.iter()
    }

    /// How many names it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no name.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether this very name is in it; what a name implies is not looked at.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        self.names
            .binary_search_by(|held| held.as_str().cmp(name))
            .is_ok()
    }

    /// The names of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.names.iter().chain(&other.names).cloned().collect()
    }

    fn from_unsorted(mut names: Vec<GrantName>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self { names }
    }
}

impl FromIterator<GrantName> for Grant {
    fn from_iter<I: IntoIterator<Item = GrantName>>(names: I) -> Self {
        Self::from_unsorted(names.into_iter().collect())
    }
}

impl FromIterator<Scope> for Grant {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().map(GrantName::from).collect()
    }
}

impl<'a> FromIterator<&'a Scope> for Grant {
    fn from_iter<I: IntoIterator<Item = &'a Scope>>(scopes: I) -> Self {
        scopes.into_iter().cloned().collect()
    }
}

impl Extend<GrantName> for Grant {
    fn extend<I: IntoIterator<Item = GrantName>>(&mut self, names: I) {
        self.names.extend(names);
        self.names.sort_unstable();
        self.names.dedup();
    }
}

impl From<Scope> for Grant {
    fn from(scope: Scope) -> Self {
        [scope].into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Grant {
    type Item = &'a GrantName;
    type IntoIter = slice::Iter<'a, GrantName>;

    fn into_iter(self) -> Self::IntoIter {
        self.names.iter()
    }
}

/// The scope string of RFC 6749, section 3.3.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            f.write_str(separator)?;
            f.write_str(name)?;
            separator = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant")?;
        f.debug_set().entries(self.names()).finish()
    }
}
