//! Owners: noted, suspended, given a plan.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::{READ, acme, bed};
use portcullis_registry::{
    Actor, ChangeError, Hot, NewKey, NewSession, OwnerRecord, Plan, SessionTerms, Suspension,
};
use serde_json::json;

fn plan(name: &str) -> Plan {
    Plan::new(name.parse().unwrap())
}

#[tokio::test]
async fn an_owner_is_noted_once_and_read_back() {
    let bed = bed().await;
    assert_eq!(bed.registry.owner(&acme()).await.unwrap(), None);
    for _ in 0..2 {
        bed.registry.ensure_owner(&acme(), 100).await.unwrap();
    }
    let owner = bed.registry.owner(&acme()).await.unwrap().unwrap();
    let noted = OwnerRecord {
        version: owner.version,
        ..OwnerRecord::new(acme())
    };
    assert_eq!(owner, noted);
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 100);
}

#[tokio::test]
async fn an_owner_that_was_never_noted_is_neither_suspended_nor_given_a_plan() {
    let bed = bed().await;
    // A reservation is refused, and notes nobody.
    let one = 1.try_into().unwrap();
    assert!(bed.registry.reserve(&acme(), one, "x").await.is_err());
    let suspension = Suspension::Suspended;
    let suspended = bed
        .registry
        .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
        .await;
    assert!(matches!(suspended, Err(ChangeError::NotFound)));
    let given = bed
        .registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(plan("pro")))
        .await;
    assert!(matches!(given, Err(ChangeError::NotFound)));
}

#[tokio::test]
async fn every_change_of_an_owner_is_in_the_audit_log() {
    let bed = bed().await;
    let registry = &bed.registry;
    registry.ensure_owner(&acme(), 5).await.unwrap();
    let suspension = Suspension::Suspended;
    registry
        .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
        .await
        .unwrap();
    let pro = plan("pro").with_quota("5/60s".parse().unwrap());
    registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(pro.clone()))
        .await
        .unwrap();
    let owner = registry.owner(&acme()).await.unwrap().unwrap();
    assert_eq!((owner.suspended, owner.plan), (true, Some(pro)));
    registry
        .set_plan(&Actor::dangerous_system(), &acme(), None)
        .await
        .unwrap();

    let audit = bed.store.audit();
    let lines: Vec<_> = audit
        .iter()
        .map(|line| (&*line.action, line.target.as_str(), line.details.clone()))
        .collect();
    let shown = json!({
        "name": "pro", "perCredential": "5/60s", "perOwner": null, "allowance": null,
    });
    let expected = [
        ("owner.added", "acme", json!({"credits": 5})),
        (
            "owner.suspension",
            "acme",
            json!({"suspended": {"before": false, "after": true}}),
        ),
        (
            "owner.plan",
            "acme",
            json!({"plan": {"before": null, "after": shown}}),
        ),
        (
            "owner.plan",
            "acme",
            json!({"plan": {"before": shown, "after": null}}),
        ),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_credential_of_a_suspended_owner_makes_and_changes_nothing() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    let key = bed.key(&[READ]).await;
    let actor = bed.actor(&key).await;
    let session = NewSession::new(
        acme(),
        "ada".parse().unwrap(),
        [READ].into_iter().collect(),
        SessionTerms::default(),
    );
    let session = bed
        .registry
        .start_session(&common::ada(), session)
        .await
        .unwrap();
    let session = bed.verify(session.token.expose()).await.unwrap();
    let session = Actor::from_principal(&session);
    let make = async |actor: &Actor| {
        let new = NewKey::new(acme(), "k", [READ]);
        bed.registry.issue_key(actor, new).await
    };
    for suspension in [Suspension::Suspended, Suspension::Lifted] {
        bed.registry
            .set_suspended(&Actor::dangerous_system(), &acme(), suspension)
            .await
            .unwrap();
        for actor in [&actor, &session] {
            let made = make(actor).await;
            match suspension {
                Suspension::Suspended => assert!(matches!(made, Err(ChangeError::Suspended))),
                Suspension::Lifted => assert!(made.is_ok()),
            }
        }
    }
}

#[tokio::test]
async fn a_plan_is_live_at_once_and_what_was_used_counts() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 0).await.unwrap();
    let key = bed.key(&[READ]).await;
    let own = bed.key(&[READ]).await;
    let limited = portcullis_registry::KeyChange::new().limit("7/60s".parse().unwrap());
    let system = Actor::dangerous_system();
    bed.registry
        .change_key(&system, own.token.id(), limited)
        .await
        .unwrap();
    let default = "2/60s".parse().unwrap();
    // How many more of one unit each are admitted.
    let admitted = async |token: &str| {
        let mut count = 0;
        loop {
            bed.verify(token).await.unwrap();
            let parsed = bed.registry.format().recognize(token.as_bytes()).unwrap();
            let Hot::Known(decision) = bed
                .registry
                .visit(&parsed, None, |visit| visit.check_rate(Some(&default), 1))
            else {
                panic!("not known")
            };
            if !decision.unwrap().is_admitted() {
                return count;
            }
            count += 1;
        }
    };
    let (key, own) = (key.token.expose(), own.token.expose());
    assert_eq!(admitted(key).await, 2);
    let pro = plan("pro").with_quota("5/60s".parse().unwrap());
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(pro))
        .await
        .unwrap();
    assert_eq!(admitted(key).await, 3, "five, of which two are used");
    assert_eq!(
        admitted(own).await,
        7,
        "a quota of its own goes before the plan"
    );
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), None)
        .await
        .unwrap();
    assert_eq!(admitted(key).await, 0, "five of two are used");
}
