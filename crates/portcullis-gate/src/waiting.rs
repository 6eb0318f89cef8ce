//! Checks that are not done at once.

use std::{future::Future, sync::Arc};

use tracing::Instrument as _;

use crate::{
    Guard, Pass, Progress,
    decide::Refused,
    guard::{Asked, Request},
};

/// What a check waits for first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WaitsFor {
    /// A credential, read from the store.
    Credential,
    /// Whether an owner is suspended.
    Owner,
    /// The answer of an authenticator of the application's own.
    Authenticator,
    /// Credits, to be reserved.
    Credits,
}

impl WaitsFor {
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 4] = [
        Self::Credential,
        Self::Owner,
        Self::Authenticator,
        Self::Credits,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Owner => "owner",
            Self::Authenticator => "authenticator",
            Self::Credits => "credits",
        }
    }
}

impl Guard {
    /// The rest of a check, in a span with the id of the request: what a store or an authenticator
    /// logs meanwhile is then found by it.
    ///
    /// The level is that of the lines which matter: at `debug` the span would be off wherever a
    /// store that is out of reach is an error worth reading.
    pub(crate) fn later(
        &self,
        what: WaitsFor,
        asked: Arc<Asked>,
        request: Request,
        rest: impl Future<Output = Result<Pass, Refused>> + Send + 'static,
    ) -> Progress {
        let span =
            tracing::info_span!("check", request_id = %request.id, waits_for = what.as_str());
        let guard = self.clone();
        let timed = async move {
            let gate = guard.gate();
            let _wait = gate.metrics().begin_wait(what, gate.verifier().clock());
            let passed = rest.await;
            passed.map_err(|refused| guard.tell(refused, || asked.route.clone(), request))
        };
        Progress::pending(timed.instrument(span))
    }
}
