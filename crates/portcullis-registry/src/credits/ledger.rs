//! The ledger: every movement of credits, never changed.

use std::{fmt, str::FromStr};

use portcullis_core::{RequestId, Timestamp};

use super::Account;
use crate::Owner;

/// What a line of the ledger is about.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LedgerKind {
    /// Bought or given by the application, or, if negative, taken away by it.
    Added,
    /// The allowance of a month, or what a larger plan adds to it.
    Allowance,
    /// What a request cost.
    Charge,
    /// What was left of an allowance when its month was over.
    Lapsed,
}

impl LedgerKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Added, Self::Allowance, Self::Charge, Self::Lapsed];

    /// As it is stored and shown: `added`, `allowance`, `charge` or `lapsed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Allowance => "allowance",
            Self::Charge => "charge",
            Self::Lapsed => "lapsed",
        }
    }
}

/// The text is not the kind of a line.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the kind of a ledger's line")]
pub struct ParseLedgerKindError;

impl FromStr for LedgerKind {
    type Err = ParseLedgerKindError;

    fn from_str(text: &str) -> Result<Self, ParseLedgerKindError> {
        let mut kinds = Self::ALL.into_iter();
        let found = kinds.find(|kind| kind.as_str() == text);
        found.ok_or(ParseLedgerKindError)
    }
}

impl fmt::Display for LedgerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The place of a line in its store's ledger: later lines have larger ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LineNumber(pub u64);

/// A line that a store is about to write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewLine {
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub kind: LedgerKind,
    /// What it adds to the owner's credits; a charge takes, and is negative or 0.
    pub amount: i64,
    /// The request that was charged for, or whose rest of an allowance lapsed; or the id under which
    /// credits were added.
    pub request: Option<RequestId>,
    /// What for: of a charge the method and the path.
    pub note: String,
}

/// A line of the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerLine {
    /// Its place.
    pub number: LineNumber,
    /// When, by the clock of the process that wrote it.
    pub at: Timestamp,
    /// What it is about.
    pub kind: LedgerKind,
    /// What it adds to the owner's credits; a charge takes, and is negative or 0.
    pub amount: i64,
    /// The request that was charged for: the `X-Request-Id` of its answer. Of what was added: the id
    /// of the [grant](super::CreditGrant).
    pub request: Option<RequestId>,
    /// What for: of a charge the method and the path.
    pub note: String,
}

/// Which lines of an owner to read: newest first, by their numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerQuery {
    /// Whose.
    pub owner: Owner,
    /// Only lines of this instant and later ones.
    pub from: Option<Timestamp>,
    /// Only lines before this instant.
    pub until: Option<Timestamp>,
    /// Only lines before this one.
    pub after: Option<LineNumber>,
    /// How many to return at most.
    pub limit: usize,
    /// Whether to add up.
    pub check: LedgerCheck,
}

/// Whether a read of the ledger adds up all lines of the owner, to see that they are what there is.
///
/// It reads all of them, so it is for a check now and then and not for each request of a client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LedgerCheck {
    /// The sum is made.
    AddedUp,
    /// It is not.
    #[default]
    Skipped,
}

/// A part of an owner's ledger, and what it has to add up to, in one snapshot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerPage {
    /// The lines.
    pub lines: Vec<LedgerLine>,
    /// Where the next part begins, if there is one.
    pub next: Option<LineNumber>,
    /// What all charges in the range of time have taken, whichever part of them was asked for.
    pub charged: u64,
    /// The sum of all lines of the owner, whenever they were written, if it was asked for.
    pub sum: Option<i64>,
    /// What there is.
    pub account: Account,
}

/// Which part of a ledger to read; see [`Registry::ledger`](crate::Registry::ledger).
#[derive(Clone, Debug)]
pub struct LedgerListing {
    /// Only lines of this instant and later ones.
    pub from: Option<Timestamp>,
    /// Only lines before this instant.
    pub until: Option<Timestamp>,
    /// Only lines before this one.
    pub after: Option<LineNumber>,
    /// How many to return: 1 to 1,000, others are taken as the nearest.
    pub limit: usize,
    /// Whether to add up.
    pub check: LedgerCheck,
}

impl Default for LedgerListing {
    /// The newest 50, not added up.
    fn default() -> Self {
        Self {
            from: None,
            until: None,
            after: None,
            limit: 50,
            check: LedgerCheck::Skipped,
        }
    }
}

impl LedgerPage {
    /// Whether the lines add up to what there is: the balance and what is reserved. Not if the sum
    /// was not asked for.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let Account { reserved, .. } = self.account;
        let expected = i128::from(self.account.balance()) + i128::from(reserved);
        self.sum.is_some_and(|sum| i128::from(sum) == expected)
    }
}

impl LedgerQuery {
    /// Whether a line of that instant is in the range of time.
    #[must_use]
    pub fn has_time(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}
