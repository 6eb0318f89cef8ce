//! What a client sees of the gate, whether it passes or not.

use std::net::IpAddr;

use http::Request;
use http_body_util::BodyExt;
use portcullis_gate::{Access, Guard};
use portcullis_tower::{GateLayer, PeerAddr};
use tower::{Layer, ServiceExt, service_fn};

use crate::bed::{Calls, READ, WRITE, answering, bed, guard, request, warm, with_credits};

const REMAINING: &str = "x-ratelimit-remaining";

async fn status(guard: &Guard, calls: &Calls, request: Request<()>) -> u16 {
    let service = answering(guard.clone(), 200, calls);
    service.oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_denied_request_never_reaches_the_service() {
    let bed = bed().await;
    with_credits(&bed).await;
    let calls = Calls::default();
    let (cold, warmed) = (bed.key([READ]).await, bed.key([READ]).await);
    warm(&bed, &warmed).await;
    let limited = bed.gate().with_limit("1/60s".parse().unwrap());
    let (reads, writes) = (limited.guard(READ).unwrap(), guard(&bed, WRITE));
    let dear = guard(&bed, Access::scope(READ).with_price(11));

    let in_query = Request::get("/?token=x").body(()).unwrap();
    assert_eq!(status(&reads, &calls, in_query).await, 400);
    assert_eq!(status(&reads, &calls, Request::new(())).await, 401);
    assert_eq!(status(&reads, &calls, request("guess")).await, 401);

    assert_eq!(
        status(&guard(&bed, Access::session()), &calls, request(&warmed)).await,
        403
    );
    assert_eq!(status(&writes, &calls, request(&cold)).await, 403);
    assert_eq!(status(&writes, &calls, request(&warmed)).await, 403);
    assert_eq!(status(&dear, &calls, request(&cold)).await, 402);
    assert_eq!(calls.count(), 0);

    assert_eq!(status(&reads, &calls, request(&warmed)).await, 200);
    assert_eq!(status(&reads, &calls, request(&warmed)).await, 429);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn rate_headers_are_on_answers_and_on_refusals_of_a_verified_credential() {
    let bed = bed().await;
    let token = bed.key([READ]).await;
    let calls = Calls::default();
    for (access, request, status, remaining) in [
        (READ, request(&token), 200, Some("99")),
        (READ, request(&token), 200, Some("98")),
        (WRITE, request(&token), 403, Some("98")),
        (READ, request("guess"), 401, None),
        (READ, Request::new(()), 401, None),
    ] {
        let service = answering(guard(&bed, access), 200, &calls);
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
        let shown = answer
            .headers()
            .get(REMAINING)
            .map(|value| value.to_str().unwrap());
        assert_eq!(shown, remaining);
    }
    let failing = answering(guard(&bed, READ), 500, &calls);
    let answer = failing.oneshot(request(&token)).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[REMAINING]),
        (500, &"97".parse().unwrap())
    );
}

#[tokio::test]
async fn a_refusal_has_its_body_in_the_form_that_the_client_accepts() {
    let bed = bed().await;
    let inner = service_fn(
        async |_: Request<()>| -> Result<_, std::convert::Infallible> {
            Ok(http::Response::new(
                http_body_util::Empty::<bytes::Bytes>::new(),
            ))
        },
    );
    let service = GateLayer::new(guard(&bed, READ)).layer(inner);
    let plain = Request::get("/").body(()).unwrap();
    let problem = Request::get("/")
        .header("accept", "application/problem+json")
        .body(())
        .unwrap();
    for (request, media_type, start) in [
        (
            plain,
            "application/json",
            "{\"success\":false,\"error\":\"unauthorized\"",
        ),
        (
            problem,
            "application/problem+json",
            "{\"type\":\"about:blank\"",
        ),
    ] {
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["content-type"], media_type);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(start.as_bytes()), "{body:?}");
    }
}

fn from(address: &str) -> Request<()> {
    let mut request = request("guess");
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(PeerAddr(address));
    request
}

#[tokio::test]
async fn the_address_of_the_peer_is_taken_from_the_extension() {
    let bed = bed().await;
    let (guard, calls) = (guard(&bed, READ), Calls::default());
    for _ in 0..20 {
        assert_eq!(status(&guard, &calls, from("192.0.2.1")).await, 401);
    }
    assert_eq!(status(&guard, &calls, from("192.0.2.1")).await, 429);
    assert_eq!(status(&guard, &calls, from("192.0.2.2")).await, 401);
    assert_eq!(status(&guard, &calls, request("guess")).await, 401);
}

#[tokio::test]
async fn the_address_of_the_peer_may_come_from_elsewhere() {
    let bed = bed().await;
    let guard = bed
        .gate()
        .with_failure_limit("1/60s".parse().unwrap())
        .guard(READ)
        .unwrap();
    let layer = GateLayer::new(guard)
        .with_peer_of(|parts| parts.headers.get("x-peer")?.to_str().ok()?.parse().ok());
    let service = layer.layer(service_fn(async |_: Request<()>| -> crate::bed::Answer {
        Ok(http::Response::new("done"))
    }));
    for (peer, status) in [("192.0.2.1", 401), ("192.0.2.1", 429), ("192.0.2.2", 401)] {
        let mut request = request("guess");
        request
            .headers_mut()
            .insert("x-peer", peer.parse().unwrap());
        assert_eq!(
            service.clone().oneshot(request).await.unwrap().status(),
            status
        );
    }
}
