//! What is counted of the store and of the background work, through the facade `metrics`; without
//! the feature, nothing.

#[cfg(not(feature = "metrics"))]
mod inert;
#[cfg(feature = "metrics")]
mod live;
#[cfg(feature = "metrics")]
mod store;

#[cfg(not(feature = "metrics"))]
pub(crate) use inert::{Background, EventsLost, counted};
#[cfg(feature = "metrics")]
pub(crate) use live::{Background, EventsLost};
#[cfg(feature = "metrics")]
pub(crate) use store::counted;

/// What the driver does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Job {
    /// Follows the changes that others made.
    Changes,
    /// Settles what callers left behind.
    Settlements,
    /// Reminds of keys that end soon, are old or were never used.
    Reminders,
    /// Writes uses and re-made MACs.
    Uses,
    /// Gives back what a process that died had reserved.
    Reservations,
    /// Removes what is old from the audit log.
    Retention,
}

/// What the driver sees of the registry's state.
#[cfg_attr(
    not(feature = "metrics"),
    expect(dead_code, reason = "nobody looks where nothing is counted")
)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    /// Credentials in memory.
    pub(crate) cached: usize,
    /// Reads for credentials that are not in memory, under way.
    pub(crate) cold_reads: usize,
    /// Reservations of this process that have not come to their end.
    pub(crate) reservations: usize,
    /// Settlements and releases that wait to be written.
    pub(crate) settlements: usize,
}
