//! A store and a journal that migration 3 has written: everything in them means what it meant.
//!
//! `data/v3.db` and `data/v3.journal` were written by this crate at migration 3, and `data/v3.json`
//! says of what.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use portcullis_core::{ManualClock, Timestamp};
use portcullis_login::{Directory, Email};
use portcullis_registry::{Actor, Hot, Listing, Networks, Options, Owner, Registry};
use portcullis_scope::Catalogue;
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, ImportedScheme, TokenFormat};
use serde_json::Value;

fn told() -> Value {
    serde_json::from_str(include_str!("data/v3.json")).unwrap()
}

fn text<'v>(value: &'v Value, names: &[&str]) -> &'v str {
    let found = names.iter().fold(value, |value, name| &value[name]);
    found.as_str().unwrap()
}

/// Copies of the store and the journal as they were written.
fn copy() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::create_dir(folder.path().join("data")).unwrap();
    let path = folder.path().join("data/portcullis.db");
    let journal = folder.path().join("journal");
    fs::copy(data.join("v3.db"), &path).unwrap();
    fs::copy(data.join("v3.journal"), &journal).unwrap();
    (folder, path, journal)
}

async fn open(store: Arc<SqliteStore>) -> Registry {
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
    let clock = ManualClock::new();
    let written: Timestamp = text(&told(), &["written"]).parse().unwrap();
    clock.set_now(written);
    let options = Options::new()
        .with_clock(clock)
        .with_imported([ImportedScheme::new("sk-social-").unwrap()]);
    let opened = Registry::open_with(store, format, catalogue, peppers, options).await;
    opened.unwrap().0
}

async fn is_accepted(registry: &Registry, text: &str, ip: &str) -> bool {
    let ip = Some(ip.parse().unwrap());
    let visited = match registry.format().recognize(text.as_bytes()) {
        Ok(token) => {
            assert!(registry.load(token.id()).await.unwrap());
            registry.visit(&token, ip, |_| ())
        }
        Err(_) => {
            assert!(registry.load_imported(text.as_bytes()).await.unwrap());
            registry.visit_imported(text.as_bytes(), ip, |_| ())
        }
    };
    matches!(visited, Hot::Known(()))
}

#[tokio::test]
async fn credentials_owners_and_people_are_as_before() {
    let (_folder, path, _) = copy();
    let told = told();
    // That it had a journal was not noted then.
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let registry = open(Arc::clone(&store)).await;
    let (office, elsewhere) = ("203.0.113.9", "198.51.100.9");
    for (name, ip, expected) in [
        ("limited", office, true),
        ("limited", elsewhere, false),
        ("disabled", office, false),
        ("revoked", office, false),
        ("maker", elsewhere, true),
    ] {
        let token = text(&told, &["keys", name, "token"]);
        let accepted = is_accepted(&registry, token, ip).await;
        assert_eq!(accepted, expected, "{name} from {ip}");
    }
    let session = text(&told, &["session"]);
    assert!(is_accepted(&registry, session, elsewhere).await);
    let imported = text(&told, &["imported"]);
    assert!(is_accepted(&registry, imported, elsewhere).await);
    let imported = text(&told, &["imported and revoked"]);
    assert!(!is_accepted(&registry, imported, elsewhere).await);

    let owner: Owner = text(&told, &["org"]).parse().unwrap();
    let balance = registry.balance(&owner).await.unwrap();
    assert_eq!(Some(balance), told["balance"].as_i64());
    let plan = registry.owner(&owner).await.unwrap().unwrap().plan.unwrap();
    assert_eq!(plan.name().as_str(), text(&told, &["plan"]));
    let system = Actor::dangerous_system();
    let list = registry.keys(&system, &owner, Listing::default()).await;
    let list = list.unwrap();
    let names: Vec<_> = list.keys.iter().map(|key| key.name()).collect();
    assert_eq!(names, ["imported", "maker", "disabled", "limited"]);
    let limited = list.keys.last().unwrap();
    let office: Networks = "203.0.113.0/24".parse().unwrap();
    assert_eq!(*limited.networks(), office);
    assert_eq!(limited.quota(), "5/60s".parse().ok());
    let email: Email = text(&told, &["email"]).parse().unwrap();
    assert!(store.account_by_email(email).await.unwrap().is_some());
}

#[test]
fn the_journal_goes_on_and_has_what_it_lacked_of_revoked_foreign_keys() {
    let (_folder, path, journal) = copy();
    drop(SqliteStore::open_with_journal(&path, &journal).unwrap());
    let text = fs::read_to_string(&journal).unwrap();
    let first = "portcullis-journal 3 e0d618d26ef29afc92d42700feb9b3ff 0\n";
    assert!(text.starts_with(first), "{text}");
    for change in 1..=4 {
        assert!(text.contains(&format!("\"change\":{change},")), "{text}");
    }
    let prefix = "\"prefix\":\"sk-social-\"";
    assert_eq!(text.matches(prefix).count(), 1, "{text}");
    assert!(SqliteStore::open(&path).is_err());
}
