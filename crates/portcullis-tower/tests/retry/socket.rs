//! hyper's client, and a server behind the gate that it is too fast for.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use portcullis_tower::RetryPolicy;
use tokio::{net::TcpListener, time::Instant};
use tower::{Layer, ServiceExt, retry::RetryLayer};

/// Says the first time that it is too soon, and then what it was told.
async fn answer(
    tries: Arc<AtomicU32>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if tries.fetch_add(1, Ordering::SeqCst) == 0 {
        let refusal = Response::builder().status(429).header("retry-after", "1");
        return Ok(refusal.body(Full::new(Bytes::from("too soon"))).unwrap());
    }
    let told = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(told)))
}

#[tokio::test]
async fn over_a_socket_the_request_is_sent_again_with_its_body_after_a_second() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tries);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            let service = service_fn(move |request| answer(Arc::clone(&count), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });

    let client = Client::builder(TokioExecutor::new()).build_http();
    let client = RetryLayer::new(RetryPolicy::new()).layer(client);
    let request = Request::put(format!("http://{address}/notes"));
    let request = request.body(Full::new(Bytes::from("a note"))).unwrap();
    let begun = Instant::now();
    let answer = client.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let told = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(told, "a note");
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_as_often_as_there_are_tries() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let client = RetryLayer::new(RetryPolicy::new()).layer(client);
    let request = Request::get(format!("http://{address}/"));
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let begun = Instant::now();
    assert!(client.oneshot(request).await.unwrap_err().is_connect());
    assert!(begun.elapsed() >= Duration::from_secs(7), "1, 2 and 4 s");
}
