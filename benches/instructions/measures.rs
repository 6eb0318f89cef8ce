//! What is counted, and how much it may be.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    net::IpAddr,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use http::{HeaderValue, Request, Response};
use portcullis_core::{ManualClock, Tick};
use portcullis_gate::{Guard, Progress};
use portcullis_limit::{Quota, Window};
use portcullis_scope::{CompiledRequirement, Requirement, ScopeSet};
use portcullis_token::TokenFormat;
use portcullis_tower::GateLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::made::{Made, READ};

/// How often a loop calls what it measures.
pub(crate) const CALLS: u64 = 1_000;
/// What nobody reaches here.
const QUOTA: &str = "60000/60s";

/// A call, and what it may cost.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    /// The name of the function that has the loop, and is not inlined.
    pub(crate) function: &'static str,
    /// Instructions of one call.
    pub(crate) budget: u64,
    pub(crate) run: fn(),
}

pub(crate) const MEASURES: &[Measure] = &[
    Measure {
        name: "recognise a key, and its id",
        function: "loop_recognise",
        budget: 195,
        run: recognise,
    },
    Measure {
        name: "check a scope",
        function: "loop_scope",
        budget: 32,
        run: scope,
    },
    Measure {
        name: "check a window",
        function: "loop_window",
        budget: 245,
        run: window,
    },
    Measure {
        name: "the whole decision, hot",
        function: "loop_decision",
        budget: 10_070,
        run: decision,
    },
    Measure {
        name: "the same, headers written",
        function: "loop_headers",
        budget: 13_000,
        run: headers,
    },
    Measure {
        name: "the tower layer, headers written",
        function: "loop_layer",
        budget: 15_000,
        run: layer,
    },
];

fn guard() -> (Made, Guard) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    runtime.block_on(async {
        // Valgrind has no clock that counts a suspended machine; the time stands still.
        let made = Made::at(ManualClock::new(), 1).await;
        let guard = made.guard(QUOTA).await;
        (made, guard)
    })
}

fn recognise() {
    let (made, guard) = guard();
    loop_recognise(guard.gate().verifier().format(), &made.text(0));
}

#[inline(never)]
fn loop_recognise(format: &TokenFormat, text: &str) {
    for _ in 0..CALLS {
        let token = format.recognize(black_box(text.as_bytes())).unwrap();
        black_box(token.id());
    }
}

fn scope() {
    let (_made, guard) = guard();
    let catalogue = guard.gate().verifier().catalogue();
    let required = Requirement::scope(READ).compile(catalogue).unwrap();
    loop_scope(&required, &catalogue.set(["posts:write"]).unwrap());
}

#[inline(never)]
fn loop_scope(required: &CompiledRequirement, granted: &ScopeSet) {
    for _ in 0..CALLS {
        assert!(black_box(required).is_covered_by(black_box(granted)));
    }
}

fn window() {
    loop_window(&QUOTA.parse().unwrap());
}

#[inline(never)]
fn loop_window(quota: &Quota) {
    let mut window = Window::new();
    let mut tick = Tick::from_nanos(1_000_000_000);
    for _ in 0..CALLS {
        tick = tick.saturating_add(Duration::from_micros(10));
        let _admitted = black_box(window.check(black_box(quota), tick, 1));
    }
}

fn decision() {
    let (made, guard) = guard();
    loop_decision(&guard, &made.request(0), peer());
}

#[inline(never)]
fn loop_decision(guard: &Guard, parts: &http::request::Parts, peer: Option<IpAddr>) {
    for _ in 0..CALLS {
        match guard.check(black_box(parts), peer) {
            Progress::Done(Ok(pass)) => drop(black_box(pass)),
            other => panic!("{other:?}"),
        }
    }
}

fn headers() {
    let (made, guard) = guard();
    loop_headers(&guard, &made.request(0), peer());
}

#[inline(never)]
fn loop_headers(guard: &Guard, parts: &http::request::Parts, peer: Option<IpAddr>) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..CALLS {
        match guard.check(black_box(parts), peer) {
            Progress::Done(Ok(pass)) => {
                let mut response = Response::new(());
                let settled = pin!(pass.finish(&mut response));
                assert!(settled.poll(&mut context).is_ready());
                drop(black_box(response));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn layer() {
    let (made, guard) = guard();
    let authorization = HeaderValue::from_str(&format!("Bearer {}", made.text(0))).unwrap();
    loop_layer(&GateLayer::new(guard), &authorization);
}

#[inline(never)]
fn loop_layer(layer: &GateLayer, authorization: &HeaderValue) {
    let mut service = layer.layer(Bare);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..CALLS {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        headers.insert("authorization", authorization.clone());
        let answer = pin!(service.call(request));
        assert!(black_box(answer.poll(&mut context)).is_ready());
    }
}

/// Answers at once.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(String::new())))
    }
}

fn peer() -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, 7]))
}
