//! Counts nothing, at no cost.

use super::{Attempted, Ended};

#[derive(Clone, Debug)]
pub(crate) struct Metrics;

impl Metrics {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) const fn count(&self, _: Attempted, _: Ended) {}
}
