//! The trait of shared limits can be an object, and be had in memory.

#![cfg(test)]

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use portcullis_core::{BoxFuture, Clock, ManualClock};
use portcullis_limit::{
    Decision, LimitName, Mode, Outage, Part, SharedCharge, SharedDecision, SharedLimitError,
    SharedLimiter, Source, Usage, Window, check_all,
};

type Key = (LimitName, Box<[u8]>);

#[derive(Debug)]
struct InMemory {
    windows: Mutex<HashMap<Key, Window>>,
    clock: Arc<ManualClock>,
}

fn key(charge: &SharedCharge<'_>) -> Key {
    (charge.name.clone(), charge.partition.into())
}

impl SharedLimiter for InMemory {
    fn check<'a>(
        &'a self,
        charges: &'a [SharedCharge<'a>],
    ) -> BoxFuture<'a, Result<SharedDecision, SharedLimitError>> {
        Box::pin(async move {
            let mut windows = self.windows.lock().unwrap();
            let take = |charge| windows.remove(&key(charge)).unwrap_or_default();
            let mut taken: Vec<Window> = charges.iter().map(take).collect();
            let part = |(window, charge): (_, &SharedCharge<'_>)| Part {
                window,
                quota: charge.quota,
                cost: charge.cost,
                mode: charge.mode,
            };
            let mut parts: Vec<Part<'_>> = taken.iter_mut().zip(charges).map(part).collect();
            let joint = check_all(self.clock.tick(), &mut parts);
            windows.extend(charges.iter().map(key).zip(taken));
            Ok(SharedDecision {
                joint,
                source: Source::Shared,
                charge_id: 0,
            })
        })
    }

    fn peek<'a>(
        &'a self,
        charge: &'a SharedCharge<'a>,
    ) -> BoxFuture<'a, Result<Usage, SharedLimitError>> {
        Box::pin(async move {
            let mut windows = self.windows.lock().unwrap();
            let window = windows.entry(key(charge)).or_default();
            Ok(window.peek(&charge.quota, self.clock.tick()))
        })
    }

    fn refund<'a>(
        &'a self,
        _: &'a [SharedCharge<'a>],
        _: &'a SharedDecision,
    ) -> BoxFuture<'a, Result<(), SharedLimitError>> {
        Box::pin(async {
            Err(SharedLimitError::permanent(
                "this double gives nothing back",
            ))
        })
    }

    fn reset<'a>(
        &'a self,
        charge: &'a SharedCharge<'a>,
    ) -> BoxFuture<'a, Result<(), SharedLimitError>> {
        Box::pin(async move {
            self.windows.lock().unwrap().remove(&key(charge));
            Ok(())
        })
    }
}

fn now<T>(future: BoxFuture<'_, T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

#[test]
fn shared_limits_are_charged_all_or_none_behind_an_object() {
    let clock = ManualClock::new();
    let limiter: Arc<dyn SharedLimiter> = Arc::new(InMemory {
        windows: Mutex::default(),
        clock: Arc::clone(&clock),
    });
    let names: [LimitName; 2] = ["key", "owner"].map(|name| name.parse().unwrap());
    let charge = |name, partition, text: &str, cost| SharedCharge {
        name,
        partition,
        quota: text.parse().unwrap(),
        cost,
        mode: Mode::Enforce,
        outage: Outage::default(),
    };
    let both = |key, cost| {
        [
            charge(&names[0], key, "5/1s", cost),
            charge(&names[1], b"o", "6/1s", cost),
        ]
    };
    let first = now(limiter.check(&both(b"a", 5))).unwrap();
    assert!(first.joint.decision.is_admitted());
    let refused = now(limiter.check(&both(b"b", 2))).unwrap();
    let Decision::Refuse { retry_after, .. } = refused.joint.decision else {
        panic!("the owner has 1 left");
    };
    assert_eq!(now(limiter.peek(&both(b"b", 0)[0])).unwrap().used, 0);
    clock.advance(retry_after);
    assert!(
        now(limiter.check(&both(b"b", 2)))
            .unwrap()
            .joint
            .decision
            .is_admitted()
    );
    now(limiter.reset(&both(b"b", 0)[1])).unwrap();
    assert_eq!(now(limiter.peek(&both(b"b", 0)[1])).unwrap().used, 0);
    assert!(retry_after >= Duration::from_secs(1));
}

#[test]
fn an_error_says_whether_it_may_pass_and_keeps_its_source_apart() {
    let error = SharedLimitError::transient("timed out");
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "the shared limits could not decide");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "timed out");
    assert!(!SharedLimitError::permanent("no script").is_transient());
}
