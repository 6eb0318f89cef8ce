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
    let refuses = |part: &mut Part<'_>| {
        part.mode == Mode::Enforce && !part.window.would_admit(&part.quota, at, part.cost)
    };
    if parts.iter_mut().any(refuses) {
        return refuse(now, at, parts);
    }
    let mut shadowed = Shadowed::default();
    let mut least = Least::default();
    for (index, part) in parts.iter_mut().enumerate() {
        let is_shadow = part.mode == Mode::Shadow;
        if is_shadow && !part.window.would_admit(&part.quota, at, part.cost) {
            shadowed.insert(index);
        } else {
            part.window.charge(&part.quota, part.cost);
        }
        least.see(index, part.mode, part.window.remaining(&part.quota));
    }
    Joint {
        decision: Decision::Admit(usage(now, at, parts.get(least.index))),
        binding: least.index,
        shadowed,
    }
}

/// What the limits answer of which at least one refuses.
#[cold]
fn refuse(now: Tick, at: Tick, parts: &mut [Part<'_>]) -> Joint {
    let mut shadowed = Shadowed::default();
    let mut longest = Duration::ZERO;
    let mut least = Least::default();
    for (index, part) in parts.iter_mut().enumerate() {
        let decision = part.window.decide(&part.quota, at, part.cost);
        let is_shadow = part.mode == Mode::Shadow;
        if is_shadow && !decision.is_admitted() {
            shadowed.insert(index);
        }
        let remaining = match decision {
            Decision::Admit(usage) => usage.remaining,
            Decision::Refuse { usage, retry_after } => {
                if !is_shadow {
                    longest = longest.max(retry_after);
                }
                usage.remaining
            }
            Decision::NeverFits { .. } if is_shadow => part.window.peek(&part.quota, at).remaining,
            Decision::NeverFits { .. } => {
                return Joint {
                    decision,
                    binding: index,
                    shadowed,
                };
            }
        };
        least.see(index, part.mode, remaining);
    }
    Joint {
        decision: Decision::Refuse {
            retry_after: longest.saturating_add(lag(now, at)),
            usage: usage(now, at, parts.get(least.index)),
        },
        binding: least.index,
        shadowed,
    }
}

/// How far the windows are ahead of a clock that stepped back.
const fn lag(now: Tick, at: Tick) -> Duration {
    at.saturating_since(now)
}

/// The usage of a part at `at`, as seen from the caller's clock.
fn usage(now: Tick, at: Tick, part: Option<&Part<'_>>) -> Usage {
    let Some(part) = part else {
        return Usage {
            limit: u32::MAX,
            used: 0,
            remaining: u32::MAX,
            reset_after: Duration::ZERO,
            more_after: Duration::ZERO,
            at,
            window: Duration::ZERO,
        };
    };
    let mut usage = part.window.peek(&part.quota, at);
    let lag = lag(now, at);
    if usage.used > 0 && !lag.is_zero() {
        usage.reset_after = usage.reset_after.saturating_add(lag);
        usage.more_after = usage.more_after.saturating_add(lag);
    }
    usage
}

/// Which limit has the least remaining; an enforced one goes before a shadow.
#[derive(Default)]
struct Least {
    index: usize,
    rank: Option<(bool, u32)>,
}

impl Least {
    fn see(&mut self, index: usize, mode: Mode, remaining: u32) {
        let rank = (mode == Mode::Shadow, remaining);
        if self.rank.is_none_or(|least| rank < least) {
            self.index = index;
            self.rank = Some(rank);
        }
    }
}
