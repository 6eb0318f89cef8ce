//! What is done to the audit log beside its rows: to what they are made in, while a store has it open,
//! and before retention removes them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{error::Error, path::PathBuf};

use portcullis_core::Timestamp;
use portcullis_registry::{AuditEntry, AuditFault, AuditUpkeep, AuditVerified, Batch, Store};
use portcullis_sqlite::{SqliteStore, VerifyError, verify_audit};
use records::audit;
use rusqlite::Connection;

struct Log {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: SqliteStore,
}

impl Log {
    /// Six rows, which a store has open.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let store = SqliteStore::open(&path).unwrap();
        let log = Self {
            _folder: folder,
            path,
            store,
        };
        let written = log.write(["1", "2", "3", "4", "5\u{fffd}", "6"]).await;
        assert_eq!(written, None);
        log
    }

    /// Why a batch was not written, if it wasn't.
    async fn write<const N: usize>(&self, targets: [&str; N]) -> Option<String> {
        let entry = |target: &str| AuditEntry {
            at: Timestamp::from_unix_seconds(5),
            ..audit(target)
        };
        let batch = Batch {
            audit: targets.map(entry).into(),
            ..Batch::default()
        };
        let error = self.store.commit(batch).await.err()?;
        Some(because_of(&error))
    }

    fn tamper(&self, statements: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.execute_batch(statements).unwrap();
    }

    fn verify(&self) -> Result<AuditVerified, VerifyError> {
        verify_audit(&self.path, None)
    }

    fn fault(&self) -> AuditFault {
        match self.verify() {
            Err(VerifyError::Fault(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    fn rows(&self) -> i64 {
        let connection = Connection::open(&self.path).unwrap();
        let count = "SELECT count(*) FROM audit NOT INDEXED";
        connection.query_row(count, [], |row| row.get(0)).unwrap()
    }
}

/// The innermost reason.
fn because_of(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => because_of(source),
        None => error.to_string(),
    }
}

/// What a trigger keeps out can't be told from what was never done.
#[tokio::test]
async fn nothing_is_acknowledged_that_a_trigger_keeps_out_of_the_log() {
    let (first, last) = (["b", "c"], ["a", "b"]);
    for (trigger, refused) in [
        (
            "CREATE TRIGGER x BEFORE INSERT ON audit WHEN NEW.target = 'b' \
         BEGIN SELECT RAISE(IGNORE); END",
            &[first, last][..],
        ),
        (
            "DROP TRIGGER audit_keeps_its_rows; CREATE TRIGGER x AFTER INSERT ON audit \
         WHEN NEW.target = 'b' BEGIN DELETE FROM audit WHERE number = NEW.number; END",
            &[first, last],
        ),
        (
            "DROP TRIGGER audit_moves_its_head; CREATE TRIGGER x AFTER INSERT ON audit BEGIN \
             UPDATE audit_ends SET number = NEW.number, \
             hash = iif(NEW.target = 'b', zeroblob(32), NEW.hash); END",
            &[last],
        ),
    ] {
        let log = Log::new().await;
        log.tamper(trigger);
        assert_eq!(log.write(["a"]).await, None, "{trigger}");
        for targets in refused {
            let why = log.write(*targets).await;
            assert!(why.is_some(), "{trigger}: {targets:?}");
        }
        assert_eq!(log.rows(), 7, "{trigger}");
        let Err(VerifyError::Schema { kind, .. }) = log.verify() else {
            panic!("it is not found: {trigger}");
        };
        assert_eq!(kind, "trigger");
    }
}

#[tokio::test]
async fn what_the_log_is_made_of_is_compared_with_what_it_should_be() {
    for (kind, name, change) in [
        ("trigger", "audit_ends_stay", "DROP TRIGGER audit_ends_stay"),
        (
            "trigger",
            "audit_keeps_its_rows",
            "DROP TRIGGER audit_keeps_its_rows; CREATE TRIGGER audit_keeps_its_rows \
             BEFORE DELETE ON audit WHEN 0 BEGIN SELECT 1; END",
        ),
        (
            "trigger",
            "x",
            "CREATE TRIGGER x AFTER INSERT ON AUDIT BEGIN SELECT 1; END",
        ),
        ("index", "audit_ips", "DROP INDEX audit_ips"),
        ("index", "x", "CREATE INDEX x ON audit_ends (number)"),
        (
            "index",
            "audit_owner",
            "DROP INDEX audit_owner; CREATE INDEX audit_owner \
             ON audit (owner, number, action) WHERE number <> 3",
        ),
        ("table", "audit", "ALTER TABLE audit ADD COLUMN x TEXT"),
    ] {
        let log = Log::new().await;
        assert_eq!(log.verify().unwrap().rows, 6);
        log.tamper(change);
        let found = log.verify().unwrap_err();
        let expected = format!("the schema of the log was changed: {kind} `{name}`");
        assert_eq!(found.to_string(), expected, "{change}");
    }
}

#[tokio::test]
async fn a_row_that_an_index_leaves_out_is_found() {
    let log = Log::new().await;
    // Made partial, and made to look as if it were not.
    log.tamper(
        "CREATE TEMP TABLE s AS SELECT sql FROM sqlite_schema WHERE name = 'audit_owner'; \
         DROP INDEX audit_owner; \
         CREATE INDEX audit_owner ON audit (owner, number, action) WHERE number <> 3; \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = (SELECT sql FROM s) WHERE name = 'audit_owner'",
    );
    let found = log.verify().unwrap_err();
    assert!(matches!(found, VerifyError::Damaged(_)), "{found}");
    assert!(found.to_string().contains("audit_owner"), "{found}");
}

#[tokio::test]
async fn nothing_is_built_upon_a_head_that_was_changed() {
    let log = Log::new().await;
    log.tamper(
        "CREATE TABLE kept AS SELECT hash FROM audit_ends; UPDATE audit_ends SET hash = zeroblob(32)",
    );
    let fault = AuditFault::Head { number: 6 };
    assert_eq!(log.fault(), fault);
    assert_eq!(log.write(["7"]).await, Some(fault.to_string()));
    assert_eq!((log.fault(), log.rows()), (fault, 6));
    log.tamper("UPDATE audit_ends SET hash = (SELECT hash FROM kept)");
    assert_eq!(log.write(["7"]).await, None);
    assert_eq!(log.verify().unwrap().rows, 7);
}

#[tokio::test]
async fn rows_that_were_tampered_with_are_not_pruned() {
    let update = |change: &str| {
        format!("DROP TRIGGER audit_keeps_its_rows_as_they_are; UPDATE audit SET {change}")
    };
    for (tampered, fault) in [
        (
            update("target = 'x' WHERE number = 2"),
            AuditFault::Changed { number: 2 },
        ),
        (
            update("hash = zeroblob(32) WHERE number = 6"),
            AuditFault::Changed { number: 6 },
        ),
        (
            String::from("DROP TRIGGER audit_keeps_its_rows; DELETE FROM audit WHERE number = 3"),
            AuditFault::Removed { from: 3, to: 3 },
        ),
        (
            String::from("DROP TRIGGER audit_keeps_its_rows; DELETE FROM audit WHERE number = 1"),
            AuditFault::Removed { from: 1, to: 1 },
        ),
    ] {
        let log = Log::new().await;
        log.tamper(&tampered);
        let before = log.rows();
        let now = Timestamp::from_unix_seconds(100);
        let upkeep = AuditUpkeep {
            prune_before: Some(now),
            ..AuditUpkeep::new(now)
        };
        let refused = upkeep.run(&log.store).await.unwrap_err();
        assert_eq!(because_of(&refused), fault.to_string(), "{tampered}");
        assert!(!refused.is_transient(), "{tampered}");
        assert_eq!((log.rows(), log.fault()), (before, fault), "{tampered}");
    }
}

/// What is removed next would speak for those that somebody else has removed.
#[tokio::test]
async fn nothing_is_pruned_after_rows_that_were_removed_without_a_word() {
    let now = Timestamp::from_unix_seconds(100);
    let upkeep = AuditUpkeep {
        prune_before: Some(now),
        limit: 3,
        ..AuditUpkeep::new(now)
    };
    let remove = |through: u64| {
        format!(
            "UPDATE audit_ends SET anchor_number = {through}, \
             anchor_hash = (SELECT hash FROM audit WHERE number = {through}); \
             DELETE FROM audit WHERE number <= {through}"
        )
    };
    for has_pruned in [false, true] {
        let log = Log::new().await;
        if has_pruned {
            // The row that says so is dated later, so that it stays.
            let kept = upkeep.clone().run(&log.store).await.unwrap();
            assert_eq!(kept.rows, 6);
            assert_eq!(log.write(["9", "10", "11"]).await, None);
        }
        let through = log.verify().unwrap().head.number - 1;
        log.tamper(&remove(through));
        let (before, fault) = (log.rows(), AuditFault::Unannounced { through });
        assert_eq!(log.fault(), fault);
        let later = Timestamp::from_unix_seconds(200);
        let upkeep = AuditUpkeep {
            prune_before: Some(later),
            ..AuditUpkeep::new(later)
        };
        let refused = upkeep.run(&log.store).await.unwrap_err();
        assert_eq!(because_of(&refused), fault.to_string());
        assert_eq!((log.rows(), log.fault()), (before, fault));
    }
}

#[tokio::test]
async fn ends_that_are_missing_or_there_twice_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(verify_audit(&path, None).unwrap().rows, 0);
    let stay = "SELECT sql FROM sqlite_schema WHERE name = 'audit_ends_stay'";
    let connection = Connection::open(&path).unwrap();
    let stay: String = connection.query_row(stay, [], |row| row.get(0)).unwrap();
    let removed = format!("DROP TRIGGER audit_ends_stay; DELETE FROM audit_ends; {stay}");
    connection.execute_batch(&removed).unwrap();
    drop(connection);
    let found = verify_audit(&path, None).unwrap_err();
    assert!(matches!(found, VerifyError::Damaged(_)), "{found}");

    let log = Log::new().await;
    log.tamper(
        "PRAGMA ignore_check_constraints = ON; \
         INSERT INTO audit_ends SELECT 2, number, hash, anchor_number, anchor_hash FROM audit_ends",
    );
    let found = log.verify().unwrap_err();
    assert!(matches!(found, VerifyError::Damaged(_)), "{found}");
}

/// A text that isn't UTF-8 may be read as the one that was hashed.
#[tokio::test]
async fn cells_that_can_not_have_been_written_are_changed_rows() {
    for change in [
        "target = CAST(x'35ff' AS TEXT)",
        "target = x'35efbfbd'",
        "target = NULL",
        "at = 'yesterday'",
        "at = NULL",
        "actor = 5.5",
        "owner = x'61'",
        "ip = x'61'",
        "ip_commitment = 'a'",
        "details = NULL",
        "hash = 5",
        "hash = NULL",
    ] {
        let log = Log::new().await;
        log.tamper(&format!(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema \
             SET sql = replace(replace(sql, ' NOT NULL', ''), ') STRICT', ')') WHERE name = 'audit'; \
             PRAGMA writable_schema = RESET; PRAGMA ignore_check_constraints = ON; \
             DROP TRIGGER audit_keeps_its_rows_as_they_are; \
             UPDATE audit SET {change} WHERE number = 5"
        ));
        assert_eq!(log.fault(), AuditFault::Changed { number: 5 }, "{change}");
    }
}
