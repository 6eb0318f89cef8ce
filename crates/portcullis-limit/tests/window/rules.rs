//! The numbered rules of the window, on random traces against an exact log.

use std::time::Duration;

use crate::oracle::ExactLog;
use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Window};
use proptest::prelude::*;

const DAY: u64 = 86_400_000_000_000;
const YEAR: u64 = 365 * DAY;
/// Where the clock stands when a trace begins, so that it can step back.
const START: u64 = 3 * YEAR;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The clock goes on by so many 1,024ths of a window.
    Go(u64),
    /// The clock goes on by so many nanoseconds.
    Idle(u64),
    /// The clock steps back by so many nanoseconds.
    Back(u64),
    /// So many 256ths of the units are asked for (and at least 1).
    Ask(u32),
    /// One unit is asked for so many times.
    Hammer(u32),
    Peek,
}

fn go() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..100).prop_map(Step::Go),
        2 => (0_u64..2_100).prop_map(Step::Go),
        1 => (0_u64..3).prop_map(Step::Idle),
    ]
}

fn ask() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u32..40).prop_map(Step::Ask),
        1 => (0_u32..300).prop_map(Step::Ask),
        2 => (1_u32..40).prop_map(Step::Hammer),
        1 => Just(Step::Peek),
    ]
}

fn monotone_trace() -> impl Strategy<Value = Vec<Step>> {
    let idle = (0_u64..5 * YEAR).prop_map(Step::Idle);
    prop::collection::vec(prop_oneof![8 => go(), 10 => ask(), 1 => idle], 1..150)
}

fn any_trace() -> impl Strategy<Value = Vec<Step>> {
    let back = prop_oneof![
        (0_u64..DAY).prop_map(Step::Back),
        (0_u64..5_000).prop_map(Step::Back)
    ];
    let idle = prop_oneof![0_u64..DAY, 0_u64..5 * YEAR].prop_map(Step::Idle);
    prop::collection::vec(
        prop_oneof![9 => go(), 12 => ask(), 1 => idle, 2 => back],
        1..150,
    )
}

fn quota() -> impl Strategy<Value = Quota> {
    let units = prop_oneof![1_u32..12, 1_u32..1_000, 60_000_u32..70_000, Just(u32::MAX)];
    let window = prop_oneof![
        1_u64..200,
        1_000_u64..1_000_000,
        1_000_000_000_u64..100_000_000_000,
        Just(60_000_000_000),
        DAY..30 * DAY,
    ];
    let resolution = prop_oneof![3 => Just(32_u8), 1 => 1_u8..=32];
    (units, window, resolution).prop_map(|(units, window, resolution)| {
        let quota = Quota::new(units, Duration::from_nanos(window)).unwrap();
        quota.with_resolution(resolution).unwrap()
    })
}

/// What a driven window was asked at, asked for, and answered.
#[derive(Clone, Copy)]
struct Call {
    raw: Tick,
    cost: u32,
}

/// Turns a trace into calls: reads of the clock and costs.
fn calls(quota: &Quota, trace: &[Step]) -> Vec<Call> {
    let mut raw = START;
    let window = u64::try_from(quota.window().as_nanos()).unwrap();
    let mut calls = Vec::new();
    for step in trace {
        let raw_tick = Tick::from_nanos(raw);
        let mut ask = |cost| {
            calls.push(Call {
                raw: raw_tick,
                cost,
            });
        };
        match *step {
            Step::Go(parts) => {
                raw += u64::try_from(u128::from(window) * u128::from(parts) / 1_024).unwrap();
            }
            Step::Idle(nanos) => raw += nanos,
            Step::Back(nanos) => raw = raw.saturating_sub(nanos),
            Step::Ask(parts) => {
                let cost = u64::from(quota.units()) * u64::from(parts) / 256;
                ask(u32::try_from(cost).unwrap_or(u32::MAX).max(1));
            }
            Step::Hammer(times) => (0..times).for_each(|_| ask(1)),
            Step::Peek => ask(0),
        }
    }
    calls
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn rule_1_never_over_in_any_window(quota in quota(), trace in any_trace()) {
        let (mut window, mut log) = (Window::new(), ExactLog::default());
        for Call { raw, cost } in calls(&quota, &trace) {
            if let Decision::Admit(usage) = window.check(&quota, raw, cost) {
                log.admit(usage.at, cost);
                let used = log.used(usage.at, quota.window());
                prop_assert!(used <= quota.units().into());
                prop_assert!(u64::from(usage.used) >= used);
            }
        }
        prop_assert!(log.most_in_any(quota.window()) <= quota.units().into());
    }

    #[test]
    fn rule_2_refuses_only_when_a_slightly_longer_window_is_full(
        quota in quota(),
        trace in any_trace(),
    ) {
        let (mut window, mut log) = (Window::new(), ExactLog::default());
        for Call { raw, cost } in calls(&quota, &trace) {
            let units = u64::from(quota.units());
            match window.check(&quota, raw, cost) {
                Decision::Admit(usage) => log.admit(usage.at, cost),
                Decision::Refuse { usage, .. } => {
                    let (length, slots) = (quota.window(), quota.resolution());
                    let used = log.used_in_slightly_longer(usage.at, length, slots);
                    prop_assert!(used + u64::from(cost) > units);
                    prop_assert!(u64::from(usage.used) <= used);
                }
                Decision::NeverFits { limit } => {
                    prop_assert_eq!(limit, quota.units());
                    prop_assert!(cost > limit);
                }
            }
        }
    }

    #[test]
    fn rule_3_refused_just_before_retry_after_and_admitted_at_it(
        quotas in prop::collection::vec(quota(), 1..4),
        trace in any_trace(),
    ) {
        let mut window = Window::new();
        for (count, Call { raw, cost }) in calls(&quotas[0], &trace).into_iter().enumerate() {
            let quota = &quotas[(count / 20) % quotas.len()];
            if let Decision::Refuse { retry_after, .. } = window.check(quota, raw, cost) {
                prop_assert!(!retry_after.is_zero());
                let at = raw.saturating_add(retry_after);
                let before = at.saturating_sub(Duration::from_nanos(1));
                prop_assert!(!window.clone().check(quota, before, cost).is_admitted());
                prop_assert!(window.clone().check(quota, at, cost).is_admitted());
            }
        }
    }

    #[test]
    fn rule_3_the_reset_is_when_the_whole_quota_is_free_and_not_before(
        quota in quota(),
        trace in any_trace(),
    ) {
        let mut window = Window::new();
        for Call { raw, cost } in calls(&quota, &trace) {
            if let Some(usage) = window.check(&quota, raw, cost).usage() {
                prop_assert_eq!(usage, window.peek(&quota, raw));
                prop_assert_eq!(usage.used == 0, usage.reset_after.is_zero());
                prop_assert!(usage.more_after <= usage.reset_after);
                if usage.used > 0 {
                    let nano = Duration::from_nanos(1);
                    let reset = raw.saturating_add(usage.reset_after);
                    prop_assert!(window.peek(&quota, reset.saturating_sub(nano)).used > 0);
                    prop_assert_eq!(window.peek(&quota, reset).remaining, quota.units());
                    prop_assert!(window.is_fresh(&quota, reset));
                    prop_assert!(!window.is_fresh(&quota, reset.saturating_sub(nano)));
                    let more = raw.saturating_add(usage.more_after);
                    let just_before = window.peek(&quota, more.saturating_sub(nano));
                    prop_assert_eq!(just_before.used, usage.used);
                    prop_assert!(window.peek(&quota, more).used < usage.used);
                }
            }
        }
    }

    #[test]
    fn rule_4_a_refused_call_consumes_nothing(quota in quota(), trace in monotone_trace()) {
        let (mut asked, mut spared) = (Window::new(), Window::new());
        for Call { raw, cost } in calls(&quota, &trace) {
            let before = asked.peek(&quota, raw);
            let decision = asked.check(&quota, raw, cost);
            if decision.is_admitted() && cost > 0 {
                // The twin is asked only for what is admitted.
                prop_assert_eq!(spared.check(&quota, raw, cost), decision);
            } else {
                prop_assert_eq!(asked.peek(&quota, raw), before);
                prop_assert_eq!(spared.peek(&quota, raw), before);
            }
        }
    }

    #[test]
    fn rule_6_a_changed_quota_keeps_what_was_used(
        quotas in prop::collection::vec(quota(), 2..5),
        trace in any_trace(),
        period in 1_usize..30,
    ) {
        let (mut window, mut log) = (Window::new(), ExactLog::default());
        // What a shorter window has dropped, a longer one can't recall.
        let mut forgotten = 0_u64;
        let mut latest = 0_u64;
        for (count, Call { raw, cost }) in calls(&quotas[0], &trace).into_iter().enumerate() {
            let quota = &quotas[(count / period) % quotas.len()];
            let decision = window.check(quota, raw, cost);
            let Some(usage) = decision.usage() else { continue };
            latest = latest.max(raw.nanos());
            prop_assert_eq!(usage.at.nanos(), latest);
            if decision.is_admitted() {
                log.admit(usage.at, cost);
            }
            let length = u64::try_from(quota.window().as_nanos()).unwrap();
            let used = log.used_after(usage.at, quota.window(), forgotten);
            prop_assert!(u64::from(usage.used) >= used);
            if decision.is_admitted() && cost > 0 {
                prop_assert!(used <= quota.units().into());
            }
            forgotten = forgotten.max(latest.saturating_sub(length));
        }
    }

    #[test]
    fn rule_6_an_idle_window_equals_a_fresh_one(
        first in quota(),
        second in quota(),
        before in monotone_trace(),
        after in monotone_trace(),
    ) {
        let mut used = Window::new();
        let mut end = START;
        for Call { raw, cost } in calls(&first, &before) {
            let _ = used.check(&first, raw, cost);
            end = raw.nanos();
        }
        let idle_until = used.fresh_from(&first).max(Tick::from_nanos(end));
        prop_assert!(used.is_fresh(&first, idle_until));
        if first.window() >= second.window() {
            prop_assert!(used.is_fresh(&second, idle_until));
        }
        let mut fresh = Window::new();
        let shift = idle_until.nanos() - START;
        for Call { raw, cost } in calls(&first, &after) {
            let raw = Tick::from_nanos(raw.nanos() + shift);
            prop_assert_eq!(used.check(&first, raw, cost), fresh.check(&first, raw, cost));
        }
    }

    #[test]
    fn rule_6_no_instant_and_no_cost_overflows(
        quotas in prop::collection::vec(quota(), 1..4),
        asks in prop::collection::vec((any::<u64>(), any::<u32>(), 0_u8..4), 1..60),
    ) {
        let longest = Quota::new(u32::MAX, Quota::MAX_WINDOW).unwrap();
        let shortest = Quota::new(1, Duration::from_nanos(1)).unwrap();
        let mut window = Window::new();
        for (instant, cost, which) in asks {
            let instant = match which {
                0 => instant,
                1 => u64::MAX - instant % 1_000,
                2 => instant % 1_000,
                _ => instant % (100 * YEAR),
            };
            for quota in quotas.iter().chain([&longest, &shortest]) {
                let now = Tick::from_nanos(instant);
                if let Some(usage) = window.check(quota, now, cost).usage() {
                    prop_assert_eq!(window.peek(quota, now).used, usage.used);
                    window.refund(quota, usage.at, cost / 2);
                }
            }
        }
    }

    #[test]
    fn rule_8_time_never_runs_backwards_inside_a_window(
        quota in quota(),
        trace in any_trace(),
    ) {
        let mut window = Window::new();
        let mut latest = Tick::ZERO;
        for Call { raw, cost } in calls(&quota, &trace) {
            if let Some(usage) = window.check(&quota, raw, cost).usage() {
                latest = latest.max(raw);
                prop_assert_eq!(usage.at, latest);
            }
        }
    }

    #[test]
    fn a_refund_gives_back_what_was_charged_and_no_more(
        quota in quota(),
        trace in any_trace(),
        every in 1_usize..5,
    ) {
        let (mut window, mut log) = (Window::new(), ExactLog::default());
        for (count, Call { raw, cost }) in calls(&quota, &trace).into_iter().enumerate() {
            if let Decision::Admit(usage) = window.check(&quota, raw, cost) {
                if count % every == 0 {
                    window.refund(&quota, usage.at, cost);
                    prop_assert_eq!(window.peek(&quota, raw).used, usage.used - cost);
                } else {
                    log.admit(usage.at, cost);
                    prop_assert!(u64::from(usage.used) >= log.used(usage.at, quota.window()));
                }
            }
        }
        prop_assert!(log.most_in_any(quota.window()) <= quota.units().into());
    }
}
