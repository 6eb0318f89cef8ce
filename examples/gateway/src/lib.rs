//! A reverse proxy on hyper alone: one call checks each request, then it is forwarded.

use std::{convert::Infallible, net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, uri::PathAndQuery};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use portcullis::{Guard, Progress};
use tokio::{net::TcpListener, time::sleep};

/// Serves HTTP/1.1: what the guard lets through goes to the service behind.
pub async fn serve(listener: TcpListener, guard: Guard, upstream: Uri) -> Infallible {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Proxy {
        guard,
        upstream,
        client,
    };
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // The connection broke at once, or there are too many: the next one may do.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let proxy = proxy.clone();
        let service = service_fn(move |request| {
            let proxy = proxy.clone();
            async move { Ok::<_, Infallible>(proxy.handle(request, peer.ip()).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

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
        // Behind what came in this header is who has really sent it.
        if let Ok(peer) = peer.to_string().parse() {
            parts.headers.append("x-forwarded-for", peer);
        }
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
