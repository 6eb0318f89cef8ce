//! What was acknowledged stays, as it was.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod records;

use std::{path::Path, sync::Arc};

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{
    Batch, CredentialRecord, CreditOp, Filter, Found, Key, Of, OwnerRecord, PepperRecord, Query,
    Refusal, Refusals, Seq, State, Store, UsageDelta, Version,
};
use portcullis_sqlite::SqliteStore;
use portcullis_token::PepperVersion;
use records::{id, key, owner, pair};
use rusqlite::Connection;

/// One value, read by a connection of its own.
fn value<T: rusqlite::types::FromSql>(path: &Path, statement: &str) -> T {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row(statement, [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(pair(0)).await.unwrap();
    let suspended = OwnerRecord {
        suspended: true,
        ..OwnerRecord::new(owner())
    };
    let pepper = PepperRecord {
        version: PepperVersion::FIRST,
        fingerprint: [9; 8],
    };
    let reserve = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: owner(),
        amount: 1,
        at: Timestamp::UNIX_EPOCH,
        note: String::new(),
    };
    let used = UsageDelta {
        last_used_at: Some(Timestamp::UNIX_EPOCH),
        requests: 3,
        refusals: Refusals::of(Refusal::Scope, 4),
        ..UsageDelta::new(id(1), Timestamp::UNIX_EPOCH)
    };
    let revoked = CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..key(0)
    };
    let batch = Batch {
        credentials: vec![revoked.clone()],
        owners: vec![suspended],
        peppers: vec![pepper],
        credits: vec![reserve],
        usage: vec![used],
        ..Batch::default()
    };
    assert_eq!(store.commit(batch).await.unwrap(), Seq(1));
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    let snapshot = store.get(Key::Credential(id(0))).await.unwrap();
    assert_eq!(snapshot.head, Seq(1));
    let Found::Credential {
        record,
        owner: found,
        ..
    } = snapshot.found
    else {
        panic!("nothing")
    };
    assert_eq!(
        *record,
        CredentialRecord {
            version: Version(2),
            ..revoked
        }
    );
    assert!(found.unwrap().suspended);
    let Found::Credential { usage, .. } = store.get(Key::Credential(id(1))).await.unwrap().found
    else {
        panic!("nothing")
    };
    assert_eq!((usage.requests, usage.denied), (3, 4));
    assert_eq!(store.get(Key::Peppers).await.unwrap().peppers(), [pepper]);
    assert_eq!(
        store.changes_since(Seq(0), 10).await.unwrap().changes.len(),
        1
    );
    // The reservation can still be given back.
    let release = CreditOp::Release {
        id: RequestId::from_value(1),
        at: Timestamp::UNIX_EPOCH,
    };
    store
        .commit(Batch {
            credits: vec![release],
            ..Batch::default()
        })
        .await
        .unwrap();
    let Found::Owner { balance, .. } = store.get(Key::Owner(owner())).await.unwrap().found else {
        panic!("nothing")
    };
    assert_eq!(balance, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_before_a_drop_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..100 {
        // Polled once and dropped.
        let mut commit = store.commit(pair(number));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        drop(commit.as_mut().poll(&mut context));
    }
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    let query = Query {
        of: Of::Keys(owner()),
        filter: Filter::default(),
        after: None,
        offset: 0,
        limit: 1,
    };
    assert_eq!(store.list(query).await.unwrap().total, 200);
}

#[tokio::test]
async fn the_ledger_adds_up_to_the_balance_and_what_is_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let note = || String::from("a publish");
    let reserve = |number, amount| CreditOp::Reserve {
        id: RequestId::from_value(number),
        owner: owner(),
        amount,
        at,
        note: note(),
    };
    let credits = vec![
        CreditOp::Add {
            owner: owner(),
            amount: 100,
            at,
            note: note(),
        },
        reserve(1, 10),
        reserve(2, 20),
        reserve(3, 30),
        CreditOp::Settle {
            id: RequestId::from_value(1),
            amount: 7,
            at,
        },
        CreditOp::Release {
            id: RequestId::from_value(2),
            at,
        },
    ];
    store
        .commit(Batch {
            credits,
            ..Batch::default()
        })
        .await
        .unwrap();
    drop(store);
    assert_eq!(value::<i64>(&path, "SELECT sum(amount) FROM ledger"), 93);
    assert_eq!(
        value::<i64>(&path, "SELECT sum(amount) FROM reservations"),
        30
    );
    assert_eq!(
        value::<i64>(&path, "SELECT sum(bought + allowance_left) FROM accounts"),
        63
    );
    assert_eq!(
        value::<String>(&path, "SELECT note FROM ledger WHERE amount = -7"),
        note()
    );
}

#[tokio::test]
async fn lines_of_the_audit_log_can_not_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(pair(0)).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    for statement in [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "UPDATE audit SET details = '[]', ip = NULL, salt = NULL",
        "UPDATE audit SET ip = '203.0.113.9'",
        "UPDATE audit SET hash = zeroblob(32)",
        "INSERT OR REPLACE INTO audit SELECT number, at, 'x', action, target, owner, ip, salt, \
         ip_commitment, details, hash FROM audit",
        "REPLACE INTO audit (number, at, actor, action, target, details, hash) \
         VALUES (1, 0, '', '', '', '', zeroblob(32))",
        "INSERT INTO audit (number, at, actor, action, target, details, hash) \
         VALUES (3, 0, '', '', '', '', zeroblob(32))",
        "UPDATE audit_ends SET number = 0",
        "UPDATE audit_ends SET anchor_number = 2",
        "DELETE FROM audit_ends",
    ] {
        let refused = connection.execute(statement, []).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the audit log is append-only",
            "{statement}"
        );
    }
    assert_eq!(value::<String>(&path, "SELECT actor FROM audit"), "system");
}

#[tokio::test]
async fn tables_of_the_application_live_beside_those_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE posts (text TEXT); BEGIN IMMEDIATE")
        .unwrap();
    connection
        .execute("INSERT INTO posts VALUES ('hello')", [])
        .unwrap();
    // A reader does not wait for that transaction.
    store.get(Key::Peppers).await.unwrap();
    connection.execute_batch("COMMIT").unwrap();
    store.commit(pair(0)).await.unwrap();
    drop((store, connection));
    SqliteStore::open(&path).unwrap();
    assert_eq!(value::<String>(&path, "SELECT text FROM posts"), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_locked_for_long_fails_as_transient_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    match store.commit(pair(0)).await {
        Err(portcullis_registry::CommitError::Store(error)) => {
            assert!(error.is_transient());
            assert_eq!(error.to_string(), "could not write to the store");
        }
        other => panic!("{other:?}"),
    }
    connection.execute_batch("COMMIT").unwrap();
    store.commit(pair(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_fails_alone_among_those_it_shares_a_commit_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    // Held back by another connection, they come to the writer together.
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 0..50 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut batch = pair(number);
            if number % 5 == 0 {
                batch.credentials.push(CredentialRecord {
                    version: Version(3),
                    ..key(1_000)
                });
            }
            (number, store.commit(batch).await.is_ok())
        });
    }
    connection.execute_batch("COMMIT").unwrap();
    for (number, written) in tasks.join_all().await {
        assert_eq!(written, number % 5 != 0);
        let found = store
            .get(Key::Credential(id(2 * number)))
            .await
            .unwrap()
            .found;
        assert_eq!(!matches!(found, Found::Nothing), written);
    }
}
