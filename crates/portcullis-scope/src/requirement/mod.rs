//! What a route asks for.

mod alternatives;
mod compiled;
mod coverage;
mod render;

pub use alternatives::RequirementError;
pub use compiled::CompiledRequirement;
pub use coverage::Coverage;
pub use render::Sentence;

use crate::scope::Scope;

/// The scopes that a route asks for, by name, before a catalogue is at hand.
///
/// [`compile`](Self::compile) turns it into masks once. Nothing of it depends on order or
/// repetition: `all_of([A, B])` and `all_of([B, A, B])` compile to equal values.
///
/// # Examples
/// ```
/// use portcullis_scope::{Catalogue, Requirement, RequirementError, Scope};
///
/// const READ: Scope = Scope::from_static("posts:read");
/// const WRITE: Scope = Scope::from_static("posts:write");
/// const BRANDS: Scope = Scope::from_static("brands:read");
/// let catalogue = Catalogue::builder()
///     .scope("posts:read", "List and retrieve posts")
///     .scope_implying("posts:write", ["posts:read"], "Create and publish posts")
///     .scope("brands:read", "List and retrieve brands")
///     .build()?;
///
/// let required = Requirement::all_of([WRITE.into(), Requirement::any_of([READ, BRANDS])]);
/// assert!(required.compile(&catalogue)?.is_covered_by(&catalogue.set([WRITE])?));
///
/// let refused = Requirement::all_of::<Scope>([]).compile(&catalogue);
/// assert_eq!(refused, Err(RequirementError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Requirement {
    /// No scope: any grant will do.
    #[default]
    Nothing,
    /// One scope.
    Scope(Scope),
    /// Every one of these.
    AllOf(Vec<Self>),
    /// At least one of these.
    AnyOf(Vec<Self>),
}

impl Requirement {
    /// One scope.
    #[must_use]
    pub const fn scope(scope: Scope) -> Self {
        Self::Scope(scope)
    }

    /// Every one of these.
    #[must_use]
    pub fn all_of<R: Into<Self>>(parts: impl IntoIterator<Item = R>) -> Self {
        Self::AllOf(parts.into_iter().map(Into::into).collect())
    }

    /// At least one of these.
    #[must_use]
    pub fn any_of<R: Into<Self>>(parts: impl IntoIterator<Item = R>) -> Self {
        Self::AnyOf(parts.into_iter().map(Into::into).collect())
    }

    /// This and the other; an all-of gets one part more, so that a long chain nests no deeper.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        match self {
            // An empty one stays as it is, to be refused.
            Self::AllOf(mut parts) if !parts.is_empty() => {
                parts.push(other.into());
                Self::AllOf(parts)
            }
            one => Self::AllOf(vec![one, other.into()]),
        }
    }

    /// This or the other; an any-of gets one part more, so that a long chain nests no deeper.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        match self {
            Self::AnyOf(mut parts) if !parts.is_empty() => {
                parts.push(other.into());
                Self::AnyOf(parts)
            }
            one => Self::AnyOf(vec![one, other.into()]),
        }
    }
}

impl From<Scope> for Requirement {
    fn from(scope: Scope) -> Self {
        Self::Scope(scope)
    }
}

impl From<&Scope> for Requirement {
    fn from(scope: &Scope) -> Self {
        Self::Scope(scope.clone())
    }
}
