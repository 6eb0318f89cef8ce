//! Networks, quotas and data of keys, and lists that are filtered.
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
    Actor, ChangeError, Filter, KeyChange, Listing, Meta, Networks, NewKey, Suspension,
};
use portcullis_scope::Grant;
use serde_json::json;

fn networks(text: &str) -> Networks {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_key_hands_on_no_networks_but_its_own() {
    let bed = bed().await;
    let office = networks("203.0.113.0/24");
    let maker = NewKey::new(acme(), "maker", [WRITE]).with_networks(office.clone());
    let maker = bed.registry.issue_key(&ada(), maker).await.unwrap();
    assert_eq!(maker.key.networks(), &office);
    let actor = actor_from(&bed, maker.token.expose(), "203.0.113.9").await;
    let make = async |wanted: Option<&str>| {
        let mut new = NewKey::new(acme(), "child", [READ]);
        if let Some(wanted) = wanted {
            new = new.with_networks(networks(wanted));
        }
        let made = bed.registry.issue_key(&actor, new).await;
        made.map(|made| (made.token.id(), made.key.networks().to_string()))
    };
    let (child, inherited) = make(None).await.unwrap();
    assert_eq!(inherited, "203.0.113.0/24");
    assert_eq!(
        make(Some("203.0.113.64/26")).await.unwrap().1,
        "203.0.113.64/26"
    );
    for wider in [
        "",
        "0.0.0.0/0",
        "203.0.112.0/23",
        "203.0.113.0/24 198.51.100.1",
    ] {
        let made = make(Some(wider)).await;
        assert!(
            matches!(&made, Err(ChangeError::OutsideNetworks { within }) if *within == office),
            "{wider}: {made:?}"
        );
    }
    // Nor does it widen what it made, nor rotate what is accepted from elsewhere.
    let wider = KeyChange::new().accept_from(Networks::ANY);
    let wider = bed.registry.change_key(&actor, child, wider).await;
    assert!(matches!(wider, Err(ChangeError::OutsideNetworks { .. })));
    let elsewhere = bed.key(&[READ]).await;
    let rotated = bed
        .registry
        .rotate_key(&actor, elsewhere.token.id(), Duration::ZERO)
        .await;
    assert!(matches!(rotated, Err(ChangeError::OutsideNetworks { .. })));
}

/// Who acts with a key that is accepted from some networks.
async fn actor_from(bed: &Bed, token: &str, ip: &str) -> Actor {
    let parsed = bed.registry.format().recognize(token.as_bytes()).unwrap();
    assert!(bed.registry.load(parsed.id()).await.unwrap());
    let ip: Option<std::net::IpAddr> = ip.parse().ok();
    match bed.registry.visit(&parsed, ip, |visit| visit.principal()) {
        portcullis_registry::Hot::Known(principal) => Actor::from_principal(&principal),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wider_networks_need_every_scope_of_the_key_and_narrower_do_not() {
    let bed = bed().await;
    let strong = bed.key(&[WRITE, BRANDS]).await;
    let id = strong.token.id();
    let weak = bed.actor(&bed.key(&[BRANDS]).await).await;
    let accept = async |from: &str| {
        let change = KeyChange::new().accept_from(networks(from));
        bed.registry.change_key(&weak, id, change).await
    };
    let narrowed = accept("203.0.113.0/24 198.51.100.0/24").await.unwrap();
    assert_eq!(narrowed.networks().names().len(), 2);
    accept("203.0.113.0/24").await.unwrap();
    for wider in ["203.0.113.0/24 198.51.100.0/24", ""] {
        let refused = accept(wider).await;
        assert!(matches!(refused, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
    }
    let anywhere = KeyChange::new().accept_from(Networks::ANY);
    bed.registry.change_key(&ada(), id, anywhere).await.unwrap();
    assert!(bed.verify(strong.token.expose()).await.is_some());
    let line = bed.store.audit().pop().unwrap();
    let expected = json!({"networks": {"before": ["203.0.113.0/24"], "after": []}});
    assert_eq!((&*line.action, line.details), ("key.changed", expected));
}

#[tokio::test]
async fn a_quota_of_a_key_is_set_by_the_application_and_handed_on_by_the_key() {
    let bed = bed().await;
    let quota = "5/60s".parse().unwrap();
    let new = || NewKey::new(acme(), "k", [WRITE]).with_quota(quota);
    let system = Actor::dangerous_system();
    let maker = bed.registry.issue_key(&system, new()).await.unwrap();
    assert_eq!(maker.key.quota(), Some(quota));
    let by_key = bed.actor(&maker).await;
    for actor in [&ada(), &by_key] {
        let made = bed.registry.issue_key(actor, new()).await;
        assert!(matches!(made, Err(ChangeError::QuotaReserved)));
        let other = bed.key(&[READ]).await;
        for change in [KeyChange::new().limit(quota), KeyChange::new().unlimit()] {
            let changed = bed
                .registry
                .change_key(actor, other.token.id(), change)
                .await;
            assert!(matches!(changed, Err(ChangeError::QuotaReserved)));
        }
    }
    let child = NewKey::new(acme(), "child", [READ]);
    let child = bed.registry.issue_key(&by_key, child).await.unwrap();
    assert_eq!(
        child.key.quota(),
        Some(quota),
        "it is no way out of a quota"
    );
    let freed = KeyChange::new().unlimit();
    let freed = bed
        .registry
        .change_key(&system, child.token.id(), freed)
        .await;
    assert_eq!(freed.unwrap().quota(), None);
}

#[tokio::test]
async fn the_data_beside_a_key_is_replaced_and_comes_back_in_the_principal() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    let meta = Meta::new(r#"{"team":7}"#).unwrap();
    let change = KeyChange::new().annotate(meta.clone());
    bed.registry
        .change_key(&ada(), key.token.id(), change)
        .await
        .unwrap();
    let principal = bed.verify(key.token.expose()).await.unwrap();
    assert_eq!(principal.meta(), &meta);
    let line = bed.store.audit().pop().unwrap();
    let expected = json!({"meta": {"before": null, "after": {"team": 7}}});
    assert_eq!(line.details, expected);
}

#[tokio::test]
async fn an_end_is_moved_by_less_than_a_second_too() {
    let bed = bed().await;
    let end = bed
        .clock
        .now()
        .saturating_add(Duration::from_millis(60_900));
    let key = NewKey::new(acme(), "k", [READ]).with_expiry(end);
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    let sooner = end.saturating_sub(Duration::from_millis(500));
    let change = KeyChange::new().expire(portcullis_registry::Expiry::At(sooner));
    let changed = bed
        .registry
        .change_key(&ada(), key.token.id(), change)
        .await;
    assert_eq!(changed.unwrap().expires_at(), Some(sooner));
}

/// Keys of these names, made a day apart, the last of them today.
async fn days(bed: &Bed, names: &[&str]) {
    for name in names {
        bed.clock.advance(Duration::from_secs(86_400));
        let new = NewKey::new(acme(), name, [READ]);
        bed.registry.issue_key(&ada(), new).await.unwrap();
    }
}

#[tokio::test]
async fn lists_are_newest_first_and_stable_under_inserts() {
    let bed = bed().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bed.key(&[READ]).await.token.id());
        bed.clock.advance(Duration::from_secs(1));
    }
    ids.reverse();
    let part = Listing {
        limit: 2,
        ..Listing::default()
    };
    let list = async |part| bed.registry.keys(&ada(), &acme(), part).await.unwrap();
    let first = list(part.clone()).await;
    assert_eq!(first.total, 5);
    bed.key(&[READ]).await;
    let second = Listing {
        after: first.next,
        ..part
    };
    let second = list(second).await;
    let seen = first
        .keys
        .iter()
        .chain(&second.keys)
        .map(|key| key.credential());
    assert_eq!(seen.collect::<Vec<_>>(), ids[..4]);
}

#[tokio::test]
async fn a_list_is_filtered_by_age_and_by_text() {
    let bed = bed().await;
    days(&bed, &["Alpha", "beta", "alphabet"]).await;
    let list = async |filter: Filter, limit| {
        let listing = Listing {
            filter,
            limit,
            ..Listing::default()
        };
        let list = bed.registry.keys(&ada(), &acme(), listing).await.unwrap();
        let names: Vec<_> = list.keys.iter().map(|key| key.name().to_owned()).collect();
        (names, list.total, list.next)
    };
    let text = |text: &str| Filter {
        text: Some(text.into()),
        ..Filter::default()
    };
    let (names, total, next) = list(text("ALPHA"), 1).await;
    assert_eq!((names, total), (vec!["alphabet".to_owned()], 2));
    assert!(next.is_some());
    let older = |days: u64| Filter {
        created_before: Some(
            bed.clock
                .now()
                .saturating_sub(Duration::from_secs(86_400 * days)),
        ),
        ..Filter::default()
    };
    assert_eq!(
        list(older(0), 9).await.0,
        ["beta", "Alpha"],
        "not one of this instant"
    );
    assert_eq!(list(older(1), 9).await.0, ["Alpha"]);
    assert_eq!(list(older(2), 9).await.1, 0);
    let both = Filter {
        text: Some("alpha".into()),
        ..older(1)
    };
    assert_eq!(list(both, 9).await.0, ["Alpha"]);
}

#[tokio::test]
async fn a_filter_revokes_what_it_keeps_and_what_was_made_by_that() {
    let bed = bed().await;
    days(&bed, &["old"]).await;
    let old = bed.key(&[WRITE]).await;
    bed.clock.advance(Duration::from_secs(86_400));
    let child = NewKey::new(acme(), "child", [READ]);
    let child = bed
        .registry
        .issue_key(&bed.actor(&old).await, child)
        .await
        .unwrap();
    let new = bed.key(&[READ]).await;
    let filter = Filter {
        created_before: Some(bed.clock.now()),
        ..Filter::default()
    };
    let theirs = bed
        .registry
        .revoke_matching(&ada(), &"evil".parse().unwrap(), &filter)
        .await;
    assert!(matches!(theirs, Err(ChangeError::NotFound)));
    let revoked = bed.registry.revoke_matching(&ada(), &acme(), &filter).await;
    assert_eq!(revoked.unwrap(), 3);
    for (key, lives) in [(&old, false), (&child, false), (&new, true)] {
        assert_eq!(bed.verify(key.token.expose()).await.is_some(), lives);
    }
    let again = bed.registry.revoke_matching(&ada(), &acme(), &filter).await;
    assert_eq!(again.unwrap(), 0);
}

#[tokio::test]
async fn keys_that_have_ended_take_no_place_of_others() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    let end = bed.clock.now().saturating_add(Duration::from_secs(60));
    for _ in 0..1_000 {
        let new = NewKey::new(acme(), "k", [READ]).with_expiry(end);
        bed.registry.issue_key(&ada(), new).await.unwrap();
    }
    let new = || NewKey::new(acme(), "k", [READ]);
    let refused = bed.registry.issue_key(&ada(), new()).await;
    assert!(matches!(
        refused,
        Err(ChangeError::TooMany { limit: 1_000 })
    ));
    bed.clock.advance(Duration::from_secs(60));
    bed.registry.issue_key(&ada(), new()).await.unwrap();
    let lifted = Suspension::Lifted;
    bed.registry
        .set_suspended(&Actor::dangerous_system(), &acme(), lifted)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_new_catalogue_neither_widens_nor_loses_what_was_granted() {
    let bed = bed().await;
    let key = NewKey::with_grant(acme(), "all", Grant::everything());
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    let names: Vec<_> = key.key.grant().names().collect();
    assert_eq!(names.len(), 3, "a wildcard is a snapshot: {names:?}");
}
