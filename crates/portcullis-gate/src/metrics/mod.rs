//! What is counted of checks, through the facade `metrics`; without the feature, nothing.

#[cfg(not(feature = "metrics"))]
mod inert;
#[cfg(feature = "metrics")]
mod live;

#[cfg(not(feature = "metrics"))]
pub(crate) use inert::{Kind, Metrics};
#[cfg(feature = "metrics")]
pub(crate) use live::{Kind, Metrics};
