//! Rules 1, 7 and 8 under floods of partitions and clocks that step while the table is full.

use std::{sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, Timestamp};
use portcullis_limit::{Charge, Decision, Limiter, Limits, Mode, NamedQuota, Quota, Window};

use crate::oracle::ExactLog;

const SECOND: Duration = Duration::from_secs(1);

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

fn clock() -> (Arc<ManualClock>, Arc<dyn Clock>) {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    (clock, shared)
}

#[test]
fn rule_8_a_step_of_the_wall_clock_moves_no_window() {
    let (clock, shared) = clock();
    let limiter: Limiter<u8> = Limiter::new(quota("2/60s"), shared);
    assert!(limiter.check(&1, 2).is_admitted());
    let before = limiter.peek(&1);
    for seconds in [0, 86_400, 1_767_225_600, 4_000_000_000] {
        clock.set_now(Timestamp::from_unix_seconds(seconds));
        assert_eq!(limiter.peek(&1), before);
        assert!(!limiter.check(&1, 1).is_admitted());
    }
}

#[test]
fn rule_8_an_empty_window_that_saw_a_later_instant_is_not_yet_fresh() {
    let quota = quota("5/1s");
    let (clock, _) = clock();
    let first = clock.tick();
    let mut window = Window::new();
    assert!(window.check(&quota, first, 5).is_admitted());
    // Two seconds later a call only looks; then the clock steps back.
    let later = first.saturating_add(SECOND * 2);
    assert_eq!(window.check(&quota, later, 0).usage().unwrap().used, 0);
    assert!(!window.is_fresh(&quota, first));
    assert!(window.is_fresh(&quota, later));
    assert_eq!(window.fresh_from(&quota), later);
}

/// A check that another limit refuses tells the overflow window of this one the time, and empties
/// it. For whoever is charged there, time must not run backwards after that.
#[test]
fn rule_1_holds_after_a_refused_check_has_emptied_the_overflow_window() {
    // Far more shards than a newcomer searches for room: the victim's sees the clock less often.
    const CAPACITY: u32 = 1_024 * 16;
    let (clock, shared) = clock();
    let limits: Limits<u32, 2> = Limits::new(
        [
            NamedQuota::new("key", quota("8/10s")).unwrap(),
            NamedQuota::new("owner", quota("100000/1h")).unwrap(),
        ],
        shared,
    )
    .with_capacity(CAPACITY.try_into().unwrap());
    let check = |key: u32, owner: u32| limits.check([Charge::new(&key, 1), Charge::new(&owner, 1)]);
    let start = clock.tick();
    let used_up = [Charge::new(&0, 0), Charge::new(&1, 100_000)];
    assert!(limits.check(used_up).decision.is_admitted());
    for key in 0..CAPACITY {
        assert!(check(key, 0).decision.is_admitted());
    }
    let mut victims: Vec<(u32, ExactLog)> = Vec::new();
    for victim in CAPACITY..CAPACITY + 8 {
        let Decision::Admit(usage) = check(victim, victim).decision else {
            panic!("the overflow window has room");
        };
        let mut log = ExactLog::default();
        log.admit(usage.at, 1);
        victims.push((victim, log));
    }
    // The others are kept busy, so that the table stays full.
    clock.advance(SECOND * 5);
    for key in 0..CAPACITY {
        assert!(check(key, 0).decision.is_admitted());
    }
    clock.advance(SECOND * 6);
    // A newcomer is refused by the limit of its owner.
    let newcomer = CAPACITY + 8;
    assert!(!check(newcomer, 1).decision.is_admitted());
    // The clock steps back to when the others were last seen, and there is room.
    clock.set_tick(start.saturating_add(SECOND * 5));
    for key in 0..CAPACITY {
        limits.reset([&key, &1]);
    }
    for (victim, log) in &mut victims {
        for _ in 0..20 {
            if let Decision::Admit(usage) = check(*victim, *victim).decision {
                log.admit(usage.at, 1);
            }
        }
        assert!(log.most_in_any(SECOND * 10) <= 8);
    }
}

#[test]
fn rule_7_a_flood_at_the_cap_takes_nothing_from_those_who_were_there() {
    let (clock, shared) = clock();
    let limiter: Limiter<u32> = Limiter::new(quota("20/10s"), shared).with_capacity(300);
    let mut admitted_to_flood = 0;
    for second in 0..60_u32 {
        // The regulars use half of their quota.
        for regular in 0..300 {
            assert!(limiter.check(&regular, 1).is_admitted(), "{second}");
        }
        for newcomer in 0..2_000 {
            let newcomer = 1_000 + second * 2_000 + newcomer;
            admitted_to_flood += u32::from(limiter.check(&newcomer, 1).is_admitted());
            assert!(limiter.len() <= 300);
        }
        clock.advance(SECOND);
    }
    // All of the flood together had one quota in each of 6 windows.
    assert!(
        (101..=120).contains(&admitted_to_flood),
        "{admitted_to_flood}"
    );
}

#[test]
fn rule_7_a_flood_that_ends_leaves_no_trace_once_its_windows_are_idle() {
    let (clock, shared) = clock();
    let limiter: Limiter<u32> = Limiter::new(quota("3/1s"), shared).with_capacity(1_000);
    for flood in 0..50_000 {
        let _ = limiter.check(&flood, 3);
    }
    assert_eq!(limiter.len(), 1_000);
    assert!(!limiter.check(&50_001, 1).is_admitted());
    clock.advance(SECOND * 3);
    for partition in 60_000..60_900 {
        assert!(limiter.check(&partition, 3).is_admitted(), "{partition}");
        assert!(!limiter.check(&partition, 1).is_admitted(), "{partition}");
    }
}

#[test]
fn a_shadow_at_the_cap_never_refuses_either() {
    let (_, shared) = clock();
    let limiter: Limiter<u32> = Limiter::new(quota("1/1s"), shared).with_capacity(1);
    let limiter = limiter.with_mode(Mode::Shadow);
    for partition in 0..50 {
        assert!(limiter.check(&partition, 1).is_admitted());
    }
    // The first had its own window, the second the overflow window.
    assert_eq!(limiter.shadowed(), 48);
    assert_eq!(limiter.len(), 1);
}

/// The shards of one limit may have seen a later instant than those of another. What is decided at
/// it, the dropping of idle windows too, is seen by all of them.
#[test]
fn rule_1_holds_for_partitions_that_are_dropped_at_the_instant_of_another_limit() {
    let (clock, shared) = clock();
    let limits: Limits<u32, 2> = Limits::new(
        [
            NamedQuota::new("key", quota("5/10s")).unwrap(),
            NamedQuota::new("owner", quota("100000/1h")).unwrap(),
        ],
        shared,
    );
    let check = |key: u32, cost: u32, owner: u32| {
        limits.check([Charge::new(&key, cost), Charge::new(&owner, 1)])
    };
    let start = clock.tick();
    let mut logs = Vec::new();
    for key in 0..200 {
        let Decision::Admit(usage) = check(key, 5, key).decision else {
            panic!("a fresh window has room");
        };
        let mut log = ExactLog::default();
        log.admit(usage.at, 5);
        logs.push(log);
    }
    // One key and one owner see a later instant, and the clock steps back.
    clock.advance(SECOND * 11);
    assert!(check(1_000, 1, 1_000).decision.is_admitted());
    clock.set_tick(start.saturating_add(SECOND));
    for key in 0..20_000 {
        let _ = check(key + 2_000, 0, 1_000);
    }
    for (key, log) in (0..200).zip(&mut logs) {
        if let Decision::Admit(usage) = check(key, 5, key).decision {
            log.admit(usage.at, 5);
        }
        assert!(log.most_in_any(SECOND * 10) <= 5, "{key}");
    }
}

#[test]
fn rule_6_a_refund_of_what_a_shorter_window_forgot_takes_nothing_from_others() {
    let (clock, shared) = clock();
    let limiter: Limiter<u8> = Limiter::new(quota("5/1s"), shared);
    let Decision::Admit(first) = limiter.check(&1, 5) else {
        panic!("fresh");
    };
    clock.advance(SECOND * 2);
    assert!(limiter.check(&1, 5).is_admitted());
    limiter.set_quota(quota("5/10s"));
    limiter.refund(&1, first.at, 5);
    assert_eq!(limiter.peek(&1).used, 5);
    assert!(!limiter.check(&1, 1).is_admitted());
}
