//! An axum app with guarded routes, and a user of its own who manages keys:
//!
//! ```sh
//! curl -s http://127.0.0.1:3000/keys -H 'content-type: application/json' \
//!     -d '{"name":"laptop","scopes":["notes:read"]}'          # {"data":{"key":"nt_live_…
//! curl -i http://127.0.0.1:3000/notes -H 'authorization: Bearer nt_live_…'
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::net::SocketAddr;

use axum::{Extension, http::Method};
use portcullis::{
    Actor, Environment, Gate, Guarded, PepperRing, Registry, TokenFormat,
    axum::{Caller, keys},
    registry::MemoryStore,
};

portcullis::catalogue! {
    pub Notes {
        READ  = "notes:read", "Read notes";
        WRITE = "notes:write" => READ, "Write notes";
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let format = TokenFormat::new("nt", Environment::Live)?;
    let (registry, driver) = Registry::open(
        MemoryStore::new(),
        format,
        Notes::catalogue(),
        PepperRing::generate()?,
    )
    .await?;
    tokio::spawn(driver);

    // Your login decides who Ada is; here she is always there.
    let ada = Actor::user("acme".parse()?, "ada".parse()?, Notes::catalogue().all());
    let manage = keys::router(registry.clone()).layer(Extension(ada));

    let api = Guarded::new(Gate::new(registry).with_limit("60/60s".parse()?))
        .public(Method::GET, "/health", || async { "ok" })
        .get("/notes", Notes::READ, |Caller(who): Caller| async move {
            format!("notes of {}", who.owner())
        })
        .post("/notes", Notes::WRITE, || async { "noted" });

    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = api.into_router()?.nest("/keys", manage);
    Ok(axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?)
}
