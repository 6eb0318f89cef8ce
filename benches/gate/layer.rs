//! A request through a layer of tower, its headers written; and what others have.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo};
use criterion::Criterion;
use http::{HeaderValue, Request, Response};
use portcullis_tower::GateLayer;
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};
use tower_http::validate_request::ValidateRequestHeaderLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::{HOT, made::Made, runtime};

/// Answers at once with an empty body.
#[derive(Clone)]
struct Bare;

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// The same request for all of them, made anew for each call: it is part of every figure.
fn ask<S, B>(service: &mut S, authorization: &HeaderValue) -> Response<B>
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    let mut request = Request::new(Body::empty());
    let headers = request.headers_mut();
    headers.insert("authorization", authorization.clone());
    let peer = SocketAddr::from((IpAddr::from(Ipv4Addr::new(192, 0, 2, 7)), 443));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        _ => panic!("it is not there at once"),
    }
}

pub(crate) fn layer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tower layer");
    let made = runtime().block_on(Made::new(1));
    let guard = runtime().block_on(made.guard(HOT));
    let authorization = HeaderValue::from_str(&format!("Bearer {}", made.text(0))).unwrap();
    group.bench_function("bare service", |bencher| {
        bencher.iter(|| ask(black_box(&mut Bare), &authorization));
    });

    let peer_of = |parts: &http::request::Parts| {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        connection.map(|ConnectInfo(address)| address.ip())
    };
    let mut service = GateLayer::new(guard).with_peer_of(peer_of).layer(Bare);
    let answer = ask(&mut service, &authorization);
    assert!(answer.headers().contains_key("x-ratelimit-limit"));
    group.bench_function("ours: key, scope, limit, headers", |bencher| {
        bencher.iter(|| ask(black_box(&mut service), &authorization));
    });

    let config = GovernorConfigBuilder::default()
        .period(Duration::from_nanos(1))
        .burst_size(1_000_000_000)
        .use_headers()
        .finish()
        .unwrap();
    let mut service = GovernorLayer::new(config).layer(Bare);
    let answer = ask(&mut service, &authorization);
    assert!(answer.headers().contains_key("x-ratelimit-limit"));
    group.bench_function("tower_governor: limit, headers", |bencher| {
        bencher.iter(|| ask(black_box(&mut service), &authorization));
    });

    #[expect(deprecated, reason = "it is the least that anybody has")]
    let bearer = ValidateRequestHeaderLayer::bearer(&made.text(0));
    let mut service = bearer.layer(Bare);
    assert_eq!(ask(&mut service, &authorization).status(), 200);
    group.bench_function("tower-http: static bearer", |bencher| {
        bencher.iter(|| ask(black_box(&mut service), &authorization));
    });
    group.finish();
}
