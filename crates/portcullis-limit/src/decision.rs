//! What a limit answers.

use std::time::Duration;

use portcullis_core::Tick;

/// What a limit says to a cost. Only `Admit` has charged it.
#[must_use = "a decision that is dropped admits the request"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// There was room, and the cost is charged now; a cost of 0 only peeks and is always admitted.
    Admit(Usage),
    /// There was no room, and nothing was charged.
    Refuse {
        /// Until the first instant at which the same cost would be admitted if nobody else
        /// called: refused just before it, admitted at it.
        retry_after: Duration,
        /// The state of the window.
        usage: Usage,
    },
    /// The cost is above the quota's units, so that no wait would help.
    NeverFits {
        /// The quota's units.
        limit: u32,
    },
}

impl Decision {
    /// Whether the cost was admitted.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        matches!(self, Self::Admit(_))
    }

    /// The state of the window, which `NeverFits` didn't read.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        match self {
            Self::Admit(usage) | Self::Refuse { usage, .. } => Some(*usage),
            Self::NeverFits { .. } => None,
        }
    }
}

/// The state of a window at one instant, after the decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// The quota's units.
    pub limit: u32,
    /// The cost that counts now. It is above `limit` only after the quota was lowered.
    pub used: u32,
    /// `limit` less `used`, at least 0.
    pub remaining: u32,
    /// Until the whole quota is free again if nobody calls; zero if it is.
    pub reset_after: Duration,
    /// Until more than `remaining` is free if nobody calls; zero if the whole quota is.
    pub more_after: Duration,
    /// The instant of the decision, which a refund names. It is never before that of an earlier
    /// decision of the same window, even if the clock stepped back.
    pub at: Tick,
    /// The quota's window.
    pub window: Duration,
}
