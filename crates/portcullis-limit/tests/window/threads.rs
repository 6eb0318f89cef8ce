//! Rules 1 and 5 under threads: totals are exact.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use portcullis_core::{Clock, ManualClock, SystemClock};
use portcullis_limit::{Charge, Decision, Limiter, Limits, NamedQuota};

use crate::oracle::ExactLog;

const THREADS: u32 = 32;

fn on_all_threads(work: impl Fn(u32) + Sync) {
    let start = Barrier::new(THREADS.try_into().unwrap());
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(number);
            });
        }
    });
}

#[test]
fn rule_1_32_threads_on_one_partition_get_exactly_the_quota() {
    let limiter: Limiter<u8> = Limiter::new("10000/1h".parse().unwrap(), SystemClock::new());
    let admitted = AtomicU32::new(0);
    on_all_threads(|number| {
        for call in 0..1_000 {
            let cost = 1 + (number + call) % 3;
            if limiter.check(&0, cost).is_admitted() {
                admitted.fetch_add(cost, Ordering::Relaxed);
            }
        }
        while limiter.check(&0, 1).is_admitted() {
            admitted.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(admitted.into_inner(), 10_000);
    assert_eq!(limiter.peek(&0).used, 10_000);
}

#[test]
fn rule_1_holds_by_the_instants_of_the_decisions_while_the_clock_runs() {
    let limiter: Limiter<u8> = Limiter::new("100/2ms".parse().unwrap(), SystemClock::new());
    let log = Mutex::new(Vec::new());
    on_all_threads(|_| {
        let mut admitted = Vec::new();
        for _ in 0..1_000 {
            if let Decision::Admit(usage) = limiter.check(&0, 1) {
                admitted.push(usage.at);
            }
            thread::yield_now();
        }
        log.lock().unwrap().extend(admitted);
    });
    let mut exact = ExactLog::default();
    let mut admitted = log.into_inner().unwrap();
    admitted.sort_unstable();
    assert!(admitted.len() >= 100);
    for at in admitted {
        exact.admit(at, 1);
    }
    assert!(exact.most_in_any(Duration::from_millis(2)) <= 100);
}

#[test]
fn rule_5_32_threads_on_three_limits_are_charged_all_or_none() {
    let clock: Arc<dyn Clock> = ManualClock::new();
    let limits: Limits<u32, 3> = Limits::new(
        [
            NamedQuota::new("key", "300/1h".parse().unwrap()).unwrap(),
            NamedQuota::new("owner", "1500/1h".parse().unwrap()).unwrap(),
            NamedQuota::new("all", "4000/1h".parse().unwrap()).unwrap(),
        ],
        clock,
    );
    // 16 keys of 4 owners: the owners' 6,000 are above the 4,000 of all, the keys' 4,800 too.
    let admitted: Vec<AtomicU32> = (0..16).map(|_| AtomicU32::new(0)).collect();
    on_all_threads(|number| {
        for call in 0..2_000 {
            let key = (number * 7 + call) % 16;
            let owner = key % 4;
            let charges = [(key, 1), (owner, 1), (0, 1)];
            let charges = charges
                .each_ref()
                .map(|(partition, cost)| Charge::new(partition, *cost));
            if limits.check(charges).decision.is_admitted() {
                let key = usize::try_from(key).unwrap();
                admitted[key].fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let by_key: Vec<u32> = admitted
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect();
    assert_eq!(by_key.iter().sum::<u32>(), 4_000);
    for (key, count) in (0_u32..).zip(&by_key) {
        let usages = limits.peek([&key, &(key % 4), &0]);
        assert_eq!(usages[0].used, *count);
        let owner = usize::try_from(key % 4).unwrap();
        let of_owner: u32 = by_key.iter().skip(owner).step_by(4).sum();
        assert_eq!(usages[1].used, of_owner);
        assert_eq!(usages[2].used, 4_000);
    }
}

#[test]
fn rule_7_32_threads_at_the_cap_keep_the_count_right() {
    let limiter: Limiter<u32> = Limiter::new("3/1ms".parse().unwrap(), SystemClock::new());
    let limiter = limiter.with_capacity(700);
    on_all_threads(|number| {
        for call in 0..2_000 {
            let _ = limiter.check(&(number * 37 + call * 11 % 5_000), 1);
            assert!(limiter.len() <= 700);
        }
    });
}

#[test]
fn rule_1_holds_for_each_partition_while_32_threads_fight_for_room_at_the_cap() {
    // Two shards, and a few more partitions than there is room for.
    const PARTITIONS: u32 = 2_200;
    let limiter: Limiter<u32> = Limiter::new("2/1ms".parse().unwrap(), SystemClock::new());
    let limiter = limiter.with_capacity(2_048);
    let all = Mutex::new(Vec::new());
    on_all_threads(|number| {
        let mut admitted = Vec::new();
        for call in 0..4_000 {
            let partition = (number * 131 + call * 7 % 2_203) % PARTITIONS;
            if let Decision::Admit(usage) = limiter.check(&partition, 1) {
                admitted.push((partition, usage.at));
            }
        }
        all.lock().unwrap().extend(admitted);
    });
    let mut admitted = all.into_inner().unwrap();
    admitted.sort_unstable();
    assert!(admitted.len() >= 2_000, "{}", admitted.len());
    for of_one in admitted.chunk_by(|(one, _), (other, _)| one == other) {
        let mut exact = ExactLog::default();
        for (_, at) in of_one {
            exact.admit(*at, 1);
        }
        assert!(exact.most_in_any(Duration::from_millis(1)) <= 2);
    }
}

#[test]
fn rule_6_a_quota_that_changes_under_32_threads_is_held_by_all_of_them_afterwards() {
    let clock: Arc<dyn Clock> = ManualClock::new();
    let quota = |text: &str| text.parse().unwrap();
    let limits: Limits<u32, 2> = Limits::new(
        [
            NamedQuota::new("key", quota("50/1h")).unwrap(),
            NamedQuota::new("all", quota("70000/1h")).unwrap(),
        ],
        clock,
    );
    on_all_threads(|number| {
        for call in 0..400 {
            if number == 0 {
                let units = if call % 2 == 0 { "40/1h" } else { "50/1h@8" };
                assert!(limits.set_quota("key", quota(units)));
                assert!(limits.set_quota(
                    "all",
                    quota(if call % 2 == 0 { "60/1h" } else { "90000/1h" })
                ));
            }
            let key = (number + call) % 64;
            let _ = limits.check([Charge::new(&key, 1), Charge::new(&0, 1)]);
        }
    });
    assert!(limits.set_quota("key", quota("60/1h")));
    assert!(limits.set_quota("all", quota("100000/1h")));
    let used = |key: u32| limits.peek([&key, &0]).map(|usage| usage.used);
    let sum: u32 = (0..64).map(|key| used(key)[0]).sum();
    assert_eq!(used(0)[1], sum);
    on_all_threads(|_| {
        for call in 0..64 * 60 {
            let _ = limits.check([Charge::new(&(call % 64), 1), Charge::new(&0, 1)]);
        }
    });
    for key in 0..64 {
        assert_eq!(used(key), [60, 64 * 60], "{key}");
    }
}
