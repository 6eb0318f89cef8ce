//! What was not seen of a key is not taken for unused; what can't be read keeps nothing from being
//! written.
#![cfg(test)]

use std::{path::Path, time::Duration};

use portcullis_registry::{Actor, Finding, IssuedKey, Listing, NewKey, Registry, ReviewTerms};
use portcullis_scope::{Catalogue, Scope};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, Pepper, PepperRing, PepperVersion, TokenFormat};
use rusqlite::Connection;

const READ: Scope = Scope::from_static("posts:read");
const WRITE: Scope = Scope::from_static("posts:write");

fn catalogue() -> Catalogue {
    let builder = Catalogue::builder().scope("posts:read", "Read posts");
    let builder = builder.scope_implying("posts:write", ["posts:read"], "Write posts");
    builder.build().unwrap()
}

async fn open(path: &Path) -> Registry {
    let store = SqliteStore::open(path).unwrap();
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let pepper = Pepper::from_bytes([7; 32]);
    let peppers = PepperRing::new(PepperVersion::new(1).unwrap(), pepper);
    let opened = Registry::open(store, format, catalogue(), peppers).await;
    opened.unwrap().0
}

async fn issue(registry: &Registry) -> IssuedKey {
    let new = NewKey::new("acme".parse().unwrap(), "key", [WRITE]);
    let issued = registry.issue_key(&Actor::dangerous_system(), new).await;
    issued.unwrap()
}

/// Reads a post with a key.
async fn uses(registry: &Registry, key: &IssuedKey) {
    let token = registry.format().recognize(key.token.expose().as_bytes());
    let token = token.unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    let read = catalogue().set([READ.as_str()]).unwrap();
    let _ = registry.visit(&token, None, |visit| {
        visit.note_passed();
        visit.note_used(&read);
    });
    registry.flush().await.unwrap();
}

/// As a store has them from before there were details.
fn alter(path: &Path, details: Option<&str>, key: Option<&IssuedKey>) {
    let connection = Connection::open(path).unwrap();
    let id = key.map(|key| key.key.credential().value().to_be_bytes()[4..].to_vec());
    let statement = "UPDATE usage SET details = ?1 WHERE ?2 IS NULL OR credential = ?2";
    let changed = connection.execute(statement, rusqlite::params![details, id]);
    assert!(changed.unwrap() > 0);
}

async fn findings(registry: &Registry) -> Vec<Vec<Finding>> {
    let terms = ReviewTerms {
        old: Duration::MAX,
        unused: Duration::ZERO,
    };
    let (system, owner) = (Actor::dangerous_system(), "acme".parse().unwrap());
    let review = registry.review(&system, &owner, terms, Listing::default());
    let keys = review.await.unwrap().keys.into_iter();
    keys.map(|key| key.findings).collect()
}

#[tokio::test]
async fn a_key_from_before_its_uses_were_known_is_not_said_to_need_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let registry = open(&path).await;
    let key = issue(&registry).await;
    uses(&registry, &key).await;
    drop(registry);
    alter(&path, None, None);

    let registry = open(&path).await;
    let (system, id) = (Actor::dangerous_system(), key.key.credential());
    let usage = registry.key_usage(&system, id).await.unwrap();
    assert_eq!((usage.requests, usage.details.since), (1, None));
    assert_eq!(findings(&registry).await, Vec::<Vec<Finding>>::new());

    uses(&registry, &key).await;
    let usage = registry.key_usage(&system, id).await.unwrap();
    assert!(usage.details.since.is_some());
    assert_eq!(usage.privilege.suggested.to_string(), "posts:read");
    assert_eq!(
        findings(&registry).await,
        [[Finding::UnusedScopes(vec![WRITE])]]
    );
}

#[tokio::test]
async fn details_that_cannot_be_read_keep_no_use_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let registry = open(&path).await;
    let (damaged, other) = (issue(&registry).await, issue(&registry).await);
    uses(&registry, &damaged).await;
    alter(&path, Some("{"), Some(&damaged));
    uses(&registry, &damaged).await;
    uses(&registry, &other).await;
    let system = Actor::dangerous_system();
    for (key, requests) in [(&damaged, 2), (&other, 1)] {
        let usage = registry
            .key_usage(&system, key.key.credential())
            .await
            .unwrap();
        assert_eq!(usage.requests, requests);
        assert_eq!(usage.privilege.suggested.to_string(), "posts:read");
    }
}
