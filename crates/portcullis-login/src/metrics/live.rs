//! Counters of logins. Their handles are made with the login; nobody's address is in them.

use ::metrics::{Counter, Unit, counter, describe_counter};

use super::Attempted;
use crate::LoginError;

const ATTEMPTS: &str = "portcullis_login_attempts_total";

/// How attempts of one kind ended.
#[derive(Clone, Debug)]
struct Ends {
    ok: Counter,
    refused: Counter,
    rate_limited: Counter,
    unavailable: Counter,
}

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    login: Ends,
    refresh: Ends,
}

impl Ends {
    fn new(call: &'static str) -> Self {
        let ended =
            |outcome: &'static str| counter!(ATTEMPTS, "call" => call, "outcome" => outcome);
        Self {
            ok: ended("ok"),
            refused: ended("refused"),
            rate_limited: ended("rate_limited"),
            unavailable: ended("unavailable"),
        }
    }
}

impl Metrics {
    /// Handles of the recorder that is installed now.
    pub(crate) fn new() -> Self {
        describe_counter!(
            ATTEMPTS,
            Unit::Count,
            "Logins and refreshes, by what came of them"
        );
        Self {
            login: Ends::new("login"),
            refresh: Ends::new("refresh"),
        }
    }

    pub(crate) fn count<T>(&self, attempted: Attempted, outcome: &Result<T, LoginError>) {
        let ends = match attempted {
            Attempted::Login => &self.login,
            Attempted::Refresh => &self.refresh,
        };
        let ended = match outcome {
            Ok(_) => &ends.ok,
            Err(LoginError::RateLimited { .. }) => &ends.rate_limited,
            Err(LoginError::Unavailable(_)) => &ends.unavailable,
            Err(_) => &ends.refused,
        };
        ended.increment(1);
    }
}
