//! Limits that several nodes share.

use std::{error::Error, fmt};

use portcullis_core::BoxFuture;

use crate::{Joint, LimitName, Mode, Quota, Usage};

/// Limits whose windows live outside the process, such as in Redis.
///
/// # Implementing
///
/// - Within one call all charges are decided at one instant, the store's own, and charged all or
///   none; charges that can't be (their keys lie on different servers) are an error, not a guess.
/// - The same trace gives the same decisions as a [`Window`](crate::Window).
/// - When the store doesn't answer in time, each charge's [`Outage`] decides, and the answer says
///   that it is degraded; [`SharedLimitError`] is for [`Outage::Closed`], which becomes a 503.
/// - Neither the order of calls nor that a future is polled to its end may be assumed: a call that
///   is dropped may have charged.
pub trait SharedLimiter: fmt::Debug + Send + Sync {
    /// Charges each cost if there is room for all of them.
    fn check<'a>(
        &'a self,
        charges: &'a [SharedCharge<'a>],
    ) -> BoxFuture<'a, Result<SharedDecision, SharedLimitError>>;

    /// The state of one window; the charge's cost is ignored.
    fn peek<'a>(
        &'a self,
        charge: &'a SharedCharge<'a>,
    ) -> BoxFuture<'a, Result<Usage, SharedLimitError>>;

    /// Gives back what `decision`, an admission of the same charges, has charged. A repetition of
    /// it gives nothing more back.
    fn refund<'a>(
        &'a self,
        charges: &'a [SharedCharge<'a>],
        decision: &'a SharedDecision,
    ) -> BoxFuture<'a, Result<(), SharedLimitError>>;

    /// Forgets what one window has used; the charge's cost is ignored.
    fn reset<'a>(
        &'a self,
        charge: &'a SharedCharge<'a>,
    ) -> BoxFuture<'a, Result<(), SharedLimitError>>;
}

/// One of the limits that are checked together: a window is found by name and partition.
#[derive(Clone, Copy, Debug)]
pub struct SharedCharge<'a> {
    /// The limit.
    pub name: &'a LimitName,
    /// What is counted apart under it.
    pub partition: &'a [u8],
    /// Its quota.
    pub quota: Quota,
    /// The cost; 0 only peeks.
    pub cost: u32,
    /// Whether it refuses.
    pub mode: Mode,
    /// What happens while the store is out of reach.
    pub outage: Outage,
}

/// What a limit does while its store is out of reach.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Outage {
    /// Each node admits its share, the units divided by the nodes.
    #[default]
    Local,
    /// Every request is answered with 503.
    Closed,
    /// Every request is admitted.
    Open,
}

/// What shared limits answered.
#[must_use = "a decision that is dropped admits the request"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SharedDecision {
    /// The decision.
    pub joint: Joint,
    /// Whether the shared windows were asked.
    pub source: Source,
    /// Names this charge in a refund.
    pub charge_id: u64,
}

/// Where a shared decision comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Source {
    /// The shared windows, or a lease on them.
    Shared,
    /// This node alone, since the store is out of reach.
    Degraded,
}

/// Why shared limits could not decide.
#[derive(Debug)]
pub struct SharedLimitError {
    source: Box<dyn Error + Send + Sync>,
    is_transient: bool,
}

impl SharedLimitError {
    /// A failure that may be over when it is tried again.
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            is_transient: true,
        }
    }

    /// A failure that won't go away by itself.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            is_transient: false,
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.is_transient
    }
}

impl fmt::Display for SharedLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared limits could not decide")
    }
}

impl Error for SharedLimitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
