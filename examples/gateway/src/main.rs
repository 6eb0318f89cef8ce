//! A reverse proxy on hyper alone: one call checks each request, then it is forwarded.
//!
//! `cargo run -p gateway -- http://127.0.0.1:9000` prints a key and listens on port 8000.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, uri::PathAndQuery};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use portcullis::{
    Actor, Environment, Gate, Guard, NewKey, PepperRing, Progress, Registry, TokenFormat,
    registry::MemoryStore,
};

portcullis::catalogue! { pub Api { CALL = "api:call", "Call the service"; } }

type Body = Either<Incoming, Full<Bytes>>;

#[derive(Clone)]
struct Proxy {
    guard: Guard,
    upstream: Uri,
    client: Client<HttpConnector, Incoming>,
}

impl Proxy {
    async fn handle(self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let verdict = match self.guard.check(&parts, Some(peer)) {
            Progress::Done(verdict) => verdict,
            Progress::Pending(check) => check.await,
        };
        let pass = match verdict {
            Ok(pass) => pass,
            Err(denial) => {
                return self
                    .guard
                    .refuse(&denial, &parts.headers)
                    .map(|text| Either::Right(text.into()));
            }
        };
        pass.upstream_headers(&mut parts.headers);
        parts.uri = self.target(parts.uri.path_and_query());
        let answer = self.client.request(Request::from_parts(parts, body)).await;
        let mut response = match answer {
            Ok(response) => response.map(Either::Left),
            Err(_) => status(StatusCode::BAD_GATEWAY),
        };
        pass.finish(&mut response).await;
        response
    }

    fn target(&self, path: Option<&PathAndQuery>) -> Uri {
        let mut parts = self.upstream.clone().into_parts();
        parts.path_and_query = path.cloned();
        Uri::from_parts(parts).unwrap_or_default()
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Right(Full::default()));
    *response.status_mut() = status;
    response
}

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
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Proxy {
        guard,
        upstream,
        client,
    };

    let address = std::env::args()
        .nth(2)
        .unwrap_or_else(|| "127.0.0.1:8000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!(
        "listening on http://{}\nkey: {}",
        listener.local_addr()?,
        issued.token.expose()
    );
    loop {
        let (stream, peer) = listener.accept().await?;
        let proxy = proxy.clone();
        let service = service_fn(move |request| {
            let proxy = proxy.clone();
            async move { Ok::<_, std::convert::Infallible>(proxy.handle(request, peer.ip()).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
