//! Rule 7: many partitions, bounded memory.

use std::{collections::HashMap, sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, SystemClock, Tick};
use portcullis_limit::{Decision, Limiter, Mode, Quota};
use proptest::prelude::*;

use crate::oracle::ExactLog;

fn limiter(quota: &str, capacity: usize) -> (Limiter<u32>, Arc<ManualClock>) {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let quota: Quota = quota.parse().unwrap();
    (Limiter::new(quota, shared).with_capacity(capacity), clock)
}

#[test]
fn rule_7_partitions_are_counted_apart_up_to_the_cap() {
    for capacity in [1, 2, 100, 5_000] {
        let (limiter, _) = limiter("1/1s", capacity);
        for partition in 0..u32::try_from(capacity).unwrap() {
            assert!(limiter.check(&partition, 1).is_admitted(), "{partition}");
            assert!(!limiter.check(&partition, 1).is_admitted(), "{partition}");
        }
        assert_eq!(limiter.len(), capacity);
    }
}

#[test]
fn rule_7_newcomers_at_the_cap_share_one_overflow_window() {
    let (limiter, _) = limiter("3/1s", 100);
    for partition in 0..100 {
        assert!(limiter.check(&partition, 1).is_admitted());
    }
    for newcomer in 100..103 {
        assert!(limiter.check(&newcomer, 1).is_admitted());
    }
    assert!(!limiter.check(&103, 1).is_admitted());
    assert_eq!(limiter.peek(&104).remaining, 0);
    assert_eq!(limiter.len(), 100);
    // Those who were there keep their own windows.
    assert_eq!(limiter.peek(&7).remaining, 2);
    assert!(limiter.check(&7, 2).is_admitted());
}

#[test]
fn rule_7_a_window_made_later_starts_as_a_copy_of_the_overflow_window() {
    let (limiter, clock) = limiter("3/1s", 2);
    assert!(limiter.check(&0, 1).is_admitted());
    clock.advance(Duration::from_millis(500));
    assert!(limiter.check(&1, 1).is_admitted());
    assert!(limiter.check(&2, 2).is_admitted());
    // Partition 0 becomes idle and makes room.
    clock.advance(Duration::from_millis(501));
    assert_eq!(limiter.peek(&2).used, 2);
    assert!(!limiter.check(&2, 2).is_admitted());
    assert!(limiter.check(&2, 1).is_admitted());
    assert_eq!(limiter.len(), 2);
    // Once the overflow window is idle, a newcomer starts fresh.
    clock.advance(Duration::from_secs(2));
    assert_eq!(limiter.peek(&9).used, 0);
    assert!(limiter.check(&9, 3).is_admitted());
}

#[test]
fn rule_7_only_idle_windows_are_dropped() {
    let (limiter, clock) = limiter("2/10s", 100);
    for partition in 0..100 {
        assert!(limiter.check(&partition, 1).is_admitted());
    }
    clock.advance(Duration::from_secs(9));
    // All but partition 13 are kept busy.
    for partition in (0..100).filter(|partition| *partition != 13) {
        assert!(limiter.check(&partition, 1).is_admitted());
    }
    clock.advance(Duration::from_secs(2));
    assert!(limiter.check(&1_000, 2).is_admitted());
    assert!(limiter.check(&1_001, 2).is_admitted());
    assert!(!limiter.check(&1_002, 1).is_admitted());
    for partition in (0..100).filter(|partition| *partition != 13) {
        assert_eq!(limiter.peek(&partition).used, 1, "{partition}");
    }
    assert_eq!(limiter.len(), 100);
}

#[test]
fn rule_7_calls_of_others_sweep_idle_windows() {
    let (limiter, clock) = limiter("5/1s", 200);
    for partition in 0..200 {
        assert!(limiter.check(&partition, 1).is_admitted());
    }
    clock.advance(Duration::from_secs(2));
    for _ in 0..20_000 {
        let _ = limiter.check(&0, 1);
    }
    assert_eq!(limiter.len(), 1);
    assert_eq!(limiter.peek(&0).remaining, 0);
}

#[test]
fn rule_7_a_flood_of_partitions_never_exceeds_the_cap() {
    let (limiter, clock) = limiter("5/1s", 10_000);
    let mut most = 0;
    for partition in 0..300_000 {
        if partition % 100 == 0 {
            clock.advance(Duration::from_millis(1));
        }
        let _ = limiter.check(&partition, 1);
        most = most.max(limiter.len());
    }
    assert!(most <= 10_000);
    assert!(most > 5_000, "{most}");
}

#[test]
fn rule_7_what_charges_nothing_makes_no_window() {
    let (limiter, _) = limiter("5/1s", 10);
    assert!(limiter.check(&1, 0).is_admitted());
    assert_eq!(limiter.check(&2, 6), Decision::NeverFits { limit: 5 });
    assert_eq!(limiter.peek(&3).remaining, 5);
    assert!(limiter.is_empty());
}

#[test]
fn rule_8_a_partition_that_was_dropped_gets_no_second_quota_by_a_step_back() {
    let (limiter, clock) = limiter("1/10s", 1);
    assert!(limiter.check(&1, 1).is_admitted());
    let first = clock.tick();
    clock.advance(Duration::from_secs(20));
    // Drops partition 1 and takes its place, and then gives it up.
    assert!(limiter.check(&2, 1).is_admitted());
    limiter.reset(&2);
    clock.set_tick(first.saturating_add(Duration::from_secs(5)));
    let Decision::Admit(usage) = limiter.check(&1, 1) else {
        panic!("20 s after the first");
    };
    assert_eq!(usage.at, first.saturating_add(Duration::from_secs(20)));
    assert_eq!(limiter.len(), 1);
}

#[test]
fn rule_6_a_quota_changes_live_for_every_partition() {
    let (limiter, clock) = limiter("2/10s", 100);
    for partition in 0..50 {
        assert!(limiter.check(&partition, 2).is_admitted());
        assert!(!limiter.check(&partition, 1).is_admitted());
    }
    limiter.set_quota("3/10s".parse().unwrap());
    assert_eq!(limiter.quota().units(), 3);
    for partition in 0..50 {
        assert!(limiter.check(&partition, 1).is_admitted());
        assert!(!limiter.check(&partition, 1).is_admitted());
    }
    limiter.set_quota("1/1s".parse().unwrap());
    assert_eq!(limiter.peek(&1).used, 3);
    clock.advance(Duration::from_millis(1_001));
    assert!(limiter.check(&1, 1).is_admitted());
}

#[test]
fn refund_and_reset_reach_the_partition_and_no_other() {
    let (limiter, _) = limiter("2/10s", 10);
    let Decision::Admit(usage) = limiter.check(&1, 2) else {
        panic!("fresh");
    };
    assert!(limiter.check(&2, 2).is_admitted());
    limiter.refund(&1, usage.at, 1);
    limiter.refund(&3, usage.at, 1);
    assert_eq!((limiter.peek(&1).used, limiter.peek(&2).used), (1, 2));
    limiter.reset(&2);
    assert_eq!((limiter.peek(&1).used, limiter.peek(&2).used), (1, 0));
}

#[test]
fn a_shadow_decides_and_reports_and_never_refuses() {
    let (limiter, _) = limiter("2/10s", 10);
    let limiter = limiter.with_mode(Mode::Shadow);
    assert!(limiter.check(&1, 2).is_admitted());
    let Decision::Admit(usage) = limiter.check(&1, 1) else {
        panic!("a shadow never refuses");
    };
    assert_eq!((usage.used, usage.remaining), (2, 0));
    assert!(limiter.check(&1, 3).is_admitted());
    assert_eq!(limiter.shadowed(), 2);
}

#[test]
fn a_partition_is_found_by_its_borrowed_form() {
    let quota: Quota = "2/1h".parse().unwrap();
    let limiter: Limiter<String> = Limiter::new(quota, SystemClock::new());
    assert!(limiter.check("a", 2).is_admitted());
    assert!(!limiter.check(&"a".to_owned(), 1).is_admitted());
    assert!(format!("{limiter:?}").contains("len: 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The cap is far too small, so that windows are dropped, made again, and shared all the time.
    #[test]
    fn rule_1_holds_for_each_partition_at_the_cap(
        calls in prop::collection::vec((0_u32..9, 1_u32..4, 0_u64..700, 0_u8..20), 1..300),
    ) {
        let (limiter, clock) = limiter("5/1s", 3);
        let mut logs: HashMap<u32, ExactLog> = HashMap::new();
        for (partition, cost, millis, back) in calls {
            if back == 0 {
                clock.set_tick(clock.tick().saturating_sub(Duration::from_millis(millis * 3)));
            } else {
                clock.advance(Duration::from_millis(millis / 4));
            }
            if let Decision::Admit(usage) = limiter.check(&partition, cost) {
                logs.entry(partition).or_default().admit(usage.at, cost);
            }
            prop_assert!(limiter.len() <= 3);
        }
        for log in logs.values() {
            prop_assert!(log.most_in_any(Duration::from_secs(1)) <= 5);
        }
    }

    #[test]
    fn a_limiter_below_its_cap_decides_like_a_window_per_partition(
        calls in prop::collection::vec((0_u32..40, 0_u32..7, 0_u64..200), 1..300),
    ) {
        let (limiter, clock) = limiter("5/1s", 100);
        let quota = limiter.quota();
        let mut windows = HashMap::new();
        for (partition, cost, millis) in calls {
            clock.advance(Duration::from_millis(millis / 4));
            let window = windows.entry(partition).or_insert_with(portcullis_limit::Window::new);
            let now: Tick = clock.tick();
            prop_assert_eq!(limiter.check(&partition, cost), window.check(&quota, now, cost));
        }
    }
}
