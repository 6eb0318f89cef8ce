//! Sessions and their refresh tokens.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{WRITE, acme, ada, bed};
use portcullis_core::Secret;
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, NewSession, RefreshError, Registry, SessionTerms,
};

const TERMS: SessionTerms = SessionTerms {
    ttl: Duration::from_secs(12 * 3_600),
    idle_ttl: Duration::from_secs(3_600),
    refresh_ttl: Duration::from_secs(30 * 86_400),
};

async fn start(registry: &Registry) -> IssuedSession {
    let new = NewSession {
        owner: acme(),
        user: "ada".parse().unwrap(),
        grant: [WRITE].into_iter().collect(),
        terms: TERMS,
    };
    registry.start_session(&ada(), new).await.unwrap()
}

async fn refresh(registry: &Registry, token: &str) -> Result<IssuedSession, RefreshError> {
    let token = Secret::new(token.to_owned());
    registry
        .refresh(&Actor::dangerous_system(), &token, &TERMS)
        .await
}

#[tokio::test]
async fn a_session_ends_when_it_idles_and_at_its_end() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    let token = session.token.expose();
    bed.clock
        .advance(Duration::from_secs(3_600) - Duration::from_micros(1));
    assert!(bed.verify(token).await.is_some());
    bed.clock.advance(Duration::from_secs(3_600));
    assert!(
        bed.verify(token).await.is_none(),
        "unused for its idle time"
    );

    let session = start(&bed.registry).await;
    for _ in 0..23 {
        bed.clock.advance(Duration::from_secs(1_800));
        assert!(bed.verify(session.token.expose()).await.is_some());
    }
    bed.clock.advance(Duration::from_secs(1_800));
    assert!(
        bed.verify(session.token.expose()).await.is_none(),
        "12 hours old"
    );
}

#[tokio::test]
async fn a_logout_ends_the_session_and_its_refresh_token() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    let principal = bed.verify(session.token.expose()).await.unwrap();
    let _ = bed.registry.end_session(&ada(), &principal).await.unwrap();
    assert!(bed.verify(session.token.expose()).await.is_none());
    let refreshed = refresh(&bed.registry, session.refresh.expose()).await;
    assert!(matches!(refreshed, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_family() {
    let bed = bed().await;
    let first = start(&bed.registry).await;
    let second = refresh(&bed.registry, first.refresh.expose())
        .await
        .unwrap();
    assert!(bed.verify(second.token.expose()).await.is_some());
    bed.clock.advance(Duration::from_secs(31));
    let reused = refresh(&bed.registry, first.refresh.expose()).await;
    assert!(matches!(reused, Err(RefreshError::Rejected)));
    assert!(bed.verify(first.token.expose()).await.is_none());
    assert!(bed.verify(second.token.expose()).await.is_none());
    let stolen = refresh(&bed.registry, second.refresh.expose()).await;
    assert!(matches!(stolen, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn two_requests_that_race_with_one_refresh_token_are_forgiven() {
    let bed = bed().await;
    let first = start(&bed.registry).await;
    let loser = refresh(&bed.registry, first.refresh.expose())
        .await
        .unwrap();
    bed.clock.advance(Duration::from_secs(29));
    let winner = refresh(&bed.registry, first.refresh.expose())
        .await
        .unwrap();
    assert!(bed.verify(winner.token.expose()).await.is_some());
    assert!(
        bed.verify(loser.token.expose()).await.is_none(),
        "it ended with its refresh token"
    );
    let late = refresh(&bed.registry, loser.refresh.expose()).await;
    assert!(matches!(late, Err(RefreshError::Rejected)));
    assert!(
        bed.verify(winner.token.expose()).await.is_some(),
        "a revoked token ends nothing more"
    );
    assert!(
        refresh(&bed.registry, winner.refresh.expose())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_used_successor_is_no_race() {
    let bed = bed().await;
    let first = start(&bed.registry).await;
    let second = refresh(&bed.registry, first.refresh.expose())
        .await
        .unwrap();
    let third = refresh(&bed.registry, second.refresh.expose())
        .await
        .unwrap();
    let reused = refresh(&bed.registry, first.refresh.expose()).await;
    assert!(matches!(reused, Err(RefreshError::Rejected)));
    assert!(bed.verify(third.token.expose()).await.is_none());
}

#[tokio::test]
async fn what_is_no_refresh_token_refreshes_nothing() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    let key = bed.key(&[WRITE]).await;
    for token in [session.token.expose(), key.token.expose(), "", "apr_live_x"] {
        assert!(matches!(
            refresh(&bed.registry, token).await,
            Err(RefreshError::Rejected)
        ));
    }
    bed.clock.advance(TERMS.refresh_ttl);
    let late = refresh(&bed.registry, session.refresh.expose()).await;
    assert!(matches!(late, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn a_session_is_not_given_what_its_user_lacks() {
    let bed = bed().await;
    let none = Actor::user(
        acme(),
        "ada".parse().unwrap(),
        portcullis_scope::ScopeSet::EMPTY,
    );
    let new = NewSession {
        owner: acme(),
        user: "ada".parse().unwrap(),
        grant: [WRITE].into_iter().collect(),
        terms: TERMS,
    };
    let refused = bed.registry.start_session(&none, new).await;
    assert!(matches!(refused, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
}
