//! The scopes of a service and what each implies.

mod algebra;
mod attenuate;
mod builder;
pub(crate) mod declare;
mod fingerprint;
mod rewrite;
#[cfg(feature = "serde")]
mod serde;
mod unknown;

use std::{borrow::Cow, fmt, sync::Arc};

pub use attenuate::{AttenuateError, Giver};
pub use builder::{CatalogueBuilder, CatalogueError};
pub use unknown::UnknownScope;

use crate::{
    scope::Scope,
    set::{Mask, ScopeSet},
};

/// The most scopes that a catalogue can have.
pub(crate) const SCOPES_MAX: usize = 256;

/// The declared scopes of a service, and what implies what.
///
/// Cheap to clone. A scope implies only scopes declared above it, so that a cycle can't be
/// written. At most 256 scopes. Two catalogues are equal if their [`fingerprint`](Self::fingerprint)
/// is: then sets of one mean the same to the other.
///
/// The [`catalogue!`](crate::catalogue) macro checks a catalogue while compiling; from text or from
/// a table it comes through a [`builder`](Self::builder) or, with the feature `serde`, from any
/// format: `{"scopes": [{"scope", "description", "implies"}], "retired": [], "renamed": {}}`, the
/// scopes in order, the last two members and `implies` optional.
///
/// # Examples
/// ```
/// use portcullis_scope::{Catalogue, CatalogueError, Grant};
///
/// let catalogue = Catalogue::builder()
///     .scope("posts:read", "List and retrieve posts")
///     .scope_implying("posts:write", ["posts:read"], "Create and publish posts")
///     .build()?;
/// let held = catalogue.resolve(&"posts:write vanished:name".parse::<Grant>()?);
/// assert_eq!(held, catalogue.all());
///
/// let refused = Catalogue::builder().scope_implying("a:write", ["a:read"], "").build();
/// assert_eq!(refused, Err(CatalogueError::Dangling { at: 0, implied: 0 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Catalogue(Arc<Declared>);

struct Declared {
    slots: Vec<Slot>,
    /// Sorted by name.
    by_name: Vec<(Scope, usize)>,
    /// Old names and the place of the new one, sorted.
    renamed: Vec<(Scope, usize)>,
    retired: Vec<Scope>,
    all: Mask,
    fingerprint: u64,
}

/// A scope with its bits.
struct Slot {
    scope: Scope,
    description: Cow<'static, str>,
    implies: Vec<Scope>,
    bit: Mask,
    /// The scope and all that it implies.
    closure: Mask,
    /// The scope and all that imply it.
    implied_by: Mask,
}

/// One declared scope.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct Entry<'c> {
    /// Its name.
    pub scope: &'c Scope,
    /// What it allows, for people.
    pub description: &'c str,
    /// What it was declared to imply, without what that implies in turn.
    pub implies: &'c [Scope],
}

impl Catalogue {
    /// Starts a catalogue; scopes are declared from the least to the most powerful.
    pub fn builder() -> CatalogueBuilder {
        CatalogueBuilder::default()
    }

    /// What tells catalogues apart whose bits differ: names in order, implications, renamings.
    ///
    /// It is the same on every machine and in every run; descriptions and retired names don't
    /// count.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// How many scopes are declared, at most 256.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.slots.len()
    }

    /// Whether no scope is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.slots.is_empty()
    }

    /// The declared scopes, in order.
    pub fn scopes(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.0.slots.iter().map(Slot::entry)
    }

    /// What was declared of this scope, also under its old name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<Entry<'_>> {
        self.find(name).map(Slot::entry)
    }

    /// The names that were given up and can't be used again, in order of declaration.
    #[must_use]
    pub fn retired(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.0.retired.iter()
    }

    /// The old names that are still read, each with its new one.
    pub fn renamed(&self) -> impl Iterator<Item = (&Scope, &Scope)> {
        let slots = &self.0.slots;
        self.0
            .renamed
            .iter()
            .filter_map(|(old, place)| Some((old, &slots.get(*place)?.scope)))
    }

    /// The set of every scope.
    #[must_use]
    pub fn all(&self) -> ScopeSet {
        ScopeSet::from_closed(self.0.all)
    }

    fn find(&self, name: &str) -> Option<&Slot> {
        let declared = &*self.0;
        let place = declared.place(&declared.by_name, name);
        declared
            .slots
            .get(place.or_else(|| declared.place(&declared.renamed, name))?)
    }
}

impl Declared {
    fn place(&self, sorted: &[(Scope, usize)], name: &str) -> Option<usize> {
        let at = sorted
            .binary_search_by(|(scope, _)| scope.as_str().cmp(name))
            .ok()?;
        sorted.get(at).map(|&(_, place)| place)
    }
}

impl Slot {
    fn entry(&self) -> Entry<'_> {
        Entry {
            scope: &self.scope,
            description: &self.description,
            implies: &self.implies,
        }
    }
}

impl PartialEq for Catalogue {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for Catalogue {}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catalogue")?;
        f.debug_list()
            .entries(self.0.slots.iter().map(|slot| slot.scope.as_str()))
            .finish()
    }
}
