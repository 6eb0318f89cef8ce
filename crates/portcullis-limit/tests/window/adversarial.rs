//! Traces that other limiters get wrong, by name.

use std::time::Duration;

use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Window};

use crate::oracle::ExactLog;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Tick {
    Tick::from_nanos(1_000_000 * SECOND + nanos)
}

/// One window and what an exact log would have done in its place.
struct Race {
    quota: Quota,
    window: Window,
    log: ExactLog,
    exact: ExactLog,
    admitted: u32,
    exactly_admitted: u32,
}

impl Race {
    fn new(quota: &str) -> Self {
        Self {
            quota: quota.parse().unwrap(),
            window: Window::new(),
            log: ExactLog::default(),
            exact: ExactLog::default(),
            admitted: 0,
            exactly_admitted: 0,
        }
    }

    fn ask(&mut self, now: Tick, cost: u32) {
        if let Decision::Admit(usage) = self.window.check(&self.quota, now, cost) {
            self.log.admit(usage.at, cost);
            self.admitted += cost;
        }
        let used = self.exact.used(now, self.quota.window());
        if used + u64::from(cost) <= self.quota.units().into() {
            self.exact.admit(now, cost);
            self.exactly_admitted += cost;
        }
    }

    fn assert_never_over(&self) {
        let most = self.log.most_in_any(self.quota.window());
        assert!(most <= self.quota.units().into(), "{most}");
    }

    /// What the window lost against the exact log, in 10,000ths.
    fn lost(&self) -> u32 {
        10_000 * self.exactly_admitted.saturating_sub(self.admitted) / self.exactly_admitted
    }
}

#[test]
fn rule_1_boundary_burst_gets_the_quota_once_and_not_twice() {
    // The trace by which a fixed window and two counters admit up to twice the limit.
    for phase in 0..64 {
        let mut race = Race::new("100/60s");
        let boundary = 60 * SECOND + phase * SECOND;
        for call in 0..200 {
            race.ask(at(boundary - 100 + call), 1);
        }
        assert_eq!(race.admitted, 100);
        race.assert_never_over();
    }
}

#[test]
fn rule_1_a_burst_at_exactly_a_window_later_is_admitted_again() {
    let quota: Quota = "100/64s".parse().unwrap();
    let length = quota.window();
    let nano = Duration::from_nanos(1);
    // Slots are 2 s long; these instants are on the grid.
    for into in [0, SECOND / 2, SECOND] {
        let start = Tick::from_nanos(2_000 * SECOND + into);
        let mut window = Window::new();
        assert!(window.check(&quota, start, 100).is_admitted());
        let again = start.saturating_add(length);
        assert!(
            !window
                .check(&quota, again.saturating_sub(nano), 1)
                .is_admitted()
        );
        assert!(window.check(&quota, again, 100).is_admitted());
    }
    // Elsewhere it is later by less than a cell, even from the last one of a slot.
    for into in [1, SECOND + 1, 2 * SECOND - 1] {
        let start = Tick::from_nanos(2_000 * SECOND + into);
        let mut window = Window::new();
        let Decision::Admit(usage) = window.check(&quota, start, 100) else {
            panic!("a fresh window has room");
        };
        assert!(usage.reset_after >= length);
        assert!(usage.reset_after < length + Duration::from_secs(2) / 65_536);
        let again = start.saturating_add(usage.reset_after);
        assert!(
            !window
                .check(&quota, again.saturating_sub(nano), 1)
                .is_admitted()
        );
        assert!(window.check(&quota, again, 100).is_admitted());
    }
}

#[test]
fn rule_1_a_slot_counts_until_its_newest_admission_is_a_window_old() {
    let quota: Quota = "100/64s".parse().unwrap();
    let mut window = Window::new();
    // Both in the slot of 2 s that starts here.
    let first = Tick::from_nanos(2_000 * SECOND);
    let second = first.saturating_add(Duration::from_secs(1));
    assert!(window.check(&quota, first, 1).is_admitted());
    assert!(window.check(&quota, second, 99).is_admitted());
    let length = quota.window();
    let just_before = second.saturating_add(length - Duration::from_nanos(1));
    for now in [first.saturating_add(length), just_before] {
        assert_eq!(window.peek(&quota, now).used, 100);
        assert!(!window.check(&quota, now, 2).is_admitted());
    }
    let now = second.saturating_add(length);
    assert!(window.check(&quota, now, 100).is_admitted());
}

#[test]
fn rule_2_hammering_loses_nothing() {
    let mut race = Race::new("100/60s");
    for call in 0..60_000 {
        race.ask(at(call * 10_000_000), 1);
    }
    race.assert_never_over();
    assert_eq!(
        race.lost(),
        0,
        "{} {}",
        race.admitted,
        race.exactly_admitted
    );
}

#[test]
fn rule_2_even_load_at_exactly_the_limit_loses_at_most_one_slot_in_32() {
    for quota in ["100/60s", "1000/60s"] {
        let mut race = Race::new(quota);
        let apart = 60 * SECOND / u64::from(race.quota.units());
        for call in 0..u64::from(race.quota.units()) * 20 {
            race.ask(at(call * apart), 1);
        }
        race.assert_never_over();
        assert!(race.lost() <= 320, "{quota} {}", race.lost());
    }
}

#[test]
fn rule_2_mixed_costs_lose_no_more_than_even_load() {
    let mut race = Race::new("1000/60s");
    let costs = [1, 7, 30, 2, 90, 5, 1, 1, 250, 3];
    for call in 0..6_000_u64 {
        let cost = costs[usize::try_from(call % 10).unwrap()];
        race.ask(at(call * 100_000_000), cost);
    }
    race.assert_never_over();
    assert!(race.lost() <= 320, "{}", race.lost());
}

/// A job that spends its whole quota in a burst every window and waits for `Retry-After` when it is
/// refused. Returns by how many nanoseconds each burst is done later than under an exact log.
fn cron(quota: &Quota, between_calls: Duration, early_nanos: &[u64]) -> Vec<u64> {
    let window_nanos = u64::try_from(quota.window().as_nanos()).unwrap();
    let mut window = Window::new();
    let mut log = ExactLog::default();
    let (mut our_now, mut exact_now) = (at(0), at(0));
    let mut late = Vec::new();
    for (burst, early) in (0..).zip(early_nanos) {
        let begins = at(burst * window_nanos - early);
        our_now = our_now.max(begins);
        exact_now = exact_now.max(begins);
        for _ in 0..quota.units() {
            our_now = our_now.saturating_add(between_calls);
            while let Decision::Refuse { retry_after, .. } = window.check(quota, our_now, 1) {
                our_now = our_now.saturating_add(retry_after);
            }
            exact_now = exact_now.saturating_add(between_calls);
            exact_now = log.next_from(exact_now, quota.window(), quota.units());
            log.admit(exact_now, 1);
        }
        let nanos_late = our_now.saturating_since(exact_now).as_nanos();
        late.push(u64::try_from(nanos_late).unwrap());
    }
    late
}

#[test]
fn rule_2_a_cron_job_is_done_as_soon_as_with_the_exact_log() {
    let early = [
        0,
        50_000_000,
        0,
        900_000_000,
        20_000_000,
        5_000_000_000,
        1,
        0,
        300_000_000,
    ];
    for text in ["100/60s", "1000/60s", "10/1h"] {
        let quota: Quota = text.parse().unwrap();
        // A wait ends on the grid, and the calls of a burst come after it, not before.
        let cell = u64::try_from(quota.window().as_nanos()).unwrap() / 32 / 65_536 + 1;
        for between_calls in [0, 100_000] {
            let burst = between_calls * u64::from(quota.units());
            let late = cron(&quota, Duration::from_nanos(between_calls), &early);
            for (waits, late) in (1..).zip(late) {
                let most = waits * (cell + burst);
                assert!(late <= most, "{text} burst {waits}: {late} ns late");
            }
        }
    }
}

#[test]
fn rule_3_waiting_for_retry_after_once_is_enough_for_any_cost() {
    let quota: Quota = "50/10s".parse().unwrap();
    for cost in 1..=50 {
        let mut window = Window::new();
        let mut now = at(17);
        for call in 0..400 {
            now = now.saturating_add(Duration::from_millis(call % 37));
            if let Decision::Refuse { retry_after, .. } = window.check(&quota, now, cost) {
                now = now.saturating_add(retry_after);
                assert!(window.check(&quota, now, cost).is_admitted());
            }
        }
    }
}

#[test]
fn rule_4_a_cost_above_the_units_never_fits_and_a_cost_of_0_peeks() {
    let quota: Quota = "5/1s".parse().unwrap();
    let mut window = Window::new();
    assert_eq!(
        window.check(&quota, at(0), 6),
        Decision::NeverFits { limit: 5 }
    );
    assert!(window.check(&quota, at(0), 5).is_admitted());
    let Decision::Admit(usage) = window.check(&quota, at(1), 0) else {
        panic!("a peek is admitted");
    };
    assert_eq!((usage.limit, usage.used, usage.remaining), (5, 5, 0));
}

#[test]
fn rule_6_a_lowered_quota_admits_nothing_until_it_is_not_exceeded() {
    let (high, low): (Quota, Quota) = ("10/1s".parse().unwrap(), "3/1s".parse().unwrap());
    let mut window = Window::new();
    assert!(window.check(&high, at(0), 8).is_admitted());
    let Decision::Refuse { usage, retry_after } = window.check(&low, at(1), 1) else {
        panic!("8 of 3 are used");
    };
    assert_eq!((usage.limit, usage.used, usage.remaining), (3, 8, 0));
    assert!(
        window
            .check(&low, at(1).saturating_add(retry_after), 3)
            .is_admitted()
    );
    // Raised again, what was used in the meantime still counts.
    assert!(
        window
            .check(&high, at(1).saturating_add(retry_after), 7)
            .is_admitted()
    );
    assert!(
        !window
            .check(&high, at(1).saturating_add(retry_after), 1)
            .is_admitted()
    );
}

#[test]
fn rule_7_many_units_widen_a_window_and_few_narrow_it_again() {
    let (wide, narrow): (Quota, Quota) = ("200000/1s".parse().unwrap(), "9/1s".parse().unwrap());
    let mut window = Window::new();
    assert!(window.check(&wide, at(0), 65_535).is_admitted());
    assert!(window.check(&wide, at(1), 134_465).is_admitted());
    assert!(!window.check(&wide, at(2), 1).is_admitted());
    assert_eq!(window.peek(&narrow, at(3)).used, 200_000);
    assert!(!window.check(&narrow, at(3), 1).is_admitted());
    assert_eq!(window.peek(&wide, at(4)).remaining, 0);
    let idle = window.fresh_from(&wide);
    assert!(window.check(&narrow, idle, 9).is_admitted());
    assert_eq!(window.peek(&wide, idle).used, 9);
}

#[test]
fn rule_8_a_step_back_by_a_day_gives_no_second_quota() {
    let quota: Quota = "5/1h".parse().unwrap();
    let mut window = Window::new();
    let now = at(200_000 * SECOND);
    assert!(window.check(&quota, now, 5).is_admitted());
    let day_before = now.saturating_sub(Duration::from_secs(86_400));
    let Decision::Refuse { usage, retry_after } = window.check(&quota, day_before, 1) else {
        panic!("the quota is used up");
    };
    assert_eq!(usage.at, now);
    let admitted_at = day_before.saturating_add(retry_after);
    let just_before = admitted_at.saturating_sub(Duration::from_nanos(1));
    assert!(!window.check(&quota, just_before, 1).is_admitted());
    assert!(window.check(&quota, admitted_at, 1).is_admitted());
}

#[test]
fn a_reset_frees_the_quota_at_once() {
    let quota: Quota = "5/1h".parse().unwrap();
    let mut window = Window::new();
    assert!(window.check(&quota, at(0), 5).is_admitted());
    window.reset();
    assert!(window.is_fresh(&quota, at(0)));
    assert!(window.check(&quota, at(0), 5).is_admitted());
}

#[test]
fn a_refund_of_what_no_longer_counts_gives_nothing() {
    let quota: Quota = "5/1s".parse().unwrap();
    let mut window = Window::new();
    let Decision::Admit(first) = window.check(&quota, at(0), 5) else {
        panic!("a fresh window has room");
    };
    let later = at(2 * SECOND);
    assert!(window.check(&quota, later, 3).is_admitted());
    window.refund(&quota, first.at, 5);
    assert_eq!(window.peek(&quota, later).used, 3);
}
