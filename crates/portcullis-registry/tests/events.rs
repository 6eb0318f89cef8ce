//! What is told to those who listen.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{net::IpAddr, time::Duration};

use common::{Bed, READ, WRITE, acme, ada, bed};
use portcullis_core::{Clock, Secret};
use portcullis_registry::{
    Actor, Event, EventKind, Events, Expiry, IssuedKey, KeyChange, NewKey, NewSession,
    SessionTerms, Suspension,
};

/// The kinds of all that was told, with what waits no longer.
async fn told(events: &mut Events) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    while let Some(event) = now(events).await {
        kinds.push(event.kind);
    }
    kinds
}

/// The next event, if it is there.
async fn now(events: &mut Events) -> Option<Event> {
    tokio::select! {
        biased;
        event = events.next() => event,
        () = std::future::ready(()) => None,
    }
}

async fn uses(bed: &Bed, key: &IssuedKey, ip: &str) {
    let ip: IpAddr = ip.parse().unwrap();
    let token = bed
        .registry
        .format()
        .recognize(key.token.expose().as_bytes());
    let token = token.unwrap();
    bed.registry.load(token.id()).await.unwrap();
    let visited = bed
        .registry
        .visit(&token, Some(ip), |visit| visit.note_passed());
    assert!(matches!(visited, portcullis_registry::Hot::Known(())));
}

#[tokio::test]
async fn each_step_in_the_life_of_a_key_is_told_once_it_is_durable() {
    let bed = bed().await;
    let mut events = bed.registry.events();
    let key = bed.key(&[WRITE]).await;
    let id = key.key.credential();
    let issued = now(&mut events).await.unwrap();
    assert_eq!(issued.kind, EventKind::Issued);
    assert_eq!(issued.credential, Some(key.key.id()));
    assert_eq!(issued.owner, Some(acme()));
    assert_eq!(issued.at, bed.clock.now());

    let change = KeyChange::new().regrant([READ].into_iter().collect());
    bed.registry.change_key(&ada(), id, change).await.unwrap();
    let overlap = Duration::from_secs(60);
    let next = bed.registry.rotate_key(&ada(), id, overlap).await.unwrap();
    let successor = next.key.credential();
    let revoked = bed.registry.revoke_key(&ada(), successor).await.unwrap();
    let _ = revoked;
    assert_eq!(
        told(&mut events).await,
        [
            EventKind::Changed,
            EventKind::Issued,
            EventKind::Rotated { successor },
            EventKind::Revoked,
        ]
    );
    // What was refused is not told.
    assert!(bed.registry.revoke_key(&ada(), successor).await.is_err());
    assert_eq!(told(&mut events).await, []);
}

#[tokio::test]
async fn sessions_owners_and_a_reused_refresh_token_are_told() {
    let bed = bed().await;
    let mut events = bed.registry.events();
    bed.registry.ensure_owner(&acme(), 5).await.unwrap();
    for suspension in [Suspension::Suspended, Suspension::Lifted] {
        let owner = acme();
        bed.registry
            .set_suspended(&Actor::dangerous_system(), &owner, suspension)
            .await
            .unwrap();
    }
    assert_eq!(told(&mut events).await.len(), 3, "noted, suspended, lifted");

    let grant = [WRITE].into_iter().collect();
    let terms = SessionTerms::default();
    let user = "ada".parse().unwrap();
    let (owner, new_grant) = (acme(), [WRITE].into_iter().collect());
    let new = NewSession::new(owner, user, new_grant, terms);
    let session = bed.registry.start_session(&ada(), new).await.unwrap();
    let token = Secret::new(session.refresh.expose().to_owned());
    for _ in 0..2 {
        let verified = bed.registry.verify_refresh(&ada(), &token).await.unwrap();
        let refreshed = bed.registry.refresh(&ada(), verified, &grant, &terms).await;
        // Beyond the grace of a race.
        bed.clock.advance(Duration::from_secs(31));
        drop(refreshed);
    }
    let kinds = told(&mut events).await;
    let [
        EventKind::SessionStarted,
        EventKind::SessionRefreshed,
        ended @ ..,
    ] = &kinds[..]
    else {
        panic!("{kinds:?}");
    };
    assert!(!ended.is_empty() && ended.iter().all(|kind| *kind == EventKind::ReuseDetected));
}

#[tokio::test]
async fn a_new_network_is_told_and_the_first_and_the_known_are_not() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    let mut events = bed.registry.events();
    for ip in ["203.0.113.1", "203.0.113.200", "::ffff:203.0.113.7"] {
        uses(&bed, &key, ip).await;
    }
    assert_eq!(told(&mut events).await, [], "one /24");
    uses(&bed, &key, "2001:db8:0:1::1").await;
    uses(&bed, &key, "2001:db8:0:1:ffff::").await;
    let ip = "2001:db8:0:1::1".parse().unwrap();
    assert_eq!(told(&mut events).await, [EventKind::NewNetwork { ip }]);
    uses(&bed, &key, "203.0.113.9").await;
    assert_eq!(told(&mut events).await, []);
}

#[tokio::test]
async fn an_old_key_that_is_still_used_is_told_once_in_a_while() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    let overlap = Duration::from_secs(3_600);
    let next = bed
        .registry
        .rotate_key(&ada(), old.key.credential(), overlap)
        .await;
    let next = next.unwrap();
    let mut events = bed.registry.events();
    let expected = [EventKind::OldKeyUsed {
        successor: next.key.credential(),
    }];
    uses(&bed, &old, "203.0.113.1").await;
    uses(&bed, &old, "203.0.113.1").await;
    uses(&bed, &next, "203.0.113.1").await;
    assert_eq!(told(&mut events).await, expected);
    // Again after its uses were written.
    bed.registry.flush().await.unwrap();
    uses(&bed, &old, "203.0.113.1").await;
    assert_eq!(told(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn keys_that_end_soon_are_told_once_each() {
    let mut bed = bed().await;
    let day = Duration::from_secs(86_400);
    let mut ends = Vec::new();
    for days in [1, 6, 8] {
        let key = bed.key(&[READ]).await;
        let at = bed.clock.now().saturating_add(day * days);
        let change = KeyChange::new().expire(Expiry::At(at));
        let (actor, id) = (ada(), key.key.credential());
        bed.registry.change_key(&actor, id, change).await.unwrap();
        ends.push(at);
    }
    let mut events = bed.registry.events();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    let hour = Duration::from_secs(3_600);
    let mut expiring = Vec::new();
    for _ in 0..72 {
        // The timers of the driver, and the clock of the registry.
        tokio::time::sleep(hour).await;
        bed.clock.advance(hour);
        for kind in told(&mut events).await {
            match kind {
                EventKind::Expiring { at } => expiring.push(at),
                other => panic!("{other:?}"),
            }
        }
        if expiring.len() == 2 {
            assert!(expiring.contains(&ends[0]) && expiring.contains(&ends[1]));
        }
    }
    expiring.sort();
    assert_eq!(expiring, ends);
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_near_end_was_set_after_the_last_look_is_told_as_well() {
    let mut bed = bed().await;
    let mut events = bed.registry.events();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    let hour = Duration::from_secs(3_600);
    tokio::time::sleep(hour / 2).await;
    let end = bed.clock.now().saturating_add(72 * hour);
    let new = NewKey::new(acme(), "short", [READ]).with_expiry(end);
    bed.registry.issue_key(&ada(), new).await.unwrap();
    let rotated = bed.key(&[READ]).await;
    let id = rotated.key.credential();
    let overlap_end = bed.clock.now().saturating_add(24 * hour);
    bed.registry
        .rotate_key(&ada(), id, 24 * hour)
        .await
        .unwrap();
    let _before = told(&mut events).await;
    for _ in 0..3 {
        tokio::time::sleep(hour).await;
        bed.clock.advance(hour);
    }
    let mut told = told(&mut events).await;
    told.sort_by_key(|kind| format!("{kind:?}"));
    let expected = [
        EventKind::Expiring { at: overlap_end },
        EventKind::Expiring { at: end },
    ];
    assert_eq!(told, expected);
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn a_slow_listener_loses_the_oldest_and_is_told_how_many() {
    let bed = bed().await;
    let mut events = bed.registry.events();
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    for round in 0..1_500 {
        let suspension = match round % 2 {
            0 => Suspension::Suspended,
            _ => Suspension::Lifted,
        };
        bed.registry
            .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
            .await
            .unwrap();
    }
    let kinds = told(&mut events).await;
    assert_eq!(u64::try_from(kinds.len()).unwrap() + events.lost(), 1_501);
    assert!(events.lost() > 0 && kinds.len() >= 1_024, "{}", kinds.len());
    drop(bed);
    assert_eq!(events.next().await, None, "the registry is gone");
}
