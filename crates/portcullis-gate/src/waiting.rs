//! Checks that are not done at once.

use std::future::Future;

use portcullis_error::Denial;
use tracing::Instrument as _;

use crate::{
    Guard, Pass, Progress,
    guard::{Request, told},
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
        request: Request,
        rest: impl Future<Output = Result<Pass, Denial>> + Send + 'static,
    ) -> Progress {
        let span =
            tracing::info_span!("check", request_id = %request.id, waits_for = what.as_str());
        let gate = self.gate().clone();
        let timed = async move {
            let _wait = gate.metrics().begin_wait(what, gate.verifier().clock());
            rest.await.map_err(|denial| told(&gate, denial, request))
        };
        Progress::pending(timed.instrument(span))
    }
}
