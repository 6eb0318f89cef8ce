//! What a gRPC client sees of the gate: its statuses follow from those of HTTP.
//!
//! The pairs are those of gRPC's `http-grpc-status-mapping`: 400 is `INTERNAL`, 401
//! `UNAUTHENTICATED`, 403 `PERMISSION_DENIED`, 429 and 503 `UNAVAILABLE`, all others (402)
//! `UNKNOWN`.

use portcullis_gate::Access;
use tonic::{Code, Request};
use tonic_health::{ServingStatus, pb::HealthCheckRequest};

use crate::bed::{READ, WRITE, asking, bed, check, start};

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

#[tokio::test]
async fn a_key_in_the_metadata_passes_from_the_store_and_from_memory() {
    let bed = bed().await;
    let mut running = start(&bed.gate(), READ).await;
    let token = bed.key([READ]).await;
    for _ in 0..3 {
        let status = check(&mut running, Some(&token)).await.unwrap();
        assert_eq!(status, SERVING);
    }
    let mut request = Request::new(HealthCheckRequest::default());
    let metadata = request.metadata_mut();
    metadata.insert("x-api-key", token.parse().unwrap());
    assert!(running.client.check(request).await.is_ok());
}

#[tokio::test]
async fn rate_headers_are_in_the_metadata_of_an_answer() {
    let bed = bed().await;
    let gate = bed.gate().with_limit("5/60s".parse().unwrap());
    let mut running = start(&gate, READ).await;
    let token = bed.key([READ]).await;
    let answer = running.client.check(asking(Some(&token))).await.unwrap();
    assert_eq!(answer.metadata().get("x-ratelimit-remaining").unwrap(), "4");
}

#[tokio::test]
async fn each_denial_is_the_status_that_grpc_maps_it_to() {
    let bed = bed().await;
    let owner = portcullis_testkit::TestBed::OWNER.parse().unwrap();
    bed.registry().ensure_owner(&owner, 10).await.unwrap();
    let gate = bed.gate().with_limit("1/60s".parse().unwrap());
    let mut reads = start(&gate, READ).await;
    let mut writes = start(&bed.gate(), WRITE).await;
    let mut dear = start(&gate, Access::scope(READ).with_price(11)).await;

    let code = |answer: Result<i32, tonic::Status>| answer.unwrap_err().code();
    assert_eq!(code(check(&mut reads, None).await), Code::Unauthenticated);
    let guess = check(&mut reads, Some("guess")).await;
    assert_eq!(code(guess), Code::Unauthenticated);

    // Once from the store, once from memory.
    let token = bed.key([READ]).await;
    for _ in 0..2 {
        let denied = check(&mut writes, Some(&token)).await;
        assert_eq!(code(denied), Code::PermissionDenied);
    }

    let token = bed.key([READ]).await;
    assert_eq!(check(&mut reads, Some(&token)).await.unwrap(), SERVING);
    let over = check(&mut reads, Some(&token)).await;
    assert_eq!(code(over), Code::Unavailable);

    let token = bed.key([READ]).await;
    assert_eq!(code(check(&mut dear, Some(&token)).await), Code::Unknown);

    let mut twice = asking(Some(&token));
    let other = "Bearer other".parse().unwrap();
    twice.metadata_mut().append("authorization", other);
    let denied = reads.client.check(twice).await;
    assert_eq!(denied.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn a_stream_goes_on_as_long_as_the_service_lets_it() {
    let bed = bed().await;
    let mut running = start(&bed.gate(), READ).await;
    let token = bed.key([READ]).await;
    let answer = running.client.watch(asking(Some(&token))).await.unwrap();
    let mut stream = answer.into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().status, SERVING);
    for (say, heard) in [
        (ServingStatus::NotServing, NOT_SERVING),
        (ServingStatus::Serving, SERVING),
    ] {
        running.reporter.set_service_status("", say).await;
        assert_eq!(stream.message().await.unwrap().unwrap().status, heard);
    }
    running.reporter.clear_service_status("").await;
    assert_eq!(stream.message().await.unwrap(), None, "with its trailers");
}

#[tokio::test]
async fn a_stream_that_is_denied_never_begins() {
    let bed = bed().await;
    let mut reads = start(&bed.gate(), READ).await;
    let mut writes = start(&bed.gate(), WRITE).await;
    let token = bed.key([READ]).await;
    for (running, token, code) in [
        (&mut reads, None, Code::Unauthenticated),
        (&mut writes, Some(token.as_str()), Code::PermissionDenied),
    ] {
        // Either the call fails, or its first message does.
        let denied = match running.client.watch(asking(token)).await {
            Err(status) => status,
            Ok(answer) => answer.into_inner().message().await.unwrap_err(),
        };
        assert_eq!(denied.code(), code);
    }
}

#[tokio::test]
async fn a_service_says_its_own_errors_behind_the_gate() {
    let bed = bed().await;
    let mut running = start(&bed.gate(), READ).await;
    let mut request = asking(Some(&bed.key([READ]).await));
    request.get_mut().service = String::from("of.nobody");
    let answer = running.client.check(request).await;
    assert_eq!(answer.unwrap_err().code(), Code::NotFound);
}
