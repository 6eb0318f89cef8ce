//! `cargo run -p gateway -- http://127.0.0.1:9000` prints a key and listens on port 8000.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use portcullis::{
    Actor, Environment, Gate, NewKey, PepperRing, Registry, TokenFormat, registry::MemoryStore,
};

portcullis::catalogue! { pub Api { CALL = "api:call", "Call the service"; } }

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let upstream = std::env::args()
        .nth(1)
        .ok_or("usage: gateway http://UPSTREAM [ADDRESS]")?
        .parse()?;
    let format = TokenFormat::new("gw", Environment::Live)?;
    let (registry, driver) = Registry::open(
        MemoryStore::new(),
        format,
        Api::catalogue(),
        PepperRing::generate()?,
    )
    .await?;
    tokio::spawn(driver);
    let key = NewKey::new("demo".parse()?, "demo", [Api::CALL]);
    let issued = registry.issue_key(&Actor::dangerous_system(), key).await?;
    let guard = Gate::new(registry)
        .with_limit("100/60s".parse()?)
        .guard(Api::CALL)?;

    let address = std::env::args()
        .nth(2)
        .unwrap_or_else(|| "127.0.0.1:8000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!(
        "listening on http://{}\nkey: {}",
        listener.local_addr()?,
        issued.token.expose()
    );
    match gateway::serve(listener, guard, upstream).await {}
}
