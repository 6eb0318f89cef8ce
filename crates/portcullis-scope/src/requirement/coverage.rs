//! The answer of a scope check.

use super::{CompiledRequirement, alternatives::all_minimal};
use crate::{scope::Scope, set::ScopeSet};

/// Whether granted scopes cover what is required.
#[must_use = "a coverage that is dropped lets every caller pass"]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Coverage {
    /// They do.
    Covered,
    /// They don't.
    Lacks {
        /// Every scope that the requirement names and the caller lacks, in order of declaration.
        missing: Vec<Scope>,
        /// The scopes to add so that it is covered, in minimal form and order of declaration.
        ///
        /// No other addition that suffices gives fewer scopes (counted with what they imply). Among
        /// those that give as few, it is the one with the fewest names, then the one whose
        /// alternative has the earliest declared scope that the others' alternatives lack.
        sufficient: Vec<Scope>,
    },
}

impl Coverage {
    /// Whether it is covered.
    #[must_use]
    pub const fn is_covered(&self) -> bool {
        matches!(self, Self::Covered)
    }
}

impl CompiledRequirement {
    /// INVARIANT: not covered.
    pub(super) fn lacks(&self, granted: &ScopeSet) -> Coverage {
        let additions = self
            .alternatives()
            .map(|set| set.mask().without(granted.mask()));
        // The alternatives are in order of declaration, and the first of equals is kept.
        let smallest = additions
            .min_by_key(|added| (added.count(), self.catalogue.minimal_mask(*added).count()))
            .unwrap_or_default();
        let alternatives: Vec<ScopeSet> = self.alternatives().copied().collect();
        let missing = all_minimal(&self.catalogue, &alternatives).without(granted.mask());
        Coverage::Lacks {
            missing: self.catalogue.scopes_of(missing).cloned().collect(),
            sufficient: self.catalogue.lacking(smallest).cloned().collect(),
        }
    }
}
