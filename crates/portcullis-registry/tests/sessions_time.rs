//! Sessions and the two clocks: to the second, and whatever the wall clock does.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::Arc, time::Duration};

use common::{Bed, READ, WRITE, acme, ada, bed, catalogue, format};
use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, NewKey, NewSession, Options, RefreshError, Registry,
    SessionTerms,
};

const SECOND: Duration = Duration::from_secs(1);
const MICRO: Duration = Duration::from_micros(1);
const DAY: Duration = Duration::from_secs(86_400);

const TERMS: SessionTerms = SessionTerms {
    ttl: Duration::from_secs(600),
    idle_ttl: Duration::from_secs(60),
    refresh_ttl: Duration::from_secs(3_600),
};

async fn start(bed: &Bed) -> IssuedSession {
    let new = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [WRITE].into_iter().collect(),
        TERMS,
    );
    bed.registry.start_session(&ada(), new).await.unwrap()
}

async fn refresh(bed: &Bed, session: &IssuedSession) -> Result<IssuedSession, RefreshError> {
    let token = Secret::new(session.refresh.expose().to_owned());
    let verified = bed.registry.verify_refresh(&ada(), &token).await?;
    let grant = [WRITE].into_iter().collect();
    bed.registry.refresh(&ada(), verified, &grant, &TERMS).await
}

async fn is_live(bed: &Bed, session: &IssuedSession) -> bool {
    bed.verify(session.token.expose()).await.is_some()
}

/// The wall clock alone.
fn step_forward(bed: &Bed, by: Duration) {
    bed.clock.set_now(bed.clock.now().saturating_add(by));
}

fn step_back(bed: &Bed, by: Duration) {
    bed.clock.set_now(bed.clock.now().saturating_sub(by));
}

#[tokio::test]
async fn a_session_idles_out_and_ends_to_the_microsecond() {
    let bed = bed().await;
    let session = start(&bed).await;
    for _ in 0..10 {
        assert!(is_live(&bed, &session).await);
        bed.clock.advance(TERMS.idle_ttl - MICRO);
    }
    // 10 microseconds before its end.
    assert!(is_live(&bed, &session).await);
    bed.clock.advance(9 * MICRO);
    assert!(is_live(&bed, &session).await);
    bed.clock.advance(MICRO);
    assert!(!is_live(&bed, &session).await);

    let idle = start(&bed).await;
    assert!(is_live(&bed, &idle).await);
    bed.clock.advance(TERMS.idle_ttl);
    assert!(!is_live(&bed, &idle).await);
}

#[tokio::test]
async fn a_refresh_token_ends_to_the_microsecond() {
    for (age, works) in [
        (TERMS.refresh_ttl - MICRO, true),
        (TERMS.refresh_ttl, false),
    ] {
        let bed = bed().await;
        let session = start(&bed).await;
        bed.clock.advance(age);
        assert_eq!(refresh(&bed, &session).await.is_ok(), works, "{age:?}");
    }
}

#[tokio::test]
async fn a_race_of_refreshes_is_forgiven_for_less_than_thirty_seconds() {
    for (age, forgiven) in [(30 * SECOND - MICRO, true), (30 * SECOND, false)] {
        let bed = bed().await;
        let first = start(&bed).await;
        refresh(&bed, &first).await.unwrap();
        bed.clock.advance(age);
        assert_eq!(refresh(&bed, &first).await.is_ok(), forgiven, "{age:?}");
    }
}

#[tokio::test]
async fn a_step_of_the_wall_clock_neither_ends_nor_revives_a_session() {
    for is_seen_before in [true, false] {
        let bed = bed().await;
        let session = start(&bed).await;
        if is_seen_before {
            assert!(is_live(&bed, &session).await);
        }
        step_forward(&bed, DAY);
        assert!(is_live(&bed, &session).await, "{is_seen_before}");
        step_back(&bed, 2 * DAY);
        assert!(is_live(&bed, &session).await);
        bed.clock.advance(TERMS.idle_ttl);
        assert!(!is_live(&bed, &session).await);

        let session = start(&bed).await;
        bed.clock.advance(TERMS.ttl);
        step_back(&bed, DAY);
        assert!(!is_live(&bed, &session).await, "{is_seen_before}");
    }
}

#[tokio::test]
async fn a_step_of_the_wall_clock_neither_ends_nor_revives_a_refresh_token() {
    let bed = bed().await;
    let session = start(&bed).await;
    step_forward(&bed, DAY);
    let session = refresh(&bed, &session).await.unwrap();
    step_back(&bed, 2 * DAY);
    let session = refresh(&bed, &session).await.unwrap();
    bed.clock.advance(TERMS.refresh_ttl);
    step_back(&bed, DAY);
    let late = refresh(&bed, &session).await;
    assert!(matches!(late, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn a_step_of_the_wall_clock_neither_shortens_nor_prolongs_the_time_of_a_race() {
    let bed = bed().await;
    let first = start(&bed).await;
    refresh(&bed, &first).await.unwrap();
    step_forward(&bed, DAY);
    refresh(&bed, &first).await.unwrap();
    bed.clock.advance(30 * SECOND);
    step_back(&bed, 2 * DAY);
    let late = refresh(&bed, &first).await;
    assert!(matches!(late, Err(RefreshError::Rejected)));
}

#[tokio::test]
async fn a_step_of_the_wall_clock_stops_no_session_from_making_keys() {
    let bed = bed().await;
    let session = start(&bed).await;
    let actor = Actor::from_principal(&bed.verify(session.token.expose()).await.unwrap());
    let make = async || {
        let new = NewKey::new(acme(), "key", [READ]);
        bed.registry.issue_key(&actor, new).await
    };
    step_forward(&bed, DAY);
    make().await.unwrap();
    step_back(&bed, 2 * DAY);
    make().await.unwrap();
}

#[tokio::test]
async fn a_session_that_idled_or_ended_while_its_body_came_makes_nothing() {
    for (age, makes) in [
        (TERMS.idle_ttl - MICRO, true),
        (TERMS.idle_ttl, false),
        (TERMS.ttl, false),
    ] {
        let bed = bed().await;
        let session = start(&bed).await;
        let actor = Actor::from_principal(&bed.verify(session.token.expose()).await.unwrap());
        bed.clock.advance(age);
        let new = NewKey::new(acme(), "key", [READ]);
        let made = bed.registry.issue_key(&actor, new).await;
        assert_eq!(made.is_ok(), makes, "{age:?}");
        assert!(makes || matches!(made, Err(ChangeError::Ended)));
    }
}

#[tokio::test]
async fn a_step_of_the_wall_clock_changes_no_idle_time_also_of_a_session_that_left_memory() {
    let steps: [fn(&Bed, Duration); 2] = [step_back, step_forward];
    for (step, idles) in steps.into_iter().flat_map(|step| [(step, 59), (step, 60)]) {
        let bed = bed().await;
        let options = Options::new()
            .with_capacity(1)
            .with_clock(Arc::<ManualClock>::clone(&bed.clock));
        let opened = Registry::open_with(
            Arc::clone(&bed.store),
            format(),
            catalogue(),
            bed.peppers.clone(),
            options,
        );
        let (registry, _driver) = opened.await.unwrap();
        let bed = Bed { registry, ..bed };
        let sessions = [start(&bed).await, start(&bed).await, start(&bed).await];
        step(&bed, DAY);
        bed.clock.advance(10 * SECOND);
        for session in &sessions {
            // There is room for one, so the first is out of memory at the end.
            assert!(is_live(&bed, session).await);
            bed.registry.flush().await.unwrap();
        }
        bed.clock.advance(idles * SECOND);
        assert_eq!(is_live(&bed, &sessions[0]).await, idles < 60, "{idles}");
    }
}
