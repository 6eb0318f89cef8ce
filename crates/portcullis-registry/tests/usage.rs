//! How often uses are written, and what a review of keys finds.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{BRANDS, Bed, READ, WRITE, acme, ada, bed, catalogue, format, verify};
use portcullis_core::{BoxFuture, Clock, CredentialId, ManualClock, Tick};
use portcullis_registry::{
    Actor, Batch, ChangeError, Changes, CommitError, Day, EventKind, Finding, IssuedKey, Key,
    Listing, MemoryStore, Page, Query, Registry, Review, ReviewTerms, Seq, Snapshot, Store,
    StoreError,
};
use portcullis_token::PepperRing;

const DAY: Duration = Duration::from_secs(86_400);

/// A store that notes when the uses of each credential were written.
#[derive(Debug)]
struct Noted {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    writes: Mutex<HashMap<CredentialId, Vec<Tick>>>,
}

impl Store for Noted {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.store.get(key)
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.store.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        let mut writes = self.writes.lock().unwrap();
        for delta in &batch.usage {
            writes.entry(delta.id).or_default().push(self.clock.tick());
        }
        self.store.commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.store.changes_since(seq, limit)
    }
}

#[tokio::test(start_paused = true)]
async fn under_load_the_uses_of_a_credential_are_written_once_a_minute_and_none_is_lost() {
    let clock = ManualClock::new();
    let store = Arc::new(Noted {
        store: MemoryStore::new(),
        clock: Arc::clone(&clock),
        writes: Mutex::default(),
    });
    let opened = Registry::open_with_clock(
        Arc::clone(&store),
        format(),
        catalogue(),
        PepperRing::generate().unwrap(),
        Arc::<ManualClock>::clone(&clock),
    );
    let (registry, driver) = opened.await.unwrap();
    let driver = tokio::spawn(driver);
    let mut keys = Vec::new();
    for _ in 0..3 {
        let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
        keys.push(registry.issue_key(&ada(), new).await.unwrap());
    }
    // Ten minutes of two requests a second.
    let step = Duration::from_millis(500);
    for round in 0..1_200_u32 {
        for key in &keys {
            assert!(
                verify(&registry, key.token.expose()).await.is_some(),
                "{round}"
            );
        }
        tokio::time::sleep(step).await;
        clock.advance(step);
    }
    registry.close().await.unwrap();
    driver.await.unwrap();
    let writes = std::mem::take(&mut *store.writes.lock().unwrap());
    for key in &keys {
        let at = &writes[&key.key.credential()];
        assert!((9..=11).contains(&at.len()), "{at:?}");
        let (_close, by_driver) = at.split_last().unwrap();
        for pair in by_driver.windows(2) {
            let apart = pair[1].saturating_since(pair[0]);
            assert!(apart >= Duration::from_secs(60), "{apart:?}");
        }
        let usage = registry
            .key_usage(&ada(), key.key.credential())
            .await
            .unwrap();
        assert_eq!(usage.requests, 1_200);
        let counted: u64 = usage.days.iter().map(|day| day.requests).sum();
        assert_eq!(counted, 1_200);
    }
}

#[tokio::test]
async fn the_uses_of_a_credential_for_which_there_is_no_room_are_kept() {
    use common::held;
    let (registry, _store, clock) = held::held_with(1).await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
        keys.push(registry.issue_key(&ada(), new).await.unwrap());
    }
    for _ in 0..5 {
        for key in &keys {
            assert!(verify(&registry, key.token.expose()).await.is_some());
        }
        clock.advance(Duration::from_secs(1));
    }
    for flushed in [false, true] {
        for key in &keys {
            let usage = registry
                .key_usage(&ada(), key.key.credential())
                .await
                .unwrap();
            assert_eq!((usage.requests, flushed), (5, flushed));
        }
        registry.flush().await.unwrap();
    }
}

#[tokio::test]
async fn an_owner_is_told_what_all_its_keys_used_by_the_day() {
    let bed = bed().await;
    let (first, second) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    let today = Day::of(bed.clock.now());
    bed.verify(first.token.expose()).await.unwrap();
    bed.verify(second.token.expose()).await.unwrap();
    bed.registry.flush().await.unwrap();
    bed.clock.advance(DAY);
    bed.verify(second.token.expose()).await.unwrap();
    bed.registry.flush().await.unwrap();
    let system = Actor::dangerous_system();
    let _ = bed
        .registry
        .revoke_key(&ada(), second.key.credential())
        .await
        .unwrap();
    let usage = async |actor: &Actor, from: Day, until: Day| {
        bed.registry.owner_usage(actor, &acme(), from, until).await
    };
    let all = usage(&ada(), today, today.next().next()).await.unwrap();
    assert_eq!((all.requests, all.denied), (3, 0));
    let days: Vec<_> = all.days.iter().map(|day| (day.day, day.requests)).collect();
    assert_eq!(days, [(today.next(), 1), (today, 2)]);
    let first_day = usage(&system, today, today.next()).await.unwrap();
    assert_eq!(first_day.requests, 2);
    let eve = Actor::user(
        "evil".parse().unwrap(),
        "eve".parse().unwrap(),
        catalogue().all(),
    );
    let refused = usage(&eve, today, today.next()).await;
    assert!(matches!(refused, Err(ChangeError::NotFound)));
}

async fn review(bed: &Bed) -> Review {
    let terms = ReviewTerms::new();
    let (actor, owner) = (ada(), acme());
    let found = bed
        .registry
        .review(&actor, &owner, terms, Listing::default());
    found.await.unwrap()
}

/// What is found of each key, by its name.
async fn findings(bed: &Bed) -> HashMap<String, Vec<Finding>> {
    let keys = review(bed).await.keys.into_iter();
    keys.map(|key| (key.key.name().to_owned(), key.findings))
        .collect()
}

async fn named(bed: &Bed, name: &str, scopes: &[portcullis_scope::Scope]) -> IssuedKey {
    let new = portcullis_registry::NewKey::new(acme(), name, scopes.iter().cloned());
    bed.registry.issue_key(&ada(), new).await.unwrap()
}

#[tokio::test]
async fn a_review_finds_what_is_old_unused_too_wide_or_still_used_after_a_rotation() {
    let bed = bed().await;
    let used = named(&bed, "used", &[WRITE, BRANDS]).await;
    named(&bed, "unused", &[READ]).await;
    let rotated = named(&bed, "rotated", &[READ]).await;
    let uses = async |key: &IssuedKey, scope: &portcullis_scope::Scope| {
        let token = key.token.expose();
        assert!(bed.verify(token).await.is_some());
        let token = bed.registry.format().recognize(token.as_bytes()).unwrap();
        let set = catalogue().set([scope.as_str()]).unwrap();
        let _ = bed
            .registry
            .visit(&token, None, |visit| visit.note_used(&set));
    };
    uses(&used, &READ).await;
    uses(&rotated, &READ).await;
    // Uses are known from when they are written.
    bed.registry.flush().await.unwrap();
    assert!(findings(&bed).await.is_empty());

    bed.clock.advance(DAY * 30 - Duration::from_secs(1));
    assert!(findings(&bed).await.is_empty());
    bed.clock.advance(Duration::from_secs(1));
    let unneeded = || Finding::UnusedScopes(vec![WRITE, BRANDS]);
    let expected = HashMap::from([
        ("used".to_owned(), vec![unneeded()]),
        ("unused".to_owned(), vec![Finding::NeverUsed]),
    ]);
    assert_eq!(findings(&bed).await, expected);
    let suggested = review(&bed)
        .await
        .keys
        .into_iter()
        .find(|key| key.key.name() == "used");
    assert_eq!(
        suggested.unwrap().privilege.suggested.to_string(),
        "posts:read"
    );

    let id = rotated.key.credential();
    bed.registry.rotate_key(&ada(), id, DAY * 90).await.unwrap();
    assert!(!findings(&bed).await.contains_key("rotated"));
    bed.clock.advance(Duration::from_secs(1));
    uses(&rotated, &READ).await;
    assert_eq!(findings(&bed).await["rotated"], [Finding::OldKeyUsed]);

    bed.clock.advance(DAY * 60);
    let found = findings(&bed).await;
    assert_eq!(found["used"], [Finding::Old, unneeded()]);
    assert_eq!(found["unused"], [Finding::Old, Finding::NeverUsed]);
    // What ended is passed over, and what belongs to others is not looked at.
    bed.clock.advance(DAY * 31);
    let page = review(&bed).await;
    let mut names: Vec<_> = page.keys.iter().map(|key| key.key.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["rotated", "unused", "used"]);
    let successor = page.keys.iter().find(|key| key.key.name() == "rotated");
    assert!(successor.unwrap().key.replaces().is_some());
    let eve = Actor::user(
        "evil".parse().unwrap(),
        "eve".parse().unwrap(),
        catalogue().all(),
    );
    let terms = ReviewTerms::new();
    let refused = bed
        .registry
        .review(&eve, &acme(), terms, Listing::default())
        .await;
    assert!(matches!(refused, Err(ChangeError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn old_and_unused_keys_are_told_once_each_to_those_who_listen() {
    let mut bed = bed().await;
    let used = bed.key(&[READ]).await;
    let unused = bed.key(&[READ]).await;
    bed.verify(used.token.expose()).await.unwrap();
    bed.registry.flush().await.unwrap();
    let created_at = bed.clock.now();
    let mut events = bed.registry.events();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    let mut told = Vec::new();
    for day in 1..=100_u32 {
        bed.clock.advance(DAY);
        // The timers of the driver: it looks once an hour.
        tokio::time::sleep(Duration::from_secs(3_700)).await;
        loop {
            let event = tokio::select! {
                biased;
                event = events.next() => event.unwrap(),
                () = std::future::ready(()) => break,
            };
            told.push((day, event.credential.unwrap(), event.kind));
        }
    }
    told.sort_by_key(|(day, id, _)| (*day, *id != used.key.id()));
    let expected = [
        (30, unused.key.id(), EventKind::NeverUsed { created_at }),
        (90, used.key.id(), EventKind::Old { created_at }),
        (90, unused.key.id(), EventKind::Old { created_at }),
    ];
    assert_eq!(told, expected);
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn a_flush_that_is_dropped_in_the_middle_counts_nothing_twice() {
    use std::sync::atomic::Ordering;

    use common::held;
    let (registry, store) = held::held().await;
    let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
    let key = registry.issue_key(&ada(), new).await.unwrap();
    for _ in 0..10 {
        assert!(verify(&registry, key.token.expose()).await.is_some());
    }
    // The store writes it, and never says so.
    store.is_mute.store(true, Ordering::SeqCst);
    {
        let mut flush = std::pin::pin!(registry.flush());
        tokio::select! {
            biased;
            _ = &mut flush => panic!("it was acknowledged"),
            () = tokio::task::yield_now() => {}
        }
    }
    store.is_mute.store(false, Ordering::SeqCst);
    registry.close().await.unwrap();
    let usage = registry.key_usage(&ada(), key.key.credential()).await;
    assert_eq!(usage.unwrap().requests, 10);
}

#[tokio::test]
async fn what_is_read_of_uses_waits_for_no_other_reader() {
    use common::held;
    let (registry, store) = held::held().await;
    let new = portcullis_registry::NewKey::new(acme(), "key", [READ]);
    let key = registry.issue_key(&ada(), new).await.unwrap();
    let id = key.key.credential();
    store.hold(true);
    let (one, actor) = (registry.clone(), ada());
    let slow = tokio::spawn(async move { one.key_usage(&actor, id).await.unwrap() });
    store.next_read().await;
    store.hold(false);
    let mine = registry.key_usage(&ada(), id).await.unwrap();
    assert_eq!(mine.requests, 0);
    // Nor do settlements wait for it.
    let reserved = registry.reserve(&acme(), 1.try_into().unwrap(), "").await;
    assert!(reserved.is_err());
    store.deliver.add_permits(2);
    slow.await.unwrap();
}
