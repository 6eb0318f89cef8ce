//! What the layer allocates: no more than its parts, so nothing for a span that nobody wants.
//!
//! A file of its own, since what it counts is counted for the whole thread.

#![cfg(test)]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use portcullis_gate::Progress;
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;
use portcullis_tower::GateLayer;
use tower::{Layer, Service};

const READ: Scope = Scope::from_static("posts:read");

fn answer(request: Request<()>) -> Ready<Result<Response<&'static str>, Infallible>> {
    drop(request);
    ready(Ok(Response::new("done")))
}

#[tokio::test]
async fn a_request_through_the_layer_allocates_what_its_check_and_its_headers_do() {
    let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
    let bed = TestBed::new(catalogue.build().unwrap()).await;
    let gate = bed.gate().with_limit("1000/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let key = bed.key([READ]).await;
    let request = || {
        let request = Request::get("/posts").header("x-api-key", &key);
        request.body(()).unwrap()
    };
    let (parts, ()) = request().into_parts();
    assert!(guard.check(&parts, None).await.is_ok());
    let mut cx = Context::from_waker(Waker::noop());

    let (by_hand, through) = (request(), request());
    let parts_alone = allocation_counter::measure(|| {
        let (mut parts, ()) = by_hand.into_parts();
        let Progress::Done(Ok(pass)) = guard.check(&parts, None) else {
            panic!("it does not pass at once");
        };
        guard.gate().mark_sensitive(&mut parts.headers);
        parts.extensions.insert(pass.permit().unwrap().clone());
        let answered = answer(Request::from_parts(parts, ())).into_inner();
        let mut response = answered.unwrap();
        let settlement = pin!(pass.finish(&mut response));
        assert!(settlement.poll(&mut cx).is_ready());
    });
    let mut service = GateLayer::new(guard.clone()).layer(tower::service_fn(answer));
    let layer = allocation_counter::measure(|| {
        let call = pin!(service.call(through));
        assert!(matches!(call.poll(&mut cx), Poll::Ready(Ok(_))));
    });
    // Three for the permit among the extensions, two for the map of headers, two for the three
    // numbers, one for the id of the request.
    assert_eq!(parts_alone.count_total, 8);
    assert_eq!(layer.count_total, parts_alone.count_total);
}
