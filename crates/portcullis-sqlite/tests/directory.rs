//! The SQLite store does what every directory must, and keeps it.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use portcullis_core::Timestamp;
use portcullis_login::{
    Directory, KnownNetwork, MemberChange, MemberChanged, NewAccount, PasswordHash, Replaced, Role,
    conformance,
};
use portcullis_registry::{AuditEntry, AuditQuery, Found, Key, Store};
use portcullis_sqlite::SqliteStore;
use rusqlite::Connection;

/// A hash of no password.
fn hash(salt: char) -> PasswordHash {
    let (salt, output) = (String::from(salt).repeat(21), "A".repeat(43));
    let text = format!("1$argon2id$v=19$m=8,t=1,p=1${salt}A${output}");
    text.parse().unwrap()
}

fn network(address: &str, seconds: i64) -> KnownNetwork {
    let address: IpAddr = address.parse().unwrap();
    KnownNetwork {
        network: address.into(),
        noted_at: Timestamp::from_unix_seconds(seconds),
    }
}

fn account(email: &str, slug: &str) -> NewAccount {
    let now = Timestamp::from_unix_seconds(1_767_225_600);
    let email = email.parse().unwrap();
    NewAccount::with_org(email, "Ada", hash('a'), "Ada's", slug, now).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_does_what_every_directory_must() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    let make = async || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        SqliteStore::open(folder.path().join(format!("{number}.db"))).unwrap()
    };
    assert_eq!(conformance::run(make).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let new = account("ada@example.com", "ada");
    let id = new.account.id.clone();
    let store = SqliteStore::open(&path).unwrap();
    store.create(new.clone()).await.unwrap();
    let replaced = store.replace_password_hash(id.clone(), hash('a'), hash('b'));
    assert_eq!(replaced.await.unwrap(), Replaced::Done);
    for (address, seconds) in [("192.0.2.1", 1), ("2001:db8::7", 2)] {
        let noted = store.note_network(id.clone(), network(address, seconds));
        noted.await.unwrap();
    }
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    let stored = store.account_by_email(new.account.email.clone()).await;
    let stored = stored.unwrap().unwrap();
    assert_eq!(stored.account, new.account);
    assert_eq!(stored.password, hash('b'));
    assert_eq!(store.memberships(id).await.unwrap().len(), 1);
    let networks = store.known_networks(new.account.email).await.unwrap();
    assert_eq!(
        networks,
        [network("2001:db8::", 2), network("192.0.2.1", 1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_of_a_store_of_before_keep_the_order_that_they_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let ada = account("ada@example.com", "ada");
    let (mut older, mut newer) = (
        account("bob@example.com", "bob"),
        account("eve@example.com", "eve"),
    );
    older.org.created_at = Timestamp::from_unix_seconds(1_000);
    newer.org.created_at = Timestamp::from_unix_seconds(2_000_000_000);
    let store = SqliteStore::open(&path).unwrap();
    for new in [&newer, &ada, &older] {
        store.create(new.clone()).await.unwrap();
    }
    drop(store);
    // As migration 8 left it, when the oldest organisation came first.
    let connection = Connection::open(&path).unwrap();
    for org in [&newer, &older] {
        let statement = "INSERT INTO memberships (user, org, role) VALUES (?1, ?2, 'member')";
        let row = (ada.account.id.as_str(), org.org.id.as_str());
        connection.execute(statement, row).unwrap();
    }
    connection
        .execute_batch(
            "DROP TABLE tickets;
             ALTER TABLE credentials DROP COLUMN ceiling;
             ALTER TABLE memberships DROP COLUMN joined;
             PRAGMA user_version = 8;",
        )
        .unwrap();
    drop(connection);

    let store = SqliteStore::open(&path).unwrap();
    let memberships = store.memberships(ada.account.id).await.unwrap();
    let slugs: Vec<_> = memberships
        .iter()
        .map(|one| one.org.slug.as_str())
        .collect();
    assert_eq!(slugs, ["bob", "ada", "eve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_member_is_written_with_its_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("portcullis.db")).unwrap();
    let (ada, bob) = (
        account("ada@example.com", "ada"),
        account("bob@example.com", "bob"),
    );
    store.create(ada.clone()).await.unwrap();
    store.create(bob.clone()).await.unwrap();
    let change = |from, to| MemberChange {
        org: ada.org.id.clone(),
        user: bob.account.id.clone(),
        from,
        to,
        by: None,
        entry: AuditEntry {
            at: Timestamp::from_unix_seconds(1_767_225_600),
            actor: "system".into(),
            action: "member.added".into(),
            target: bob.account.id.to_string(),
            owner: Some(ada.org.id.clone()),
            ip: None,
            details: serde_json::json!({}),
        },
    };
    let member = Some(Role::Member);
    let done = MemberChanged::Done { is_logged: true };
    assert_eq!(
        store.change_member(change(None, member)).await.unwrap(),
        done
    );
    // What was not done has no line.
    let overtaken = store.change_member(change(None, member)).await.unwrap();
    assert_eq!(overtaken, MemberChanged::Overtaken);
    let query = AuditQuery::default();
    let snapshot = store.get(Key::Audit(Box::new(query))).await.unwrap();
    let Found::Audit(page) = snapshot.found else {
        panic!("no log");
    };
    let entries: Vec<_> = page.records.iter().map(|row| row.entry()).collect();
    assert_eq!(entries, [change(None, member).entry]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_is_an_error_and_not_an_absent_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let ada = account("ada@example.com", "ada");
    store.create(ada.clone()).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("UPDATE users SET password = 'plain'", [])
        .unwrap();
    let failed = store.account_by_email(ada.account.email.clone()).await;
    assert!(!failed.unwrap_err().is_transient());

    let noted = store.note_network(ada.account.id, network("192.0.2.1", 1));
    noted.await.unwrap();
    connection
        .execute("UPDATE known_networks SET network = 'home'", [])
        .unwrap();
    drop(connection);
    let failed = store.known_networks(ada.account.email).await;
    assert!(!failed.unwrap_err().is_transient());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_newest_networks_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let ada = account("ada@example.com", "ada");
    store.create(ada.clone()).await.unwrap();
    for number in 0..20 {
        let known = network(&format!("192.0.2.{number}"), number);
        let noted = store.note_network(ada.account.id.clone(), known);
        noted.await.unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    let count = "SELECT count(*) FROM known_networks";
    let count: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_version_is_given_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let connection = Connection::open(&path).unwrap();
    let first = include_str!("../migrations/0001_initial.sql");
    connection.execute_batch(first).unwrap();
    connection
        .execute_batch("PRAGMA application_id = 0x5074636c; PRAGMA user_version = 1")
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.count_accounts().await.unwrap(), 0);
    let ada = account("ada@example.com", "ada");
    store.create(ada).await.unwrap();
    assert_eq!(store.count_accounts().await.unwrap(), 1);
}
