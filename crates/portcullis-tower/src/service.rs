//! The service.

use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis_gate::{Guard, Progress};
use tower_service::Service;

use crate::{GateBody, GateFuture, PeerOf, refusal::refuse};

/// A service behind a [`Guard`]. The [`Permit`](portcullis_gate::Permit) of a request that
/// passes is in its extensions.
///
/// A denied request never reaches the service.
#[derive(Clone, Debug)]
pub struct GateService<S> {
    inner: S,
    guard: Guard,
    peer_of: PeerOf,
}

impl<S> GateService<S> {
    pub(crate) const fn new(inner: S, guard: Guard, peer_of: PeerOf) -> Self {
        Self {
            inner,
            guard,
            peer_of,
        }
    }
}

impl<S, B, R> Service<Request<B>> for GateService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = Response<GateBody<R>>;
    type Error = S::Error;
    type Future = GateFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.guard.check(&parts, (self.peer_of)(&parts)) {
            Progress::Done(Ok(pass)) => {
                self.guard.gate().mark_sensitive(&mut parts.headers);
                GateFuture::calling(&mut self.inner, pass, parts, body)
            }
            Progress::Done(Err(denial)) => {
                GateFuture::denied(refuse(&self.guard, &denial, &parts.headers))
            }
            Progress::Pending(check) => {
                self.guard.gate().mark_sensitive(&mut parts.headers);
                // The service that was polled ready is the one to be called.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                GateFuture::checking(check, self.guard.clone(), ready, parts, body)
            }
        }
    }
}
