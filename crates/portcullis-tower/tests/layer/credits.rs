//! Credits are settled before the answer goes out, and given back whenever there is none.

use std::{
    future::{pending, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use portcullis_gate::{Access, ActualPrice, Gate, Guard};
use portcullis_registry::{
    Batch, Changes, CommitError, CreditOp, Key, MemoryStore, Page, Query, Registry, Seq, Snapshot,
    Store, StoreError,
};
use portcullis_testkit::TestBed;
use portcullis_tower::GateLayer;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use crate::bed::{
    Calls, READ, answering, balance, bed, catalogue, guard, request, warm, with_credits,
};

/// An owner with 10 credits, a route of 3, and a key in memory.
async fn three_of_ten() -> (TestBed, Guard, String) {
    let bed = bed().await;
    with_credits(&bed).await;
    let token = bed.key([READ]).await;
    warm(&bed, &token).await;
    let guard = guard(&bed, Access::scope(READ).with_price(3));
    (bed, guard, token)
}

#[tokio::test]
async fn the_answers_status_decides_and_the_charge_is_made_when_the_answer_is_there() {
    for (status, left) in [(200, 7), (399, 7), (400, 10), (500, 10)] {
        let (bed, guard, token) = three_of_ten().await;
        let service = answering(guard, status, &Calls::default());
        service.oneshot(request(&token)).await.unwrap();
        assert_eq!(
            balance(&bed).await,
            left,
            "{status}, and no driver was at work"
        );
    }
}

#[tokio::test]
async fn an_error_of_the_service_comes_through_and_gives_the_credits_back() {
    let (bed, guard, token) = three_of_ten().await;
    let inner = service_fn(|_: Request<()>| ready(Err::<Response<()>, _>("broken")));
    let answer = GateLayer::new(guard)
        .layer(inner)
        .oneshot(request(&token))
        .await;
    assert_eq!(answer.err(), Some("broken"));
    assert_eq!(balance(&bed).await, 10);
}

#[tokio::test]
async fn a_service_may_say_what_it_really_cost() {
    let (bed, guard, token) = three_of_ten().await;
    let inner = service_fn(|_: Request<()>| {
        let mut response = Response::new(());
        response.extensions_mut().insert(ActualPrice(1));
        ready(Ok::<_, &'static str>(response))
    });
    GateLayer::new(guard)
        .layer(inner)
        .oneshot(request(&token))
        .await
        .unwrap();
    assert_eq!(balance(&bed).await, 9);
}

#[tokio::test]
async fn a_client_that_goes_away_while_the_service_works_is_charged() {
    let (bed, guard, token) = three_of_ten().await;
    let calls = Calls::default();
    let inner = {
        let calls = calls.clone();
        service_fn(move |_: Request<()>| {
            calls.note();
            pending::<Result<Response<()>, &'static str>>()
        })
    };
    {
        let mut answer = pin!(GateLayer::new(guard).layer(inner).oneshot(request(&token)));
        let mut context = Context::from_waker(Waker::noop());
        while calls.count() == 0 {
            assert!(answer.as_mut().poll(&mut context).is_pending());
        }
    }
    bed.registry().flush().await.unwrap();
    assert_eq!(balance(&bed).await, 7);
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_service_is_called_is_not_charged() {
    let (bed, guard, token) = three_of_ten().await;
    let calls = Calls::default();
    drop(answering(guard, 200, &calls).oneshot(request(&token)));
    bed.registry().flush().await.unwrap();
    assert_eq!((calls.count(), balance(&bed).await), (0, 10));
}

#[tokio::test]
async fn a_service_that_panics_gives_the_credits_back() {
    let (bed, guard, token) = three_of_ten().await;
    let at_once = service_fn(
        |_: Request<()>| -> std::future::Ready<Result<Response<()>, &'static str>> {
            panic!("it panics in its call, as it should in this test")
        },
    );
    let later = service_fn(
        async |_: Request<()>| -> Result<Response<()>, &'static str> {
            tokio::task::yield_now().await;
            panic!("it panics while it works, as it should in this test")
        },
    );
    let layer = GateLayer::new(guard);
    let call = tokio::spawn(layer.layer(at_once).oneshot(request(&token)));
    assert!(call.await.unwrap_err().is_panic());
    let call = tokio::spawn(layer.layer(later).oneshot(request(&token)));
    assert!(call.await.unwrap_err().is_panic());
    bed.registry().flush().await.unwrap();
    assert_eq!(balance(&bed).await, 10);
}

/// A store that settles and releases only as often as it is permitted.
#[derive(Debug)]
struct Slow {
    inner: MemoryStore,
    permits: Arc<Semaphore>,
}

impl Store for Slow {
    fn get(&self, key: Key) -> portcullis_core::BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.inner.get(key)
    }

    fn list(&self, query: Query) -> portcullis_core::BoxFuture<'_, Result<Page, StoreError>> {
        self.inner.list(query)
    }

    fn commit(&self, batch: Batch) -> portcullis_core::BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            let ends =
                |op: &CreditOp| matches!(op, CreditOp::Settle { .. } | CreditOp::Release { .. });
            if batch.credits.iter().any(ends) {
                self.permits.acquire().await.unwrap().forget();
            }
            self.inner.commit(batch).await
        })
    }

    fn changes_since(
        &self,
        seq: Seq,
        limit: usize,
    ) -> portcullis_core::BoxFuture<'_, Result<Changes, StoreError>> {
        self.inner.changes_since(seq, limit)
    }
}

#[tokio::test]
async fn the_answer_waits_until_its_settlement_is_durable() {
    for status in [200, 500] {
        let permits = Arc::new(Semaphore::new(0));
        let store = Slow {
            inner: MemoryStore::new(),
            permits: Arc::clone(&permits),
        };
        let like = bed().await;
        let (format, peppers) = (*like.registry().format(), like.registry().peppers().clone());
        let opened = Registry::open(store, format, catalogue(), peppers).await;
        let (registry, _driver) = opened.unwrap();
        registry
            .ensure_owner(&"acme".parse().unwrap(), 10)
            .await
            .unwrap();
        let system = portcullis_registry::Actor::dangerous_system();
        let new = portcullis_registry::NewKey::new("acme".parse().unwrap(), "key", [READ]);
        let issued = registry.issue_key(&system, new).await.unwrap();

        let guard = Gate::new(registry)
            .guard(Access::scope(READ).with_price(3))
            .unwrap();
        let calls = Calls::default();
        let mut answer =
            pin!(answering(guard, status, &calls).oneshot(request(issued.token.expose())));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..20 {
            assert!(answer.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(calls.count(), 1, "the service has answered");
        permits.add_permits(1);
        let Poll::Ready(answer) = answer.as_mut().poll(&mut context) else {
            panic!("the settlement is done, and the answer is not there");
        };
        assert_eq!(answer.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_panic_gives_the_credits_back_wherever_it_is_caught() {
    let (bed, guard, token) = three_of_ten().await;
    let inner = service_fn(
        async |_: Request<()>| -> Result<Response<()>, &'static str> {
            panic!("the handler fails")
        },
    );
    let mut call = Box::pin(GateLayer::new(guard).layer(inner).oneshot(request(&token)));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let polled = std::panic::AssertUnwindSafe(|| call.as_mut().poll(&mut context).is_pending());
        if std::panic::catch_unwind(polled).is_err() {
            break;
        }
    }
    drop(call);
    bed.registry().flush().await.unwrap();
    assert_eq!(balance(&bed).await, 10);
}
