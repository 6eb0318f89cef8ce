//! The audit logs of older stores come through their migration, row by row, in a chain.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{fs, path::Path};

use portcullis_registry::{AuditOrder, AuditQuery};
use portcullis_sqlite::{LookError, SqliteStore, look_at_audit, verify_audit};
use rusqlite::{Connection, OpenFlags};

type Row = (
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
);

/// The rows of a store from before the log was a chain.
fn old(path: &Path) -> Vec<Row> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let statement = "SELECT at, actor, action, target, owner, ip, details FROM audit ORDER BY id";
    let mut statement = connection.prepare(statement).unwrap();
    let rows = statement.query_map([], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
        ))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn rows_of_older_stores_are_chained_in_their_order() {
    for version in ["v2", "v3"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        fs::copy(data.join(format!("{version}.db")), &path).unwrap();
        // One with everything, beside what the fixture has.
        let connection = Connection::open(&path).unwrap();
        let row = "INSERT INTO audit (at, actor, action, target, owner, ip, details) VALUES \
             (-7, 'user:ada', 'key.issued', 'key_a', 'acme', '2001:db8::1', '{\"b\":1,\"a\":2}')";
        connection.execute(row, []).unwrap();
        drop(connection);
        let before = old(&path);
        assert!(before.len() > 3, "{version}");

        let query = AuditQuery {
            order: AuditOrder::OldestFirst,
            limit: 1_000,
            ..AuditQuery::default()
        };
        let refused = look_at_audit(&path, &query);
        assert!(matches!(
            refused,
            Err(LookError::Older { found: 2 | 3, .. })
        ));
        let store = SqliteStore::open(&path).unwrap();
        let page = look_at_audit(&path, &query).unwrap();
        let (chained, rows) = page.records.split_last().unwrap();
        let rows: Vec<Row> = rows
            .iter()
            .map(|row| {
                let row = row.clone();
                assert_eq!(row.ip.is_some(), row.ip_commitment.is_some());
                (
                    row.at.unix_micros(),
                    row.actor,
                    row.action,
                    row.target,
                    row.owner,
                    row.ip,
                    row.details,
                )
            })
            .collect();
        assert_eq!(rows, before, "{version}");
        assert_eq!(chained.action, "audit.chained");
        assert_eq!(chained.details, format!("{{\"rows\":{}}}", before.len()));
        let verified = verify_audit(&path, None).unwrap();
        assert_eq!(verified.rows, u64::try_from(before.len()).unwrap() + 1);
        drop(store);
        // Once.
        drop(SqliteStore::open(&path).unwrap());
        assert_eq!(look_at_audit(&path, &query).unwrap().head, verified.head);
    }
}
