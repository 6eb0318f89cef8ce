//! Grants made from grants: what the catalogue doesn't know survives.

use super::{Catalogue, UnknownScope};
use crate::{
    grant::{Grant, GrantName},
    scope::Scope,
    set::ScopeSet,
};

impl Catalogue {
    /// The same grant in its one canonical, minimal form.
    ///
    /// Scopes that another of its names implies are left out, and a renamed scope gets its new
    /// name. Wildcards and names that the catalogue doesn't know stay.
    #[must_use]
    pub fn canonical(&self, grant: &Grant) -> Grant {
        let wildcards: Grant = grant
            .entries()
            .filter(|name| name.is_wildcard())
            .cloned()
            .collect();
        let rest = self
            .resolve(grant)
            .mask()
            .without(self.resolve(&wildcards).mask());
        let mut names: Grant = self.lacking(rest).collect();
        names.extend(wildcards.entries().chain(self.strangers(grant)).cloned());
        names
    }

    /// The grant without a scope, and without what implies that scope; all else stays granted.
    ///
    /// A wildcard, live or not, that would still grant the scope is replaced by what is left of it.
    ///
    /// # Errors
    /// If the scope is not declared.
    ///
    /// # Examples
    /// ```
    /// use portcullis_scope::{Catalogue, Grant, Scope};
    ///
    /// let catalogue = Catalogue::builder()
    ///     .scope("posts:read", "List and retrieve posts")
    ///     .scope_implying("posts:write", ["posts:read"], "Create and publish posts")
    ///     .build()?;
    /// let grant: Grant = "posts:write vanished:name".parse()?;
    ///
    /// let left = catalogue.revoke_in(&grant, &Scope::from_static("posts:write"))?;
    /// assert_eq!(left.to_string(), "posts:read vanished:name");
    /// assert!(catalogue.revoke_in(&grant, &Scope::from_static("posts:raed")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke_in(&self, grant: &Grant, scope: &Scope) -> Result<Grant, UnknownScope> {
        let left = self.revoke(&self.resolve(grant), scope)?;
        Ok(self.narrow_to(grant, &left))
    }

    /// What both grants allow, in minimal form: the intersection of the closures.
    ///
    /// Names that the catalogue doesn't know stay only if both have them.
    #[must_use]
    pub fn intersect(&self, one: &Grant, other: &Grant) -> Grant {
        let both = self.resolve(one).intersect(&self.resolve(other));
        let mut names = self.grant(&both);
        names.extend(
            self.strangers(one)
                .filter(|name| other.has_name(name.as_str()))
                .cloned(),
        );
        names
    }

    /// The names that fit into `left`, and what else of the grant is left in minimal form.
    fn narrow_to(&self, grant: &Grant, left: &ScopeSet) -> Grant {
        let fits = |name: &&GrantName| self.closure_of(name).is_within(left.mask());
        let mut names: Grant = grant.entries().filter(fits).cloned().collect();
        let granted = self.resolve(&names);
        names.extend(self.missing(left, &granted).map(GrantName::from));
        names
    }

    /// The names, not wildcards, that the catalogue doesn't know.
    fn strangers<'g>(&self, grant: &'g Grant) -> impl Iterator<Item = &'g GrantName> {
        grant
            .entries()
            .filter(|name| !name.is_wildcard() && self.find(name.as_str()).is_none())
    }
}
