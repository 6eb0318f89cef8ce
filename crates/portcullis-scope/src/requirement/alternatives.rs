//! From a requirement to the few sets that each satisfy it.

use super::Requirement;
use crate::{
    catalogue::{Catalogue, UnknownScope},
    set::{Mask, ScopeSet},
};

/// The most sets that can each satisfy a requirement.
const ALTERNATIVES_MAX: usize = 64;

/// The deepest nesting of a requirement.
const DEPTH_MAX: u8 = 32;

/// Why a requirement can't be compiled.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequirementError {
    /// An all-of or any-of without parts; a route that asks for nothing says so.
    #[error("an all-of or any-of needs at least one part")]
    Empty,
    /// A scope that the catalogue doesn't declare.
    #[error(transparent)]
    Unknown(#[from] UnknownScope),
    /// More than 64 alternatives, in the end or on the way (an all-of multiplies those of its
    /// parts).
    #[error("more than 64 alternatives")]
    TooManyAlternatives,
    /// Nested more than 32 deep.
    #[error("nested more than 32 deep")]
    TooDeep,
}

/// Closed sets, none within another, in order of declaration: one such list for each meaning.
pub(super) type Alternatives = Vec<ScopeSet>;

impl Requirement {
    pub(super) fn alternatives(
        &self,
        catalogue: &Catalogue,
    ) -> Result<Alternatives, RequirementError> {
        self.at_depth(catalogue, 0)
    }

    fn at_depth(&self, catalogue: &Catalogue, depth: u8) -> Result<Alternatives, RequirementError> {
        if depth >= DEPTH_MAX {
            return Err(RequirementError::TooDeep);
        }
        match self {
            Self::Nothing => Ok(vec![ScopeSet::EMPTY]),
            Self::Scope(scope) => Ok(vec![catalogue.set([scope])?]),
            Self::AllOf(parts) => all_of(self.factors(parts, catalogue, depth)?),
            Self::AnyOf(parts) => {
                let parts = self.factors(parts, catalogue, depth)?;
                irreducible(parts.into_iter().flatten().collect())
            }
        }
    }

    /// The parts' alternatives; an all-of within an all-of counts as its parts.
    fn factors(
        &self,
        parts: &[Self],
        catalogue: &Catalogue,
        depth: u8,
    ) -> Result<Vec<Alternatives>, RequirementError> {
        if parts.is_empty() {
            return Err(RequirementError::Empty);
        }
        let mut factors = Vec::with_capacity(parts.len());
        for part in parts {
            match (self, part) {
                (Self::AllOf(_), Self::AllOf(inner)) if depth + 1 < DEPTH_MAX => {
                    factors.extend(part.factors(inner, catalogue, depth + 1)?);
                }
                _ => factors.push(part.at_depth(catalogue, depth + 1)?),
            }
        }
        Ok(factors)
    }
}

/// Multiplies from the factor with the fewest alternatives on, so that neither the result nor a
/// refusal depends on order. Nor on repetition: what a factor multiplies twice is absorbed.
fn all_of(mut factors: Vec<Alternatives>) -> Result<Alternatives, RequirementError> {
    factors.sort_by_cached_key(|factor| {
        let order: Vec<_> = factor
            .iter()
            .map(|set| set.mask().declared_order())
            .collect();
        (factor.len(), order)
    });
    factors
        .iter()
        .try_fold(vec![ScopeSet::EMPTY], |product, factor| {
            let mut pairs = Vec::new();
            for one in &product {
                // Whatever else the factor would add to a set that it has already is absorbed.
                if factor.iter().any(|other| other.is_subset_of(one)) {
                    pairs.push(*one);
                } else {
                    pairs.extend(factor.iter().map(|other| one.union(other)));
                }
            }
            irreducible(pairs)
        })
}

/// Leaves out every set that has another within it; refuses if more than 64 are left.
fn irreducible(mut sets: Vec<ScopeSet>) -> Result<Alternatives, RequirementError> {
    // What is within a set has fewer scopes and so is kept before it.
    sets.sort_by_key(|set| (set.len(), set.mask().declared_order()));
    let mut kept: Alternatives = Vec::new();
    for set in sets {
        if kept.iter().any(|smaller| smaller.is_subset_of(&set)) {
            continue;
        }
        // What is kept stays, so that there is no need to look at the rest, however long.
        if kept.len() >= ALTERNATIVES_MAX {
            return Err(RequirementError::TooManyAlternatives);
        }
        kept.push(set);
    }
    kept.sort_by_key(|set| set.mask().declared_order());
    Ok(kept)
}

/// The scopes of every alternative, each in its minimal form.
pub(super) fn all_minimal(catalogue: &Catalogue, alternatives: &[ScopeSet]) -> Mask {
    let minimal = alternatives
        .iter()
        .map(|set| catalogue.minimal_mask(*set.mask()));
    minimal.fold(Mask::EMPTY, |all, set| all.or(&set))
}
