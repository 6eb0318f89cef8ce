//! Which quota goes for a credential, and from where it is accepted.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{net::IpAddr, time::Duration};

use common::{Bed, READ, acme, ada, bed};
use portcullis_limit::{Decision, Quota, Usage};
use portcullis_registry::{Actor, Hot, IssuedKey, KeyChange, NewKey, Plan, PlanName, Visit};

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

fn plan() -> Plan {
    Plan::new("pro".parse().unwrap())
}

async fn visit<R>(
    bed: &Bed,
    key: &IssuedKey,
    ip: Option<&str>,
    mut f: impl FnMut(&mut Visit<'_>) -> R,
) -> Hot<R> {
    let ip: Option<IpAddr> = ip.map(|ip| ip.parse().unwrap());
    let token = key.token.expose().as_bytes();
    let token = bed.registry.format().recognize(token).unwrap();
    assert!(bed.registry.load(token.id()).await.unwrap());
    bed.registry.visit(&token, ip, &mut f)
}

/// Charges so much under a default of nine.
async fn charge(bed: &Bed, key: &IssuedKey, cost: u32) -> Decision {
    let default = quota("9/60s");
    let asked = visit(bed, key, None, |visit| {
        visit.check_rate(Some(&default), cost)
    });
    match asked.await {
        Hot::Known(Some(decision)) => decision,
        other => panic!("{other:?}"),
    }
}

async fn usage(bed: &Bed, key: &IssuedKey) -> Usage {
    charge(bed, key, 0).await.usage().unwrap()
}

async fn with_plan(plan: Plan) -> Bed {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(plan))
        .await
        .unwrap();
    bed
}

#[tokio::test]
async fn a_keys_own_quota_goes_before_the_plans_and_this_before_the_default() {
    let bed = with_plan(plan().with_quota(quota("7/60s"))).await;
    let key = bed.key(&[READ]).await;
    assert_eq!(usage(&bed, &key).await.limit, 7);
    let id = key.token.id();
    let system = Actor::dangerous_system();
    let limit = KeyChange::new().limit(quota("5/60s"));
    bed.registry.change_key(&system, id, limit).await.unwrap();
    assert_eq!(usage(&bed, &key).await.limit, 5);
    let unlimit = KeyChange::new().unlimit();
    let changed = bed.registry.change_key(&system, id, unlimit).await;
    changed.unwrap();
    assert_eq!(usage(&bed, &key).await.limit, 7);
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), None)
        .await
        .unwrap();
    assert_eq!(usage(&bed, &key).await.limit, 9);
}

#[tokio::test]
async fn without_any_quota_nothing_is_counted_and_with_the_owners_alone_that_is() {
    let bed = with_plan(plan()).await;
    let key = bed.key(&[READ]).await;
    let asked = visit(&bed, &key, None, |visit| {
        let asked = (visit.check_rate(None, 1), visit.check_denial(None));
        (asked, visit.peek_rate(None))
    });
    assert_eq!(asked.await, Hot::Known(((None, None), None)));

    let owners = plan().with_owner_quota(quota("4/60s"));
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(owners))
        .await
        .unwrap();
    let asked = visit(&bed, &key, None, |visit| {
        let asked = visit.check_rate(None, 1);
        assert_eq!(asked.and_then(|asked| asked.usage()), visit.peek_rate(None));
        asked.unwrap().usage().unwrap().remaining
    });
    assert_eq!(asked.await, Hot::Known(3));
}

#[tokio::test]
async fn an_owners_quota_is_shared_by_its_credentials_and_both_are_charged_or_none() {
    let both = plan()
        .with_quota(quota("4/60s"))
        .with_owner_quota(quota("5/1h"));
    let bed = with_plan(both).await;
    let (one, other) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    let stranger = NewKey::new("others".parse().unwrap(), "key", [READ]);
    let system = Actor::dangerous_system();
    let stranger = bed.registry.issue_key(&system, stranger).await.unwrap();

    // Of the key 1 of 4 is left, of the owner 2 of 5.
    let first = charge(&bed, &one, 3).await.usage().unwrap();
    assert_eq!((first.limit, first.remaining), (4, 1));
    // Of the other key 4 of 4 are left, of the owner 2 of 5.
    let before = usage(&bed, &other).await;
    assert_eq!((before.limit, before.remaining), (5, 2));
    // The owner has no room for three: the key isn't charged either, and says when there is.
    let Decision::Refuse { retry_after, usage } = charge(&bed, &other, 3).await else {
        panic!("the owner has two left");
    };
    assert_eq!((usage.limit, usage.remaining), (5, 2));
    assert_eq!(retry_after, Duration::from_secs(3_600));
    let last = charge(&bed, &other, 2).await.usage().unwrap();
    assert_eq!((last.limit, last.remaining), (5, 0));
    assert!(!charge(&bed, &one, 1).await.is_admitted());
    assert_eq!(self::usage(&bed, &stranger).await.remaining, 9);

    bed.clock.advance(retry_after);
    assert!(charge(&bed, &one, 3).await.is_admitted());
}

#[tokio::test]
async fn a_changed_plan_goes_at_once_and_what_was_used_counts() {
    let two = |own, owners| {
        plan()
            .with_quota(quota(own))
            .with_owner_quota(quota(owners))
    };
    let bed = with_plan(two("6/60s", "8/60s")).await;
    let (one, other) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    assert!(charge(&bed, &one, 4).await.is_admitted());
    for (own, owners, left) in [
        ("6/60s", "8/60s", [2, 4]),
        ("5/60s", "8/60s", [1, 4]),
        ("5/60s", "4/60s", [0, 0]),
        ("3/60s", "20/60s", [0, 3]),
        ("30/60s", "20/60s", [16, 16]),
    ] {
        let changed = two(own, owners);
        bed.registry
            .set_plan(&Actor::dangerous_system(), &acme(), Some(changed))
            .await
            .unwrap();
        for (key, left) in [&one, &other].into_iter().zip(left) {
            assert_eq!(usage(&bed, key).await.remaining, left, "{own} {owners}");
        }
    }
    // Also if there is no plan for a while.
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), None)
        .await
        .unwrap();
    assert_eq!(usage(&bed, &one).await.remaining, 5);
    let again = two("6/60s", "8/60s");
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(again))
        .await
        .unwrap();
    assert_eq!(usage(&bed, &other).await.remaining, 4);
}

#[tokio::test]
async fn the_principal_says_the_plan_and_the_networks() {
    let bed = with_plan(plan()).await;
    let key = bed.key(&[READ]).await;
    let office = "203.0.113.0/24".parse().unwrap();
    let change = KeyChange::new().accept_from(office);
    let id = key.token.id();
    bed.registry.change_key(&ada(), id, change).await.unwrap();
    let principal = visit(&bed, &key, Some("203.0.113.9"), |visit| visit.principal());
    let Hot::Known(principal) = principal.await else {
        panic!("it is in its network");
    };
    let named = principal.plan().map(PlanName::as_str);
    assert_eq!(named, Some("pro"));
    assert_eq!(principal.networks().to_string(), "203.0.113.0/24");
}

#[tokio::test]
async fn a_key_is_accepted_from_its_networks_alone_and_a_change_goes_at_once() {
    let bed = bed().await;
    let new = NewKey::new(acme(), "key", [READ]);
    let new = new.with_networks("203.0.113.0/24 2001:db8::/32".parse().unwrap());
    let key = bed.registry.issue_key(&ada(), new).await.unwrap();
    for (ip, expected) in [
        (Some("203.0.113.255"), Hot::Known(())),
        (Some("::ffff:203.0.113.1"), Hot::Known(())),
        (Some("2001:db8::1"), Hot::Known(())),
        (Some("203.0.114.0"), Hot::Rejected),
        (Some("2001:db9::1"), Hot::Rejected),
        (None, Hot::Rejected),
    ] {
        assert_eq!(visit(&bed, &key, ip, |_| ()).await, expected, "{ip:?}");
    }
    let elsewhere = KeyChange::new().accept_from("198.51.100.7".parse().unwrap());
    let id = key.token.id();
    bed.registry
        .change_key(&ada(), id, elsewhere)
        .await
        .unwrap();
    let inside = visit(&bed, &key, Some("203.0.113.1"), |_| ()).await;
    assert_eq!(inside, Hot::Rejected);
    let there = visit(&bed, &key, Some("198.51.100.7"), |_| ()).await;
    assert_eq!(there, Hot::Known(()));
}
