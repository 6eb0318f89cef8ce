//! The windows of a credential, and what several may share.

use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Window};

/// The windows of one credential, or of all that pass through a spare place.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    pub(super) window: Window,
    /// Made at the first denial.
    denials: Option<Box<Window>>,
    /// When both are as good as new, if nobody calls.
    busy_until: Tick,
}

impl Windows {
    pub(super) const fn is_fresh(&self, tick: Tick) -> bool {
        self.busy_until.nanos() <= tick.nanos()
    }

    pub(super) fn check(&mut self, quota: &Quota, tick: Tick, cost: u32) -> Decision {
        let decision = self.window.check(quota, tick, cost);
        self.note(&decision, tick);
        decision
    }

    pub(super) fn check_denial(&mut self, quota: &Quota, tick: Tick) -> Decision {
        let window = self.denials.get_or_insert_default();
        let decision = window.check(quota, tick, 1);
        self.note(&decision, tick);
        decision
    }

    /// Says that the window was charged together with another.
    pub(super) fn note_charged(&mut self, quota: &Quota) {
        self.busy_until = self.busy_until.max(self.window.fresh_from(quota));
    }

    fn note(&mut self, decision: &Decision, tick: Tick) {
        if let Decision::Admit(usage) = decision {
            let fresh_at = tick.saturating_add(usage.reset_after);
            self.busy_until = self.busy_until.max(fresh_at);
        }
    }
}

/// The longest quota of those who share a window.
///
/// A window forgets what its quota no longer counts. Charged under a short quota it would forget
/// what a long one has promised, so the long one's length goes for all: each has its own units in
/// it, which is stricter than its own quota and never laxer.
#[derive(Debug, Default)]
pub(super) struct Longest(Option<Quota>);

impl Longest {
    /// The quota as it is checked here.
    pub(super) fn fitted(&self, quota: &Quota) -> Quota {
        let longer = self.0.filter(|longest| longest.window() > quota.window());
        let stretched = longer.and_then(|longest| {
            let stretched = Quota::new(quota.units(), longest.window()).ok()?;
            stretched.with_resolution(longest.resolution()).ok()
        });
        stretched.unwrap_or(*quota)
    }

    /// The same, remembered from now on; `is_fresh` says that there is nothing to be forgotten.
    pub(super) fn fit(&mut self, quota: &Quota, is_fresh: bool) -> Quota {
        if is_fresh {
            self.0 = None;
        }
        let fitted = self.fitted(quota);
        self.0 = Some(fitted);
        fitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_share_a_window_are_held_to_the_longest_quota_among_them() {
        let (short, long): (Quota, Quota) = ("5/1s".parse().unwrap(), "3/1h".parse().unwrap());
        let mut longest = Longest::default();
        assert_eq!(longest.fit(&short, false), short);
        assert_eq!(longest.fit(&long, false), long);
        assert_eq!(longest.fit(&short, false), "5/1h".parse().unwrap());
        assert_eq!(longest.fitted(&long), long);
        assert_eq!(longest.fit(&short, true), short);
    }
}
