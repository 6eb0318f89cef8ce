//! Counters of logins. Their handles are made with the login; nobody's address is in them.

use ::metrics::{Counter, Unit, counter, describe_counter};

use super::{Attempted, Ended};

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
    signup: Ends,
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
            "Logins, refreshes and sign-ups, by what came of them"
        );
        Self {
            login: Ends::new("login"),
            refresh: Ends::new("refresh"),
            signup: Ends::new("signup"),
        }
    }

    pub(crate) fn count(&self, attempted: Attempted, ended: Ended) {
        let ends = match attempted {
            Attempted::Login => &self.login,
            Attempted::Refresh => &self.refresh,
            Attempted::Signup => &self.signup,
        };
        let ended = match ended {
            Ended::Ok => &ends.ok,
            Ended::Refused => &ends.refused,
            Ended::RateLimited => &ends.rate_limited,
            Ended::Unavailable => &ends.unavailable,
        };
        ended.increment(1);
    }
}
