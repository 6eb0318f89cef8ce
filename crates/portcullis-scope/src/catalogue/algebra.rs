//! Sets and names: what each operation of the algebra means.

use super::{Catalogue, Slot, UnknownScope};
use crate::{
    grant::{Grant, GrantName},
    scope::Scope,
    set::{Mask, ScopeSet},
};

impl Catalogue {
    /// The closed set of these scopes (or names) and all that they imply.
    ///
    /// # Errors
    /// The first name that is not declared.
    pub fn set<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<ScopeSet, UnknownScope> {
        let mut all = Mask::EMPTY;
        for (index, name) in names.into_iter().enumerate() {
            let name = name.as_ref();
            let slot = self
                .find(name)
                .ok_or_else(|| UnknownScope::new(index, name.parse().ok()))?;
            all = all.or(&slot.closure);
        }
        Ok(ScopeSet::from_closed(all))
    }

    /// What a grant allows: its names, its wildcards as of this catalogue, and all that they imply.
    ///
    /// A name that the catalogue doesn't know, or no longer, grants nothing.
    #[must_use]
    pub fn resolve(&self, grant: &Grant) -> ScopeSet {
        let all = grant
            .entries()
            .fold(Mask::EMPTY, |all, name| all.or(&self.closure_of(name)));
        ScopeSet::from_closed(all)
    }

    /// Whether every name of the grant means something here.
    ///
    /// # Errors
    /// The first name that is not declared, or wildcard (save `*`) that matches nothing.
    pub fn check_known(&self, grant: &Grant) -> Result<(), UnknownScope> {
        match grant
            .entries()
            .enumerate()
            .find(|(_, name)| !self.knows(name))
        {
            Some((index, name)) => Err(UnknownScope::new(index, Some(name.clone()))),
            None => Ok(()),
        }
    }

    /// Whether the set has this scope; never if the catalogue doesn't know it.
    #[must_use]
    pub fn holds(&self, set: &ScopeSet, scope: &Scope) -> bool {
        self.find(scope.as_str())
            .is_some_and(|slot| slot.bit.is_within(set.mask()))
    }

    /// Every scope of the set, the implied ones too, in order of declaration.
    pub fn names(&self, set: &ScopeSet) -> impl Iterator<Item = &Scope> + use<'_> {
        self.scopes_of(*set.mask())
    }

    /// The fewest scopes that imply the whole set, in order of declaration.
    ///
    /// There is exactly one such list, since implication is a partial order.
    pub fn minimal(&self, set: &ScopeSet) -> impl Iterator<Item = &Scope> + use<'_> {
        self.lacking(*set.mask())
    }

    /// The set as a grant, in its minimal form: the one canonical text of a set.
    #[must_use]
    pub fn grant(&self, set: &ScopeSet) -> Grant {
        self.minimal(set).collect()
    }

    /// What has to be added to `granted` to cover `required`, without what that implies.
    ///
    /// It is empty exactly if `required` is covered. Not to be confused with
    /// [`revoke`](Self::revoke).
    pub fn missing(
        &self,
        required: &ScopeSet,
        granted: &ScopeSet,
    ) -> impl Iterator<Item = &Scope> + use<'_> {
        self.lacking(required.mask().without(granted.mask()))
    }

    /// The largest set within `granted` that doesn't have the scope.
    ///
    /// So what implies the scope goes as well.
    ///
    /// # Errors
    /// If the scope is not declared.
    pub fn revoke(&self, granted: &ScopeSet, scope: &Scope) -> Result<ScopeSet, UnknownScope> {
        let slot = self
            .find(scope.as_str())
            .ok_or_else(|| UnknownScope::new(0, Some(scope.into())))?;
        Ok(ScopeSet::from_closed(
            granted.mask().without(&slot.implied_by),
        ))
    }

    /// The scopes of any mask that no other scope in the mask implies.
    pub(crate) fn lacking(&self, mask: Mask) -> impl Iterator<Item = &Scope> + use<'_> {
        self.scopes_of(self.minimal_mask(mask))
    }

    pub(crate) fn minimal_mask(&self, mask: Mask) -> Mask {
        let implied = self.slots_of(mask).fold(Mask::EMPTY, |all, slot| {
            all.or(&slot.closure.without(&slot.bit))
        });
        mask.without(&implied)
    }

    /// The scopes of any mask, in order of declaration.
    pub(crate) fn scopes_of(&self, mask: Mask) -> impl Iterator<Item = &Scope> + use<'_> {
        self.slots_of(mask).map(|slot| &slot.scope)
    }

    /// What the name grants; a bit's closure for each scope it means.
    pub(super) fn closure_of(&self, name: &GrantName) -> Mask {
        if !name.is_wildcard() {
            return self
                .find(name.as_str())
                .map_or(Mask::EMPTY, |slot| slot.closure);
        }
        let matching = self.matching(name);
        matching.fold(Mask::EMPTY, |all, slot| all.or(&slot.closure))
    }

    pub(super) fn matching(&self, wildcard: &GrantName) -> impl Iterator<Item = &Slot> {
        let pattern = wildcard.pattern();
        self.0
            .slots
            .iter()
            .filter(move |slot| pattern.matches(slot.scope.as_str()))
    }

    pub(super) fn knows(&self, name: &GrantName) -> bool {
        match name.is_wildcard() {
            true => name.includes_everything() || self.matching(name).next().is_some(),
            false => self.find(name.as_str()).is_some(),
        }
    }

    fn slots_of(&self, mask: Mask) -> impl Iterator<Item = &Slot> + use<'_> {
        mask.places().filter_map(|place| self.0.slots.get(place))
    }
}
