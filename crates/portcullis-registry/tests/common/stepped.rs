//! A store that stops before and after each of its calls, so that a test can go on with another
//! future there, or drop the one that waits.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use portcullis_core::{BoxFuture, ManualClock};
use portcullis_registry::{
    Batch, Changes, CommitError, Key, MemoryStore, Page, Query, Registry, Seq, Snapshot, Store,
    StoreError,
};
use portcullis_token::PepperRing;

use super::{Bed, catalogue, format};

#[derive(Debug)]
struct Stepped(Arc<MemoryStore>);

/// Pending once.
struct Step(bool);

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn between_steps<T>(call: impl Future<Output = T>) -> T {
    Step(false).await;
    let answer = call.await;
    Step(false).await;
    answer
}

impl Store for Stepped {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(between_steps(self.0.get(key)))
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(between_steps(self.0.list(query)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(between_steps(self.0.commit(batch)))
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(between_steps(self.0.changes_since(seq, limit)))
    }
}

/// A registry over such a store.
pub(crate) fn stepped_bed() -> Bed {
    let store = Arc::new(MemoryStore::new());
    let peppers = PepperRing::generate().unwrap();
    let clock = ManualClock::new();
    let opened = run(Registry::open_with_clock(
        Stepped(Arc::clone(&store)),
        format(),
        catalogue(),
        peppers.clone(),
        Arc::<ManualClock>::clone(&clock),
    ));
    let (registry, driver) = opened.unwrap();
    Bed {
        registry,
        driver: Some(driver),
        clock,
        store,
        peppers,
    }
}

/// One step of a future.
pub(crate) fn step<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// All steps of a future, one after the other.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Some(output) = step(future.as_mut()) {
            return output;
        }
    }
}

/// So many steps of a future, after which it is dropped; what it came to if it ended before.
pub(crate) fn cut_off<F: Future>(future: F, steps: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..steps).find_map(|_| step(future.as_mut()))
}

/// Both futures to their ends, in an order that the seed decides.
pub(crate) fn interleave<A: Future, B: Future>(a: A, b: B, seed: u64) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    // Marsaglia's xorshift, and stretches of up to eight steps of one: else both go evenly.
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    loop {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        for _ in 0..=(random >> 8) % 8 {
            if random & 1 == 0 && a_done.is_none() {
                a_done = step(a.as_mut());
            } else if b_done.is_none() {
                b_done = step(b.as_mut());
            } else if a_done.is_none() {
                a_done = step(a.as_mut());
            }
        }
        match (a_done, b_done) {
            (Some(a), Some(b)) => return (a, b),
            (a, b) => (a_done, b_done) = (a, b),
        }
    }
}
