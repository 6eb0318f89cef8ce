//! The golden cases of the testkit, over a socket: HTTP/1.1 byte by byte, and HTTP/2.
#![cfg(test)]

use std::net::SocketAddr;

use axum::{Router, body::Body};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use portcullis_axum::Guarded;
use portcullis_testkit::{Chain, HeaderCase, HeaderWorld, Over};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn app(world: &HeaderWorld, chain: Chain) -> Router {
    Guarded::new(world.gate(chain))
        .get("/notes", HeaderWorld::SCOPE, notes)
        .route(Method::OPTIONS, "/notes", HeaderWorld::SCOPE, notes)
        .get("/{*elsewhere}", HeaderWorld::SCOPE, notes)
        .into_router()
        .unwrap()
}

async fn notes() -> &'static str {
    "notes"
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn over_http1(address: SocketAddr, case: &HeaderCase) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&case.to_http1()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    case.http1_disagreement(&answer)
}

#[tokio::test]
async fn each_case_is_answered_as_it_must_be_over_http_1() {
    let world = HeaderWorld::new().await;
    for chain in [Chain::Own, Chain::WithJwt] {
        let (listener, address) = listen().await;
        let app = app(&world, chain);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let mut disagreements = Vec::new();
        let cases = world.cases(Over::Http1, chain);
        assert!(cases.len() > 400, "{}", cases.len());
        for case in &cases {
            disagreements.extend(over_http1(address, case).await);
        }
        server.abort();
        assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    }
}

#[tokio::test]
async fn each_case_is_answered_as_it_must_be_over_http_2() {
    let world = HeaderWorld::new().await;
    for chain in [Chain::Own, Chain::WithJwt] {
        let (listener, address) = listen().await;
        let app = TowerToHyperService::new(app(&world, chain));
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder.serve_connection(TokioIo::new(stream), app).await
        });
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
        let (mut sender, connection) = shaken.unwrap();
        let connection = tokio::spawn(connection);
        let mut disagreements = Vec::new();
        let cases = world.cases(Over::Http2, chain);
        assert!(cases.len() > 390, "{}", cases.len());
        for case in &cases {
            let uri = format!("http://{address}{}", case.target);
            let request = Request::builder().method(&case.method).uri(uri);
            let mut request = request.body(Body::empty()).unwrap();
            for (name, value) in &case.headers {
                let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).unwrap();
                let value = HeaderValue::from_bytes(value).unwrap();
                request.headers_mut().append(name, value);
            }
            let response = sender.send_request(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let challenge = parts
                .headers
                .get("www-authenticate")
                .map(HeaderValue::as_bytes);
            disagreements.extend(case.disagreement(parts.status.as_u16(), challenge, &body));
        }
        connection.abort();
        server.abort();
        assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    }
}
