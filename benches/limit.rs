//! Limits: the window, keyed limiters, several limits at once and header text; and the peers.
//!
//! The clock that ours read under the lock in each call is `CLOCK_BOOTTIME`; governor reads the
//! time-stamp counter. The quotas are such that nothing is refused unless the name says so.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first thing that doesn't work"
)]

use std::{
    cell::Cell,
    collections::HashMap,
    convert::Infallible,
    future::{Ready, ready},
    hash::BuildHasher,
    hint::black_box,
    iter,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo};
use criterion::{Criterion, criterion_group, criterion_main};
use governor::{
    DefaultKeyedRateLimiter, RateLimiter, clock::DefaultClock, state::keyed::DashMapStateStore,
};
use http::{Request, Response};
use portcullis_core::{Clock, ManualClock, SystemClock, Tick, Timestamp};
use portcullis_limit::{
    Charge, Limiter, Limits, NamedQuota, Quota, RateText, Window, reset_seconds,
};
use tower_governor::governor::{Governor, GovernorConfigBuilder};
use tower_service::Service;

/// So much that a caller who does nothing else stays below it, in slots of some thousand calls.
const HOT: &str = "60000/1ms";
/// What partitions that are asked in turn stay below.
const UNIFORM: &str = "6000/60s";

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

/// A nanosecond for each unit: the highest rate that it can have.
fn governor_hot() -> governor::Quota {
    let burst = NonZeroU32::new(1_000_000_000).unwrap();
    governor::Quota::with_period(Duration::from_nanos(1))
        .unwrap()
        .allow_burst(burst)
}

fn governor_uniform() -> governor::Quota {
    let burst = NonZeroU32::new(6_000).unwrap();
    governor::Quota::with_period(Duration::from_millis(10))
        .unwrap()
        .allow_burst(burst)
}

fn clocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clock");
    let clock: &dyn Clock = &*SystemClock::new();
    group.bench_function("tick (CLOCK_BOOTTIME), what ours read", |bencher| {
        bencher.iter(|| black_box(clock).tick());
    });
    let clock = DefaultClock::default();
    group.bench_function(
        "quanta (time-stamp counter), what governor reads",
        |bencher| {
            bencher.iter(|| governor::clock::Clock::now(black_box(&clock)));
        },
    );
    group.finish();
}

fn direct(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("direct");
    for (name, text, step) in [
        ("an instant given, some thousand calls a slot", HOT, 20),
        ("an instant given, two slots a call", "600/1us", 60),
        ("an instant given, 4 bytes a slot", "4000000000/60s", 20),
    ] {
        let quota = quota(text);
        let mut window = Window::new();
        let mut nanos = 1_000_000_000_000;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                nanos += step;
                window.check(black_box(&quota), Tick::from_nanos(nanos), 1)
            });
        });
    }
    let hot = quota(HOT);
    let clock: &dyn Clock = &*SystemClock::new();
    let window = Mutex::new(Window::new());
    group.bench_function("under a mutex, the clock read", |bencher| {
        bencher.iter(|| {
            let mut window = black_box(&window).lock().unwrap();
            window.check(&hot, black_box(clock).tick(), 1)
        });
    });
    let full = quota("3200/32s");
    let mut window = Window::new();
    for slot in 0..32 {
        let at = Tick::from_nanos(slot * 1_000_000_000);
        assert!(window.check(&full, at, 100).is_admitted());
    }
    for (name, cost) in [
        ("refusal, one slot must go", 1),
        ("refusal, all 32 slots must go", 3_200),
    ] {
        group.bench_function(name, |bencher| {
            let now = Tick::from_nanos(31_500_000_000);
            bencher.iter(|| window.check(black_box(&full), black_box(now), cost));
        });
    }
    let limiter = RateLimiter::direct(governor_hot());
    group.bench_function("governor, the clock read", |bencher| {
        bencher.iter(|| black_box(&limiter).check().is_ok());
    });
    let limiter = RateLimiter::direct(governor::Quota::per_hour(NonZeroU32::MIN));
    assert!(limiter.check().is_ok());
    group.bench_function("governor, refusal", |bencher| {
        bencher.iter(|| black_box(&limiter).check().is_ok());
    });
    group.finish();
}

fn hot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one partition");
    let text = "key_qBhy02hoi8ucTVyA".to_owned();
    let numbers: Limiter<u64> = Limiter::new(quota(HOT), SystemClock::new());
    group.bench_function("check, u64", |bencher| {
        bencher.iter(|| numbers.check(black_box(&7), 1));
    });
    let texts: Limiter<String> = Limiter::new(quota(HOT), SystemClock::new());
    group.bench_function("check, 20 characters", |bencher| {
        bencher.iter(|| texts.check(black_box(text.as_str()), 1));
    });
    group.bench_function("check, u64, the clock not read", |bencher| {
        let clock = ManualClock::new();
        let limiter: Limiter<u64> = Limiter::new(quota("4000000000/60s"), clock);
        bencher.iter(|| limiter.check(black_box(&7), 1));
    });
    let used: Limiter<u64> = Limiter::new(quota("600/60s"), SystemClock::new());
    assert!(used.check(&7, 1).is_admitted());
    group.bench_function("peek, u64", |bencher| {
        bencher.iter(|| used.peek(black_box(&7)));
    });
    group.bench_function("peek, u64, a partition that isn't held", |bencher| {
        bencher.iter(|| used.peek(black_box(&8)));
    });
    let full: Limiter<u64> = Limiter::new(quota("1/1h"), SystemClock::new());
    assert!(full.check(&7, 1).is_admitted());
    group.bench_function("refusal, u64", |bencher| {
        bencher.iter(|| full.check(black_box(&7), 1));
    });
    let limiter = DefaultKeyedRateLimiter::dashmap(governor_hot());
    group.bench_function("governor (default hasher), u64", |bencher| {
        bencher.iter(|| limiter.check_key(black_box(&7_u64)).is_ok());
    });
    let limiter = governor_by_foldhash(governor_hot());
    group.bench_function("governor (foldhash), u64", |bencher| {
        bencher.iter(|| limiter.check_key(black_box(&7_u64)).is_ok());
    });
    let limiter = governor_by_foldhash(governor_hot());
    group.bench_function("governor (foldhash), 20 characters", |bencher| {
        bencher.iter(|| limiter.check_key(black_box(&text)).is_ok());
    });
    let limiter = governor_by_foldhash(governor::Quota::per_hour(NonZeroU32::MIN));
    assert!(limiter.check_key(&7_u64).is_ok());
    group.bench_function("governor (foldhash), refusal, u64", |bencher| {
        bencher.iter(|| limiter.check_key(black_box(&7_u64)).is_ok());
    });
    group.finish();
}

type Governed<K, S> = RateLimiter<K, DashMapStateStore<K, S>, DefaultClock>;

/// The hasher of ours.
fn governor_by_foldhash<K: Clone + Eq + std::hash::Hash>(
    quota: governor::Quota,
) -> Governed<K, foldhash::fast::RandomState> {
    RateLimiter::dashmap_with_hasher(quota, foldhash::fast::RandomState::default())
}

/// Every number below `count` once, in an order that no prefetcher guesses.
fn shuffled(count: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).collect();
    let mut seed = 7_u64;
    for at in (1..numbers.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let below = u64::try_from(at).unwrap() + 1;
        numbers.swap(at, usize::try_from((seed >> 16) % below).unwrap());
    }
    numbers
}

fn uniform(criterion: &mut Criterion) {
    for (name, count) in [
        ("100 k partitions in random order", 100_000),
        ("1 M partitions in random order", 1_000_000),
    ] {
        let mut group = criterion.benchmark_group(name);
        let keys = shuffled(count);
        let cursor = Cell::new(0);
        let next = || {
            let at = cursor.get();
            cursor.set(if at + 1 < keys.len() { at + 1 } else { 0 });
            keys.get(at).unwrap()
        };
        {
            let limiter: Limiter<u64> = Limiter::new(quota(UNIFORM), SystemClock::new());
            let limiter = limiter.with_capacity(keys.len());
            assert!(keys.iter().all(|key| limiter.check(key, 1).is_admitted()));
            group.bench_function("check, u64", |bencher| {
                bencher.iter(|| limiter.check(next(), 1));
            });
        }
        let default = DefaultKeyedRateLimiter::dashmap(governor_uniform());
        governed(
            &mut group,
            "governor (default hasher), u64",
            &default,
            &keys,
        );
        drop(default);
        let same = governor_by_foldhash(governor_uniform());
        governed(&mut group, "governor (foldhash), u64", &same, &keys);
        group.finish();
    }
}

fn governed<S: BuildHasher + Clone>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    limiter: &Governed<u64, S>,
    keys: &[u64],
) {
    assert!(keys.iter().all(|key| limiter.check_key(key).is_ok()));
    let mut turn = keys.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| limiter.check_key(turn.next().unwrap()).is_ok());
    });
}

fn joint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("three limits at once");
    let named = |name| NamedQuota::new(name, quota(HOT)).unwrap();
    let quotas = || ["key", "owner", "address"].map(named);
    let limits: Limits<u64, 3> = Limits::new(quotas(), SystemClock::new());
    let charges = |base: u64| [0, 1, 2].map(|index| base + index);
    group.bench_function("check, u64", |bencher| {
        bencher.iter(|| {
            let [key, owner, address] = charges(black_box(7));
            limits.check([
                Charge::new(&key, 1),
                Charge::new(&owner, 1),
                Charge::new(&address, 1),
            ])
        });
    });
    let limits: Limits<String, 3> = Limits::new(quotas(), SystemClock::new());
    group.bench_function("check, 20, 20 and 9 characters", |bencher| {
        bencher.iter(|| {
            limits.check([
                Charge::new(black_box("key_qBhy02hoi8ucTVyA"), 1),
                Charge::new(black_box("org_5xHq1mQz0LpW7aKd"), 1),
                Charge::new(black_box("192.0.2.7"), 1),
            ])
        });
    });
    group.finish();
}

fn header_text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("header text");
    let mut window = Window::new();
    let decision = window.check(&quota("600/60s"), Tick::from_nanos(1_000), 1);
    let usage = decision.usage().unwrap();
    let now = Timestamp::from_unix_seconds(1_790_000_000);
    group.bench_function("limit, remaining and reset of one decision", |bencher| {
        bencher.iter(|| RateText::new(black_box(&usage), black_box(now)));
    });
    group.bench_function("reset alone, as a number", |bencher| {
        bencher.iter(|| reset_seconds(black_box(now), black_box(usage.reset_after)));
    });
    group.finish();
}

/// A fixed window in memory, whose condition and variables are expressions; the context is made
/// once.
fn limitador(criterion: &mut Criterion) {
    use limitador::limit::{Context, Limit, Namespace};
    let mut group = criterion.benchmark_group("limitador");
    let limiter = limitador::RateLimiter::new(1_000);
    let variable = "user".try_into().unwrap();
    let limit = Limit::new("api", u64::MAX, 60, iter::empty(), iter::once(variable));
    assert!(limiter.add_limit(limit));
    let namespace = Namespace::from("api");
    let values = HashMap::from([("user".to_owned(), "key_qBhy02hoi8ucTVyA".to_owned())]);
    let context = Context::from(values);
    group.bench_function("check and update, 20 characters", |bencher| {
        bencher.iter(|| {
            let (namespace, context) = (black_box(&namespace), black_box(&context));
            let checked = limiter.check_rate_limited_and_update(namespace, context, 1);
            checked.unwrap().limited
        });
    });
    group.finish();
}

/// Answers at once with an empty body.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// The request is made anew for each call and is part of both figures.
fn ask<S>(service: &mut S) -> Response<Body>
where
    S: Service<Request<()>, Response = Response<Body>, Error = Infallible>,
{
    let mut request = Request::new(());
    let peer = SocketAddr::from((IpAddr::from(Ipv4Addr::new(192, 0, 2, 7)), 443));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    let answer = match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => Some(response),
        Poll::Pending => None,
    };
    answer.unwrap()
}

fn tower(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tower_governor");
    group.bench_function("the bare service, request and response made", |bencher| {
        bencher.iter(|| ask(black_box(&mut Bare)));
    });
    let config = GovernorConfigBuilder::default()
        .period(Duration::from_nanos(1))
        .burst_size(1_000_000_000)
        .use_headers()
        .finish()
        .unwrap();
    let mut service = Governor::new(Bare, &config);
    assert!(
        ask(&mut service)
            .headers()
            .contains_key("x-ratelimit-limit")
    );
    group.bench_function("the same behind the layer, two headers", |bencher| {
        bencher.iter(|| ask(black_box(&mut service)));
    });
    group.finish();
}

criterion_group!(
    benches,
    clocks,
    direct,
    hot,
    uniform,
    joint,
    header_text,
    limitador,
    tower
);
criterion_main!(benches);
