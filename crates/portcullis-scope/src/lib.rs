#![doc = include_str!("../README.md")]

mod catalogue;
mod diagnostic;
mod grant;
mod requirement;
mod scope;
#[cfg(feature = "serde")]
mod serde;
mod set;
mod syntax;
mod text;
mod used;

pub use catalogue::{
    AttenuateError, Catalogue, CatalogueBuilder, CatalogueError, Entry, Giver, UnknownScope,
};
pub use diagnostic::{Diagnostic, diagnose};
pub use grant::{Grant, GrantName, ParseGrantError};
pub use requirement::{CompiledRequirement, Coverage, Requirement, RequirementError, Sentence};
pub use scope::Scope;
pub use set::ScopeSet;
pub use syntax::{Expected, ParseScopeError};
pub use used::{LeastPrivilege, UsedScopes};

/// What the macro needs; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::catalogue::declare::{Declaration, Declarations, check, compile};
}
