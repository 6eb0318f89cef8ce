//! Counters of checks. Their handles are made with the gate, so that a check adds to one and looks
//! nothing up; their labels are words of this file and of [`ErrorCode`], never a caller's.

use std::sync::Arc;

use ::metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram,
};
use portcullis_core::{Clock, Tick};
use portcullis_error::{Cause, Denial, ErrorCode};
use portcullis_registry::Principal;
use portcullis_token::TokenKind;

use crate::{credential::Credential, waiting::WaitsFor};

const REQUESTS: &str = "portcullis_requests_total";
const FAILED_TOO_OFTEN: &str = "portcullis_address_refusals_total";
const WAITS: &str = "portcullis_check_wait_seconds";

/// The codes of a gate's denials.
const CODES: [ErrorCode; 10] = [
    ErrorCode::InvalidRequest,
    ErrorCode::Unauthorized,
    ErrorCode::InvalidToken,
    ErrorCode::BillingSuspended,
    ErrorCode::SessionRequired,
    ErrorCode::KeyRequired,
    ErrorCode::InsufficientScope,
    ErrorCode::RateLimited,
    ErrorCode::InsufficientCredits,
    ErrorCode::Unavailable,
];

/// What a request presents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// An API key, imported ones too.
    ApiKey,
    /// A session.
    Session,
    /// A text that is none of ours: a user of the application's own, or nobody.
    External,
    /// Nothing that can be read.
    None,
}

/// Of one kind, how requests end.
#[derive(Clone)]
struct Ends {
    passed: Counter,
    denied: [Counter; CODES.len()],
}

#[derive(Clone)]
pub(crate) struct Metrics {
    api_key: Ends,
    session: Ends,
    external: Ends,
    none: Ends,
    preflights: Counter,
    failed_too_often: Counter,
    waits: [Histogram; WaitsFor::ALL.len()],
}

/// A check that waits.
pub(crate) struct Wait {
    seconds: Histogram,
    since: Tick,
    clock: Arc<dyn Clock>,
}

impl Kind {
    pub(crate) const NONE: Self = Self::None;

    pub(crate) const fn of(credential: &Credential<'_>) -> Self {
        match credential {
            Credential::Token(token) => match token.kind() {
                TokenKind::ApiKey => Self::ApiKey,
                _ => Self::Session,
            },
            Credential::Imported(_) => Self::ApiKey,
            Credential::Foreign(_) => Self::External,
        }
    }

    fn of_principal(principal: &Principal) -> Self {
        match principal.id().map(|id| id.0) {
            Some(TokenKind::ApiKey) => Self::ApiKey,
            Some(_) => Self::Session,
            None => Self::External,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Session => "session",
            Self::External => "external",
            Self::None => "none",
        }
    }
}

impl Ends {
    fn new(kind: Kind) -> Self {
        let ending = |outcome: &'static str| counter!(REQUESTS, "outcome" => outcome, "kind" => kind.as_str());
        Self {
            passed: ending("passed"),
            denied: CODES.map(|code| ending(code.as_str())),
        }
    }
}

impl Metrics {
    /// Handles of the recorder that is installed now.
    pub(crate) fn new() -> Self {
        describe_counter!(
            REQUESTS,
            Unit::Count,
            "Checks that came to their end, by what came of them and by what was presented"
        );
        describe_counter!(
            FAILED_TOO_OFTEN,
            Unit::Count,
            "Requests that were refused since their address had failed too often"
        );
        describe_histogram!(
            WAITS,
            Unit::Seconds,
            "How long checks took that were not done at once, by what they waited for first"
        );
        Self {
            api_key: Ends::new(Kind::ApiKey),
            session: Ends::new(Kind::Session),
            external: Ends::new(Kind::External),
            none: Ends::new(Kind::None),
            preflights: counter!(REQUESTS, "outcome" => "preflight", "kind" => "none"),
            failed_too_often: counter!(FAILED_TOO_OFTEN),
            waits: WaitsFor::ALL.map(|what| histogram!(WAITS, "for" => what.as_str())),
        }
    }

    const fn of(&self, kind: Kind) -> &Ends {
        match kind {
            Kind::ApiKey => &self.api_key,
            Kind::Session => &self.session,
            Kind::External => &self.external,
            Kind::None => &self.none,
        }
    }

    pub(crate) fn count_passed(&self, principal: &Principal) {
        self.of(Kind::of_principal(principal)).passed.increment(1);
    }

    pub(crate) fn count_preflight(&self) {
        self.preflights.increment(1);
    }

    pub(crate) fn count_denied(&self, kind: Kind, denial: &Denial) {
        let code = denial.error_code();
        let mut counters = CODES.iter().zip(&self.of(kind).denied);
        if let Some((_, denied)) = counters.find(|(known, _)| **known == code) {
            denied.increment(1);
        }
        // Over a quota of its own, a credential is told how the quota stands; an address is not.
        if matches!(denial.cause, Cause::RateLimited { .. }) && denial.rate.is_none() {
            self.failed_too_often.increment(1);
        }
    }

    /// Begins a wait, which ends when it is dropped: also with a client that went away.
    pub(crate) fn begin_wait(&self, what: WaitsFor, clock: &Arc<dyn Clock>) -> Wait {
        let mut waits = WaitsFor::ALL.iter().zip(&self.waits);
        let seconds = waits.find(|(known, _)| **known == what);
        Wait {
            seconds: seconds.map_or_else(Histogram::noop, |(_, seconds)| seconds.clone()),
            since: clock.tick(),
            clock: Arc::clone(clock),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let took = self.clock.tick().saturating_since(self.since);
        self.seconds.record(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_error::InvalidRequest;

    use super::*;

    /// `Cause` may grow, and what is not listed here would not be counted.
    #[test]
    fn every_code_of_a_gate_has_a_counter() {
        let causes = [
            Cause::InvalidRequest(InvalidRequest::InQuery),
            Cause::Unauthenticated,
            Cause::InvalidToken,
            Cause::BillingSuspended,
            Cause::SessionRequired,
            Cause::KeyRequired,
            Cause::insufficient_scope("a:b", ["a:b"], ["a:b"]),
            Cause::excess_scope(["a:b"]),
            Cause::RateLimited {
                retry_after: Some(Duration::ZERO),
            },
            Cause::InsufficientCredits,
            Cause::Unavailable { retry_after: None },
        ];
        for cause in causes {
            assert!(CODES.contains(&cause.code()), "{cause:?}");
        }
    }
}
