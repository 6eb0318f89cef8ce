//! What is known at once and what has to ask the store.

use http::{Method, Response};
use portcullis_gate::{Access, Progress};
use portcullis_token::ApiKey;

use crate::bed::{PEER, READ, WRITE, at_once, bearer, bed, mistyped, request};

fn is_pending(progress: &Progress) -> bool {
    matches!(progress, Progress::Pending(_))
}

#[tokio::test]
async fn a_credential_in_memory_is_answered_at_once_and_without_the_store() {
    let bed = bed().await;
    let (reads, writes) = (bed.guard(READ), bed.guard(WRITE));
    let token = bed.key(&[READ]).await;
    bed.warm(&token).await;
    let before = bed.store.accesses();
    for _ in 0..10 {
        assert!(at_once(reads.check(&bearer(&token), Some(PEER))).is_ok());
        assert!(at_once(writes.check(&bearer(&token), Some(PEER))).is_err());
    }
    assert_eq!(bed.store.accesses(), before);
}

#[tokio::test]
async fn a_credential_that_is_not_in_memory_is_read_once() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = bed.key(&[READ]).await;
    let (reads, commits) = bed.store.accesses();
    let progress = guard.check(&bearer(&token), Some(PEER));
    assert!(is_pending(&progress));
    assert!(progress.await.is_ok());
    assert_eq!(bed.store.accesses(), (reads + 1, commits));
    assert!(at_once(guard.check(&bearer(&token), Some(PEER))).is_ok());
}

#[tokio::test]
async fn a_price_has_to_be_reserved_unless_the_request_is_denied_before() {
    let bed = bed().await;
    bed.credits(5).await;
    let token = bed.key(&[READ]).await;
    bed.warm(&token).await;
    let guard = bed.guard(Access::scope(READ).with_price(1));
    let progress = guard.check(&bearer(&token), Some(PEER));
    assert!(is_pending(&progress));
    progress.await.unwrap().finish(&mut Response::new(())).await;
    let denied = bed.guard(Access::scope(WRITE).with_price(1));
    assert!(at_once(denied.check(&bearer(&token), Some(PEER))).is_err());
}

#[tokio::test]
async fn what_can_not_be_a_credential_is_refused_without_the_store() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let unknown = bed.registry.format().mint::<ApiKey>().unwrap();
    let mistyped = mistyped(unknown.expose());
    let before = bed.store.accesses();
    for token in ["hello", &mistyped] {
        let denial = at_once(guard.check(&bearer(token), None)).unwrap_err();
        assert_eq!(denial.code(), "invalid_token");
    }
    assert!(at_once(guard.check(&request(&[]), None)).is_err());
    assert_eq!(bed.store.accesses(), before);
}

#[tokio::test]
async fn a_preflight_passes_untouched_and_uncharged() {
    let bed = bed().await;
    bed.credits(5).await;
    let token = bed.key(&[READ]).await;
    bed.warm(&token).await;
    let guard = bed.guard(Access::scope(READ).with_price(1));
    let authorization = format!("Bearer {token}");
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
    ];
    let odd = [
        ("authorization", "a b c"),
        ("x-api-key", ""),
        preflight[0],
        preflight[1],
    ];
    let with_key = [
        ("authorization", authorization.as_str()),
        preflight[0],
        preflight[1],
    ];
    for headers in [preflight.as_slice(), &odd, &with_key] {
        let mut parts = request(headers);
        parts.method = Method::OPTIONS;
        let pass = at_once(guard.check(&parts, Some(PEER))).unwrap();
        assert!(pass.principal().is_none() && pass.rate().is_none());
        let mut response = Response::new(());
        pass.finish(&mut response).await;
        assert!(response.headers().is_empty());
    }
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 5);
    let rate = *crate::bed::pass(&guard, &token).await.rate().unwrap();
    assert_eq!(rate.remaining, 99);
}

#[tokio::test]
async fn what_only_resembles_a_preflight_is_checked() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let origin = ("origin", "https://a.example");
    let asked = ("access-control-request-method", "POST");
    for (method, headers) in [
        (Method::OPTIONS, [].as_slice()),
        (Method::OPTIONS, &[origin]),
        (Method::OPTIONS, &[asked]),
        (Method::GET, &[origin, asked]),
        (Method::POST, &[origin, asked]),
    ] {
        let mut parts = request(headers);
        parts.method = method.clone();
        let denial = at_once(guard.check(&parts, None)).unwrap_err();
        assert_eq!(denial.code(), "unauthorized", "{method} {headers:?}");
    }
}

#[tokio::test]
async fn both_headers_may_carry_the_credential_and_say_the_same() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = bed.key(&[READ]).await;
    let bearer = format!("bEARER  {token}");
    for headers in [
        [("x-api-key", &*token)].as_slice(),
        &[("authorization", &*bearer)],
        &[("authorization", &*bearer), ("x-api-key", &*token)],
    ] {
        let pass = guard.check(&request(headers), None).await.unwrap();
        assert_eq!(pass.principal().unwrap().owner().as_str(), "acme");
    }
}

#[tokio::test]
async fn the_principal_says_who_calls() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let issued = bed.start_session(&[WRITE]).await;
    let pass = crate::bed::pass(&guard, issued.token.expose()).await;
    let principal = pass.principal().unwrap();
    assert_eq!(principal.credential(), Some(issued.token.id()));
    assert_eq!(principal.user().unwrap().as_str(), "ada");
    let names: Vec<&str> = bed
        .registry
        .catalogue()
        .names(principal.scopes())
        .map(portcullis_scope::Scope::as_str)
        .collect();
    assert_eq!(names, ["posts:read", "posts:write"]);
}
