//! A gate in front of services that count how often they are called.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, Response};
use portcullis_gate::{Access, Gate, Guard};
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;
use portcullis_tower::{GateLayer, GateService};
use tower::Layer;

pub(crate) const READ: Scope = Scope::from_static("posts:read");
pub(crate) const WRITE: Scope = Scope::from_static("posts:write");

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope("posts:write", "Write posts")
        .build()
        .unwrap()
}

pub(crate) async fn bed() -> TestBed {
    TestBed::new(catalogue()).await
}

/// 10 credits for the owner of the bed's keys.
pub(crate) async fn with_credits(bed: &TestBed) {
    let owner = TestBed::OWNER.parse().unwrap();
    bed.registry().ensure_owner(&owner, 10).await.unwrap();
}

pub(crate) async fn balance(bed: &TestBed) -> i64 {
    let owner = TestBed::OWNER.parse().unwrap();
    bed.registry().balance(&owner).await.unwrap()
}

pub(crate) fn gate(bed: &TestBed) -> Gate {
    bed.gate().with_limit("100/60s".parse().unwrap())
}

pub(crate) fn guard(bed: &TestBed, access: impl Into<Access>) -> Guard {
    gate(bed).guard(access).unwrap()
}

pub(crate) fn request(token: &str) -> Request<()> {
    let request = Request::get("/posts").header("authorization", format!("Bearer {token}"));
    request.body(()).unwrap()
}

/// Has the credential in memory, so that the next check is done at once.
pub(crate) async fn warm(bed: &TestBed, token: &str) {
    let token = bed.registry().format().recognize(token.as_bytes()).unwrap();
    assert!(bed.registry().load(token.id()).await.unwrap());
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) type Answer = Result<Response<&'static str>, Infallible>;

/// A service that answers with this status, behind a guard.
pub(crate) fn answering(
    guard: Guard,
    status: u16,
    calls: &Calls,
) -> GateService<
    impl tower::Service<
        Request<()>,
        Response = Response<&'static str>,
        Error = Infallible,
        Future = impl Future<Output = Answer> + Send + use<>,
    > + Clone
    + use<>,
> {
    let calls = calls.clone();
    let service = tower::service_fn(move |_: Request<()>| {
        calls.note();
        async move { Ok(Response::builder().status(status).body("done").unwrap()) }
    });
    GateLayer::new(guard).layer(service)
}
