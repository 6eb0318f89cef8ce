//! Who is polled ready is who is called.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use portcullis_gate::Access;
use portcullis_gate::Permit;
use portcullis_tower::GateLayer;
use tower::{Layer, Service, ServiceExt};

use crate::bed::{Calls, READ, WRITE, answering, bed, guard, request, warm, with_credits};

/// A service that has to be polled ready before each call; its clones are not ready.
#[derive(Debug, Default)]
struct Strict {
    is_ready: bool,
    calls: Calls,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        let calls = self.calls.clone();
        Self {
            is_ready: false,
            calls,
        }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.is_ready, "called without having been polled ready");
        self.is_ready = false;
        self.calls.note();
        ready(Ok(Response::new(())))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_called_whether_the_check_is_done_or_pending() {
    let bed = bed().await;
    with_credits(&bed).await;
    let calls = Calls::default();
    let strict = Strict {
        is_ready: false,
        calls: calls.clone(),
    };
    for access in [Access::scope(READ), Access::scope(READ).with_price(1)] {
        let mut service = GateLayer::new(guard(&bed, access)).layer(strict.clone());
        // The first of each is read from the store, the second is in memory.
        let (one, other) = (bed.key([READ]).await, bed.key([READ]).await);
        for token in [&one, &one, &other, &other] {
            let answer = service.ready().await.unwrap().call(request(token));
            assert_eq!(answer.await.unwrap().status(), 200);
        }
    }
    assert_eq!(calls.count(), 8);
}

#[tokio::test]
async fn several_calls_under_way_are_each_of_a_service_that_was_ready() {
    let bed = bed().await;
    let calls = Calls::default();
    let strict = Strict {
        is_ready: false,
        calls: calls.clone(),
    };
    let mut service = GateLayer::new(guard(&bed, READ)).layer(strict);
    let mut answers = Vec::new();
    for _ in 0..5 {
        let token = bed.key([READ]).await;
        answers.push(service.ready().await.unwrap().call(request(&token)));
    }
    assert_eq!(calls.count(), 0, "all of them are still being checked");
    for answer in answers.into_iter().rev() {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(calls.count(), 5);
}

#[tokio::test]
async fn a_denied_call_leaves_the_ready_service_ready() {
    let bed = bed().await;
    let token = bed.key([READ]).await;
    warm(&bed, &token).await;
    let calls = Calls::default();
    let strict = Strict {
        is_ready: false,
        calls: calls.clone(),
    };
    let mut service = GateLayer::new(guard(&bed, WRITE)).layer(strict);
    let service = service.ready().await.unwrap();
    assert_eq!(service.call(request(&token)).await.unwrap().status(), 403);
    assert_eq!(calls.count(), 0);
}

/// Is not ready the first time, and broken the second.
#[derive(Clone, Debug, Default)]
struct Unready {
    polls: u8,
}

impl Service<Request<()>> for Unready {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = Ready<Result<Response<()>, &'static str>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.polls += 1;
        if self.polls == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Err("broken"))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        panic!("it was never ready")
    }
}

#[tokio::test]
async fn back_pressure_and_its_errors_come_through() {
    let bed = bed().await;
    let mut service = GateLayer::new(guard(&bed, READ)).layer(Unready::default());
    assert_eq!(service.ready().await.err(), Some("broken"));
}

#[tokio::test]
async fn the_inner_service_sees_the_caller_and_a_credential_that_logs_leave_out() {
    let bed = bed().await;
    let token = bed.key([READ]).await;
    let inner = tower::service_fn(|request: Request<()>| {
        let principal = request.extensions().get::<Permit>().unwrap();
        assert!(request.headers()["authorization"].is_sensitive());
        ready(Ok::<_, Infallible>(Response::new(
            principal.owner().to_string(),
        )))
    });
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    // From the store, then from memory.
    for _ in 0..2 {
        let answer = service.clone().oneshot(request(&token)).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn a_preflight_reaches_the_service_without_a_caller() {
    let bed = bed().await;
    let inner = tower::service_fn(|request: Request<()>| {
        assert!(request.extensions().get::<Permit>().is_none());
        ready(Ok::<_, Infallible>(Response::new(())))
    });
    let preflight = Request::options("/posts")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "POST");
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    let answer = service.oneshot(preflight.body(()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().is_empty());
}

#[tokio::test]
async fn clones_and_layers_of_one_gate_share_its_state() {
    let bed = bed().await;
    let guard = bed
        .gate()
        .with_limit("2/60s".parse().unwrap())
        .guard(READ)
        .unwrap();
    let token = bed.key([READ]).await;
    let calls = Calls::default();
    let one = answering(guard.clone(), 200, &calls);
    let other = answering(guard, 200, &calls);
    for (service, status) in [(one.clone(), 200), (one, 200)] {
        assert_eq!(
            service.oneshot(request(&token)).await.unwrap().status(),
            status
        );
    }
    assert_eq!(other.oneshot(request(&token)).await.unwrap().status(), 429);
}

#[test]
fn its_future_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bed = bed().await;
        let service = answering(guard(&bed, READ), 200, &Calls::default());
        is_send(&service.oneshot(request("x")));
    });
}
