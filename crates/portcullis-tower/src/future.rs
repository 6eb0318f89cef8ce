//! The answer of the service behind the gate.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use portcullis_gate::{Guard, Pass, Pending, Settlement};
use tower_service::Service;
use tracing::{Instrument as _, instrument::Instrumented};

use crate::{GateBody, refusal::refuse, span::span_of};

pin_project! {
    /// Checks, calls the service, settles: each in turn, as far as it is needed.
    #[must_use = "futures do nothing unless polled"]
    pub struct GateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response, S::Error>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F, R, E> {
        Denied { response: Option<Response<Bytes>> },
        Checking { check: Pending, waiting: Option<Waiting<S, B>> },
        Calling { #[pin] call: Instrumented<F>, pass: Option<Pass> },
        Settling { settlement: Settlement, outcome: Option<Result<R, E>> },
    }
}

/// A request whose check is not done yet.
struct Waiting<S, B> {
    guard: Guard,
    service: S,
    parts: Parts,
    body: B,
}

impl<S, B> GateFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) const fn denied(response: Response<Bytes>) -> Self {
        Self {
            state: State::Denied {
                response: Some(response),
            },
        }
    }

    pub(crate) const fn checking(
        check: Pending,
        guard: Guard,
        service: S,
        parts: Parts,
        body: B,
    ) -> Self {
        let waiting = Some(Waiting {
            guard,
            service,
            parts,
            body,
        });
        Self {
            state: State::Checking { check, waiting },
        }
    }

    pub(crate) fn calling(service: &mut S, pass: Pass, mut parts: Parts, body: B) -> Self {
        if let Some(permit) = pass.permit() {
            parts.extensions.insert(permit.clone());
        }
        let span = span_of(&pass);
        // Entered for the call itself, and then while its future is polled or dropped.
        let call = span.in_scope(|| service.call(Request::from_parts(parts, body)));
        Self {
            state: State::Calling {
                call: call.instrument(span),
                pass: Some(pass),
            },
        }
    }
}

impl<S, B, R> Future for GateFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<GateBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Denied { response } => {
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(response.map(GateBody::refusal)));
                }
                StateProjection::Checking { check, waiting } => {
                    let verdict = ready!(Pin::new(check).poll(cx));
                    let Some(Waiting {
                        guard,
                        mut service,
                        parts,
                        body,
                    }) = waiting.take()
                    else {
                        return Poll::Pending;
                    };
                    match verdict {
                        Ok(pass) => Self::calling(&mut service, pass, parts, body),
                        Err(denial) => Self::denied(refuse(&guard, &denial, &parts.headers)),
                    }
                }
                StateProjection::Calling { call, pass } => {
                    // Held here while the service runs: if that panics the pass goes down with it,
                    // and sees the panic, wherever it is caught.
                    let held = pass.take();
                    let Poll::Ready(mut outcome) = call.poll(cx) else {
                        *pass = held;
                        return Poll::Pending;
                    };
                    let settlement = match (held, &mut outcome) {
                        (None, _) => Settlement::none(),
                        (Some(pass), Ok(response)) => pass.finish(response),
                        (Some(pass), Err(_)) => pass.fail(),
                    };
                    Self {
                        state: State::Settling {
                            settlement,
                            outcome: Some(outcome),
                        },
                    }
                }
                StateProjection::Settling {
                    settlement,
                    outcome,
                } => {
                    ready!(Pin::new(settlement).poll(cx));
                    let Some(outcome) = outcome.take() else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(outcome.map(|response| response.map(GateBody::inner)));
                }
            };
            self.set(next);
        }
    }
}

impl<S, B> std::fmt::Debug for GateFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GateFuture")
    }
}
