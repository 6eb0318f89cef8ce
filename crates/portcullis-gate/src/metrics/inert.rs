//! Counts nothing, at no cost.

use std::sync::Arc;

use portcullis_core::Clock;
use portcullis_error::Denial;
use portcullis_registry::Principal;

use crate::{credential::Credential, waiting::WaitsFor};

#[derive(Clone)]
pub(crate) struct Metrics;

#[derive(Clone, Copy)]
pub(crate) struct Kind;

pub(crate) struct Wait;

impl Kind {
    pub(crate) const NONE: Self = Self;

    pub(crate) const fn of(_: &Credential<'_>) -> Self {
        Self
    }
}

impl Metrics {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) const fn count_passed(&self, _: &Principal) {}

    pub(crate) const fn count_preflight(&self) {}

    pub(crate) const fn count_denied(&self, _: Kind, _: &Denial) {}

    pub(crate) const fn begin_wait(&self, _: WaitsFor, _: &Arc<dyn Clock>) -> Wait {
        Wait
    }
}
