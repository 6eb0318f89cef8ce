//! The layer under hyper's HTTP/2: trailers, and refusals as they are on the wire.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use portcullis_gate::Guard;
use portcullis_tower::GateLayer;
use tower::{Layer, service_fn};

use crate::bed::{READ, bed, listener};

/// Answers with a text and a trailer.
async fn serve(guard: Guard) -> SocketAddr {
    let (listener, address) = listener().await;
    let inner = service_fn(async |_: Request<hyper::body::Incoming>| {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "\"7\"".parse().unwrap())]);
        let body = Full::new(Bytes::from("done")).with_trailers(async { Some(Ok(trailers)) });
        Ok::<_, Infallible>(Response::new(body))
    });
    let service = TowerToHyperService::new(GateLayer::new(guard).layer(inner));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new()).http2_only();
                server
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .unwrap();
            });
        }
    });
    address
}

async fn ask(
    address: SocketAddr,
    token: Option<&str>,
    content_type: &str,
) -> (http::response::Parts, http_body_util::Collected<Bytes>) {
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let mut request =
        Request::post(format!("http://{address}/notes")).header("content-type", content_type);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    (parts, body.collect().await.unwrap())
}

#[tokio::test]
async fn text_and_trailers_of_an_answer_come_through() {
    let bed = bed().await;
    let address = serve(bed.gate().guard(READ).unwrap()).await;
    let token = bed.key([READ]).await;
    for _ in 0..2 {
        let (parts, body) = ask(address, Some(&token), "text/plain").await;
        assert_eq!(
            (parts.status.as_u16(), parts.version),
            (200, http::Version::HTTP_2)
        );
        assert_eq!(body.trailers().unwrap()["etag"], "\"7\"");
        assert_eq!(body.to_bytes(), "done");
    }
}

#[tokio::test]
async fn a_refusal_has_its_text_unless_the_request_is_grpc() {
    let bed = bed().await;
    let address = serve(bed.gate().guard(READ).unwrap()).await;
    for (content_type, has_text) in [
        ("application/json", true),
        ("application/grpc-web", true),
        ("application/grpcx", true),
        ("application/grpc", false),
        ("application/grpc+proto", false),
        ("Application/gRPC; charset=utf-8", false),
    ] {
        // Denied at once, and by the store.
        for token in [None, Some("guess")] {
            let (parts, body) = ask(address, token, content_type).await;
            assert_eq!(parts.status, 401, "{content_type}");
            assert!(parts.headers.contains_key("www-authenticate"));
            assert_eq!(parts.headers.contains_key("content-type"), has_text);
            assert_eq!(!body.to_bytes().is_empty(), has_text, "{content_type}");
        }
    }
}
