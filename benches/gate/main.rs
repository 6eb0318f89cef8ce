//! The whole decision, its stages, what it costs with many keys, and the tower layer; and the peers.
//!
//! The quotas are such that nothing is refused. All keys are in memory.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark stops at the first thing that doesn't work"
)]

mod keys;
mod layer;
mod made;
mod stages;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use criterion::{Criterion, criterion_group, criterion_main};
use http::Response;
use portcullis_gate::Progress;

use made::Made;

/// So much that a caller who does nothing else stays below it, in slots of some thousand calls.
pub(crate) const HOT: &str = "60000/1ms";
/// What keys that are asked for in turn stay below.
pub(crate) const UNIFORM: &str = "6000/60s";

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap()
}

/// One key, one address, everything in the caches of the processor.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole decision");
    let made = runtime().block_on(Made::new(1));
    let guard = runtime().block_on(made.guard(HOT));
    let parts = made.request(0);
    let peer = Some("192.0.2.7".parse().unwrap());
    group.bench_function("hot key", |bencher| {
        bencher.iter(|| match guard.check(&parts, peer) {
            Progress::Done(Ok(pass)) => pass,
            other => panic!("{other:?}"),
        });
    });
    group.bench_function("hot key, four headers rendered", |bencher| {
        let mut context = Context::from_waker(Waker::noop());
        bencher.iter(|| match guard.check(&parts, peer) {
            Progress::Done(Ok(pass)) => {
                let mut response = Response::new(());
                let settled = pin!(pass.finish(&mut response));
                assert!(settled.poll(&mut context).is_ready());
                response
            }
            other => panic!("{other:?}"),
        });
    });
    group.finish();
}

criterion_group!(benches, whole, stages::stages, layer::layer, keys::keys);
criterion_main!(benches);
