//! Why requests of a credential were refused.

use std::ops::{Index, IndexMut};

/// Why a request was refused whose bearer had shown the right secret.
///
/// It says more than the answer did: outside, an expired key and an unknown one are alike.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Refusal {
    /// The credential is revoked.
    Revoked,
    /// It is switched off.
    Disabled,
    /// It has expired, or went unused for its idle time.
    Expired,
    /// It is for another environment.
    Environment,
    /// It is not accepted from where the request came.
    Network,
    /// Its owner is suspended.
    Suspended,
    /// A key where a session is needed, or a session where a key is.
    Holder,
    /// It lacks a scope.
    Scope,
    /// Its limit is reached, or its owner's.
    Rate,
    /// Its owner has too few credits.
    Credits,
}

impl Refusal {
    /// All of them, in the order of a check.
    pub const ALL: [Self; 10] = [
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::Environment,
        Self::Network,
        Self::Suspended,
        Self::Holder,
        Self::Scope,
        Self::Rate,
        Self::Credits,
    ];

    /// The name by which it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Environment => "wrong_environment",
            Self::Network => "wrong_network",
            Self::Suspended => "billing_suspended",
            Self::Holder => "wrong_holder",
            Self::Scope => "insufficient_scope",
            Self::Rate => "rate_limited",
            Self::Credits => "insufficient_credits",
        }
    }

    /// The refusal of a name; nothing if it is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// How often requests were refused, by cause. The counts stay at the most that they can be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// None at all.
    pub const NONE: Self = Self([0; Refusal::ALL.len()]);

    /// So many for one cause.
    #[must_use]
    pub fn of(refusal: Refusal, times: u64) -> Self {
        let mut refusals = Self::default();
        refusals[refusal] = times;
        refusals
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |total, count| total.saturating_add(*count))
    }

    /// Adds others.
    pub fn add(&mut self, others: &Self) {
        for (count, more) in self.0.iter_mut().zip(others.0) {
            *count = count.saturating_add(more);
        }
    }

    /// Counts one more.
    pub fn count(&mut self, refusal: Refusal) {
        self[refusal] = self[refusal].saturating_add(1);
    }

    /// Those that there were, in the order of a check.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        let counted = Refusal::ALL.into_iter().zip(self.0);
        counted.filter(|(_, count)| *count > 0)
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a count for each of them")]
impl Index<Refusal> for Refusals {
    type Output = u64;

    fn index(&self, refusal: Refusal) -> &u64 {
        &self.0[refusal as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a count for each of them")]
impl IndexMut<Refusal> for Refusals {
    fn index_mut(&mut self, refusal: Refusal) -> &mut u64 {
        &mut self.0[refusal as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_counted_apart_and_found_by_its_name() {
        let mut refusals = Refusals::default();
        for (times, refusal) in (1..).zip(Refusal::ALL) {
            assert_eq!(Refusal::from_name(refusal.as_str()), Some(refusal));
            refusals.add(&Refusals::of(refusal, times));
        }
        let counted: Vec<_> = refusals.iter().collect();
        let expected: Vec<_> = Refusal::ALL.into_iter().zip(1..).collect();
        assert_eq!(counted, expected);
        assert_eq!(refusals.total(), 55);
        assert_eq!(Refusal::from_name("none"), None);
        refusals.add(&Refusals::of(Refusal::Rate, u64::MAX));
        refusals.count(Refusal::Rate);
        assert_eq!(
            (refusals[Refusal::Rate], refusals.total()),
            (u64::MAX, u64::MAX)
        );
    }
}
