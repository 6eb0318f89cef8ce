//! What a handler may ask of a request that passed, and streams that check again.

use std::time::Duration;

use portcullis_gate::{Access, Permit};
use portcullis_registry::{Actor, Hot, KeyChange, SessionTerms, Suspension};
use portcullis_scope::{Requirement, Scope};

use crate::bed::{BRANDS, Bed, PEER, READ, WRITE, bed, pass};

async fn permit(bed: &Bed, access: impl Into<Access>, token: &str) -> Permit {
    let passed = pass(&bed.guard(access), token).await;
    passed.permit().unwrap().clone()
}

async fn recheck(permit: &Permit) -> &'static str {
    match permit.recheck().await {
        Ok(()) => "passes",
        Err(denial) => {
            assert_eq!(denial.request_id, Some(permit.request_id()));
            denial.code()
        }
    }
}

#[tokio::test]
async fn a_handler_asks_for_more_with_a_question_mark() {
    async fn purge(permit: &Permit) -> Result<u16, portcullis_error::Denial> {
        permit.require(WRITE)?;
        permit.require(Requirement::any_of([BRANDS, WRITE]))?;
        Ok(204)
    }
    let bed = bed().await;
    let writer = permit(&bed, READ, &bed.key(&[WRITE]).await).await;
    assert_eq!(purge(&writer).await, Ok(204));
    let reader = permit(&bed, READ, &bed.key(&[READ]).await).await;
    let denial = purge(&reader).await.unwrap_err();
    let response = denial.to_response();
    assert_eq!(response.status(), 403);
    assert_eq!(
        response.headers()["www-authenticate"],
        r#"Bearer realm="api", error="insufficient_scope", scope="posts:write""#
    );
    let id = reader.request_id().to_string();
    assert_eq!(response.headers()["x-request-id"], id);
    // What the catalogue doesn't declare is nobody's to have, and the service's fault.
    let unknown = Scope::from_static("nope:read");
    assert_eq!(reader.require(unknown).unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn a_permit_is_its_principal_and_knows_from_where_it_came() {
    let bed = bed().await;
    let token = bed.key(&[READ]).await;
    let passed = pass(&bed.guard(READ), &token).await;
    let permit = passed.permit().unwrap();
    assert_eq!(permit.owner().as_str(), "acme");
    assert_eq!(permit.ip(), Some(PEER));
    assert_eq!(permit.actor().ip(), Some(PEER));
    assert_eq!(passed.request_id(), Some(permit.request_id()));
    // And no two requests are called the same.
    let other = pass(&bed.guard(READ), &token).await;
    assert_ne!(other.request_id(), passed.request_id());
    let mut response = http::Response::new(());
    let id = passed.request_id().unwrap().to_string();
    passed.finish(&mut response).await;
    assert_eq!(response.headers()["x-request-id"], id);
}

#[tokio::test]
async fn a_stream_ends_when_its_key_does_and_not_before() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let (token, id) = (issued.token.expose(), issued.token.id());
    let permit = permit(&bed, READ, token).await;
    assert_eq!(recheck(&permit).await, "passes");
    let system = Actor::dangerous_system();
    let change = |change| bed.registry.change_key(&system, id, change);

    change(KeyChange::new().disable()).await.unwrap();
    assert_eq!(recheck(&permit).await, "invalid_token");
    change(KeyChange::new().enable()).await.unwrap();
    assert_eq!(recheck(&permit).await, "passes");
    change(KeyChange::new().accept_from("203.0.113.0/24".parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(recheck(&permit).await, "invalid_token");
    change(KeyChange::new().accept_from(portcullis_registry::Networks::ANY))
        .await
        .unwrap();
    change(KeyChange::new().regrant([BRANDS].into_iter().collect()))
        .await
        .unwrap();
    assert_eq!(recheck(&permit).await, "insufficient_scope");
    change(KeyChange::new().regrant([READ].into_iter().collect()))
        .await
        .unwrap();
    bed.credits(1).await;
    bed.suspend(Suspension::Suspended).await;
    assert_eq!(recheck(&permit).await, "billing_suspended");
    bed.suspend(Suspension::Lifted).await;
    assert_eq!(recheck(&permit).await, "passes");

    let _everywhere = bed.registry.revoke_key(&system, id).await.unwrap();
    assert_eq!(recheck(&permit).await, "invalid_token");
}

#[tokio::test]
async fn checking_again_is_free_and_no_use_and_reads_nothing_while_nothing_changes() {
    let bed = bed().await;
    let session = bed.start_session(&[READ]).await;
    let permit = permit(&bed, READ, session.token.expose()).await;
    let before = bed.store.accesses();
    for _ in 0..200 {
        assert_eq!(recheck(&permit).await, "passes");
    }
    assert_eq!(bed.store.accesses(), before);
    let left = pass(&bed.guard(READ), session.token.expose()).await;
    assert_eq!(left.rate().unwrap().remaining, 98);

    // A session that nobody uses idles out, and its streams with it.
    let idle = SessionTerms::default().idle_ttl;
    bed.clock.advance(idle - Duration::from_secs(1));
    assert_eq!(recheck(&permit).await, "passes");
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(recheck(&permit).await, "invalid_token");
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_such() {
    let bed = bed().await;
    let issued = bed.issue(&[READ]).await;
    let permit = permit(&bed, READ, issued.token.expose()).await;
    // A change, so that it has to be read again.
    let renamed = KeyChange::new().rename("new");
    let system = Actor::dangerous_system();
    bed.registry
        .change_key(&system, issued.token.id(), renamed)
        .await
        .unwrap();
    bed.store.break_down();
    assert_eq!(recheck(&permit).await, "unavailable");
    let token = bed.registry.format();
    let token = token.recognize(issued.token.expose().as_bytes()).unwrap();
    assert!(matches!(
        bed.registry.visit(&token, None, |_| ()),
        Hot::Miss
    ));
}
