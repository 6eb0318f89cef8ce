//! Whatever is done to a row of the audit log, by whoever has the file and drops the triggers, is
//! found and named.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_core::Timestamp;
use portcullis_registry::{
    AuditEntry, AuditErasure, AuditFault, AuditHead, AuditPage, AuditQuery, AuditUpkeep,
    AuditVerification, AuditVerified, Batch, Store,
};
use portcullis_sqlite::{SqliteStore, look_at_audit};
use records::audit;
use rusqlite::Connection;

const FIRST: u64 = 4;
const LAST: u64 = 14;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn entry(number: u8) -> AuditEntry {
    AuditEntry {
        at: at(number.into()),
        ip: (!number.is_multiple_of(4)).then_some([203, 0, 113, number].into()),
        owner: audit("").owner.filter(|_| !number.is_multiple_of(3)),
        ..audit(&number.to_string())
    }
}

/// Twelve rows, of which 1 to 3 are pruned and then the IPs of 5, 6 and 7 erased: row 13 says the
/// one, row 14 the other.
async fn written(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let entries = Batch {
        audit: (1..=12).map(entry).collect(),
        ..Batch::default()
    };
    store.commit(entries).await.unwrap();
    let upkeep = AuditUpkeep {
        prune_before: Some(at(4)),
        erase: Some(AuditErasure {
            before: Some(at(8)),
            owner: None,
        }),
        ..AuditUpkeep::new(at(20))
    };
    let kept = upkeep.run(&store).await.unwrap();
    assert_eq!((kept.rows, kept.ips), (3, 3));
}

fn page(path: &Path, query: &AuditQuery) -> AuditPage {
    look_at_audit(path, query).unwrap()
}

struct Log {
    folder: tempfile::TempDir,
    original: PathBuf,
}

impl Log {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original.db");
        written(&original).await;
        Self { folder, original }
    }

    fn verify(path: &Path, witness: Option<AuditHead>) -> Result<AuditVerified, AuditFault> {
        let mut verification = AuditVerification::new(witness);
        loop {
            let page = page(path, &verification.query());
            if let Some(verified) = verification.take(&page)? {
                return Ok(verified);
            }
        }
    }

    /// A copy that was tampered with.
    fn tampered(&self, statements: &str) -> PathBuf {
        let copy = self.folder.path().join("copy.db");
        fs::copy(&self.original, &copy).unwrap();
        let connection = Connection::open(&copy).unwrap();
        let triggers = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema \
             WHERE type = 'trigger'";
        let triggers: String = connection
            .query_row(triggers, [], |row| row.get(0))
            .unwrap();
        connection.execute_batch(&triggers).unwrap();
        let unchecked = "PRAGMA ignore_check_constraints = ON";
        connection.execute_batch(unchecked).unwrap();
        let before = connection.total_changes();
        connection.execute_batch(statements).unwrap();
        assert!(connection.total_changes() > before, "{statements}");
        copy
    }

    /// What is found in it.
    fn fault(&self, statements: &str) -> AuditFault {
        let found = Self::verify(&self.tampered(statements), None);
        assert!(found.is_err(), "it is not found: {statements}");
        found.unwrap_err()
    }
}

#[tokio::test]
async fn a_pruned_and_erased_log_is_as_it_was_written() {
    let log = Log::new().await;
    let verified = Log::verify(&log.original, None).unwrap();
    assert_eq!(verified.anchor.number, FIRST - 1);
    assert_eq!(verified.head.number, LAST);
    let again = Log::verify(&log.original, Some(verified.head));
    assert_eq!(again, Ok(verified));
    // The row before the oldest is a witness too; what came before that is not known any more.
    assert_eq!(
        Log::verify(&log.original, Some(verified.anchor)),
        Ok(verified)
    );
    assert_eq!(
        Log::verify(&log.original, Some(AuditHead::START)),
        Err(AuditFault::OldWitness { number: 0 })
    );
}

#[tokio::test]
async fn every_column_of_every_row_that_is_changed_is_found() {
    let log = Log::new().await;
    for number in FIRST..=LAST {
        let wrong = match number {
            // It may be the anchor that was changed.
            FIRST => AuditFault::Anchor { number },
            _ => AuditFault::Changed { number },
        };
        for change in [
            "at = at + 1",
            "actor = actor || ' '",
            "action = 'key.renamed'",
            "target = ''",
            "owner = CASE WHEN owner IS NULL THEN 'acme' END",
            "owner = ''",
            "ip_commitment = CASE WHEN ip_commitment IS NULL THEN zeroblob(32) END",
            "ip_commitment = x'00'",
            "details = details || ' '",
            "details = CAST(x'ff' AS TEXT)",
            "hash = zeroblob(32)",
            "hash = CAST(hash || x'00' AS BLOB)",
        ] {
            let tampered = format!("UPDATE audit SET {change} WHERE number = {number}");
            assert_eq!(log.fault(&tampered), wrong, "{tampered}");
        }
        for change in [
            "ip = '198.51.100.1'",
            "salt = x'00112233445566778899aabbccddeeff'",
            "salt = x''",
        ] {
            let tampered = format!("UPDATE audit SET {change} WHERE number = {number}");
            assert_eq!(
                log.fault(&tampered),
                AuditFault::Ip { number },
                "{tampered}"
            );
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_out_is_found_unless_a_row_says_so() {
    let log = Log::new().await;
    for number in [9, 10, 11] {
        for change in ["ip = NULL", "salt = NULL"] {
            let tampered = format!("UPDATE audit SET {change} WHERE number = {number}");
            assert_eq!(
                log.fault(&tampered),
                AuditFault::Ip { number },
                "{tampered}"
            );
        }
        let tampered = format!("UPDATE audit SET ip = NULL, salt = NULL WHERE number = {number}");
        assert_eq!(log.fault(&tampered), AuditFault::IpRemoved { number });
        // A change that is hidden as an erasure.
        let tampered = format!(
            "UPDATE audit SET ip = NULL, salt = NULL, ip_commitment = NULL WHERE number = {number}"
        );
        assert_eq!(log.fault(&tampered), AuditFault::Changed { number });
    }
}

#[tokio::test]
async fn rows_that_are_removed_are_found() {
    let log = Log::new().await;
    for number in FIRST..=LAST {
        let tampered = format!("DELETE FROM audit WHERE number = {number}");
        let fault = AuditFault::Removed {
            from: number,
            to: number,
        };
        assert_eq!(log.fault(&tampered), fault, "{tampered}");
        if number == LAST {
            continue;
        }
        // Numbered anew, so that there is no gap.
        let tampered = format!(
            "{tampered}; UPDATE audit SET number = -number; \
             UPDATE audit SET number = -number - (-number > {number}); \
             UPDATE audit_ends SET number = number - 1"
        );
        let fault = match number {
            FIRST => AuditFault::Anchor { number },
            _ => AuditFault::Changed { number },
        };
        assert_eq!(log.fault(&tampered), fault, "{tampered}");
    }
    let tampered = "DELETE FROM audit WHERE number > 9";
    let fault = AuditFault::Removed { from: 10, to: LAST };
    assert_eq!(log.fault(tampered), fault);
    let tampered = "DELETE FROM audit";
    let fault = AuditFault::Removed {
        from: FIRST,
        to: LAST,
    };
    assert_eq!(log.fault(tampered), fault);
}

#[tokio::test]
async fn the_tail_that_is_cut_off_together_with_the_head_shows_by_a_witness() {
    let log = Log::new().await;
    // With it goes the row that says what was erased.
    let tampered = "DELETE FROM audit WHERE number > 13; UPDATE audit_ends SET number = 13, \
         hash = (SELECT hash FROM audit WHERE number = 13)";
    assert!(matches!(
        log.fault(tampered),
        AuditFault::IpRemoved { number: 6 }
    ));
    // And before anything was: nothing in the file shows it.
    let plain = log.folder.path().join("plain.db");
    let store = SqliteStore::open(&plain).unwrap();
    let entries = Batch {
        audit: (1..=5).map(entry).collect(),
        ..Batch::default()
    };
    store.commit(entries).await.unwrap();
    drop(store);
    let head = Log::verify(&plain, None).unwrap().head;
    let connection = Connection::open(&plain).unwrap();
    let tampered = "DROP TRIGGER audit_keeps_its_rows; DROP TRIGGER audit_ends_move_forward; \
         DELETE FROM audit WHERE number > 3; UPDATE audit_ends SET number = 3, \
         hash = (SELECT hash FROM audit WHERE number = 3)";
    connection.execute_batch(tampered).unwrap();
    drop(connection);
    assert_eq!(Log::verify(&plain, None).unwrap().rows, 3);
    assert_eq!(
        Log::verify(&plain, Some(head)),
        Err(AuditFault::CutOff { end: 3, number: 5 })
    );
}

#[tokio::test]
async fn rows_that_change_places_are_found() {
    let log = Log::new().await;
    for number in FIRST..LAST {
        let next = number + 1;
        let tampered = format!(
            "UPDATE audit SET number = -number WHERE number IN ({number}, {next}); \
             UPDATE audit SET number = {next} WHERE number = -{number}; \
             UPDATE audit SET number = {number} WHERE number = -{next}"
        );
        assert_eq!(
            log.fault(&tampered),
            AuditFault::Moved { number },
            "{tampered}"
        );
    }
}

#[tokio::test]
async fn rows_that_are_put_in_are_found() {
    let log = Log::new().await;
    let insert = |number: u64| {
        format!(
            "INSERT INTO audit SELECT {number}, at, actor, action, 'put in', owner, ip, salt, \
             ip_commitment, details, hash FROM audit WHERE number = 5"
        )
    };
    for number in FIRST + 2..=LAST {
        let tampered = format!(
            "UPDATE audit SET number = -number WHERE number >= {number}; \
             UPDATE audit SET number = 1 - number WHERE number < 0; {}; \
             UPDATE audit_ends SET number = number + 1",
            insert(number)
        );
        assert_eq!(
            log.fault(&tampered),
            AuditFault::Inserted { number },
            "{tampered}"
        );
    }
    let number = LAST + 1;
    assert_eq!(log.fault(&insert(number)), AuditFault::Inserted { number });
    let tampered = format!(
        "{}; UPDATE audit_ends SET number = {number}",
        insert(number)
    );
    assert_eq!(log.fault(&tampered), AuditFault::Changed { number });
    let number = FIRST - 1;
    assert_eq!(log.fault(&insert(number)), AuditFault::Anchor { number });
    assert_eq!(
        log.fault(&insert(LAST + 2)),
        AuditFault::Removed {
            from: LAST + 1,
            to: LAST + 1
        }
    );
}

#[tokio::test]
async fn ends_that_are_changed_are_found() {
    let log = Log::new().await;
    let (first, last) = (FIRST, LAST);
    for (change, fault) in [
        ("hash = zeroblob(32)", AuditFault::Head { number: last }),
        ("hash = x'00'", AuditFault::Head { number: last }),
        ("number = 13", AuditFault::Inserted { number: last }),
        ("number = 0", AuditFault::Inserted { number: 1 }),
        ("number = 15", AuditFault::Removed { from: 15, to: 15 }),
        (
            "anchor_hash = zeroblob(32)",
            AuditFault::Anchor { number: first },
        ),
        ("anchor_number = 2", AuditFault::Removed { from: 3, to: 3 }),
        ("anchor_number = 0", AuditFault::Removed { from: 1, to: 3 }),
        ("anchor_number = 4", AuditFault::Anchor { number: first }),
        ("anchor_number = 99", AuditFault::Anchor { number: first }),
    ] {
        let tampered = format!("UPDATE audit_ends SET {change}");
        assert_eq!(log.fault(&tampered), fault, "{change}");
    }
    // Removed as retention does it, but for the row that says so.
    let tampered = "UPDATE audit_ends SET anchor_number = 6, \
         anchor_hash = (SELECT hash FROM audit WHERE number = 6); \
         DELETE FROM audit WHERE number <= 6";
    assert_eq!(log.fault(tampered), AuditFault::Unannounced { through: 6 });
}
