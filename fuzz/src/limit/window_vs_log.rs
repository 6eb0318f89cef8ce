//! The rules of the window hold on any trace, against an exact log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portcullis_core::{Clock, Tick, Timestamp};
use portcullis_limit::{Decision, Limiter, Mode, Part, Quota, Usage, Window, check_all};

use super::{
    bytes::Bytes,
    log::{Log, Terms},
    trace::{self, Cost, PARTITIONS, Step},
};

/// Where the clock stands when a trace begins, so that it can step back.
const START: u64 = 3 * 365 * 86_400_000_000_000;
/// From here on instants may be cut off at the end of time, and waits with them.
const LATE: u64 = 1 << 63;
const NANO: Duration = Duration::from_nanos(1);

/// The bytes are quotas and then a trace: calls, quotas that change, a clock that steps.
///
/// The numbered rules of the limits hold, first for windows under the clock as it is, then for a
/// limiter that has room for fewer partitions than there are.
///
/// # Panics
/// If one of them doesn't hold.
pub fn window_vs_log(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut read = || {
        let terms = trace::terms(&mut bytes)?;
        Some((terms, trace::quota(terms)?))
    };
    let (Some(first), Some(second), Some(third)) = (read(), read(), read()) else {
        return;
    };
    let mut windows = [first, second, third].map(|(terms, quota)| Driven::new(terms, quota));
    let mut limited = Limited::new(first.0, first.1);
    let mut raw = START;
    while let Some(step) = trace::step(&mut bytes) {
        match step {
            Step::Go(parts) => {
                let nanos = u128::from(first.0.nanos) * u128::from(parts) / 1_024;
                raw = raw.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX));
            }
            Step::Idle(nanos) => raw = raw.saturating_add(nanos),
            Step::Back(nanos) => raw = raw.saturating_sub(nanos),
            Step::End(nanos) => raw = u64::MAX - nanos,
            Step::Joint(costs) => joint(&mut windows, raw, costs),
            Step::Ask { partition, .. }
            | Step::Refund { partition, .. }
            | Step::Reset { partition }
            | Step::Change { partition, .. } => {
                if let Some(driven) = windows.get_mut(partition) {
                    driven.step(raw, step);
                }
            }
        }
        limited.step(raw, step);
    }
    for driven in &windows {
        assert!(driven.log.most_in_any() <= driven.quota.units().into());
    }
}

/// A window and what happened to it.
struct Driven {
    window: Window,
    quota: Quota,
    log: Log,
}

impl Driven {
    fn new(terms: Terms, quota: Quota) -> Self {
        Self {
            window: Window::new(),
            quota,
            log: Log::new(terms),
        }
    }

    fn step(&mut self, raw: u64, step: Step) {
        match step {
            Step::Ask { cost, times, .. } => {
                let cost = cost.of(self.quota.units());
                (0..times).for_each(|_| self.ask(raw, cost));
            }
            Step::Refund { which, .. } => self.give_back(which),
            Step::Reset { .. } => {
                self.window.reset();
                self.log.clear();
                let latest = Tick::from_nanos(self.log.latest);
                assert!(self.window.is_fresh(&self.quota, latest));
            }
            Step::Change { terms, .. } => {
                if let Some(quota) = trace::quota(terms) {
                    self.quota = quota;
                    self.log.change(terms);
                }
            }
            _ => {}
        }
    }

    fn ask(&mut self, raw: u64, cost: u32) {
        let now = Tick::from_nanos(raw);
        let before = self.window.peek(&self.quota, now);
        let is_late = raw.max(self.log.latest) >= LATE;
        let is_fresh = self.window.is_fresh(&self.quota, now) && !is_late;
        let decision = self.window.check(&self.quota, now, cost);
        if is_fresh {
            // Rule 6: idle equals fresh.
            assert_eq!(decision, Window::new().check(&self.quota, now, cost));
        }
        match decision {
            Decision::NeverFits { limit } => {
                assert!(cost > limit && limit == self.quota.units());
                assert_eq!(self.window.peek(&self.quota, now), before);
            }
            Decision::Admit(usage) => {
                self.log.see(raw);
                if cost > 0 {
                    self.log.admit(cost);
                }
                assert_eq!(
                    u64::from(usage.used),
                    u64::from(before.used) + u64::from(cost)
                );
                assert!(usage.used <= usage.limit || cost == 0);
                self.agrees(now, &usage);
            }
            Decision::Refuse { retry_after, usage } => {
                self.log.see(raw);
                // Rule 4: a refused call consumes nothing.
                assert_eq!(usage, before);
                assert_eq!(self.window.peek(&self.quota, now), before);
                self.is_rightly_refused(&usage, cost);
                self.agrees(now, &usage);
                assert!(usage.more_after <= retry_after && retry_after <= usage.reset_after);
                // Rule 3. A quota that changed since the last call takes effect with this one.
                if !is_late {
                    let admits = |at| {
                        let mut window = self.window.clone();
                        window.check(&self.quota, at, cost).is_admitted()
                    };
                    let at = now.saturating_add(retry_after);
                    assert!(!admits(at.saturating_sub(NANO)), "before {retry_after:?}");
                    assert!(admits(at), "at {retry_after:?}");
                }
            }
        }
    }

    /// Rule 2.
    fn is_rightly_refused(&self, usage: &Usage, cost: u32) {
        let units = u64::from(self.quota.units());
        if let Some(used) = self.log.used_in_slightly_longer(usage.at.nanos()) {
            assert!(used + u64::from(cost) > units, "{used} + {cost} of {units}");
            assert!(u64::from(usage.used) <= used);
        }
    }

    /// Rules 1 and 8, and the instants of a usage.
    fn agrees(&self, now: Tick, usage: &Usage) {
        assert_eq!(usage.at.nanos(), self.log.latest);
        assert_eq!(
            (usage.limit, usage.window),
            (self.quota.units(), self.quota.window())
        );
        assert_eq!(usage.remaining, usage.limit.saturating_sub(usage.used));
        let used = self.log.used(usage.at.nanos());
        assert!(
            u64::from(usage.used) >= used,
            "{} are less than {used}",
            usage.used
        );
        if self.log.latest >= LATE {
            return;
        }
        assert_eq!(usage.used == 0, usage.reset_after.is_zero());
        assert_eq!(usage.used == 0, usage.more_after.is_zero());
        if usage.used > 0 {
            let at = |after| {
                self.window
                    .peek(&self.quota, now.saturating_add(after))
                    .used
            };
            assert_eq!(at(usage.reset_after), 0);
            assert!(at(usage.reset_after - NANO) > 0);
            assert!(at(usage.more_after) < usage.used);
            assert_eq!(at(usage.more_after - NANO), usage.used);
        }
    }

    fn give_back(&mut self, which: u64) {
        let now = Tick::from_nanos(self.log.latest);
        let before = self.window.peek(&self.quota, now).used;
        if let Some((entry, counts)) = self.log.give_back(which) {
            self.window
                .refund(&self.quota, Tick::from_nanos(entry.at), entry.cost);
            let after = self.window.peek(&self.quota, now).used;
            if self.log.is_exact(entry) && counts {
                assert_eq!(after, before - entry.cost);
            } else if !counts {
                assert_eq!(after, before);
            }
            assert!(before - after <= entry.cost);
            assert!(u64::from(after) >= self.log.used(now.nanos()));
        }
    }
}

/// Rule 5: all or none.
fn joint(windows: &mut [Driven; PARTITIONS], raw: u64, costs: [Cost; PARTITIONS]) {
    let now = Tick::from_nanos(raw);
    let latest = windows.iter().map(|driven| driven.log.latest).max();
    let at = latest.unwrap_or(0).max(raw);
    let mut costs = costs.into_iter();
    let asked = windows.each_ref().map(|driven| {
        let cost = costs.next().map_or(0, |cost| cost.of(driven.quota.units()));
        let mut alone = driven.window.clone();
        (cost, alone.check(&driven.quota, Tick::from_nanos(at), cost))
    });
    let check = |windows: [(&mut Window, Quota); PARTITIONS], now| {
        let mut costs = asked.iter();
        let mut parts = windows.map(|(window, quota)| Part {
            window,
            quota,
            cost: costs.next().map_or(0, |(cost, _)| *cost),
            mode: Mode::Enforce,
        });
        check_all(now, &mut parts)
    };
    let parts = windows
        .each_mut()
        .map(|driven| (&mut driven.window, driven.quota));
    let joint = check(parts, now);

    let never = asked
        .iter()
        .position(|(_, alone)| matches!(alone, Decision::NeverFits { .. }));
    let is_admitted = asked.iter().all(|(_, alone)| alone.is_admitted());
    assert_eq!(joint.decision.is_admitted(), is_admitted);
    assert!(joint.shadowed.is_empty());
    for (index, (driven, (cost, alone))) in windows.iter_mut().zip(asked).enumerate() {
        if never.is_some_and(|never| index >= never) {
            // Behind a cost that never fits nothing is decided, but the time may be seen.
            let seen = driven.window.peek(&driven.quota, Tick::ZERO).at.nanos();
            assert!(seen == driven.log.latest || seen == at);
            if seen > driven.log.latest {
                driven.log.see(seen);
            }
            continue;
        }
        driven.log.see(at);
        if is_admitted && cost > 0 {
            driven.log.admit(cost);
        }
        let usage = driven.window.peek(&driven.quota, Tick::from_nanos(at));
        if is_admitted {
            assert_eq!(alone.usage(), Some(usage));
        }
        driven.agrees(Tick::from_nanos(at), &usage);
    }
    if let Some(never) = never {
        assert_eq!(joint.binding, never);
    } else if let Decision::Refuse { retry_after, .. } = joint.decision
        && at < LATE
    {
        let admits = |at: Tick| {
            let mut copies = windows.each_ref().map(|driven| driven.window.clone());
            let mut quotas = windows.iter().map(|driven| driven.quota);
            let parts = copies.each_mut();
            let parts = parts.map(|window| quotas.next().map(|quota| (window, quota)));
            let [Some(first), Some(second), Some(third)] = parts else {
                return false;
            };
            check([first, second, third], at).decision.is_admitted()
        };
        let at = now.saturating_add(retry_after);
        assert!(admits(at));
        assert!(!admits(at.saturating_sub(NANO)));
    }
}

#[derive(Debug)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn tick(&self) -> Tick {
        Tick::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A limiter that has room for two of three partitions, and the log of each.
struct Limited {
    limiter: Limiter<usize>,
    clock: Arc<HandClock>,
    logs: [Log; PARTITIONS],
}

impl Limited {
    fn new(terms: Terms, quota: Quota) -> Self {
        let clock = Arc::new(HandClock(AtomicU64::new(START)));
        let shared: Arc<dyn Clock> = Arc::<HandClock>::clone(&clock);
        Self {
            limiter: Limiter::new(quota, shared).with_capacity(PARTITIONS - 1),
            clock,
            logs: [terms; PARTITIONS].map(Log::new),
        }
    }

    fn step(&mut self, raw: u64, step: Step) {
        self.clock.0.store(raw, Ordering::Relaxed);
        match step {
            Step::Ask {
                partition,
                cost,
                times,
            } => {
                (0..times).for_each(|_| self.ask(partition, cost));
            }
            Step::Joint(costs) => {
                for (partition, cost) in costs.into_iter().enumerate() {
                    self.ask(partition, cost);
                }
            }
            Step::Refund { partition, which } => {
                self.see();
                let given = self.logs.get_mut(partition);
                if let Some((entry, _)) = given.and_then(|log| log.give_back(which)) {
                    self.limiter
                        .refund(&partition, Tick::from_nanos(entry.at), entry.cost);
                    self.is_not_over(partition);
                }
            }
            Step::Reset { partition } => {
                self.see();
                self.limiter.reset(&partition);
                if let Some(log) = self.logs.get_mut(partition) {
                    log.clear();
                }
            }
            Step::Change { terms, .. } => {
                if let Some(quota) = trace::quota(terms) {
                    self.limiter.set_quota(quota);
                    self.logs.iter_mut().for_each(|log| log.change(terms));
                }
            }
            Step::Go(_) | Step::Idle(_) | Step::Back(_) | Step::End(_) => {}
        }
    }

    /// Any call may drop an idle window.
    fn see(&mut self) {
        let now = self.clock.tick().nanos();
        let _ = self.limiter.peek(&0);
        self.logs.iter_mut().for_each(|log| log.see(now));
    }

    fn ask(&mut self, partition: usize, cost: Cost) {
        self.see();
        let units = self.limiter.quota().units();
        let cost = cost.of(units);
        let decision = self.limiter.check(&partition, cost);
        assert!(self.limiter.len() < PARTITIONS);
        let Some(log) = self.logs.get_mut(partition) else {
            return;
        };
        match decision {
            Decision::Admit(usage) => {
                assert_eq!(usage.at.nanos(), log.latest);
                if cost > 0 {
                    log.admit(cost);
                    assert!(log.latest >= LATE || log.used(log.latest) <= units.into());
                }
            }
            Decision::Refuse { usage, .. } => {
                let peeked = self.limiter.peek(&partition);
                assert!(
                    log.latest >= LATE || usage == peeked,
                    "{usage:?} {peeked:?}"
                );
            }
            Decision::NeverFits { limit } => assert!(limit == units && cost > units),
        }
        self.is_not_over(partition);
    }

    fn is_not_over(&self, partition: usize) {
        let used = self.limiter.peek(&partition).used;
        let log = self.logs.get(partition);
        if let Some(log) = log.filter(|log| log.latest < LATE) {
            assert!(u64::from(used) >= log.used(log.latest));
        }
    }
}
