//! A store that an earlier version has written: everything in it means what it meant.
//!
//! `data/v2.db` was written by the example product at migration 2, and `data/v2.json` says what its
//! clients were told then.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{path::Path, sync::Arc};

use portcullis_core::{ManualClock, Timestamp};
use portcullis_login::{Directory, Email};
use portcullis_registry::{Actor, ChangeError, CreatedBy, Hot, Listing, Owner, Registry};
use portcullis_scope::{Catalogue, Scope};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{AnyToken, Environment, TokenFormat};
use serde_json::Value;

fn told() -> Value {
    serde_json::from_str(include_str!("data/v2.json")).unwrap()
}

fn text<'v>(value: &'v Value, names: &[&str]) -> &'v str {
    let found = names.iter().fold(value, |value, name| &value[name]);
    found.as_str().unwrap()
}

/// A copy of the store as it was written, and when.
fn copy() -> (tempfile::TempDir, SqliteStore, Arc<ManualClock>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v2.db");
    std::fs::copy(data, &path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let written: Timestamp = "2026-11-24T08:10:00Z".parse().unwrap();
    let clock = ManualClock::new();
    clock.set_now(written);
    (folder, store, clock)
}

async fn open(store: Arc<SqliteStore>, clock: Arc<ManualClock>) -> Registry {
    let catalogue = Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("brands:read", "")
        .scope("api-keys:read", "")
        .scope_implying("api-keys:write", ["api-keys:read"], "")
        .build()
        .unwrap();
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let peppers = text(&told(), &["peppers"]).parse().unwrap();
    let opened = Registry::open_with_clock(store, format, catalogue, peppers, clock).await;
    let (registry, driver) = opened.unwrap();
    drop(driver);
    registry
}

/// What a credential may do, if it is accepted.
async fn accepted(registry: &Registry, token: &str) -> Option<Vec<String>> {
    let token: AnyToken<'_> = registry.format().recognize(token.as_bytes()).unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    match registry.visit(&token, None, |visit| *visit.scopes()) {
        Hot::Known(scopes) => {
            let names = registry.catalogue().names(&scopes);
            Some(names.map(Scope::to_string).collect())
        }
        _ => None,
    }
}

#[tokio::test]
async fn credentials_are_accepted_as_before() {
    let (_folder, store, clock) = copy();
    let told = told();
    let registry = open(Arc::new(store), clock).await;
    for (name, scopes) in [
        (
            "writer",
            Some(&["posts:read", "posts:write", "brands:read"][..]),
        ),
        ("disabled", None),
        ("revoked", None),
        ("expiring", Some(&["posts:read"])),
        (
            "maker",
            Some(&["posts:read", "api-keys:read", "api-keys:write"]),
        ),
        ("made by a key", Some(&["posts:read"])),
    ] {
        let token = text(&told, &["keys", name, "token"]);
        let found = accepted(&registry, token).await;
        assert_eq!(
            found.as_deref(),
            scopes.map(|names| names.map_to_owned()).as_deref(),
            "{name}"
        );
    }
    assert!(
        accepted(&registry, text(&told, &["session"]))
            .await
            .is_some()
    );
    let owner: Owner = text(&told, &["org"]).parse().unwrap();
    let balance = registry.balance(&owner).await.unwrap();
    assert_eq!(Some(balance), told["balance"].as_i64());
}

#[tokio::test]
async fn keys_are_listed_changed_and_revoked_with_what_they_made() {
    let (_folder, store, clock) = copy();
    let told = told();
    let registry = open(Arc::new(store), clock).await;
    let system = Actor::dangerous_system();
    let owner: Owner = text(&told, &["org"]).parse().unwrap();
    let list = registry.keys(&system, &owner, Listing::default()).await;
    let list = list.unwrap();
    let names: Vec<_> = list.keys.iter().map(|key| key.name()).collect();
    let expected = ["made by a key", "maker", "expiring", "disabled", "writer"];
    assert_eq!(names, expected);
    let expiring = list.keys.iter().find(|key| key.name() == "expiring");
    let ends = "2099-01-01T00:00:00Z".parse().ok();
    assert_eq!(expiring.unwrap().expires_at(), ends);
    let maker = list.keys.iter().find(|key| key.name() == "maker").unwrap();
    let made = list.keys.first().unwrap();
    assert_eq!(
        *made.created_by(),
        CreatedBy::Credential(maker.credential())
    );
    let writer = list.keys.last().unwrap();
    assert!(writer.usage().requests > 0 && writer.usage().last_used_at.is_some());

    let revoked = registry.revoke_key(&system, maker.credential()).await;
    let _ = revoked.unwrap();
    let gone = registry.key(&system, made.credential()).await;
    assert!(matches!(gone, Err(ChangeError::NotFound)));
    let token = text(&told, &["keys", "made by a key", "token"]);
    assert_eq!(accepted(&registry, token).await, None);
}

#[tokio::test]
async fn people_are_known() {
    let (_folder, store, _) = copy();
    let told = told();
    let email: Email = text(&told, &["email"]).parse().unwrap();
    let account = store.account_by_email(email).await.unwrap();
    assert!(account.is_some());
}

/// `["a"]` as owned texts.
trait MapToOwned {
    fn map_to_owned(&self) -> Vec<String>;
}

impl MapToOwned for [&str] {
    fn map_to_owned(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}
