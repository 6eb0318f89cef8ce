//! What a decision costs with many keys, each as likely as the others.

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use criterion::{BenchmarkId, Criterion};
use foldhash::fast::RandomState;
use governor::{RateLimiter, clock::DefaultClock, state::keyed::DashMapStateStore};
use portcullis_core::{Clock, CredentialId, SystemClock};
use portcullis_gate::Progress;

use crate::{
    UNIFORM,
    made::{Draw, Made},
    runtime,
};

const SIZES: [usize; 5] = [1, 1_000, 100_000, 1_000_000, 10_000_000];
/// So many requests are made beforehand, and then timed together.
const BATCH: usize = 64;
/// The most keys, unless the environment says otherwise: ten million need some 8 GB.
const MOST: &str = "PORTCULLIS_BENCH_KEYS";

pub(crate) fn keys(criterion: &mut Criterion) {
    let most = std::env::var(MOST).map_or(1_000_000, |most| most.parse().unwrap());
    let mut group = criterion.benchmark_group("keys");
    for size in SIZES.into_iter().filter(|&size| size <= most) {
        let made = runtime().block_on(Made::new(size));
        let quota = if size == 1 { crate::HOT } else { UNIFORM };
        let guard = runtime().block_on(made.guard(quota));
        let mut draw = Draw::new(11);
        let peer = Some("192.0.2.7".parse().unwrap());
        group.bench_function(BenchmarkId::new("ours", size), |bencher| {
            bencher.iter_custom(|calls| {
                timed(
                    calls,
                    || made.request(draw.below(made.keys())),
                    |parts| match guard.check(parts, peer) {
                        Progress::Done(Ok(pass)) => drop(pass),
                        other => panic!("{other:?}"),
                    },
                )
            });
        });
        governor(&mut group, &made, size);
    }
    group.finish();
}

/// Knows whom it counts already: its key is the id.
fn governor(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    made: &Made,
    size: usize,
) {
    let burst = NonZeroU32::new(1_000_000_000).unwrap();
    let quota = governor::Quota::with_period(Duration::from_nanos(1)).unwrap();
    let store = DashMapStateStore::with_hasher(RandomState::default());
    let limiter: RateLimiter<CredentialId, _, _> =
        RateLimiter::new(quota.allow_burst(burst), store, DefaultClock::default());
    for index in 0..made.keys() {
        assert!(limiter.check_key(&made.id(index)).is_ok());
    }
    let mut draw = Draw::new(11);
    group.bench_function(
        BenchmarkId::new("governor, the limit alone", size),
        |bencher| {
            bencher.iter_custom(|calls| {
                timed(
                    calls,
                    || made.id(draw.below(made.keys())),
                    |id| assert!(limiter.check_key(black_box(id)).is_ok()),
                )
            });
        },
    );
}

/// The time of so many calls, without what is made for them.
fn timed<T>(calls: u64, mut make: impl FnMut() -> T, call: impl Fn(&T)) -> Duration {
    let clock: &dyn Clock = &*SystemClock::new();
    let (mut left, mut passed) = (usize::try_from(calls).unwrap(), Duration::ZERO);
    while left > 0 {
        let made: Vec<T> = (0..left.min(BATCH)).map(|_| make()).collect();
        let start = clock.tick();
        for one in &made {
            call(one);
        }
        passed += clock.tick().saturating_since(start);
        left -= made.len();
    }
    passed
}
