//! The sliding window that keeps its promise.

mod costs;
mod ring;

use portcullis_core::Tick;

use self::{
    costs::{Narrow, Wide},
    ring::Ring,
};
use crate::{Decision, Quota, Usage};

/// The state of one quota for one partition: a pure state machine without a clock.
///
/// # Matching
///
/// Time is cut into slots of ⌈window / resolution⌉. A slot holds the cost that was admitted in it
/// and the instant of the newest admission, and counts whole until that instant is a window old;
/// at exactly a window it no longer counts. So in no half-open interval of one window is more
/// admitted than the quota's units, and a cost is refused only when that of the last
/// window · (1 + 1/resolution) leaves no room.
///
/// The newest instants are kept on a grid of slot width / 2¹⁶, rounded up, and compared with the
/// exact time. Time never runs backwards: an instant before that of an earlier call counts as it.
///
/// # Size
///
/// 160 bytes, inline, without a heap allocation, for quotas of up to 65,535 units. When more than
/// that many units are in use, the costs move into a box of 132 bytes: 292 bytes in all.
///
/// # Examples
///
/// ```
/// use portcullis_core::Tick;
/// use portcullis_limit::{Decision, Quota, QuotaError, Window};
///
/// let quota: Quota = "2/1s".parse()?;
/// let mut window = Window::new();
/// let now = Tick::from_nanos(5);
/// assert!(window.check(&quota, now, 2).is_admitted());
/// let Decision::Refuse { retry_after, .. } = window.check(&quota, now, 1) else {
///     panic!("the quota is used up");
/// };
/// assert!(window.check(&quota, now.saturating_add(retry_after), 1).is_admitted());
/// # Ok::<(), QuotaError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Window(Repr);

// INVARIANT: the second variant lives beside the niche of the first one's `span`, so that the
// whole is 160 bytes.
#[derive(Clone, Debug)]
enum Repr {
    Narrow(Ring<Narrow>),
    Wide(Ring<Wide>),
}

impl Default for Repr {
    fn default() -> Self {
        Self::Narrow(Ring::new(Narrow::NEW))
    }
}

macro_rules! with_ring {
    ($window:expr, $ring:ident => $body:expr) => {
        match $window {
            Repr::Narrow($ring) => $body,
            Repr::Wide($ring) => $body,
        }
    };
}

impl Window {
    /// A window in which nothing is used.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Narrow(Ring::new(Narrow::NEW)))
    }

    /// Charges the cost if there is room for it; a cost of 0 only peeks.
    ///
    /// A quota other than that of the last call takes effect at once and keeps what was used; a
    /// longer window can't recall what a shorter one forgot.
    pub fn check(&mut self, quota: &Quota, now: Tick, cost: u32) -> Decision {
        if let Some(never) = self.prepare(quota, cost) {
            return never;
        }
        with_ring!(&mut self.0, ring => ring.check(quota, now.nanos(), cost))
    }

    /// What [`check`](Self::check) would answer, without charging: an `Admit` holds the state
    /// before.
    pub fn decide(&mut self, quota: &Quota, now: Tick, cost: u32) -> Decision {
        if let Some(never) = self.prepare(quota, cost) {
            return never;
        }
        with_ring!(&mut self.0, ring => ring.decide(quota, now.nanos(), cost))
    }

    /// Whether [`check`](Self::check) would admit; what never fits is not admitted.
    #[inline]
    pub(crate) fn would_admit(&mut self, quota: &Quota, now: Tick, cost: u32) -> bool {
        with_ring!(&mut self.0, ring => ring.would_admit(quota, now.nanos(), cost))
    }

    /// Charges what [`would_admit`](Self::would_admit) has just found room for.
    #[inline]
    pub(crate) fn charge(&mut self, quota: &Quota, cost: u32) {
        if cost > 0 && self.prepare(quota, cost).is_none() {
            with_ring!(&mut self.0, ring => ring.charge_now(cost));
        }
    }

    /// What is left of the units, as of the latest instant.
    #[inline]
    pub(crate) fn remaining(&self, quota: &Quota) -> u32 {
        let used = with_ring!(&self.0, ring => ring.total());
        quota.units().saturating_sub(used)
    }

    /// The state as of `now`, changing nothing.
    #[must_use]
    pub fn peek(&self, quota: &Quota, now: Tick) -> Usage {
        with_ring!(&self.0, ring => ring.peek(quota, now.nanos()))
    }

    /// Gives back a cost that was admitted at `at` (as [`Usage::at`] said), at most once.
    ///
    /// Nothing happens if it no longer counts. When a refund makes room, the slot still counts
    /// until its newest admission is a window old, refunded or not.
    pub fn refund(&mut self, quota: &Quota, at: Tick, cost: u32) {
        with_ring!(&mut self.0, ring => ring.refund(quota, at.nanos(), cost));
    }

    /// Forgets all that was used, but not the time.
    pub fn reset(&mut self) {
        with_ring!(&mut self.0, ring => ring.reset());
    }

    /// Whether nothing is used at `now`, so that a new window would answer the same from then on.
    #[must_use]
    pub fn is_fresh(&self, quota: &Quota, now: Tick) -> bool {
        self.fresh_from(quota) <= now
    }

    /// The first instant at which nothing is used if nobody calls.
    #[must_use]
    pub fn fresh_from(&self, quota: &Quota) -> Tick {
        Tick::from_nanos(with_ring!(&self.0, ring => ring.fresh_from(quota)))
    }

    /// The latest instant that the window has seen.
    pub(crate) const fn latest(&self) -> Tick {
        Tick::from_nanos(match &self.0 {
            Repr::Narrow(ring) => ring.latest(),
            Repr::Wide(ring) => ring.latest(),
        })
    }

    /// Refuses what never fits; else makes the costs wide enough for what may be charged next, and
    /// narrow once they can be.
    #[inline]
    fn prepare(&mut self, quota: &Quota, cost: u32) -> Option<Decision> {
        const NARROW: u32 = 0xFFFF;
        let limit = quota.units();
        if cost > limit {
            return Some(Decision::NeverFits { limit });
        }
        let is_other_width = match &self.0 {
            Repr::Narrow(ring) => limit > NARROW && ring.total().saturating_add(cost) > NARROW,
            Repr::Wide(ring) => limit <= NARROW && ring.total() <= NARROW,
        };
        if is_other_width {
            self.change_width();
        }
        None
    }

    #[cold]
    fn change_width(&mut self) {
        self.0 = match &self.0 {
            Repr::Narrow(ring) => Repr::Wide(ring.to_width(Wide::default())),
            Repr::Wide(ring) => Repr::Narrow(ring.to_width(Narrow::NEW)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_160_bytes_inline_and_292_with_its_box() {
        assert_eq!(size_of::<Window>(), 160);
        assert_eq!(size_of::<Window>() + costs::BOXED_BYTES, 292);
    }
}
