//! The only way to give scopes to a new credential.

use super::{Catalogue, UnknownScope};
use crate::{
    grant::{Grant, GrantName},
    scope::Scope,
    set::ScopeSet,
    syntax::EVERYTHING_LIVE,
};

/// Who gives: the set that a credential holds now, or a grant.
///
/// Only a grant can hand on a live wildcard, since a set says nothing of scopes that are declared
/// later. The application itself gives as `&Grant::live("*")?`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Giver<'a> {
    /// What a credential may do now.
    Set(&'a ScopeSet),
    /// What was granted, wildcards included.
    Grant(&'a Grant),
}

/// Why a giver can't give what is wanted.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AttenuateError {
    /// The giver lacks these: only the excess, and without what it implies.
    #[error("the giver lacks {}", Names(.0))]
    Excess(Vec<Scope>),
    /// A wanted name means nothing here.
    #[error(transparent)]
    Unknown(#[from] UnknownScope),
}

struct Names<'a>(&'a [Scope]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for scope in self.0 {
            write!(f, "{separator}`{scope}`")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl Catalogue {
    /// The grant for a new credential: what is wanted, and never more than the giver has.
    ///
    /// The names stay as they were asked for, save that a renamed one gets its new name and a
    /// wildcard becomes the scopes that it matches today. A live wildcard stays if the giver is a
    /// grant with a live wildcard that includes it, and else becomes a snapshot too.
    ///
    /// # Errors
    /// [`AttenuateError::Unknown`] for the first name that is not declared or matches nothing, then
    /// [`AttenuateError::Excess`] with what the giver lacks. Nothing is given then.
    ///
    /// # Examples
    /// ```
    /// use portcullis_scope::{AttenuateError, Catalogue, Grant};
    ///
    /// let catalogue = Catalogue::builder()
    ///     .scope("posts:read", "List and retrieve posts")
    ///     .scope_implying("posts:write", ["posts:read"], "Create and publish posts")
    ///     .build()?;
    /// let giver = catalogue.set(["posts:read"])?;
    ///
    /// let granted = catalogue.attenuate(&giver, &"*:read".parse()?)?;
    /// assert_eq!(granted.to_string(), "posts:read");
    ///
    /// let refused = catalogue.attenuate(&giver, &Grant::everything());
    /// assert_eq!(refused, Err(AttenuateError::Excess(vec!["posts:write".parse()?])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attenuate<'a>(
        &self,
        giver: impl Into<Giver<'a>>,
        wanted: &Grant,
    ) -> Result<Grant, AttenuateError> {
        self.rewrite(giver, &Grant::none(), wanted)
    }

    /// The grant that replaces another: as [`attenuate`](Self::attenuate), but the giver must have
    /// all of the old grant as well, and unknown names of the old grant may stay.
    ///
    /// # Errors
    /// As for [`attenuate`](Self::attenuate); the excess is counted over both grants.
    pub fn rewrite<'a>(
        &self,
        giver: impl Into<Giver<'a>>,
        held: &Grant,
        wanted: &Grant,
    ) -> Result<Grant, AttenuateError> {
        let giver = giver.into();
        for (index, name) in wanted.entries().enumerate() {
            let stays = !name.is_wildcard() && held.has_name(name.as_str());
            if !stays && !self.knows(name) && !giver.hands_on_live(name) {
                return Err(UnknownScope::new(index, Some(name.clone())).into());
            }
        }
        let touched = self.resolve(wanted).union(&self.resolve(held));
        let excess = touched.mask().without(self.reach(giver).mask());
        if !excess.is_empty() {
            return Err(AttenuateError::Excess(
                self.lacking(excess).cloned().collect(),
            ));
        }
        let mut names: Vec<GrantName> = Vec::with_capacity(wanted.len());
        for name in wanted {
            if giver.hands_on_live(name) {
                names.push(name.clone());
            } else if name.is_wildcard() {
                names.extend(self.matching(name).map(|slot| GrantName::from(&slot.scope)));
            } else {
                let known = self
                    .find(name.as_str())
                    .map(|slot| GrantName::from(&slot.scope));
                names.push(known.unwrap_or_else(|| name.clone()));
            }
        }
        Ok(names.into_iter().collect())
    }

    fn reach(&self, giver: Giver<'_>) -> ScopeSet {
        match giver {
            Giver::Set(set) => *set,
            Giver::Grant(grant) => self.resolve(grant),
        }
    }
}

impl Giver<'_> {
    fn hands_on_live(&self, name: &GrantName) -> bool {
        let Self::Grant(grant) = self else {
            return false;
        };
        // Of live wildcards only the same one and `*` include it: two look-ups, however many names
        // there are.
        name.is_live() && (grant.has_name(name.as_str()) || grant.has_name(EVERYTHING_LIVE))
    }
}

impl<'a> From<&'a ScopeSet> for Giver<'a> {
    fn from(set: &'a ScopeSet) -> Self {
        Self::Set(set)
    }
}

impl<'a> From<&'a Grant> for Giver<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self::Grant(grant)
    }
}
