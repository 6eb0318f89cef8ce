//! Which scopes were really used.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    catalogue::Catalogue,
    grant::Grant,
    scope::Scope,
    set::{Mask, ScopeSet},
};

/// A lock-free record of the scopes that a credential has used.
///
/// 32 bytes. Recording what is recorded already writes nothing, so that a hot credential's record
/// stays in every core's cache.
///
/// # Examples
/// ```
/// use portcullis_scope::{Catalogue, Requirement, Scope, UsedScopes};
///
/// const READ: Scope = Scope::from_static("posts:read");
/// let catalogue = Catalogue::builder().scope("posts:read", "List and retrieve posts").build()?;
/// let required = Requirement::from(READ).compile(&catalogue)?;
/// let (granted, used) = (catalogue.all(), UsedScopes::new());
///
/// if let Some(alternative) = required.used_of(&granted) {
///     used.record(alternative);
/// }
/// assert_eq!(used.snapshot(), granted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct UsedScopes([AtomicU64; 4]);

impl UsedScopes {
    /// Nothing used yet.
    #[must_use]
    pub const fn new() -> Self {
        Self([
            AtomicU64::new(0),
            AtomicU64::new(0),
            AtomicU64::new(0),
            AtomicU64::new(0),
        ])
    }

    /// Adds the scopes of a set.
    ///
    /// # Atomicity
    /// Per word of 64 scopes, those declared first before the others: a snapshot taken meanwhile
    /// may have a part of the set, with all that this part implies; none is ever lost.
    pub fn record(&self, used: &ScopeSet) {
        for (seen, bits) in self.0.iter().zip(used.mask().words()) {
            // A load keeps the line shared; the write happens once for each scope.
            if bits & !seen.load(Ordering::Relaxed) != 0 {
                seen.fetch_or(bits, Ordering::Release);
            }
        }
    }

    /// Everything recorded so far.
    ///
    /// Stored, it is a grant ([`Catalogue::grant`]), never bits.
    #[must_use]
    pub fn snapshot(&self) -> ScopeSet {
        // INVARIANT: closed also in the midst of a record, since a scope implies only scopes
        // declared above it: those are written before it and so must be read after it.
        let mut words = [0; 4];
        for (word, seen) in words.iter_mut().zip(&self.0).rev() {
            *word = seen.load(Ordering::Acquire);
        }
        ScopeSet::from_closed(Mask::from_words(words))
    }
}

impl From<ScopeSet> for UsedScopes {
    fn from(used: ScopeSet) -> Self {
        let [a, b, c, d] = used.mask().words();
        Self([
            AtomicU64::new(a),
            AtomicU64::new(b),
            AtomicU64::new(c),
            AtomicU64::new(d),
        ])
    }
}

/// What a credential has, what it used, and the grant that would do; made by
/// [`Catalogue::least_privilege`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeastPrivilege {
    /// Every scope granted, the implied ones too, in order of declaration.
    pub granted: Vec<Scope>,
    /// Those of the granted that were used.
    pub used: Vec<Scope>,
    /// Those of the granted that were not used.
    pub unused: Vec<Scope>,
    /// The smallest grant that would have allowed all that was used and is still granted.
    pub suggested: Grant,
}

impl Catalogue {
    /// Compares what is granted with what was used.
    ///
    /// Where a route takes any of several scopes, a use counts for the one that is declared first.
    /// Names of the grant that the catalogue doesn't know grant nothing and are not suggested.
    #[must_use]
    pub fn least_privilege(&self, granted: &Grant, used: &ScopeSet) -> LeastPrivilege {
        let granted = self.resolve(granted);
        let used = granted.intersect(used);
        let names = |set: &ScopeSet| self.names(set).cloned().collect();
        LeastPrivilege {
            granted: names(&granted),
            used: names(&used),
            unused: self
                .scopes_of(granted.mask().without(used.mask()))
                .cloned()
                .collect(),
            suggested: self.grant(&used),
        }
    }
}
