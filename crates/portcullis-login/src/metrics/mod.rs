//! What is counted of logins, through the facade `metrics`; without the feature, nothing.

#[cfg(not(feature = "metrics"))]
mod inert;
#[cfg(feature = "metrics")]
mod live;

#[cfg(not(feature = "metrics"))]
pub(crate) use inert::Metrics;
#[cfg(feature = "metrics")]
pub(crate) use live::Metrics;

/// What somebody attempted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attempted {
    Login,
    Refresh,
}
