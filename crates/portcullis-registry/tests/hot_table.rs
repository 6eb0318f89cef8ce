//! The hot table never lies: what a revoke has taken stays taken.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{READ, acme, ada, bed, held::held};
use portcullis_core::Clock;
use portcullis_registry::{Actor, Batch, Hot, Key, KeyChange, Store, Suspension};

#[tokio::test]
async fn a_fill_in_flight_during_a_revoke_does_not_bring_the_credential_back() {
    let (registry, store) = held().await;
    let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
    let key = registry.issue_key(&ada(), new).await.unwrap();
    let id = key.token.id();

    store.holds.store(true, Ordering::SeqCst);
    let fill = tokio::spawn({
        let registry = registry.clone();
        async move { registry.load(id).await.unwrap() }
    });
    store.read.acquire().await.unwrap().forget();
    store.holds.store(false, Ordering::SeqCst);
    let _ = registry.revoke_key(&ada(), id).await.unwrap();
    store.deliver.add_permits(1);
    assert!(fill.await.unwrap());

    let token = registry
        .format()
        .recognize(key.token.expose().as_bytes())
        .unwrap();
    assert_eq!(registry.visit(&token, None, |_| ()), Hot::Rejected);
}

#[tokio::test]
async fn a_hit_reads_nothing_from_the_store() {
    let (registry, store) = held().await;
    let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
    let key = registry.issue_key(&ada(), new).await.unwrap();
    let token = registry
        .format()
        .recognize(key.token.expose().as_bytes())
        .unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    let before = store.reads.load(Ordering::SeqCst);
    for _ in 0..1_000 {
        assert_eq!(registry.visit(&token, None, |_| ()), Hot::Known(()));
    }
    assert_eq!(store.reads.load(Ordering::SeqCst), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_check_that_begins_after_a_revoke_returned_accepts() {
    let bed = bed().await;
    for round in 0..200 {
        let key = bed.key(&[READ]).await;
        let text = Arc::new(key.token.into_secret());
        let id = key.key.credential();
        let revoked = Arc::new(AtomicBool::new(false));
        let verifiers: Vec<_> = (0..4)
            .map(|_| {
                let (registry, text) = (bed.registry.clone(), Arc::clone(&text));
                let revoked = Arc::clone(&revoked);
                tokio::spawn(async move {
                    loop {
                        let was_revoked = revoked.load(Ordering::SeqCst);
                        let token = registry
                            .format()
                            .recognize(text.expose().as_bytes())
                            .unwrap();
                        let answer = match registry.visit(&token, None, |_| ()) {
                            Hot::Miss => {
                                assert!(registry.load(token.id()).await.unwrap());
                                registry.visit(&token, None, |_| ())
                            }
                            answer => answer,
                        };
                        assert!(
                            !(was_revoked && answer == Hot::Known(())),
                            "late in {round}"
                        );
                        if was_revoked {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let _ = bed.registry.revoke_key(&ada(), id).await.unwrap();
        revoked.store(true, Ordering::SeqCst);
        for verifier in verifiers {
            verifier.await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_others_change_in_the_store_is_followed_by_the_driver() {
    let mut bed = bed().await;
    let key = bed.key(&[READ]).await;
    bed.verify(key.token.expose()).await.unwrap();
    // Another node's commit, as far as this registry can tell: nothing is applied here.
    let mut record = match bed
        .store
        .get(Key::Credential(key.token.id()))
        .await
        .unwrap()
        .found
    {
        portcullis_registry::Found::Credential { record, .. } => *record,
        other => panic!("{other:?}"),
    };
    record.state = portcullis_registry::State::Revoked;
    bed.store
        .commit(Batch {
            credentials: vec![record],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert!(bed.verify(key.token.expose()).await.is_some());

    tokio::time::pause();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bed.verify(key.token.expose()).await.is_none());
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn a_revoke_whose_caller_goes_away_holds_at_once_and_when_it_is_said_again() {
    let (registry, store) = held().await;
    let new = |name| portcullis_registry::NewKey::new(acme(), name, [READ]);
    let key = registry.issue_key(&ada(), new("key")).await.unwrap();
    let token = registry
        .format()
        .recognize(key.token.expose().as_bytes())
        .unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    let maker = registry.visit(&token, None, |visit| visit.principal());
    let Hot::Known(maker) = maker else {
        panic!("{maker:?}")
    };
    let maker = Actor::from_principal(&maker);
    let child = registry.issue_key(&maker, new("child")).await.unwrap();
    let child_token = registry
        .format()
        .recognize(child.token.expose().as_bytes())
        .unwrap();
    assert!(registry.load(child_token.id()).await.unwrap());

    store.is_mute.store(true, Ordering::SeqCst);
    tokio::time::pause();
    let actor = ada();
    let revoke = registry.revoke_key(&actor, key.token.id());
    let gone = tokio::time::timeout(Duration::from_secs(1), revoke).await;
    assert!(gone.is_err(), "the caller went away");
    assert_eq!(registry.visit(&token, None, |_| ()), Hot::Miss);
    assert_eq!(registry.visit(&child_token, None, |_| ()), Hot::Miss);

    store.is_mute.store(false, Ordering::SeqCst);
    let again = registry.revoke_key(&ada(), key.token.id()).await;
    assert!(matches!(
        again,
        Err(portcullis_registry::ChangeError::NotFound)
    ));
    for token in [&token, &child_token] {
        assert!(registry.load(token.id()).await.unwrap());
        assert_eq!(registry.visit(token, None, |_| ()), Hot::Rejected);
    }
}

#[tokio::test]
async fn what_is_so_already_is_said_only_once_it_holds_here() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    bed.verify(key.token.expose()).await.unwrap();
    // Disabled by somebody whose call has not come to its end: nothing is applied here yet.
    let found = bed
        .store
        .get(Key::Credential(key.token.id()))
        .await
        .unwrap()
        .found;
    let portcullis_registry::Found::Credential { mut record, .. } = found else {
        panic!()
    };
    record.state = portcullis_registry::State::Disabled;
    let batch = Batch {
        credentials: vec![*record],
        ..Batch::default()
    };
    bed.store.commit(batch).await.unwrap();
    assert!(bed.verify(key.token.expose()).await.is_some());
    let disabled = KeyChange::new().disable();
    bed.registry
        .change_key(&ada(), key.token.id(), disabled)
        .await
        .unwrap();
    assert!(bed.verify(key.token.expose()).await.is_none());
}

#[tokio::test]
async fn a_change_of_a_key_is_no_way_to_a_fresh_window() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    let token = key.token.expose().to_owned();
    let quota = "2/60s".parse().unwrap();
    let parsed = bed.registry.format().recognize(token.as_bytes()).unwrap();
    bed.verify(&token).await.unwrap();
    for _ in 0..2 {
        let admitted = bed.registry.visit(&parsed, None, |visit| {
            visit
                .check_rate(Some(&quota), 1)
                .is_some_and(|asked| asked.is_admitted())
        });
        assert_eq!(admitted, Hot::Known(true));
    }
    let disabled = KeyChange::new().disable();
    bed.registry
        .change_key(&ada(), key.key.credential(), disabled)
        .await
        .unwrap();
    assert!(bed.verify(&token).await.is_none());
    let enabled = KeyChange::new().enable();
    bed.registry
        .change_key(&ada(), key.key.credential(), enabled)
        .await
        .unwrap();
    bed.verify(&token).await.unwrap();
    let admitted = bed.registry.visit(&parsed, None, |visit| {
        visit
            .check_rate(Some(&quota), 1)
            .is_some_and(|asked| asked.is_admitted())
    });
    assert_eq!(admitted, Hot::Known(false));
}

#[tokio::test]
async fn a_suspension_holds_for_every_credential_of_the_owner_and_can_be_lifted() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    let key = bed.key(&[READ]).await;
    let token = key.token.expose().to_owned();
    let parsed = bed.registry.format().recognize(token.as_bytes()).unwrap();
    for (suspension, expected) in [(Suspension::Suspended, true), (Suspension::Lifted, false)] {
        bed.verify(&token).await.unwrap();
        bed.registry
            .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
            .await
            .unwrap();
        bed.verify(&token).await.unwrap();
        let suspended = bed
            .registry
            .visit(&parsed, None, |visit| visit.is_suspended());
        assert_eq!(suspended, Hot::Known(expected));
    }
}

#[tokio::test]
async fn uses_are_gathered_and_written_once() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    for _ in 0..3 {
        bed.verify(key.token.expose()).await.unwrap();
        bed.clock.advance(Duration::from_secs(1));
    }
    let used_at = bed.clock.now().saturating_sub(Duration::from_secs(1));
    bed.registry.flush().await.unwrap();
    bed.registry.flush().await.unwrap();
    let info = bed.registry.key(&ada(), key.token.id()).await.unwrap();
    assert_eq!(info.usage().requests, 3);
    assert_eq!(info.usage().last_used_at, Some(used_at));
}

#[tokio::test]
async fn idle_credentials_leave_memory_and_come_back_from_the_store() {
    let mut bed = bed().await;
    let key = bed.key(&[READ]).await;
    bed.verify(key.token.expose()).await.unwrap();
    assert_eq!(bed.registry.cached(), 1);
    bed.registry.flush().await.unwrap();
    bed.clock.advance(Duration::from_secs(16 * 60));
    tokio::time::pause();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bed.registry.cached(), 0);
    assert!(bed.verify(key.token.expose()).await.is_some());
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}
