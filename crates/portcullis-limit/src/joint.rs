//! Several limits on one request: charged all or none.

use std::time::Duration;

use portcullis_core::Tick;

use crate::{Decision, Quota, Usage, Window};

/// Whether a limit refuses, or only says that it would.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// It refuses.
    #[default]
    Enforce,
    /// It decides and reports, and never refuses.
    Shadow,
}

/// One of the limits that are checked together.
#[derive(Debug)]
pub struct Part<'w> {
    /// The state of the partition.
    pub window: &'w mut Window,
    /// The quota.
    pub quota: Quota,
    /// The cost; 0 only peeks.
    pub cost: u32,
    /// Whether it refuses.
    pub mode: Mode,
}

/// What several limits answered together.
#[must_use = "a decision that is dropped admits the request"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Joint {
    /// `Admit` if every cost was charged, else nothing was.
    ///
    /// Its usage is of the limit with the least remaining, the first of equals. `retry_after` is
    /// the longest of the limits that refused: at that instant all of them would admit.
    pub decision: Decision,
    /// Which limit the usage (or `NeverFits`) is of, from 0.
    pub binding: usize,
    /// The limits in [`Mode::Shadow`] that would have refused; they were not charged.
    pub shadowed: Shadowed,
}

/// Which of the limits that were checked together would have refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shadowed(u64);

impl Shadowed {
    /// Whether the limit at this index (from 0) is among them. Of more than 64 limits those after
    /// the 64th are not told apart: all of them are, if one is.
    #[must_use]
    pub fn contains(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn insert(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    fn bit(index: usize) -> u64 {
        1 << index.min(63)
    }
}

/// Checks several windows at one instant and charges all of them or none.
///
/// The windows must be of different partitions or limits; their locks, if any, are the caller's.
/// Limits in [`Mode::Shadow`] are charged with the others if they have room. Without any part the
/// answer is an `Admit` without bounds.
///
/// # Examples
///
/// ```
/// use portcullis_core::Tick;
/// use portcullis_limit::{Mode, Part, QuotaError, Window, check_all};
///
/// let (mut key, mut owner) = (Window::new(), Window::new());
/// let mut both = |cost| {
///     let part = |window, quota| Part { window, quota, cost, mode: Mode::Enforce };
///     let parts = &mut [part(&mut key, "5/1s".parse()?), part(&mut owner, "9/1h".parse()?)];
///     Ok::<_, QuotaError>(check_all(Tick::ZERO, parts))
/// };
/// assert!(both(4)?.decision.is_admitted());
/// assert!(!both(2)?.decision.is_admitted());
/// assert_eq!(both(1)?.binding, 0);
/// # Ok::<(), QuotaError>(())
/// ```
pub fn check_all(now: Tick, parts: &mut [Part<'_>]) -> Joint {
    // One instant for all, so that one `Usage::at` names the charge in each of them.
    let latest = parts.iter().map(|part| part.window.latest()).max();
    let at = latest.map_or(now, |latest| latest.max(now));
    let mut shadowed = Shadowed::default();
    let mut refused: Option<Duration> = None;
    let mut least = Least::new(now, at);
    for (index, part) in parts.iter_mut().enumerate() {
        let decision = part.window.decide(&part.quota, at, part.cost);
        let is_shadow = part.mode == Mode::Shadow;
        if is_shadow && !decision.is_admitted() {
            shadowed.insert(index);
        }
        match decision {
            Decision::Admit(usage) => least.see(index, part.mode, usage),
            Decision::Refuse { usage, retry_after } => {
                least.see(index, part.mode, usage);
                if !is_shadow {
                    refused = refused.max(Some(retry_after));
                }
            }
            Decision::NeverFits { .. } if is_shadow => {
                let usage = part.window.peek(&part.quota, at);
                least.see(index, part.mode, usage);
            }
            Decision::NeverFits { .. } => {
                return Joint {
                    decision,
                    binding: index,
                    shadowed,
                };
            }
        }
    }
    if let Some(retry_after) = refused {
        return Joint {
            decision: Decision::Refuse {
                retry_after: retry_after.saturating_add(least.lag()),
                usage: least.usage(),
            },
            binding: least.index,
            shadowed,
        };
    }
    let mut least = Least::new(now, at);
    for (index, part) in parts.iter_mut().enumerate() {
        let usage = match part.window.check(&part.quota, at, part.cost) {
            Decision::Admit(usage) | Decision::Refuse { usage, .. } => usage,
            Decision::NeverFits { .. } => part.window.peek(&part.quota, at),
        };
        least.see(index, part.mode, usage);
    }
    Joint {
        decision: Decision::Admit(least.usage()),
        binding: least.index,
        shadowed,
    }
}

/// Of several usages the one with the least remaining; an enforced limit goes before a shadow.
struct Least {
    index: usize,
    found: Option<(Mode, Usage)>,
    now: Tick,
    at: Tick,
}

impl Least {
    const fn new(now: Tick, at: Tick) -> Self {
        Self {
            index: 0,
            found: None,
            now,
            at,
        }
    }

    fn see(&mut self, index: usize, mode: Mode, usage: Usage) {
        let rank = |mode: Mode, usage: &Usage| (mode == Mode::Shadow, usage.remaining);
        let is_less = match &self.found {
            None => true,
            Some((other, found)) => rank(mode, &usage) < rank(*other, found),
        };
        if is_less {
            self.index = index;
            self.found = Some((mode, usage));
        }
    }

    /// How far the windows are ahead of a clock that stepped back.
    const fn lag(&self) -> Duration {
        self.at.saturating_since(self.now)
    }

    /// As seen from the caller's clock.
    fn usage(&self) -> Usage {
        let Some((_, usage)) = self.found else {
            return Usage {
                limit: u32::MAX,
                used: 0,
                remaining: u32::MAX,
                reset_after: Duration::ZERO,
                more_after: Duration::ZERO,
                at: self.at,
                window: Duration::ZERO,
            };
        };
        if usage.used == 0 {
            return usage;
        }
        Usage {
            reset_after: usage.reset_after.saturating_add(self.lag()),
            more_after: usage.more_after.saturating_add(self.lag()),
            ..usage
        }
    }
}
