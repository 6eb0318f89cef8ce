//! Closed sets of scopes, as bits.

use std::{fmt, iter};

/// What a credential may do: a closed set of the scopes of one catalogue.
///
/// Closed: with a scope the set has all that the scope implies, always, since only a
/// [`Catalogue`](crate::Catalogue) makes sets and the operations here keep them closed. So a check
/// is a mask and a compare. The bits mean something only to the catalogue that made them; what is
/// stored and shown is a [`Grant`](crate::Grant).
///
/// # Examples
/// ```
/// use portcullis_scope::{Catalogue, ScopeSet};
///
/// let catalogue = Catalogue::builder()
///     .scope("posts:read", "List and retrieve posts")
///     .scope_implying("posts:write", ["posts:read"], "Create and publish posts")
///     .build()?;
/// let (read, write) = (catalogue.set(["posts:read"])?, catalogue.set(["posts:write"])?);
///
/// assert!(read.is_subset_of(&write));
/// assert!(!write.is_subset_of(&read));
/// assert_eq!(write.intersect(&read), read);
/// assert!(ScopeSet::EMPTY.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct ScopeSet(Mask);

impl ScopeSet {
    /// No scope at all.
    pub const EMPTY: Self = Self(Mask::EMPTY);

    /// What either has.
    #[must_use]
    pub const fn union(self, other: &Self) -> Self {
        Self(self.0.or(&other.0))
    }

    /// What both have.
    #[must_use]
    pub const fn intersect(self, other: &Self) -> Self {
        Self(self.0.and(&other.0))
    }

    /// Whether `other` has everything that this has.
    #[must_use]
    #[inline]
    pub const fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_within(&other.0)
    }

    /// Whether this has everything that `other` has.
    #[must_use]
    #[inline]
    pub const fn contains(&self, other: &Self) -> bool {
        other.is_subset_of(self)
    }

    /// Whether it has no scope.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes it has, the implied ones included: 0 to 256.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.0.count()
    }

    /// INVARIANT: the mask is closed.
    pub(crate) const fn from_closed(mask: Mask) -> Self {
        Self(mask)
    }

    pub(crate) const fn mask(&self) -> &Mask {
        &self.0
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.0;
        write!(f, "ScopeSet({d:x}_{c:016x}_{b:016x}_{a:016x})")
    }
}

/// Any 256 bits, closed or not.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Mask([u64; 4]);

impl Mask {
    pub(crate) const EMPTY: Self = Self([0; 4]);

    /// The one bit of the scope declared at this place.
    pub(crate) const fn bit(position: u8) -> Self {
        let bit = 1 << (position & 63);
        match position >> 6 {
            0 => Self([bit, 0, 0, 0]),
            1 => Self([0, bit, 0, 0]),
            2 => Self([0, 0, bit, 0]),
            _ => Self([0, 0, 0, bit]),
        }
    }

    pub(crate) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    pub(crate) const fn words(&self) -> [u64; 4] {
        self.0
    }

    pub(crate) const fn or(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    pub(crate) const fn and(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }

    pub(crate) const fn without(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & !e, b & !f, c & !g, d & !h])
    }

    // One compare of all four words, without a branch for each.
    #[inline]
    pub(crate) const fn is_within(&self, other: &Self) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        (a & !e) | (b & !f) | (c & !g) | (d & !h) == 0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    pub(crate) const fn count(&self) -> u32 {
        let [a, b, c, d] = self.0;
        a.count_ones() + b.count_ones() + c.count_ones() + d.count_ones()
    }

    /// The places of its bits, in order: as many steps as bits, however many scopes are declared.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        iter::from_fn(move || {
            let mut words = left.iter_mut().zip([0, 64, 128, 192]);
            let (word, start) = words.find(|(word, _)| **word != 0)?;
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            usize::try_from(start + bit).ok()
        })
    }

    /// A key that sorts by the earliest declared scope in which two masks differ: the one that has
    /// it comes first.
    pub(crate) fn declared_order(&self) -> [u64; 4] {
        self.0.map(|word| !word.reverse_bits())
    }
}
