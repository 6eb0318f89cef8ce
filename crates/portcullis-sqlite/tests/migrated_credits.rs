//! Credits of a store from before there were allowances: balances, reservations and the ledger are
//! carried over, and the ledger still adds up.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{
    Account, Batch, CreditOp, Found, Key, LedgerCheck, LedgerKind, LedgerPage, LedgerQuery, Store,
    Terms,
};
use portcullis_sqlite::SqliteStore;
use rusqlite::Connection;

/// As it was written at migration 4.
fn write_old(path: &Path) {
    let connection = Connection::open(path).unwrap();
    for step in [
        include_str!("../migrations/0001_initial.sql"),
        include_str!("../migrations/0002_directory.sql"),
        include_str!("../migrations/0003_networks_plans_imports.sql"),
        include_str!("../migrations/0004_journal.sql"),
    ] {
        connection.execute_batch(step).unwrap();
    }
    let rows = "
        PRAGMA application_id = 0x5074636c;
        PRAGMA user_version = 4;
        INSERT INTO owners (owner, version, suspended, plan) VALUES
            ('acme', 1, 0, NULL),
            ('with a plan', 2, 0, '{\"name\":\"pro\",\"perCredential\":null,\"perOwner\":null,\"allowance\":50}'),
            ('with a bare plan', 2, 0, '{\"name\":\"bare\",\"perCredential\":\"5/60s\",\"perOwner\":null,\"allowance\":null}');
        INSERT INTO balances (owner, balance) VALUES ('acme', 63), ('in debt', -4), ('with a bare plan', 0);
        INSERT INTO reservations (id, owner, amount, reserved_at, note) VALUES
            (x'00000000000000000000000000000007', 'acme', 30, 5, 'a publish');
        INSERT INTO ledger (owner, amount, at, note) VALUES
            ('acme', 100, 1, 'first credits'),
            ('in debt', -4, 2, 'taken'),
            ('acme', -7, 3, 'POST /posts'),
            ('acme', 0, 4, 'POST /posts'),
            ('with a bare plan', 0, 4, 'first credits');
    ";
    connection.execute_batch(rows).unwrap();
}

async fn page(store: &SqliteStore, owner: &str) -> LedgerPage {
    let query = LedgerQuery {
        owner: owner.parse().unwrap(),
        from: None,
        until: None,
        after: None,
        limit: 100,
        check: LedgerCheck::AddedUp,
    };
    match store.get(Key::Ledger(query)).await.unwrap().found {
        Found::Ledger(page) => *page,
        found => panic!("{found:?}"),
    }
}

async fn commit(store: &SqliteStore, op: CreditOp) {
    let batch = Batch {
        credits: vec![op],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn what_was_there_is_carried_over_and_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    write_old(&path);
    let store = SqliteStore::open(&path).unwrap();

    let acme = page(&store, "acme").await;
    let account = Account {
        bought: 63,
        reserved: 30,
        ..Account::default()
    };
    assert_eq!((acme.account.clone(), acme.sum), (account, Some(93)));
    assert!(acme.adds_up());
    let lines = acme
        .lines
        .iter()
        .map(|line| (line.kind, line.amount, line.note.as_str()));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            (LedgerKind::Charge, 0, "POST /posts"),
            (LedgerKind::Charge, -7, "POST /posts"),
            (LedgerKind::Added, 100, "first credits"),
        ]
    );
    let debt = page(&store, "in debt").await;
    assert!(debt.adds_up() && debt.account.balance() == -4);
    assert_eq!(
        page(&store, "with a bare plan").await.lines[0].kind,
        LedgerKind::Added
    );

    // What was under way can still be settled.
    let settle = CreditOp::Settle {
        id: RequestId::from_value(7),
        amount: 10,
        at: Timestamp::UNIX_EPOCH,
    };
    commit(&store, settle).await;
    let acme = page(&store, "acme").await;
    assert_eq!((acme.account.balance(), acme.account.reserved()), (83, 0));
    assert_eq!(acme.lines[0].request, Some(RequestId::from_value(7)));
    assert!(acme.adds_up());
}

#[tokio::test]
async fn an_allowance_that_a_plan_has_already_is_given_when_it_is_next_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    write_old(&path);
    let store = SqliteStore::open(&path).unwrap();
    let before = page(&store, "with a plan").await.account;
    let terms = Terms {
        allowance: Some(50),
        post_paid: false,
    };
    assert_eq!(
        (before.balance(), before.terms, before.period),
        (0, terms, None)
    );
    let now: Timestamp = "2026-05-31T12:00:00Z".parse().unwrap();
    assert_eq!(before.renewed(now).balance(), 50);
    let reserve = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: "with a plan".parse().unwrap(),
        amount: 20,
        at: now,
        note: String::new(),
    };
    commit(&store, reserve).await;
    let after = page(&store, "with a plan").await;
    assert_eq!(
        (after.account.balance(), after.account.reserved()),
        (30, 20)
    );
    assert_eq!(
        after.account.resets_at(),
        "2026-06-30T12:00:00Z".parse().ok()
    );
    assert!(after.adds_up());
}

#[tokio::test]
async fn the_ledger_refuses_to_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    write_old(&path);
    drop(SqliteStore::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    for statement in [
        "UPDATE ledger SET amount = 0",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger (id, owner, kind, amount, at, note) VALUES (1, 'acme', 'added', 9, 0, '')",
    ] {
        let refused = connection.execute(statement, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
