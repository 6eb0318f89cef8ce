//! On partitions that exist nothing is allocated.

use std::{hint::black_box, sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, Tick};
use portcullis_limit::{Charge, Decision, Limiter, Limits, NamedQuota, RateText, Window};

#[test]
fn a_window_of_up_to_65535_units_allocates_nothing() {
    let quota = "65535/60s".parse().unwrap();
    let mut window = Window::new();
    let allocations = allocation_counter::measure(|| {
        for second in 0..180 {
            let now = Tick::from_nanos(second * 1_000_000_000);
            black_box(window.check(&quota, now, 30_000).is_admitted());
            window.refund(&quota, now, 1);
            black_box(window.peek(&quota, now));
        }
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn checks_and_peeks_of_an_existing_partition_allocate_nothing() {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let limiter: Limiter<String> = Limiter::new("3/60s".parse().unwrap(), shared);
    assert!(limiter.check("a", 1).is_admitted());
    let allocations = allocation_counter::measure(|| {
        assert!(limiter.check("a", 2).is_admitted());
        let Decision::Refuse { usage, .. } = limiter.check("a", 1) else {
            panic!("three are used");
        };
        assert!(matches!(
            limiter.check("a", 4),
            Decision::NeverFits { limit: 3 }
        ));
        assert_eq!(limiter.peek("a"), usage);
        black_box(RateText::new(&usage, clock.now()));
        limiter.refund("a", usage.at, 1);
        clock.advance(Duration::from_secs(61));
        assert!(limiter.check("a", 3).is_admitted());
        limiter.reset("a");
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn three_limits_at_once_on_existing_partitions_allocate_nothing() {
    let named = |name| NamedQuota::new(name, "2/60s".parse().unwrap()).unwrap();
    let quotas = ["key", "owner", "address"].map(named);
    let limits: Limits<String, 3> = Limits::new(quotas, ManualClock::new());
    let ask = || limits.check(["a", "b", "c"].map(|partition| Charge::new(partition, 1)));
    assert!(ask().decision.is_admitted());
    let allocations = allocation_counter::measure(|| {
        assert!(ask().decision.is_admitted());
        assert!(!ask().decision.is_admitted());
        black_box(limits.peek(["a", "b", "c"]));
        limits.reset(["a", "b", "c"]);
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn the_measure_sees_a_new_partition() {
    let limiter: Limiter<u64> = Limiter::new("3/60s".parse().unwrap(), ManualClock::new());
    let allocations = allocation_counter::measure(|| {
        assert!(limiter.check(&1, 1).is_admitted());
    });
    assert!(allocations.count_total > 0);
}
