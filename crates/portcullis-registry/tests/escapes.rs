//! Ways by which a credential might get around what limits it, each tried.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Bed, WRITE, acme, ada, bed, catalogue, format,
    stepped::{interleave, run, stepped_bed},
    verify,
};
use portcullis_core::{BoxFuture, Clock};
use portcullis_registry::{
    Actor, Batch, ChangeError, Changes, CommitError, Expiry, IssuedKey, Key, KeyChange,
    MemoryStore, NewKey, NewSession, Page, Query, Registry, Revoked, Seq, SessionTerms, Snapshot,
    Store, StoreError, Suspension,
};
use portcullis_token::PepperRing;

const HOUR: Duration = Duration::from_secs(3_600);

async fn make(bed: &Bed, actor: &Actor) -> IssuedKey {
    let new = NewKey::new(acme(), "key", [WRITE]);
    bed.registry.issue_key(actor, new).await.unwrap()
}

async fn is_live(bed: &Bed, key: &IssuedKey) -> bool {
    bed.verify(key.token.expose()).await.is_some()
}

fn session_of(user: &str) -> NewSession {
    NewSession::new(
        acme(),
        user.parse().unwrap(),
        [WRITE].into_iter().collect(),
        SessionTerms::default(),
    )
}

#[tokio::test]
async fn a_key_neither_rotates_nor_changes_what_it_falls_with() {
    let bed = bed().await;
    let leaked = make(&bed, &ada()).await;
    let child = make(&bed, &bed.actor(&leaked).await).await;
    let grandchild = make(&bed, &bed.actor(&child).await).await;
    for key in [&child, &grandchild] {
        let by = bed.actor(key).await;
        let id = leaked.key.credential();
        let rotated = bed.registry.rotate_key(&by, id, HOUR).await;
        assert!(matches!(rotated, Err(ChangeError::SessionRequired)));
        let renamed = KeyChange::new().rename("mine");
        let changed = bed.registry.change_key(&by, id, renamed).await;
        assert!(matches!(changed, Err(ChangeError::SessionRequired)));
    }
    let revoked = bed
        .registry
        .revoke_key(&ada(), leaked.key.credential())
        .await;
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
    for key in [&leaked, &child, &grandchild] {
        assert!(!is_live(&bed, key).await);
    }
}

#[tokio::test]
async fn a_key_gets_no_larger_quota_by_a_rotation() {
    let bed = bed().await;
    let system = Actor::dangerous_system();
    let quota = |text: &str| text.parse().unwrap();
    let with = async |text: Option<&str>| {
        let new = NewKey::new(acme(), "key", [WRITE]);
        let new = match text {
            Some(text) => new.with_quota(quota(text)),
            None => new,
        };
        bed.registry.issue_key(&system, new).await.unwrap()
    };
    let slow = bed.actor(&with(Some("5/60s")).await).await;
    for (own, expected) in [
        (None, "5/60s"),
        (Some("6/60s"), "5/60s"),
        (Some("4/60s"), "4/60s"),
        (Some("4/30s"), "5/60s"),
    ] {
        let id = with(own).await.key.credential();
        let rotated = bed.registry.rotate_key(&slow, id, Duration::ZERO).await;
        assert_eq!(
            rotated.unwrap().key.quota(),
            Some(quota(expected)),
            "{own:?}"
        );
    }
    // Whoever has none gives none away.
    let id = with(Some("6/60s")).await.key.credential();
    let rotated = bed.registry.rotate_key(&ada(), id, Duration::ZERO).await;
    assert_eq!(rotated.unwrap().key.quota(), Some(quota("6/60s")));
}

#[tokio::test]
async fn a_key_starts_no_session_and_a_person_none_of_another() {
    let bed = bed().await;
    let key = bed.actor(&make(&bed, &ada()).await).await;
    let started = bed.registry.start_session(&key, session_of("ada")).await;
    assert!(matches!(started, Err(ChangeError::SessionRequired)));
    let started = bed.registry.start_session(&ada(), session_of("bob")).await;
    assert!(matches!(started, Err(ChangeError::NotFound)));
    assert!(
        bed.registry
            .start_session(&ada(), session_of("ada"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_session_is_ended_by_its_owners_people_and_a_key_not_so() {
    let bed = bed().await;
    let key = make(&bed, &ada()).await;
    let child = make(&bed, &bed.actor(&key).await).await;
    let of_key = bed.verify(key.token.expose()).await.unwrap();
    let ended = bed.registry.end_session(&ada(), &of_key).await;
    assert!(matches!(ended, Err(ChangeError::SessionRequired)));
    assert!(is_live(&bed, &key).await && is_live(&bed, &child).await);

    let session = bed
        .registry
        .start_session(&ada(), session_of("ada"))
        .await
        .unwrap();
    let session = bed.verify(session.token.expose()).await.unwrap();
    let stranger = Actor::user(
        "other".parse().unwrap(),
        "eve".parse().unwrap(),
        catalogue().all(),
    );
    for (by, why) in [(&bed.actor(&key).await, "a key"), (&stranger, "a stranger")] {
        let ended = bed.registry.end_session(by, &session).await;
        assert!(ended.is_err(), "{why}");
    }
    let ended = bed.registry.end_session(&ada(), &session).await;
    assert_eq!(ended.unwrap(), Revoked::Everywhere);
}

#[tokio::test]
async fn of_a_suspended_owner_nobody_makes_keys_and_anybody_may_end_them() {
    let bed = bed().await;
    let key = make(&bed, &ada()).await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    let system = Actor::dangerous_system();
    let suspend = async |by: &Actor| {
        let owner = acme();
        let suspend = bed
            .registry
            .set_suspended(by, &owner, Suspension::Suspended);
        suspend.await
    };
    assert!(matches!(suspend(&ada()).await, Err(ChangeError::Reserved)));
    suspend(&system).await.unwrap();
    let new = NewKey::new(acme(), "key", [WRITE]);
    let issued = bed.registry.issue_key(&ada(), new).await;
    assert!(matches!(issued, Err(ChangeError::Suspended)));
    let rotated = bed
        .registry
        .rotate_key(&ada(), key.key.credential(), HOUR)
        .await;
    assert!(matches!(rotated, Err(ChangeError::Suspended)));
    // They log in to see why, and end what has leaked.
    assert!(
        bed.registry
            .start_session(&ada(), session_of("ada"))
            .await
            .is_ok()
    );
    let revoked = bed.registry.revoke_key(&ada(), key.key.credential()).await;
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
}

#[test]
fn no_key_is_made_once_a_suspension_has_returned() {
    let mut made = 0;
    for seed in 0..300 {
        let bed = stepped_bed();
        run(bed.registry.ensure_owner(&acme(), 0)).unwrap();
        let key = run(bed.key(&[WRITE]));
        let by = [run(bed.actor(&key)), ada()]
            .into_iter()
            .nth(seed % 2)
            .unwrap();
        let issued = || {
            let audit = bed.store.audit();
            audit
                .iter()
                .filter(|line| line.action == "key.issued")
                .count()
        };
        let suspension = async {
            let system = Actor::dangerous_system();
            let owner = acme();
            let suspend = bed
                .registry
                .set_suspended(&system, &owner, Suspension::Suspended);
            suspend.await.unwrap();
            issued()
        };
        let new = NewKey::new(acme(), "late", [WRITE]);
        let issue = bed.registry.issue_key(&by, new);
        let seed = u64::try_from(seed).unwrap();
        let (result, at_return) = interleave(issue, suspension, seed);
        made += u32::from(result.is_ok());
        assert_eq!(issued(), at_return, "seed {seed}");
    }
    assert!(made > 0, "no key was ever made");
}

#[tokio::test]
async fn the_hundredth_child_with_the_end_of_its_maker_is_the_successors_too() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(HOUR);
    let new = NewKey::new(acme(), "key", [WRITE]).with_expiry(end);
    let key = bed.registry.issue_key(&ada(), new).await.unwrap();
    let by = bed.actor(&key).await;
    let mut children = Vec::new();
    for _ in 0..105 {
        children.push(make(&bed, &by).await);
    }
    let id = key.key.credential();
    let next = bed.registry.rotate_key(&ada(), id, 2 * HOUR).await.unwrap();
    // What the old key makes from now on is its own.
    let late = make(&bed, &by).await;
    let _revoked = bed
        .registry
        .revoke_key(&ada(), next.key.credential())
        .await
        .unwrap();
    for child in &children {
        assert!(!is_live(&bed, child).await);
    }
    assert!(is_live(&bed, &key).await && is_live(&bed, &late).await);
}

#[tokio::test]
async fn an_overlap_ends_with_the_time_that_is_really_left_of_the_key() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(HOUR);
    let new = NewKey::new(acme(), "key", [WRITE]).with_expiry(end);
    let key = bed.registry.issue_key(&ada(), new).await.unwrap();
    let day = Duration::from_secs(86_400);
    bed.clock.set_now(bed.clock.now().saturating_sub(day));
    bed.clock.advance(Duration::from_secs(3_000));
    let id = key.key.credential();
    bed.registry.rotate_key(&ada(), id, 2 * HOUR).await.unwrap();
    bed.clock.advance(Duration::from_secs(599));
    assert!(is_live(&bed, &key).await);
    bed.clock.advance(Duration::from_secs(1));
    assert!(!is_live(&bed, &key).await);
}

/// Which calls were made of a store, by a letter each.
#[derive(Debug, Default)]
struct Counted {
    store: MemoryStore,
    calls: Arc<Mutex<String>>,
}

impl Counted {
    fn note(&self, call: char) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Store for Counted {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.note('g');
        self.store.get(key)
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.note('l');
        self.store.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        self.note('c');
        self.store.commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.store.changes_since(seq, limit)
    }
}

#[tokio::test]
async fn the_bearer_of_a_leaked_key_does_not_put_off_its_end() {
    let store = Counted::default();
    let calls = Arc::clone(&store.calls);
    let ring = PepperRing::generate().unwrap();
    let opened = Registry::open(store, format(), catalogue(), ring).await;
    let (registry, _driver) = opened.unwrap();
    let new = || NewKey::new(acme(), "key", [WRITE]);
    let leaked = registry.issue_key(&ada(), new()).await.unwrap();
    let by = verify(&registry, leaked.token.expose()).await.unwrap();
    let by = Actor::from_principal(&by);
    for _ in 0..200 {
        let made = registry.issue_key(&by, new()).await.unwrap();
        let _revoked = registry
            .revoke_key(&by, made.key.credential())
            .await
            .unwrap();
    }
    calls.lock().unwrap().clear();
    let revoked = registry.revoke_key(&ada(), leaked.key.credential()).await;
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
    let calls = calls.lock().unwrap();
    let first = calls.find('c').unwrap();
    assert!(first < 30, "{first} reads before the key fell");
}

#[tokio::test]
async fn what_a_leaked_key_made_in_its_overlap_falls_with_it_also_if_a_maker_above_was_shortened() {
    let bed = bed().await;
    let maker = make(&bed, &ada()).await;
    let leaked = make(&bed, &bed.actor(&maker).await).await;
    let by_leaked = bed.actor(&leaked).await;
    let id = leaked.key.credential();
    let next = bed
        .registry
        .rotate_key(&ada(), id, 24 * HOUR)
        .await
        .unwrap();
    let late = make(&bed, &by_leaked).await;
    let below = make(&bed, &bed.actor(&late).await).await;
    let end = Expiry::At(bed.clock.now().saturating_add(HOUR));
    let shorten = KeyChange::new().expire(end);
    bed.registry
        .change_key(&ada(), maker.key.credential(), shorten)
        .await
        .unwrap();
    let _revoked = bed.registry.revoke_key(&ada(), id).await.unwrap();
    for (key, lives) in [
        (&leaked, false),
        (&late, false),
        (&below, false),
        (&next, true),
    ] {
        assert_eq!(is_live(&bed, key).await, lives);
    }
    bed.clock.advance(HOUR);
    assert!(!is_live(&bed, &next).await);
}
