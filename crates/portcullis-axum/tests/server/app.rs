//! A service with guarded notes, and its keys.

use std::net::SocketAddr;

use axum::Router;
use http::Method;
use portcullis_axum::{Caller, Guarded};
use portcullis_gate::{Access, Gate};
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;

pub(crate) const READ: Scope = Scope::from_static("notes:read");
pub(crate) const WRITE: Scope = Scope::from_static("notes:write");
pub(crate) const KEYS_READ: Scope = Scope::from_static("keys:read");
pub(crate) const KEYS_WRITE: Scope = Scope::from_static("keys:write");

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("notes:read", "Read notes")
        .scope_implying("notes:write", ["notes:read"], "Write notes")
        .scope("keys:read", "List keys")
        .scope_implying("keys:write", ["keys:read"], "Make and revoke keys")
        .build()
        .unwrap()
}

pub(crate) async fn bed() -> TestBed {
    TestBed::new(catalogue()).await
}

pub(crate) fn gate(bed: &TestBed) -> Gate {
    bed.gate().with_limit("100/60s".parse().unwrap())
}

pub(crate) fn guarded(bed: &TestBed) -> Guarded {
    Guarded::new(gate(bed))
        .public(Method::GET, "/health", async || "ok")
        .public(Method::GET, "/nobody", async |Caller(who): Caller| {
            who.owner().to_string()
        })
        .get("/notes", READ, async |Caller(who): Caller| {
            format!("notes of {}", who.owner())
        })
        .post("/notes", WRITE, async || "noted")
        .delete("/notes/{id}", Access::session(), async || "gone")
        .with_keys("/keys", KEYS_READ, KEYS_WRITE)
}

pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The service, and what its tests issue credentials with.
pub(crate) async fn served() -> (TestBed, SocketAddr) {
    let bed = bed().await;
    let server = serve(guarded(&bed).into_router().unwrap()).await;
    (bed, server)
}
