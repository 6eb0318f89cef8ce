//! The format by vectors that another program has computed, and what verification finds.

use portcullis_core::Timestamp;
use serde_json::{Value, json};

use super::{
    AuditChain, AuditEntry, AuditErasure, AuditFault, AuditHead, AuditKept, AuditPage, AuditPrefix,
    AuditRecord, AuditUpkeep, AuditVerification, AuditVerified, ParseAuditLineError,
    VerifyAuditError,
};
use crate::{Batch, Found, Key, MemoryStore, Owner, Store};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn entry(second: i64, owner: &str) -> AuditEntry {
    AuditEntry {
        at: at(second),
        actor: "system".into(),
        action: "key.issued".into(),
        target: format!("key {second}"),
        owner: owner.parse().ok(),
        ip: Some("203.0.113.9".parse().unwrap()),
        details: json!({ "second": second }),
    }
}

fn log(seconds: std::ops::RangeInclusive<i64>) -> Vec<AuditRecord> {
    let mut head = AuditHead::START;
    seconds
        .map(|second| {
            let record = AuditRecord::seal(&head, &entry(second, "acme")).unwrap();
            head = record.head();
            record
        })
        .collect()
}

fn verified(
    rows: &[AuditRecord],
    witness: Option<AuditHead>,
    store: Option<(AuditHead, AuditHead)>,
) -> Result<AuditVerified, AuditFault> {
    let mut chain = AuditChain::new(AuditHead::START, witness);
    rows.iter().try_for_each(|row| chain.see(row))?;
    chain.end(store)
}

/// Computed by Python's `hashlib` from the description.
#[test]
fn hashes_are_those_of_the_description() {
    let salt = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let first = AuditEntry {
        at: Timestamp::from_unix_micros(1_767_225_600_123_456),
        actor: "user:ada".into(),
        action: "key.issued".into(),
        target: "key_qBhy02hoi8ucTVyA".into(),
        owner: "acme".parse().ok(),
        ip: Some("203.0.113.9".parse().unwrap()),
        details: json!({ "name": "laptop" }),
    };
    let first = AuditRecord::seal_with(&AuditHead::START, &first, salt);
    assert_eq!(
        first.ip_commitment.unwrap().to_string(),
        "bc082bc0817b33101ad172eb62ce5e9fdab47645b27194f1d623cd0bf8de2c96"
    );
    assert_eq!(
        first.head().to_string(),
        "1:5904fd083356fdced2d57e54f5fa6ff7f8b8e3a5532d58f6df683ac66aac9363"
    );
    let second = AuditEntry {
        at: Timestamp::from_unix_micros(-1),
        actor: "system".into(),
        action: "pepper.retired".into(),
        target: "pepper 1".into(),
        owner: None,
        ip: None,
        details: json!({}),
    };
    let second = AuditRecord::seal(&first.head(), &second).unwrap();
    assert_eq!(
        second.head().to_string(),
        "2:d73d6d7ef89fd33e82e4bb944cfe9b8f1ef4ca0be3f69f4df076f7b944395297"
    );
    assert_eq!((second.salt, second.ip_commitment), (None, None));
}

#[test]
fn a_row_is_read_back_from_its_line() {
    let mut row = log(1..=1).remove(0);
    row.details = "not JSON, \"quoted\"\n".into();
    let read = |row: &AuditRecord| AuditRecord::from_json_line(&row.to_json_line());
    assert_eq!(read(&row), Ok(row.clone()));
    row.erase_ip();
    row.owner = None;
    assert!(!row.to_json_line().contains('\n'));
    assert_eq!(read(&row), Ok(row.clone()));
    assert_eq!(
        AuditRecord::from_json_line("[]"),
        Err(ParseAuditLineError::Json)
    );
    for (text, changed) in [
        (
            "\"at\":\"1970-01-01T00:00:01Z\"",
            "\"at\":\"1970-01-01T00:00:02Z\"",
        ),
        ("{", "{\"more\":1,"),
        ("{", "{\"number\":2,"),
        ("\"number\":1", "\"number\": 1"),
        ("system", "\\u0073ystem"),
    ] {
        let line = row.to_json_line().replacen(text, changed, 1);
        assert_ne!(line, row.to_json_line(), "{changed}");
        let refused = AuditRecord::from_json_line(&line);
        assert_eq!(refused, Err(ParseAuditLineError::Form), "{changed}");
    }
    let upper = row.to_json_line().replace("\"hash\":\"", "\"hash\":\"A");
    assert_eq!(
        AuditRecord::from_json_line(&upper),
        Err(ParseAuditLineError::Member("hash"))
    );
}

/// In an order that doesn't depend on a feature of the JSON crate.
#[test]
fn a_line_has_its_members_in_the_order_of_the_description() {
    let mut row = log(1..=1).remove(0);
    row.erase_ip();
    let (commitment, hash) = (row.ip_commitment.unwrap(), row.hash);
    let expected = format!(
        "{{\"number\":1,\"at\":\"1970-01-01T00:00:01Z\",\"atMicros\":1000000,\"actor\":\"system\",\
         \"action\":\"key.issued\",\"target\":\"key 1\",\"owner\":\"acme\",\"ip\":null,\"salt\":null,\
         \"ipCommitment\":\"{commitment}\",\"details\":\"{{\\\"second\\\":1}}\",\
         \"previous\":\"{}\",\"hash\":\"{hash}\"}}",
        "0".repeat(64)
    );
    assert_eq!(row.to_json_line(), expected);
}

#[test]
fn a_log_as_it_was_written_is_verified_with_any_of_its_rows_as_witness() {
    let rows = log(1..=5);
    let head = rows[4].head();
    for witness in rows.iter().map(AuditRecord::head).map(Some).chain([None]) {
        let verified = verified(&rows, witness, Some((head, AuditHead::START)));
        let expected = AuditVerified {
            anchor: AuditHead::START,
            head,
            rows: 5,
        };
        assert_eq!(verified, Ok(expected));
    }
}

#[test]
fn what_was_done_to_rows_is_told() {
    let rows = log(1..=5);
    let fault = |change: &dyn Fn(&mut Vec<AuditRecord>)| {
        let mut rows = rows.clone();
        let head = rows[4].head();
        change(&mut rows);
        verified(&rows, None, Some((head, AuditHead::START))).unwrap_err()
    };
    let number = 3;
    let changed = AuditFault::Changed { number };
    assert_eq!(fault(&|rows| rows[2].actor.push('x')), changed);
    assert_eq!(fault(&|rows| rows[2].owner = None), changed);
    assert_eq!(fault(&|rows| rows[2].ip_commitment = None), changed);
    assert_eq!(fault(&|rows| rows[2].previous = rows[2].hash), changed);
    let ip = AuditFault::Ip { number };
    assert_eq!(fault(&|rows| rows[2].ip = Some("203.0.113.8".into())), ip);
    assert_eq!(fault(&|rows| rows[2].salt = Some([0; 16])), ip);
    assert_eq!(fault(&|rows| rows[2].salt = None), ip);
    assert_eq!(fault(&|rows| rows[2].ip = None), ip);
    assert_eq!(
        fault(&|rows| rows[2].erase_ip()),
        AuditFault::IpRemoved { number }
    );
    assert_eq!(
        fault(&|rows| drop(rows.remove(2))),
        AuditFault::Removed { from: 3, to: 3 }
    );
    assert_eq!(
        fault(&|rows| rows.truncate(3)),
        AuditFault::Removed { from: 4, to: 5 }
    );
    assert_eq!(
        fault(&|rows| drop(rows.remove(0))),
        AuditFault::Removed { from: 1, to: 1 }
    );
    assert_eq!(
        fault(&|rows| {
            rows.swap(2, 3);
            (rows[2].number, rows[3].number) = (3, 4);
        }),
        AuditFault::Moved { number }
    );
    assert_eq!(
        fault(&|rows| rows.insert(3, rows[2].clone())),
        AuditFault::Moved { number }
    );
    assert_eq!(
        fault(&|rows| {
            rows.insert(2, rows[0].clone());
            for (row, number) in rows.iter_mut().zip(1..) {
                row.number = number;
            }
        }),
        AuditFault::Inserted { number }
    );
}

#[test]
fn a_chain_that_was_computed_anew_shows_by_a_witness_alone() {
    let (rows, others) = (log(1..=5), log(1..=5));
    let (head, start) = (others[4].head(), AuditHead::START);
    assert!(verified(&others, None, Some((head, start))).is_ok());
    let witness = rows[3].head();
    assert_eq!(
        verified(&others, Some(witness), Some((head, start))),
        Err(AuditFault::Witness { number: 4 })
    );
    let later = AuditHead {
        number: 9,
        ..witness
    };
    assert_eq!(
        verified(&rows, Some(later), None),
        Err(AuditFault::CutOff { end: 5, number: 9 })
    );
}

async fn store(entries: impl IntoIterator<Item = AuditEntry>) -> MemoryStore {
    let store = MemoryStore::new();
    let batch = Batch {
        audit: entries.into_iter().collect(),
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    store
}

async fn rows(store: &MemoryStore) -> Vec<AuditRecord> {
    let query = AuditVerification::new(None).query();
    match store.get(Key::Audit(Box::new(query))).await.unwrap().found {
        Found::Audit(page) => page.records,
        found => panic!("{found:?}"),
    }
}

async fn verify(store: &MemoryStore) -> Result<AuditVerified, VerifyAuditError> {
    AuditVerification::new(None).run(store).await
}

#[tokio::test]
async fn pruning_leaves_one_chain_that_says_what_was_pruned() {
    let store = store((1..=5).map(|second| entry(second, "acme"))).await;
    let before = rows(&store).await;
    let upkeep = AuditUpkeep {
        prune_before: Some(at(4)),
        limit: 2,
        ..AuditUpkeep::new(at(9))
    };
    // Two commits: rows 1 and 2, then 3.
    let done = upkeep.clone().run(&store).await.unwrap();
    assert_eq!(done, AuditKept { rows: 3, ips: 0 });
    let verified = verify(&store).await.unwrap();
    assert_eq!(verified.anchor, before[2].head());
    assert_eq!(verified.rows, 4);
    let left = rows(&store).await;
    assert_eq!(left[..2], before[3..]);
    let details = json!({ "hash": before[2].hash.to_string(), "rows": 1, "through": 3 });
    let said: Value = serde_json::from_str(&left[3].details).unwrap();
    assert_eq!((&*left[3].action, said), ("audit.pruned", details));
    // Nothing is left to do, and so nothing is written.
    let done = upkeep.run(&store).await.unwrap();
    assert_eq!(done, AuditKept::default());
    assert_eq!(rows(&store).await, left);

    // Without the row that says so, or with another hash in the anchor.
    let mut chain = AuditChain::new(verified.anchor, None);
    left[..3].iter().try_for_each(|row| chain.see(row)).unwrap();
    assert_eq!(chain.end(None), Err(AuditFault::Unannounced { through: 3 }));
    let mut chain = AuditChain::new(before[1].head(), None);
    assert_eq!(
        chain.see(&left[0]),
        Err(AuditFault::Removed { from: 3, to: 3 })
    );
    let wrong = AuditHead {
        number: 3,
        ..before[1].head()
    };
    let mut chain = AuditChain::new(wrong, None);
    left.iter()
        .take(1)
        .try_for_each(|row| chain.see(row))
        .unwrap();
    assert_eq!(chain.see(&left[1]), Err(AuditFault::Anchor { number: 4 }));
}

#[tokio::test]
async fn a_log_of_nothing_but_what_was_removed_is_not_pruned_for_ever() {
    for limit in [0, 1, 2, 100] {
        let store = store((1..=5).map(|second| entry(second, "acme"))).await;
        let upkeep = AuditUpkeep {
            prune_before: Some(at(100)),
            erase: Some(AuditErasure::default()),
            limit,
            ..AuditUpkeep::new(at(9))
        };
        upkeep.run(&store).await.unwrap();
        assert!(rows(&store).await.len() <= 2, "{limit}");
        verify(&store).await.unwrap();
    }
}

#[tokio::test]
async fn erased_ips_leave_the_chain_whole_and_say_whose_they_were() {
    let other: Owner = "other".parse().unwrap();
    let entries =
        (1..=6).map(|second| entry(second, if second % 2 == 0 { "other" } else { "acme" }));
    let store = store(entries).await;
    let head = rows(&store).await[5].head();
    let mut upkeep = AuditUpkeep::new(at(9));
    upkeep.erase = Some(AuditErasure {
        before: None,
        owner: Some(other),
    });
    let done = upkeep.clone().run(&store).await.unwrap();
    assert_eq!(done, AuditKept { rows: 0, ips: 3 });
    let left = rows(&store).await;
    let has_ip = |row: &AuditRecord| row.ip.is_some();
    let expected = [true, false, true, false, true, false, false];
    assert_eq!(left.iter().map(has_ip).collect::<Vec<_>>(), expected);
    assert_eq!(left[6].action, "audit.ips_erased");
    let verification = AuditVerification::new(Some(head));
    verification.run(&store).await.unwrap();

    upkeep.erase = Some(AuditErasure {
        before: Some(Timestamp::from_unix_micros(3_000_001)),
        owner: None,
    });
    // Taken as one.
    upkeep.limit = 0;
    let done = upkeep.run(&store).await.unwrap();
    assert_eq!(done, AuditKept { rows: 0, ips: 2 });
    verify(&store).await.unwrap();

    // What was taken out by somebody else, beyond the time, the owner or the row that says so.
    let left = rows(&store).await;
    for number in [5, 7] {
        let mut rows = left.clone();
        for row in &mut rows[..number] {
            row.erase_ip();
        }
        let fault = verified(&rows, None, None).unwrap_err();
        assert_eq!(fault, AuditFault::IpRemoved { number: 5 });
    }
}

#[test]
fn what_is_to_be_pruned_has_to_be_as_it_was_written() {
    let rows = log(1..=5);
    let prefix = AuditPrefix {
        through: rows[3].head(),
        rows: 3,
    };
    let check = |change: &dyn Fn(&mut Vec<AuditRecord>)| {
        let mut oldest = rows[1..4].to_vec();
        change(&mut oldest);
        prefix.check(rows[0].head(), oldest)
    };
    assert_eq!(check(&|_| {}), Ok(()));
    // A later row may say that it was erased.
    assert_eq!(check(&|rows| rows[1].erase_ip()), Ok(()));
    type Change = fn(&mut Vec<AuditRecord>);
    let changes: [(Change, AuditFault); 4] = [
        (
            |rows| rows[0].actor.push('x'),
            AuditFault::Anchor { number: 2 },
        ),
        (
            |rows| rows[2].actor.push('x'),
            AuditFault::Changed { number: 4 },
        ),
        (
            |rows| drop(rows.remove(1)),
            AuditFault::Removed { from: 3, to: 3 },
        ),
        (
            |rows| rows.truncate(2),
            AuditFault::Removed { from: 4, to: 4 },
        ),
    ];
    for (change, fault) in changes {
        assert_eq!(check(&change), Err(fault));
    }
}

#[test]
fn rows_that_say_what_was_pruned_add_up() {
    let rows = log(1..=4);
    let said = |after: &AuditRecord, through: &AuditRecord, rows: u64| {
        let prefix = AuditPrefix {
            through: through.head(),
            rows,
        };
        let entry = AuditUpkeep::new(at(9)).pruned(&prefix);
        AuditRecord::seal(&after.head(), &entry).unwrap()
    };
    // Row 5 says that they were pruned up to row 2, row 6 that they were up to row 3.
    let verify = |first: u64, second: u64| {
        let fifth = said(&rows[3], &rows[1], first);
        let sixth = said(&fifth, &rows[2], second);
        let anchor = rows[2].head();
        let mut chain = AuditChain::new(anchor, None);
        for row in [&rows[3], &fifth, &sixth] {
            chain.see(row)?;
        }
        chain.end(Some((sixth.head(), anchor)))
    };
    assert_eq!(verify(2, 1).unwrap().rows, 3);
    // Whatever said that row 1 was pruned may have been pruned too.
    assert_eq!(verify(1, 1).unwrap().rows, 3);
    assert_eq!(verify(3, 1), Err(AuditFault::Miscounted { number: 5 }));
    assert_eq!(verify(2, 2), Err(AuditFault::Miscounted { number: 6 }));
    assert_eq!(verify(2, 0), Err(AuditFault::Miscounted { number: 6 }));
}

#[test]
fn a_row_that_is_there_twice_between_two_parts_is_counted() {
    let rows = log(1..=5);
    let page = |records: &[AuditRecord], next, total| AuditPage {
        records: records.to_vec(),
        next,
        total,
        head: rows[4].head(),
        anchor: AuditHead::START,
    };
    let verify = |total, rest: &[AuditRecord]| {
        let mut verification = AuditVerification::new(None);
        assert!(verification.query().counted);
        let first = verification.take(&page(&rows[..3], Some(3), Some(total)));
        assert_eq!(first, Ok(None));
        assert!(!verification.query().counted);
        verification.take(&page(rest, None, None))
    };
    assert_eq!(verify(5, &rows[3..]).unwrap().unwrap().rows, 5);
    let count = AuditFault::Count {
        rows: 6,
        expected: 5,
    };
    assert_eq!(verify(6, &rows[3..]), Err(count));
    // Which one is missing says more.
    let removed = AuditFault::Removed { from: 4, to: 4 };
    assert_eq!(verify(4, &rows[4..]), Err(removed));
}
