//! Sessions and their refresh tokens.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{WRITE, acme, ada, bed};
use portcullis_core::{Clock, Secret};
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, NewSession, RefreshError, Registry, SessionTerms,
};

const TERMS: SessionTerms = SessionTerms {
    ttl: Duration::from_secs(12 * 3_600),
    idle_ttl: Duration::from_secs(3_600),
    refresh_ttl: Duration::from_secs(30 * 86_400),
};

async fn start(registry: &Registry) -> IssuedSession {
    let new = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [WRITE].into_iter().collect(),
        TERMS,
    );
    registry.start_session(&ada(), new).await.unwrap()
}

async fn refresh(registry: &Registry, token: &str) -> Result<IssuedSession, RefreshError> {
    let token = Secret::new(token.to_owned());
    let verified = registry.verify_refresh(&ada(), &token).await?;
    let grant = [WRITE].into_iter().collect();
    registry.refresh(&ada(), verified, &grant, &TERMS).await
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
    let next = refresh(&bed.registry, winner.refresh.expose())
        .await
        .unwrap();
    assert!(bed.verify(next.token.expose()).await.is_some());
    // Somebody still has the token that was replaced.
    let late = refresh(&bed.registry, loser.refresh.expose()).await;
    assert!(matches!(late, Err(RefreshError::Rejected)));
    assert!(bed.verify(next.token.expose()).await.is_none());
}

#[tokio::test]
async fn a_session_that_idled_while_the_machine_was_off_has_ended() {
    for (hours, lives) in [(0, true), (11, false)] {
        let bed = bed().await;
        let session = start(&bed.registry).await;
        // Some hours later, and 5 minutes after a boot, another process opens the store.
        let off = Duration::from_secs(hours * 3_600);
        bed.clock.set_now(bed.clock.now().saturating_add(off));
        bed.clock
            .set_tick(portcullis_core::Tick::from_nanos(300_000_000_000));
        let opened = Registry::open_with_clock(
            std::sync::Arc::clone(&bed.store),
            common::format(),
            common::catalogue(),
            bed.peppers.clone(),
            std::sync::Arc::<portcullis_core::ManualClock>::clone(&bed.clock),
        );
        let (registry, _driver) = opened.await.unwrap();
        let found = common::verify(&registry, session.token.expose()).await;
        assert_eq!(found.is_some(), lives);
    }
}

#[tokio::test]
async fn the_grant_of_a_refreshed_session_is_what_is_given_then() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    let token = Secret::new(session.refresh.expose().to_owned());
    let verified = bed.registry.verify_refresh(&ada(), &token).await.unwrap();
    assert_eq!(
        (verified.owner(), verified.user().as_str()),
        (&acme(), "ada")
    );
    let none = portcullis_scope::Grant::none();
    let refreshed = bed
        .registry
        .refresh(&ada(), verified, &none, &TERMS)
        .await
        .unwrap();
    let principal = bed.verify(refreshed.token.expose()).await.unwrap();
    assert!(principal.scopes().is_empty());
}

#[tokio::test]
async fn a_login_can_be_ended_by_its_refresh_token() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    bed.verify(session.token.expose()).await.unwrap();
    let token = Secret::new(session.refresh.expose().to_owned());
    let verified = bed.registry.verify_refresh(&ada(), &token).await.unwrap();
    let _ = bed.registry.end_login(&ada(), &verified).await.unwrap();
    assert!(bed.verify(session.token.expose()).await.is_none());
}

#[tokio::test]
async fn a_session_that_was_logged_out_makes_no_key_however_slow_its_body_was() {
    let bed = bed().await;
    let session = start(&bed.registry).await;
    let principal = bed.verify(session.token.expose()).await.unwrap();
    let slow = Actor::from_principal(&principal);
    let _ = bed.registry.end_session(&ada(), &principal).await.unwrap();
    let new = portcullis_registry::NewKey::new(acme(), "late", [WRITE]);
    let late = bed.registry.issue_key(&slow, new).await;
    assert!(matches!(late, Err(ChangeError::Ended)));
}

#[tokio::test]
async fn a_user_has_at_most_100_sessions_and_the_oldest_end() {
    let bed = bed().await;
    let first = start(&bed.registry).await;
    bed.verify(first.token.expose()).await.unwrap();
    for _ in 0..99 {
        bed.clock.advance(Duration::from_secs(1));
        let _ = start(&bed.registry).await;
    }
    assert!(bed.verify(first.token.expose()).await.is_some());
    bed.clock.advance(Duration::from_secs(1));
    let newest = start(&bed.registry).await;
    assert!(bed.verify(first.token.expose()).await.is_none());
    assert!(bed.verify(newest.token.expose()).await.is_some());
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
    let new = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [WRITE].into_iter().collect(),
        TERMS,
    );
    let refused = bed.registry.start_session(&none, new).await;
    assert!(matches!(refused, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
}
