//! The hot table is bounded, and no quota is forgotten for it.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::Arc, time::Duration};

use common::{
    READ, acme, ada,
    held::{Held, held_with, opened},
};
use portcullis_core::{Clock, ManualClock, Tick};
use portcullis_limit::Quota;
use portcullis_registry::{
    Actor, Driver, Hot, IssuedKey, KeyChange, NewKey, Owner, Plan, Registry,
};

/// A registry with room for two credentials.
struct Small {
    registry: Registry,
    store: Arc<Held>,
    clock: Arc<ManualClock>,
    owner: Owner,
}

async fn small() -> Small {
    small_of(2).await
}

async fn small_of(capacity: usize) -> Small {
    let (registry, store, clock) = held_with(capacity).await;
    Small {
        registry,
        store,
        clock,
        owner: acme(),
    }
}

async fn small_with_driver() -> (Small, Driver) {
    let (store, clock) = (Arc::new(Held::default()), ManualClock::new());
    let (registry, driver) = opened(&store, 2, &clock).await;
    let small = Small {
        registry,
        store,
        clock,
        owner: acme(),
    };
    (small, driver)
}

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

impl Small {
    async fn key(&self) -> IssuedKey {
        let new = NewKey::new(self.owner.clone(), "key", [READ]);
        let system = Actor::dangerous_system();
        self.registry.issue_key(&system, new).await.unwrap()
    }

    async fn keys<const N: usize>(&self) -> [IssuedKey; N] {
        let mut keys = Vec::new();
        for _ in 0..N {
            keys.push(self.key().await);
        }
        keys.try_into().unwrap()
    }

    async fn plan(&self, quota: &str, owners: &str) {
        let plan = Plan::new("pro".parse().unwrap())
            .with_quota(self::quota(quota))
            .with_owner_quota(self::quota(owners));
        let registry = &self.registry;
        registry.ensure_owner(&self.owner, 0).await.unwrap();
        registry
            .set_plan(&Actor::dangerous_system(), &self.owner, Some(plan))
            .await
            .unwrap();
    }

    /// Charges so much from memory alone.
    fn hot(&self, key: &IssuedKey, quota: &Quota, cost: u32) -> Hot<bool> {
        let token = key.token.expose().as_bytes();
        let token = self.registry.format().recognize(token).unwrap();
        self.registry.visit(&token, None, |visit| {
            visit.note_passed();
            visit.check_rate(Some(quota), cost).unwrap().is_admitted()
        })
    }

    fn is_in_memory(&self, key: &IssuedKey) -> bool {
        self.hot(key, &quota("1/1s"), 0) != Hot::Miss
    }

    /// Charges so much, as a gate does.
    async fn charge(&self, key: &IssuedKey, quota: &Quota, cost: u32) -> bool {
        loop {
            match self.hot(key, quota, cost) {
                Hot::Known(is_admitted) => return is_admitted,
                Hot::Miss => assert!(self.registry.load(key.token.id()).await.unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Has the record read again at the next check.
    async fn touch(&self, key: &IssuedKey) {
        let change = KeyChange::new().rename("touched");
        let id = key.token.id();
        self.registry.change_key(&ada(), id, change).await.unwrap();
    }
}

#[tokio::test]
async fn a_newcomer_to_a_full_table_drops_one_whose_windows_are_fresh_and_none_else() {
    let small = small().await;
    let minute = quota("2/60s");
    let [busy, idle, third, fourth] = small.keys().await;
    assert!(small.charge(&busy, &minute, 1).await);
    assert!(small.registry.load(idle.token.id()).await.unwrap());
    assert!(small.charge(&third, &minute, 1).await);
    assert!(small.is_in_memory(&busy) && small.is_in_memory(&third));
    assert!(!small.is_in_memory(&idle));

    // Both are busy: the fourth passes through, and all are checked from memory.
    small.registry.flush().await.unwrap();
    assert!(small.charge(&fourth, &minute, 1).await);
    assert_eq!(small.registry.cached(), 3);
    let before = small.store.reads();
    for key in [&busy, &third, &fourth] {
        assert_eq!(small.hot(key, &minute, 1), Hot::Known(true));
    }
    assert_eq!(small.store.reads(), before);
}

#[tokio::test]
async fn what_is_charged_with_the_owners_quota_is_busy_like_any_other() {
    let small = small().await;
    small.plan("9/60s", "9/60s").await;
    let minute = quota("2/60s");
    let [first, second, third] = small.keys().await;
    for key in [&first, &second] {
        assert!(small.charge(key, &minute, 1).await);
    }
    small.registry.flush().await.unwrap();
    assert!(small.charge(&third, &minute, 1).await);
    assert!(small.is_in_memory(&first) && small.is_in_memory(&second));
}

#[tokio::test]
async fn what_an_owner_has_used_outlives_its_credentials_in_memory() {
    let (mut small, driver) = small_with_driver().await;
    small.plan("5/1s", "3/1h").await;
    let key = small.key().await;
    assert!(small.charge(&key, &quota("9/1s"), 3).await);
    small.owner = "others".parse().unwrap();
    small.clock.advance(Duration::from_secs(2));
    small.registry.flush().await.unwrap();
    // The first of them takes the place of the second, since the key was seen lately.
    let others: [_; 3] = small.keys().await;
    for other in &others {
        assert!(small.registry.load(other.token.id()).await.unwrap());
    }
    assert!(!small.is_in_memory(&key));

    tokio::time::pause();
    let driver = tokio::spawn(driver);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!small.charge(&key, &quota("9/1s"), 1).await);
    small.clock.advance(Duration::from_secs(3_600));
    assert!(small.charge(&key, &quota("9/1s"), 3).await);
    driver.abort();
}

#[tokio::test]
async fn of_those_that_may_go_the_one_that_was_not_seen_lately_goes() {
    let small = small().await;
    let minute = quota("2/60s");
    let [seen, loaded, third] = small.keys().await;
    assert!(small.charge(&seen, &minute, 0).await);
    assert!(small.registry.load(loaded.token.id()).await.unwrap());
    small.registry.flush().await.unwrap();
    assert!(small.registry.load(third.token.id()).await.unwrap());
    assert!(small.is_in_memory(&seen) && small.is_in_memory(&third));
    assert!(!small.is_in_memory(&loaded));
}

#[tokio::test]
async fn uses_that_are_not_written_keep_a_credential_in_memory() {
    let small = small().await;
    let [first, second, third] = small.keys().await;
    for key in [&first, &second] {
        assert!(small.charge(key, &quota("1/1s"), 0).await);
    }
    assert!(small.registry.load(third.token.id()).await.unwrap());
    assert!(small.is_in_memory(&first) && small.is_in_memory(&second));
}

#[tokio::test]
async fn those_without_room_share_a_window_and_take_it_along() {
    let small = small().await;
    let minute = quota("3/60s");
    let [first, second, third, fourth] = small.keys().await;
    assert!(small.charge(&first, &minute, 1).await);
    assert!(small.charge(&second, &minute, 1).await);
    small.clock.advance(Duration::from_secs(30));
    assert!(small.charge(&third, &minute, 2).await);
    assert!(small.charge(&fourth, &minute, 1).await);
    assert!(!small.charge(&fourth, &minute, 1).await);
    assert!(!small.charge(&third, &minute, 1).await);

    // There is room again, and what was used on the way through still counts.
    small.clock.advance(Duration::from_secs(40));
    small.registry.flush().await.unwrap();
    small.touch(&fourth).await;
    assert!(!small.charge(&fourth, &minute, 1).await);
    assert!(small.is_in_memory(&third) || small.is_in_memory(&fourth));
    small.clock.advance(Duration::from_secs(30));
    assert!(small.charge(&fourth, &minute, 3).await);
}

#[tokio::test]
async fn a_short_quota_does_not_make_the_shared_window_forget_a_long_one() {
    let small = small().await;
    let (long, short) = (quota("3/1h"), quota("5/1s"));
    let [first, second, third, fourth] = small.keys().await;
    assert!(small.charge(&first, &long, 1).await);
    assert!(small.charge(&second, &long, 1).await);
    assert!(small.charge(&third, &long, 3).await);
    small.clock.advance(Duration::from_secs(10));
    assert!(small.charge(&fourth, &short, 1).await);
    small.clock.advance(Duration::from_secs(10));
    assert!(!small.charge(&third, &long, 1).await);
}

#[tokio::test]
async fn uses_on_the_way_through_are_written() {
    let small = small().await;
    let minute = quota("9/60s");
    let keys: [_; 5] = small.keys().await;
    for key in keys.iter().chain(&keys) {
        assert!(small.charge(key, &minute, 1).await);
        small.clock.advance(Duration::from_secs(1));
    }
    let used_at = small.clock.now().saturating_sub(Duration::from_secs(1));
    small.registry.flush().await.unwrap();
    small.registry.flush().await.unwrap();
    for (index, key) in (0..).zip(&keys) {
        let info = small.registry.key(&ada(), key.token.id()).await.unwrap();
        assert_eq!(info.usage().requests, 2, "key {index}");
        let used_at = used_at.saturating_sub(Duration::from_secs(4 - index));
        assert_eq!(info.usage().last_used_at, Some(used_at));
    }
}

#[tokio::test]
async fn whatever_comes_and_goes_no_quota_is_exceeded() {
    let small = small_of(3).await;
    let keys: [_; 9] = small.keys().await;
    let quotas = [quota("3/10s"), quota("5/60s"), quota("2/1s")];
    let mut admitted: Vec<Vec<Tick>> = vec![Vec::new(); keys.len()];
    let mut random = 7_u64;
    let mut below = |most: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % most
    };
    let mut refused = 0;
    for _ in 0..4_000 {
        small.clock.advance(Duration::from_millis(below(900)));
        let index = usize::try_from(below(9)).unwrap();
        let (key, quota) = (&keys[index], &quotas[index % 3]);
        match below(40) {
            0 => small.touch(key).await,
            1 => small.registry.flush().await.unwrap(),
            // A while in which some become fresh.
            2 => small.clock.advance(Duration::from_secs(below(30))),
            _ => {}
        }
        if !small.charge(key, quota, 1).await {
            refused += 1;
            continue;
        }
        let now = small.clock.tick();
        admitted[index].push(now);
        let within = admitted[index].iter().rev();
        let within = within.take_while(|at| now.saturating_since(**at) < quota.window());
        assert!(within.count() <= usize::try_from(quota.units()).unwrap());
        assert!(small.registry.cached() <= 4);
    }
    let admitted: usize = admitted.iter().map(Vec::len).sum();
    assert!(admitted > 500 && refused > 100, "{admitted}, {refused}");
}
