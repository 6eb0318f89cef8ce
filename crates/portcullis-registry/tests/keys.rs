//! The life of API keys.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{sync::Arc, time::Duration};

use common::{BRANDS, READ, WRITE, acme, ada, bed};
use portcullis_core::Clock;
use portcullis_registry::{
    Actor, ChangeError, Expiry, KeyChange, Listing, NewKey, OpenError, Registry, Revoked,
};
use portcullis_scope::Scope;
use portcullis_token::PepperRing;

#[tokio::test]
async fn a_key_verifies_until_it_is_revoked_and_never_after() {
    let bed = bed().await;
    let key = bed.key(&[WRITE]).await;
    let principal = bed.verify(key.token.expose()).await.unwrap();
    assert_eq!(principal.owner(), &acme());
    assert_eq!(principal.user().unwrap().as_str(), "ada");
    assert_eq!(
        principal.scopes(),
        &common::catalogue().set(["posts:write"]).unwrap()
    );

    let revoked = bed
        .registry
        .revoke_key(&ada(), key.token.id())
        .await
        .unwrap();
    assert_eq!(revoked, Revoked::Everywhere);
    assert!(bed.verify(key.token.expose()).await.is_none());

    let again = bed.registry.revoke_key(&ada(), key.token.id()).await;
    assert!(matches!(again, Err(ChangeError::NotFound)));
    assert!(matches!(
        bed.registry.key(&ada(), key.token.id()).await,
        Err(ChangeError::NotFound)
    ));
}

#[tokio::test]
async fn the_secret_of_another_key_is_not_accepted() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    bed.verify(key.token.expose()).await.unwrap();
    let forged = bed
        .registry
        .format()
        .dangerous_from_parts::<portcullis_token::ApiKey>(
            portcullis_token::Environment::Live,
            key.token.id(),
            [b'0'; 32],
        )
        .unwrap();
    assert!(bed.verify(forged.expose()).await.is_none());
    assert!(bed.verify(key.token.expose()).await.is_some());
}

#[tokio::test]
async fn nobody_hands_on_what_they_lack() {
    let bed = bed().await;
    let reader = bed.key(&[READ, BRANDS]).await;
    let actor = bed.actor(&reader).await;
    let wider = bed
        .registry
        .issue_key(&actor, NewKey::new(acme(), "wider", [WRITE]))
        .await;
    assert!(matches!(wider, Err(ChangeError::Excess(excess)) if excess == [WRITE]));

    let child = NewKey::new(acme(), "child", [BRANDS]);
    let child = bed.registry.issue_key(&actor, child).await.unwrap();
    let widened = KeyChange::new().regrant([WRITE].into_iter().collect());
    let widened = bed
        .registry
        .change_key(&actor, child.token.id(), widened)
        .await;
    assert!(matches!(widened, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
}

#[tokio::test]
async fn enabling_and_extending_need_every_scope_of_the_key_and_narrowing_does_not() {
    let bed = bed().await;
    let strong = bed.key(&[WRITE, BRANDS]).await;
    let weak = bed.key(&[BRANDS]).await;
    let weak = bed.actor(&weak).await;
    let id = strong.token.id();
    let change = |change: KeyChange| bed.registry.change_key(&weak, id, change);

    change(KeyChange::new().disable()).await.unwrap();
    assert!(bed.verify(strong.token.expose()).await.is_none());
    let enabled = change(KeyChange::new().enable()).await;
    assert!(matches!(enabled, Err(ChangeError::Excess(excess)) if excess == [WRITE]));

    let soon = bed.clock.now().saturating_add(Duration::from_secs(60));
    change(KeyChange::new().expire(Expiry::At(soon)))
        .await
        .unwrap();
    let never = change(KeyChange::new().expire(Expiry::Never)).await;
    assert!(matches!(never, Err(ChangeError::Excess(_))));

    let narrowed = change(KeyChange::new().regrant([READ].into_iter().collect()))
        .await
        .unwrap();
    assert_eq!(narrowed.grant().names().collect::<Vec<_>>(), ["posts:read"]);

    bed.registry
        .change_key(&ada(), id, KeyChange::new().enable())
        .await
        .unwrap();
    assert!(bed.verify(strong.token.expose()).await.is_some());
}

#[tokio::test]
async fn a_key_cannot_change_itself() {
    let bed = bed().await;
    let key = bed.key(&[WRITE]).await;
    let own = bed.actor(&key).await;
    let renamed = bed
        .registry
        .change_key(&own, key.token.id(), KeyChange::new().rename("x"))
        .await;
    assert!(matches!(renamed, Err(ChangeError::SessionRequired)));
}

#[tokio::test]
async fn keys_made_by_a_key_fall_with_it_and_never_outlive_it() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(Duration::from_secs(3_600));
    let maker = NewKey::new(acme(), "maker", [WRITE]).with_expiry(end);
    let maker = bed.registry.issue_key(&ada(), maker).await.unwrap();
    let actor = bed.actor(&maker).await;
    let child = NewKey::new(acme(), "child", [READ]);
    let child = bed.registry.issue_key(&actor, child).await.unwrap();
    assert_eq!(child.key.expires_at(), Some(end));
    let later = end.saturating_add(Duration::from_secs(1));
    let longer = NewKey::new(acme(), "longer", [READ]).with_expiry(later);
    let longer = bed.registry.issue_key(&actor, longer).await;
    assert!(matches!(longer, Err(ChangeError::OutlivesMaker { latest }) if latest == end));
    let extended = KeyChange::new().expire(Expiry::At(later));
    let extended = bed
        .registry
        .change_key(&ada(), child.token.id(), extended)
        .await;
    assert!(matches!(extended, Err(ChangeError::OutlivesMaker { .. })));

    let grandchild = bed.actor(&child).await;
    let grandchild = bed
        .registry
        .issue_key(&grandchild, NewKey::new(acme(), "g", [READ]))
        .await
        .unwrap();
    bed.verify(grandchild.token.expose()).await.unwrap();
    let _ = bed
        .registry
        .revoke_key(&ada(), maker.token.id())
        .await
        .unwrap();
    for key in [&maker, &child, &grandchild] {
        assert!(bed.verify(key.token.expose()).await.is_none());
    }
    let orphan = bed
        .registry
        .issue_key(&actor, NewKey::new(acme(), "late", [READ]))
        .await;
    assert!(matches!(orphan, Err(ChangeError::Ended)));
}

#[tokio::test]
async fn a_key_that_was_narrowed_hands_on_no_more_than_it_has_left() {
    let bed = bed().await;
    let key = bed.key(&[WRITE]).await;
    let slow = bed.actor(&key).await;
    let narrowed = KeyChange::new().regrant([READ].into_iter().collect());
    bed.registry
        .change_key(&ada(), key.token.id(), narrowed)
        .await
        .unwrap();
    let late = bed
        .registry
        .issue_key(&slow, NewKey::new(acme(), "late", [WRITE]))
        .await;
    assert!(matches!(late, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
}

#[tokio::test]
async fn a_key_that_ends_shortens_others_and_extends_none_beyond_itself() {
    let bed = bed().await;
    let now = bed.clock.now();
    let at = |seconds| now.saturating_add(Duration::from_secs(seconds));
    let short = NewKey::new(acme(), "short", [READ]).with_expiry(at(100));
    let short = bed.registry.issue_key(&ada(), short).await.unwrap();
    let long = NewKey::new(acme(), "long", [READ]).with_expiry(at(10_000));
    let long = bed.registry.issue_key(&ada(), long).await.unwrap();
    let actor = bed.actor(&short).await;
    let expire = |expiry| {
        bed.registry
            .change_key(&actor, long.token.id(), KeyChange::new().expire(expiry))
    };
    let sooner = expire(Expiry::At(at(5_000))).await.unwrap();
    assert_eq!(sooner.expires_at(), Some(at(5_000)));
    for later in [Expiry::At(at(6_000)), Expiry::Never] {
        let refused = expire(later).await;
        assert!(matches!(refused, Err(ChangeError::OutlivesMaker { latest }) if latest == at(100)));
    }
}

#[tokio::test]
async fn shortening_a_key_shortens_what_it_made() {
    let bed = bed().await;
    let maker = bed.key(&[WRITE]).await;
    let actor = bed.actor(&maker).await;
    let child = bed
        .registry
        .issue_key(&actor, NewKey::new(acme(), "c", [READ]))
        .await
        .unwrap();
    let actor = bed.actor(&child).await;
    let grandchild = NewKey::new(acme(), "g", [READ]);
    let grandchild = bed.registry.issue_key(&actor, grandchild).await.unwrap();
    bed.verify(grandchild.token.expose()).await.unwrap();
    let end = bed.clock.now().saturating_add(Duration::from_secs(60));
    let sooner = KeyChange::new().expire(Expiry::At(end));
    bed.registry
        .change_key(&ada(), maker.token.id(), sooner)
        .await
        .unwrap();
    for key in [&child, &grandchild] {
        let info = bed.registry.key(&ada(), key.token.id()).await.unwrap();
        assert_eq!(info.expires_at(), Some(end));
    }
    bed.clock.advance(Duration::from_secs(60));
    assert!(bed.verify(grandchild.token.expose()).await.is_none());
    // Extending the maker again extends nothing that it made.
    let later = end.saturating_add(Duration::from_secs(3_600));
    let later = KeyChange::new().expire(Expiry::At(later));
    bed.registry
        .change_key(&ada(), maker.token.id(), later)
        .await
        .unwrap();
    let info = bed.registry.key(&ada(), child.token.id()).await.unwrap();
    assert_eq!(info.expires_at(), Some(end));
}

#[tokio::test]
async fn a_key_is_refused_from_the_instant_of_its_expiry() {
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(Duration::from_secs(60));
    let key = NewKey::new(acme(), "short", [READ]).with_expiry(end);
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    assert!(bed.verify(key.token.expose()).await.is_some());
    bed.clock
        .advance(Duration::from_secs(60) - Duration::from_micros(1));
    assert!(bed.verify(key.token.expose()).await.is_some());
    bed.clock.advance(Duration::from_micros(1));
    assert!(bed.verify(key.token.expose()).await.is_none());

    let past = NewKey::new(acme(), "past", [READ]).with_expiry(end);
    let past = bed.registry.issue_key(&ada(), past).await;
    assert!(matches!(past, Err(ChangeError::PastExpiry { at }) if at == end));
}

#[tokio::test]
async fn a_step_of_the_wall_clock_neither_ends_nor_revives_a_key() {
    let bed = bed().await;
    let start = bed.clock.now();
    let key = NewKey::new(acme(), "short", [READ])
        .with_expiry(start.saturating_add(Duration::from_secs(60)));
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    bed.verify(key.token.expose()).await.unwrap();
    bed.clock
        .set_now(start.saturating_add(Duration::from_secs(86_400)));
    assert!(bed.verify(key.token.expose()).await.is_some());
    // Also when the record has to be read again.
    let renamed = KeyChange::new().rename("other");
    bed.registry
        .change_key(&ada(), key.token.id(), renamed)
        .await
        .unwrap();
    assert!(bed.verify(key.token.expose()).await.is_some());
    bed.clock
        .set_now(start.saturating_sub(Duration::from_secs(86_400)));
    bed.clock
        .set_tick(bed.clock.tick().saturating_add(Duration::from_secs(60)));
    assert!(bed.verify(key.token.expose()).await.is_none());
}

#[tokio::test]
async fn names_scopes_and_owners_are_checked() {
    let bed = bed().await;
    let issue = |name: &str, scope: &str, owner: &str| {
        let scope: Scope = scope.parse().unwrap();
        let new = NewKey::new(owner.parse().unwrap(), name, [scope]);
        let registry = bed.registry.clone();
        async move { registry.issue_key(&ada(), new).await }
    };
    for name in ["", "   ", "a\nb", &"x".repeat(101)] {
        assert!(matches!(
            issue(name, "posts:read", "acme").await,
            Err(ChangeError::Name)
        ));
    }
    let unknown = issue("k", "posts:fly", "acme").await;
    assert!(
        matches!(unknown, Err(ChangeError::UnknownScope(name)) if name.name() == Some("posts:fly"))
    );
    assert!(matches!(
        issue("k", "posts:read", "evil").await,
        Err(ChangeError::NotFound)
    ));
    assert_eq!(
        issue("  k  ", "posts:read", "acme")
            .await
            .unwrap()
            .key
            .name(),
        "k"
    );
}

#[tokio::test]
async fn another_owners_key_does_not_exist() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    let id = key.token.id();
    let eve = Actor::user(
        "evil".parse().unwrap(),
        "eve".parse().unwrap(),
        common::catalogue().all(),
    );
    assert!(matches!(
        bed.registry.key(&eve, id).await,
        Err(ChangeError::NotFound)
    ));
    assert!(matches!(
        bed.registry.revoke_key(&eve, id).await,
        Err(ChangeError::NotFound)
    ));
    let changed = bed
        .registry
        .change_key(&eve, id, KeyChange::new().disable())
        .await;
    assert!(matches!(changed, Err(ChangeError::NotFound)));
    let listed = bed.registry.keys(&eve, &acme(), Listing::default()).await;
    assert!(matches!(listed, Err(ChangeError::NotFound)));
    assert!(bed.verify(key.token.expose()).await.is_some());
}

#[tokio::test]
async fn a_store_is_not_opened_without_its_peppers() {
    let bed = bed().await;
    let open = |peppers: PepperRing| {
        Registry::open(
            Arc::clone(&bed.store),
            common::format(),
            common::catalogue(),
            peppers,
        )
    };
    let other = open(PepperRing::generate().unwrap()).await;
    assert!(matches!(other, Err(OpenError::PepperMismatch { .. })));
    let version = portcullis_token::PepperVersion::new(2).unwrap();
    let second = portcullis_token::Pepper::generate().unwrap();
    let missing = open(PepperRing::new(version, second.clone())).await;
    assert!(matches!(missing, Err(OpenError::PepperMissing { .. })));

    // With a second pepper beside the first, an old key is verified and its MAC made anew.
    let key = bed.key(&[READ]).await;
    let both = bed
        .peppers
        .clone()
        .with(version, second)
        .with_current(version)
        .unwrap();
    let (registry, _driver) = open(both).await.unwrap();
    let token = registry
        .format()
        .recognize(key.token.expose().as_bytes())
        .unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    assert!(matches!(
        registry.visit(&token, None, |_| ()),
        portcullis_registry::Hot::Known(())
    ));
    registry.flush().await.unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    assert!(matches!(
        registry.visit(&token, None, |_| ()),
        portcullis_registry::Hot::Known(())
    ));
}
