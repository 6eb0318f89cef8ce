//! What a decision is made of, each stage by itself.

use std::{future::Future, hint::black_box, pin::pin, task::Context, task::Poll, task::Waker};

use criterion::Criterion;
use http::{HeaderValue, Response};
use portcullis_core::{Clock, SystemClock};
use portcullis_gate::Progress;
use portcullis_limit::{Quota, Window};
use portcullis_registry::Hot;
use portcullis_scope::Requirement;
use portcullis_token::{CredentialHeaders, Presented, read_credentials};

use crate::{
    HOT,
    made::{Made, READ},
    runtime,
};

pub(crate) fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stages");
    let made = runtime().block_on(Made::new(1));
    let guard = runtime().block_on(made.guard(HOT));
    let parts = made.request(0);
    let verifier = guard.gate().verifier();

    let headers = CredentialHeaders::default();
    let values = |name| {
        parts
            .headers
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
    };
    group.bench_function("read the credential", |bencher| {
        bencher.iter(|| {
            let query = black_box(&parts.uri).query().map(str::as_bytes);
            let (bearer, key) = (values("authorization"), values("x-api-key"));
            match read_credentials(&headers, bearer, key, query) {
                Presented::One(text, _) => text.len(),
                other => panic!("{other:?}"),
            }
        });
    });

    let text = made.text(0);
    let format = verifier.format();
    group.bench_function("recognise, and its id", |bencher| {
        bencher.iter(|| format.recognize(black_box(text.as_bytes())).unwrap().id());
    });

    let token = format.recognize(text.as_bytes()).unwrap();
    group.bench_function("look up, MAC and compare, clock", |bencher| {
        bencher.iter(|| match verifier.visit(black_box(&token), None, |_| ()) {
            Hot::Known(()) => {}
            other => panic!("{other:?}"),
        });
    });

    let clock: &dyn Clock = &*SystemClock::new();
    group.bench_function("clock", |bencher| bencher.iter(|| black_box(clock).tick()));

    let required = Requirement::scope(READ);
    let catalogue = verifier.catalogue();
    let required = required.compile(catalogue).unwrap();
    let granted = catalogue.set(["posts:write"]).unwrap();
    group.bench_function("scope", |bencher| {
        bencher.iter(|| required.is_covered_by(black_box(&granted)));
    });

    let quota: Quota = HOT.parse().unwrap();
    let mut window = Window::new();
    let mut tick = clock.tick();
    group.bench_function("window", |bencher| {
        bencher.iter(|| {
            tick = tick.saturating_add(std::time::Duration::from_nanos(200));
            window.check(black_box(&quota), tick, 1)
        });
    });

    let peer = Some("192.0.2.7".parse().unwrap());
    let mut context = Context::from_waker(Waker::noop());
    group.bench_function("headers", |bencher| {
        bencher.iter_batched(
            || match guard.check(&parts, peer) {
                Progress::Done(Ok(pass)) => (pass, Response::new(())),
                other => panic!("{other:?}"),
            },
            |(pass, mut response)| {
                let settled = pin!(pass.finish(&mut response));
                assert!(matches!(settled.poll(&mut context), Poll::Ready(_)));
                response
            },
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}
