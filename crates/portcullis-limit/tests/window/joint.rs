//! Rule 5: several limits on one request are charged all or none.

use std::{sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, Tick};
use portcullis_limit::{
    Charge, Decision, Limits, Mode, NamedQuota, Part, Quota, Window, check_all,
};
use proptest::prelude::*;

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

fn limits(quotas: [(&str, &str, Mode); 3]) -> (Limits<String, 3>, Arc<ManualClock>) {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let named = quotas.map(|(name, text, mode)| {
        let named = NamedQuota::new(name, quota(text)).unwrap();
        named.with_mode(mode)
    });
    (Limits::new(named, shared), clock)
}

const ENFORCED: [(&str, &str, Mode); 3] = [
    ("key", "5/1s", Mode::Enforce),
    ("owner", "9/10s", Mode::Enforce),
    ("all", "20/1m", Mode::Enforce),
];

fn charges<'a>(key: &'a str, owner: &'a str, cost: u32) -> [Charge<'a, str>; 3] {
    [
        Charge::new(key, cost),
        Charge::new(owner, cost),
        Charge::new("", cost),
    ]
}

#[test]
fn rule_5_a_refusal_by_one_limit_charges_none() {
    let (limits, _) = limits(ENFORCED);
    assert!(limits.check(charges("k1", "o", 5)).decision.is_admitted());
    let refused = limits.check(charges("k2", "o", 5));
    let Decision::Refuse { usage, retry_after } = refused.decision else {
        panic!("the owner has 4 left");
    };
    assert_eq!((refused.binding, usage.limit, usage.remaining), (1, 9, 4));
    assert!(retry_after >= Duration::from_secs(10));
    let used = limits.peek(["k2", "o", ""]).map(|usage| usage.used);
    assert_eq!(used, [0, 5, 5]);
}

#[test]
fn rule_5_the_wait_is_the_longest_and_enough_for_all() {
    let (limits, clock) = limits(ENFORCED);
    assert!(limits.check(charges("k", "o", 5)).decision.is_admitted());
    let Decision::Refuse { retry_after, .. } = limits.check(charges("k", "o", 5)).decision else {
        panic!("two limits are used up");
    };
    clock.advance(retry_after - Duration::from_nanos(1));
    assert!(!limits.check(charges("k", "o", 5)).decision.is_admitted());
    clock.advance(Duration::from_nanos(1));
    assert!(limits.check(charges("k", "o", 5)).decision.is_admitted());
}

#[test]
fn rule_5_a_cost_that_never_fits_one_limit_charges_none() {
    let (limits, _) = limits(ENFORCED);
    let joint = limits.check(charges("k", "o", 6));
    assert_eq!(joint.decision, Decision::NeverFits { limit: 5 });
    assert_eq!(joint.binding, 0);
    assert_eq!(limits.peek(["k", "o", ""]).map(|usage| usage.used), [0; 3]);
}

#[test]
fn rule_5_the_usage_is_of_the_limit_with_the_least_remaining() {
    let (limits, _) = limits(ENFORCED);
    let joint = limits.check([Charge::new("k", 1), Charge::new("o", 6), Charge::new("", 1)]);
    assert_eq!(
        (joint.binding, joint.decision.usage().unwrap().remaining),
        (1, 3)
    );
}

#[test]
fn a_shadow_limit_reports_and_is_charged_only_if_it_has_room() {
    let (limits, _) = limits([
        ("key", "5/1s", Mode::Enforce),
        ("owner", "2/1s", Mode::Shadow),
        ("all", "20/1m", Mode::Enforce),
    ]);
    let first = limits.check(charges("k", "o", 2));
    assert!(first.decision.is_admitted() && first.shadowed.is_empty());
    let second = limits.check(charges("k", "o", 1));
    assert!(second.decision.is_admitted());
    assert!(second.shadowed.contains(1) && !second.shadowed.contains(0));
    let third = limits.check(charges("k", "o", 3));
    assert!(!third.decision.is_admitted());
    assert_eq!(
        limits.peek(["k", "o", ""]).map(|usage| usage.used),
        [3, 2, 3]
    );
    // What the shadow was not charged, it isn't given back.
    limits.refund(&second, charges("k", "o", 1));
    assert_eq!(
        limits.peek(["k", "o", ""]).map(|usage| usage.used),
        [2, 2, 2]
    );
}

#[test]
fn refund_reset_and_a_live_quota_reach_every_limit() {
    let (limits, _) = limits(ENFORCED);
    let joint = limits.check(charges("k", "o", 4));
    limits.refund(&joint, charges("k", "o", 1));
    assert_eq!(limits.peek(["k", "o", ""]).map(|usage| usage.used), [3; 3]);
    assert!(limits.set_quota("key", quota("3/1s")));
    assert!(!limits.set_quota("none", quota("3/1s")));
    assert!(!limits.check(charges("k", "o", 1)).decision.is_admitted());
    limits.reset(["k", "other", "other"]);
    assert_eq!(
        limits.peek(["k", "o", ""]).map(|usage| usage.used),
        [0, 3, 3]
    );
    assert_eq!(
        limits.names().map(ToString::to_string),
        ["key", "owner", "all"]
    );
    assert_eq!(limits.quotas().map(|quota| quota.units()), [3, 9, 20]);
}

#[test]
fn rule_7_limits_at_their_cap_share_overflow_windows_too() {
    let (limits, clock) = limits(ENFORCED);
    let limits = limits.with_capacity(1);
    assert!(limits.check(charges("a", "o", 1)).decision.is_admitted());
    assert!(limits.check(charges("b", "o", 3)).decision.is_admitted());
    assert!(!limits.check(charges("c", "o", 3)).decision.is_admitted());
    assert!(limits.check(charges("c", "o", 2)).decision.is_admitted());
    clock.advance(Duration::from_millis(1_100));
    assert!(limits.check(charges("c", "o", 3)).decision.is_admitted());
    assert_eq!(
        limits.peek(["c", "o", ""]).map(|usage| usage.used),
        [3, 9, 9]
    );
}

#[test]
fn without_any_limit_everything_is_admitted() {
    assert!(check_all(Tick::ZERO, &mut []).decision.is_admitted());
}

proptest! {
    #[test]
    fn rule_5_all_or_none_and_admitted_exactly_when_each_alone_would(
        calls in prop::collection::vec((prop::array::uniform3(0_u32..8), 0_u64..900, 0_u8..30), 1..100),
    ) {
        let quotas = [quota("10/1s"), quota("25/7s"), quota("70000/500ms")];
        let mut windows = [Window::new(), Window::new(), Window::new()];
        let mut now = Tick::from_nanos(1 << 40);
        for (mut costs, millis, back) in calls {
            costs[2] *= 9_999;
            now = match back {
                0 => now.saturating_sub(Duration::from_millis(millis)),
                _ => now.saturating_add(Duration::from_millis(millis / 6)),
            };
            let alone = windows.clone();
            let each = [0, 1, 2].map(|index| {
                let latest = windows.iter().map(|window| window.peek(&quotas[0], now).at).max();
                let mut window = alone[index].clone();
                window.check(&quotas[index], latest.unwrap(), costs[index])
            });
            let used = [0, 1, 2].map(|index| alone[index].peek(&quotas[index], now).used);
            let mut parts = Vec::new();
            for ((window, quota), cost) in windows.iter_mut().zip(quotas).zip(costs) {
                parts.push(Part { window, quota, cost, mode: Mode::Enforce });
            }
            let joint = check_all(now, &mut parts);
            let all = each.iter().all(Decision::is_admitted);
            prop_assert_eq!(joint.decision.is_admitted(), all);
            for index in 0..3 {
                let usage = windows[index].peek(&quotas[index], now);
                if all {
                    prop_assert_eq!(usage.used, each[index].usage().unwrap().used);
                } else {
                    prop_assert!(usage.used <= used[index]);
                }
            }
            if let Decision::Refuse { retry_after, .. } = joint.decision {
                let at = now.saturating_add(retry_after);
                for (at, admits) in [(at, true), (at.saturating_sub(Duration::from_nanos(1)), false)] {
                    let mut copies = windows.clone();
                    let mut parts = Vec::new();
                    for ((window, quota), cost) in copies.iter_mut().zip(quotas).zip(costs) {
                        parts.push(Part { window, quota, cost, mode: Mode::Enforce });
                    }
                    prop_assert_eq!(check_all(at, &mut parts).decision.is_admitted(), admits);
                }
            }
        }
    }
}
