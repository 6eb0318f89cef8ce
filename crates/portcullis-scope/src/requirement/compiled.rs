//! A requirement as masks.

use super::{Coverage, Requirement, RequirementError, alternatives::all_minimal};
use crate::{
    catalogue::Catalogue,
    scope::Scope,
    set::{Mask, ScopeSet},
};

/// A requirement compiled for one catalogue: at most 64 closed sets, each of which satisfies it.
///
/// The check, [`is_covered_by`](Self::is_covered_by), is a mask and a compare for the first
/// alternative, for all others of one scope together, and for each of several; it allocates nothing.
#[derive(Clone, Debug)]
pub struct CompiledRequirement {
    pub(super) catalogue: Catalogue,
    /// The first alternative, which for most routes is the only one.
    pub(super) first: ScopeSet,
    pub(super) others: Box<[ScopeSet]>,
    /// The scopes that are all that one of the others asks for. A granted set is closed, so having
    /// one of their bits is having all that the scope implies: many are one look.
    singles: Mask,
    /// Those of the others that ask for several scopes.
    several: Box<[ScopeSet]>,
    names: Box<[Scope]>,
    scope_text: Box<str>,
}

impl Requirement {
    /// Turns names into masks.
    ///
    /// # Errors
    /// If it has an empty part, a scope that the catalogue doesn't declare, more than 64
    /// alternatives, or is nested more than 32 deep.
    pub fn compile(&self, catalogue: &Catalogue) -> Result<CompiledRequirement, RequirementError> {
        let alternatives = self.alternatives(catalogue)?;
        let names: Box<[Scope]> = catalogue
            .scopes_of(all_minimal(catalogue, &alternatives))
            .cloned()
            .collect();
        let texts: Vec<&str> = names.iter().map(Scope::as_str).collect();
        let scope_text = texts.join(" ").into();
        let mut alternatives = alternatives.into_iter();
        let first = alternatives.next().ok_or(RequirementError::Empty)?;
        let others: Box<[ScopeSet]> = alternatives.collect();
        let minimal = |set: &ScopeSet| catalogue.minimal_mask(*set.mask());
        let (singles, several): (Vec<ScopeSet>, Vec<ScopeSet>) =
            others.iter().partition(|set| minimal(set).count() == 1);
        let singles = singles
            .iter()
            .fold(Mask::EMPTY, |all, set| all.or(&minimal(set)));
        Ok(CompiledRequirement {
            catalogue: catalogue.clone(),
            first,
            others,
            singles,
            several: several.into(),
            names,
            scope_text,
        })
    }
}

impl CompiledRequirement {
    /// Whether a credential with these scopes may pass.
    ///
    /// The set must be of the same catalogue, which
    /// [`fingerprint`](Self::fingerprint) tells when a gate is built.
    #[must_use]
    #[inline]
    pub fn is_covered_by(&self, granted: &ScopeSet) -> bool {
        self.first.is_subset_of(granted)
            || !self.singles.and(granted.mask()).is_empty()
            || self
                .several
                .iter()
                .any(|alternative| alternative.is_subset_of(granted))
    }

    /// The same answer with what is missing.
    pub fn covers(&self, granted: &ScopeSet) -> Coverage {
        match self.is_covered_by(granted) {
            true => Coverage::Covered,
            false => self.lacks(granted),
        }
    }

    /// The alternative that these scopes satisfy, the earliest declared if there are several.
    ///
    /// It is what a use of the credential has made use of: see
    /// [`UsedScopes`](crate::UsedScopes).
    #[must_use]
    #[inline]
    pub fn used_of(&self, granted: &ScopeSet) -> Option<&ScopeSet> {
        self.alternatives()
            .find(|alternative| alternative.is_subset_of(granted))
    }

    /// Each set that satisfies the requirement; none is within another.
    pub fn alternatives(&self) -> impl Iterator<Item = &ScopeSet> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether every grant will do.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.first.is_empty()
    }

    /// Every scope that the route asks for, in order of declaration.
    ///
    /// Those of all alternatives; a scope that another one of its alternative implies is left out.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.names.iter()
    }

    /// The same names with spaces between them: the `scope` of an RFC 6750 challenge.
    #[must_use]
    pub const fn scope_text(&self) -> &str {
        &self.scope_text
    }

    /// That of the catalogue it was compiled for.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.catalogue.fingerprint()
    }

    /// The catalogue it was compiled for.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

/// Equal if they pass the same sets of the same catalogue.
impl PartialEq for CompiledRequirement {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue == other.catalogue
            && self.first == other.first
            && self.others == other.others
    }
}

impl Eq for CompiledRequirement {}
