//! Rotation: the same key with another token, and time to switch.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{BRANDS, Bed, READ, WRITE, acme, ada, bed};
use portcullis_core::Clock;
use portcullis_registry::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Expiry, Found, IssuedKey, Key,
    KeyChange, Listing, Meta, NewKey, PrefixedId, Revoked, Store,
};
use portcullis_scope::Scope;
use portcullis_token::TokenKind;

const HOUR: Duration = Duration::from_secs(3_600);
const NANO: Duration = Duration::from_nanos(1);

async fn rotate(bed: &Bed, key: &IssuedKey, overlap: Duration) -> IssuedKey {
    let id = key.token.id();
    bed.registry.rotate_key(&ada(), id, overlap).await.unwrap()
}

async fn is_live(bed: &Bed, key: &IssuedKey) -> bool {
    bed.verify(key.token.expose()).await.is_some()
}

async fn made_by(bed: &Bed, maker: &IssuedKey, scopes: &[Scope]) -> IssuedKey {
    let actor = bed.actor(maker).await;
    let new = NewKey::new(acme(), "child", scopes.iter().cloned());
    bed.registry.issue_key(&actor, new).await.unwrap()
}

async fn stored(bed: &Bed, key: &IssuedKey) -> CredentialRecord {
    let found = bed
        .store
        .get(Key::Credential(key.token.id()))
        .await
        .unwrap();
    match found.found {
        Found::Credential { record, .. } => *record,
        other => panic!("{other:?}"),
    }
}

fn name_of(key: &IssuedKey) -> PrefixedId {
    PrefixedId(TokenKind::ApiKey, key.token.id())
}

#[tokio::test]
async fn the_old_key_works_until_the_overlap_ends_and_not_a_nanosecond_longer() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    let new = rotate(&bed, &old, HOUR).await;
    assert!(is_live(&bed, &old).await && is_live(&bed, &new).await);
    bed.clock.advance(HOUR - NANO);
    assert!(is_live(&bed, &old).await && is_live(&bed, &new).await);
    bed.clock.advance(NANO);
    assert!(!is_live(&bed, &old).await);
    assert!(is_live(&bed, &new).await);
}

#[tokio::test]
async fn the_end_of_an_overlap_is_exact_also_for_an_old_key_that_is_first_seen_in_between() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    bed.clock.advance(Duration::from_nanos(777));
    rotate(&bed, &old, HOUR).await;
    bed.clock.advance(Duration::from_nanos(1_500_000_999));
    assert!(is_live(&bed, &old).await);
    bed.clock
        .advance(HOUR - Duration::from_nanos(1_500_000_999));
    assert!(!is_live(&bed, &old).await);
}

#[tokio::test]
async fn without_an_overlap_the_old_key_is_refused_at_once_and_for_ever() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    assert!(is_live(&bed, &old).await);
    let new = rotate(&bed, &old, Duration::ZERO).await;
    assert!(!is_live(&bed, &old).await);
    assert!(is_live(&bed, &new).await);
    let start = bed.clock.now();
    bed.clock.set_now(start.saturating_sub(24 * HOUR));
    assert!(!is_live(&bed, &old).await);
    let shown = bed.registry.key(&ada(), old.token.id()).await;
    assert!(matches!(shown, Err(ChangeError::NotFound)));
}

#[tokio::test]
async fn the_successor_is_the_same_key_and_says_what_it_replaces() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(48 * HOUR);
    let meta = Meta::new(r#"{"team":7}"#).unwrap();
    let key = NewKey::new(acme(), "deploy", [WRITE, BRANDS])
        .with_expiry(end)
        .with_meta(meta.clone())
        .with_networks("203.0.113.0/24".parse().unwrap());
    let old = bed.registry.issue_key(&ada(), key).await.unwrap();
    let quota = "5/60s".parse().unwrap();
    let limited = KeyChange::new().limit(quota);
    let system = Actor::dangerous_system();
    let changed = bed.registry.change_key(&system, old.token.id(), limited);
    changed.await.unwrap();

    bed.clock.advance(HOUR);
    let new = rotate(&bed, &old, HOUR).await;
    assert_ne!(new.token.expose(), old.token.expose());
    let info = &new.key;
    assert_eq!((info.name(), info.owner()), ("deploy", &acme()));
    assert_eq!(info.grant(), old.key.grant());
    assert_eq!((info.meta(), info.quota()), (&meta, Some(quota)));
    assert_eq!(info.networks().to_string(), "203.0.113.0/24");
    assert_eq!(
        (info.expires_at(), info.user()),
        (Some(end), old.key.user())
    );
    assert_eq!(info.created_by(), old.key.created_by());
    assert_eq!(info.created_at(), bed.clock.now());
    assert_eq!(
        (info.replaces(), info.successor()),
        (Some(name_of(&old)), None)
    );
    let old_now = bed.registry.key(&ada(), old.token.id()).await.unwrap();
    assert_eq!(old_now.successor(), Some(name_of(&new)));
    assert_eq!(
        old_now.expires_at(),
        Some(bed.clock.now().saturating_add(HOUR))
    );

    let audit = bed.store.audit();
    let lines: Vec<_> = audit.iter().rev().take(2).collect();
    assert_eq!(
        (&*lines[0].action, &*lines[1].action),
        ("key.rotated", "key.issued")
    );
    assert_eq!(lines[0].target, name_of(&old).to_string());
    assert_eq!(lines[0].details["successor"], name_of(&new).to_string());
    assert_eq!(lines[1].details["replaces"], name_of(&old).to_string());
}

#[tokio::test]
async fn names_that_the_catalogue_has_forgotten_survive_and_grant_nothing() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    let mut record = stored(&bed, &old).await;
    record.grant = "posts:read reels:read".parse().unwrap();
    let batch = Batch {
        credentials: vec![record],
        ..Batch::default()
    };
    bed.store.commit(batch).await.unwrap();
    let new = rotate(&bed, &old, HOUR).await;
    let names: Vec<_> = new.key.grant().names().collect();
    assert_eq!(names, ["posts:read", "reels:read"]);
}

#[tokio::test]
async fn an_overlap_never_goes_beyond_the_end_of_the_key() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(HOUR);
    let key = NewKey::new(acme(), "short", [READ]).with_expiry(end);
    let old = bed.registry.issue_key(&ada(), key).await.unwrap();
    let new = rotate(&bed, &old, 10 * HOUR).await;
    let shown = bed.registry.key(&ada(), old.token.id()).await.unwrap();
    assert_eq!(
        (shown.expires_at(), new.key.expires_at()),
        (Some(end), Some(end))
    );
    bed.clock.advance(HOUR);
    assert!(!is_live(&bed, &old).await && !is_live(&bed, &new).await);
    let late = bed.registry.rotate_key(&ada(), new.token.id(), HOUR).await;
    assert!(matches!(late, Err(ChangeError::PastExpiry { at }) if at == end));
}

#[tokio::test]
async fn a_key_that_has_a_successor_is_neither_rotated_again_nor_extended() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    let new = rotate(&bed, &old, HOUR).await;
    let again = bed.registry.rotate_key(&ada(), old.token.id(), HOUR).await;
    let Err(error @ ChangeError::Rotated { successor }) = again else {
        panic!("{again:?}")
    };
    assert_eq!(successor, name_of(&new));
    assert!(
        error.to_string().contains(&successor.to_string()),
        "{error}"
    );
    for expiry in [
        Expiry::Never,
        Expiry::At(bed.clock.now().saturating_add(NANO * 1_000_000)),
    ] {
        let moved = KeyChange::new().expire(expiry);
        let moved = bed.registry.change_key(&ada(), old.token.id(), moved).await;
        assert!(matches!(moved, Err(ChangeError::Rotated { .. })));
    }
    let next = rotate(&bed, &new, HOUR).await;
    for key in [&old, &new, &next] {
        assert!(is_live(&bed, key).await);
    }
}

#[tokio::test]
async fn the_giver_must_hold_every_scope_of_the_key() {
    let bed = bed().await;
    let strong = bed.key(&[WRITE, BRANDS]).await;
    let weak = bed.key(&[WRITE]).await;
    let weak = bed.actor(&weak).await;
    let refused = bed
        .registry
        .rotate_key(&weak, strong.token.id(), HOUR)
        .await;
    assert!(matches!(refused, Err(ChangeError::Excess(excess)) if excess == [BRANDS]));
    assert!(is_live(&bed, &strong).await);
    let list = bed.registry.keys(&ada(), &acme(), Listing::default()).await;
    assert_eq!(list.unwrap().total, 2, "no key was issued");
}

#[tokio::test]
async fn a_key_rotates_neither_itself_nor_what_another_key_has_made() {
    let bed = bed().await;
    let maker = bed.key(&[WRITE]).await;
    let child = made_by(&bed, &maker, &[READ]).await;
    let other = bed.key(&[WRITE]).await;
    for (by, target) in [(&maker, &maker), (&other, &child)] {
        let actor = bed.actor(by).await;
        let rotated = bed
            .registry
            .rotate_key(&actor, target.token.id(), HOUR)
            .await;
        assert!(
            matches!(rotated, Err(ChangeError::SessionRequired)),
            "{rotated:?}"
        );
    }
    // Its own child stays its own.
    let actor = bed.actor(&maker).await;
    let rotated = bed
        .registry
        .rotate_key(&actor, child.token.id(), HOUR)
        .await;
    let rotated = rotated.unwrap();
    let by = CreatedBy::Credential(maker.token.id());
    assert_eq!(rotated.key.created_by(), &by);
}

#[tokio::test]
async fn a_successor_that_a_key_asked_for_is_a_key_that_it_made() {
    let bed = bed().await;
    let rotator = bed.key(&[WRITE]).await;
    let old = bed.key(&[READ]).await;
    let actor = bed.actor(&rotator).await;
    let new = bed.registry.rotate_key(&actor, old.token.id(), HOUR).await;
    let new = new.unwrap();
    // Whoever has stolen the rotator has seen the token of the successor.
    let revoked = bed.registry.revoke_key(&ada(), rotator.token.id()).await;
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
    assert!(!is_live(&bed, &new).await);
    assert!(is_live(&bed, &old).await);

    let end = bed.clock.now().saturating_add(HOUR);
    let ending = NewKey::new(acme(), "ending", [WRITE]).with_expiry(end);
    let ending = bed.registry.issue_key(&ada(), ending).await.unwrap();
    let actor = bed.actor(&ending).await;
    let lasting = bed.key(&[READ]).await;
    let rotated = bed
        .registry
        .rotate_key(&actor, lasting.token.id(), HOUR)
        .await;
    assert!(matches!(rotated, Err(ChangeError::OutlivesMaker { latest }) if latest == end));
}

#[tokio::test]
async fn what_a_key_made_goes_to_the_successor_with_its_end_as_it_was() {
    let bed = bed().await;
    let old = bed.key(&[WRITE]).await;
    let child = made_by(&bed, &old, &[READ]).await;
    let new = rotate(&bed, &old, HOUR).await;
    let shown = bed.registry.key(&ada(), child.token.id()).await.unwrap();
    assert_eq!(shown.created_by(), &CreatedBy::Credential(new.token.id()));
    assert_eq!(shown.expires_at(), None);
    bed.clock.advance(HOUR);
    assert!(is_live(&bed, &child).await);
    let grandchild = made_by(&bed, &child, &[READ]).await;
    let _ = bed
        .registry
        .revoke_key(&ada(), new.token.id())
        .await
        .unwrap();
    for key in [&new, &child, &grandchild] {
        assert!(!is_live(&bed, key).await);
    }
}

#[tokio::test]
async fn what_the_old_key_makes_in_the_overlap_ends_and_falls_with_it() {
    let bed = bed().await;
    let old = bed.key(&[WRITE]).await;
    let before = made_by(&bed, &old, &[READ]).await;
    let new = rotate(&bed, &old, HOUR).await;
    let late = made_by(&bed, &old, &[READ]).await;
    // Just before it, which tells it from what was made before the rotation.
    let end = bed
        .clock
        .now()
        .saturating_add(HOUR - Duration::from_micros(1));
    assert_eq!(late.key.expires_at(), Some(end));
    // The old one has leaked after all.
    let revoked = bed.registry.revoke_key(&ada(), old.token.id()).await;
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
    for (key, lives) in [(&old, false), (&late, false), (&before, true), (&new, true)] {
        assert_eq!(is_live(&bed, key).await, lives);
    }
    // And a revoke of the successor leaves an old one in its overlap.
    let (old, new) = (&new, rotate(&bed, &new, HOUR).await);
    let _ = bed
        .registry
        .revoke_key(&ada(), new.token.id())
        .await
        .unwrap();
    assert!(is_live(&bed, old).await && !is_live(&bed, &new).await);
}

#[tokio::test]
async fn a_disabled_key_has_a_disabled_successor() {
    let bed = bed().await;
    let old = bed.key(&[READ]).await;
    let off = KeyChange::new().disable();
    bed.registry
        .change_key(&ada(), old.token.id(), off)
        .await
        .unwrap();
    let new = rotate(&bed, &old, HOUR).await;
    assert!(!new.key.is_enabled() && !is_live(&bed, &new).await);
}

#[tokio::test]
async fn a_client_that_switches_in_time_is_never_refused() {
    let bed = bed().await;
    let mut current = bed.key(&[READ]).await;
    for _ in 0..50 {
        let next = rotate(&bed, &current, HOUR).await;
        for _ in 0..59 {
            assert!(is_live(&bed, &current).await && is_live(&bed, &next).await);
            bed.clock.advance(Duration::from_secs(60));
        }
        let old = std::mem::replace(&mut current, next);
        bed.clock.advance(Duration::from_secs(60));
        assert!(!is_live(&bed, &old).await);
        assert!(is_live(&bed, &current).await);
    }
}
