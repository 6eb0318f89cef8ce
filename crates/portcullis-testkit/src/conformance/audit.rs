//! The audit log: one chain, read in parts, trimmed from its old end.

use std::sync::Arc;

use portcullis_core::Timestamp;
use portcullis_registry::{
    AuditEntry, AuditErasure, AuditFilter, AuditHead, AuditKept, AuditOrder, AuditPage, AuditQuery,
    AuditRecord, AuditUpkeep, AuditVerification, AuditVerified, Batch, Found, Key, Seq, Store,
    VerifyAuditError,
};
use tokio::task::JoinSet;

use super::{
    failure::{Failure, Outcome, ensure, same},
    fixtures::{at, audit, credentials, head, key, owner, put},
};

/// Row `number` of the fixture: an action, a target, an owner and an actor that come round again.
fn entry(number: u8) -> Result<AuditEntry, Failure> {
    let (action, target) = match number % 3 {
        0 => ("key.issued", "key_a"),
        1 => ("key.revoked", "key_b"),
        _ => ("keys.listed", "key_a"),
    };
    Ok(AuditEntry {
        at: at(number.into()),
        actor: format!("user:{}", number % 2),
        action: action.into(),
        target: target.into(),
        owner: match number % 4 {
            0 => None,
            3 => Some(owner("other")?),
            _ => Some(owner("acme")?),
        },
        ip: (!number.is_multiple_of(5)).then_some([203, 0, 113, number].into()),
        details: serde_json::json!({ "number": number, "it's": "a \"key\"\u{0}" }),
    })
}

async fn write(store: &dyn Store, numbers: impl IntoIterator<Item = u8>) -> Outcome {
    let audit = numbers.into_iter().map(entry);
    let batch = Batch {
        audit: audit.collect::<Result<_, _>>()?,
        ..Batch::default()
    };
    store.commit(batch).await?;
    Ok(())
}

async fn page(store: &dyn Store, query: AuditQuery) -> Result<AuditPage, Failure> {
    match store.get(Key::Audit(Box::new(query))).await?.found {
        Found::Audit(page) => Ok(*page),
        found => Err(Failure::new(format!(
            "no audit log was found, but {found:?}"
        ))),
    }
}

/// All rows, oldest first.
pub(crate) async fn rows(store: &dyn Store) -> Result<Vec<AuditRecord>, Failure> {
    let query = AuditQuery {
        order: AuditOrder::OldestFirst,
        limit: 10_000,
        ..AuditQuery::default()
    };
    Ok(page(store, query).await?.records)
}

fn numbers(page: &AuditPage) -> Vec<u64> {
    page.records.iter().map(|row| row.number).collect()
}

async fn verify(store: &dyn Store) -> Result<AuditVerified, Failure> {
    let verified = AuditVerification::new(None).run(store).await;
    verified.map_err(|error| match error {
        VerifyAuditError::Fault(fault) => Failure::new(fault.to_string()),
        error => Failure::new(error.to_string()),
    })
}

pub(crate) async fn an_empty_store_has_an_empty_audit_log(store: Arc<dyn Store>) -> Outcome {
    let page = page(&*store, AuditQuery::default()).await?;
    same(page.records, Vec::new(), "rows")?;
    same(
        (page.total, page.next),
        (Some(0), None),
        "the total and what is next",
    )?;
    let start = AuditHead::START;
    same((page.head, page.anchor), (start, start), "both ends")?;
    same(verify(&*store).await?.rows, 0, "rows that are verified")
}

pub(crate) async fn audit_rows_are_sealed_in_the_order_of_commits(
    store: Arc<dyn Store>,
) -> Outcome {
    write(&*store, [1, 2]).await?;
    put(&*store, key(1)?).await?;
    write(&*store, 3..=9).await?;
    let rows = rows(&*store).await?;
    same(rows.len(), 9, "rows")?;
    let mut head = AuditHead::START;
    for (row, number) in rows.iter().zip(1..) {
        // The same entry at the same place has the same hash, but for its salt, in every store.
        let salt = row.salt.unwrap_or_default();
        let expected = AuditRecord::seal_with(&head, &entry(number)?, salt);
        same(row, &expected, "a row")?;
        ensure(row.ip.is_none() || salt != [0; 16], "a row has no salt")?;
        head = row.head();
    }
    let page = page(&*store, AuditQuery::default()).await?;
    same(
        (page.head, page.anchor),
        (head, AuditHead::START),
        "both ends",
    )?;
    let verified = AuditVerified {
        anchor: AuditHead::START,
        head,
        rows: 9,
    };
    same(verify(&*store).await?, verified, "what is verified")
}

pub(crate) async fn concurrent_commits_make_one_chain(store: Arc<dyn Store>) -> Outcome {
    let mut tasks = JoinSet::new();
    for number in 0..32 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { write(&*store, [number, number, number]).await });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.map_err(|error| Failure::new(error.to_string()))??;
    }
    same(verify(&*store).await?.rows, 96, "rows")?;
    // The rows of one batch are neighbours.
    for batch in rows(&*store).await?.chunks(3) {
        let same_as_first =
            |row: &AuditRecord| batch.first().is_some_and(|first| first.at == row.at);
        ensure(
            batch.iter().all(same_as_first),
            "the rows of a batch are apart",
        )?;
    }
    Ok(())
}

pub(crate) async fn a_refused_batch_leaves_no_audit_row(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    write(&*store, [1]).await?;
    let before = rows(&*store).await?;
    let refused = Batch {
        audit: vec![audit()],
        audit_upkeep: Some(AuditUpkeep {
            prune_before: Some(at(100)),
            ..AuditUpkeep::new(at(100))
        }),
        ..credentials([key(1)?])
    };
    ensure(
        store.commit(refused).await.is_err(),
        "the batch was written",
    )?;
    same(rows(&*store).await?, before, "rows")?;
    write(&*store, [2]).await?;
    same(verify(&*store).await?.rows, 2, "rows that are verified")
}

pub(crate) async fn audit_rows_are_read_in_parts_in_both_orders(store: Arc<dyn Store>) -> Outcome {
    write(&*store, 1..=7).await?;
    for (order, expected) in [
        (AuditOrder::NewestFirst, [[7, 6, 5], [4, 3, 2]]),
        (AuditOrder::OldestFirst, [[1, 2, 3], [4, 5, 6]]),
    ] {
        let mut query = AuditQuery {
            order,
            limit: 3,
            ..AuditQuery::default()
        };
        for expected in expected {
            let page = page(&*store, query.clone()).await?;
            same(numbers(&page), expected.to_vec(), "a part")?;
            same(page.total, Some(7), "the total")?;
            same(page.head.number, 7, "the head")?;
            same(page.next, expected.last().copied(), "what is next")?;
            query.after = page.next;
        }
        query.counted = false;
        let last = page(&*store, query.clone()).await?;
        same(last.records.len(), 1, "the last part")?;
        same((last.next, last.total), (None, None), "after it")?;
        (query.after, query.offset) = (None, 5);
        same(
            page(&*store, query).await?.records.len(),
            2,
            "behind an offset",
        )?;
    }
    // A row that comes meanwhile changes nothing behind the cursor.
    write(&*store, [8]).await?;
    let query = AuditQuery {
        after: Some(5),
        limit: 2,
        ..AuditQuery::default()
    };
    same(
        numbers(&page(&*store, query).await?),
        vec![4, 3],
        "after row 5",
    )
}

pub(crate) async fn audit_filters_keep_what_they_say(store: Arc<dyn Store>) -> Outcome {
    write(&*store, 1..=12).await?;
    let text = |text: &str| Some(String::from(text));
    let all = AuditFilter::default;
    let of = |name: &str| owner(name).map(Some);
    for (filter, expected) in [
        (
            AuditFilter {
                owner: of("other")?,
                ..all()
            },
            vec![11, 7, 3],
        ),
        (
            AuditFilter {
                owner: of("nobody")?,
                ..all()
            },
            vec![],
        ),
        (
            AuditFilter {
                action: text("key.revoked"),
                ..all()
            },
            vec![10, 7, 4, 1],
        ),
        (
            AuditFilter {
                action: text("key."),
                ..all()
            },
            vec![12, 10, 9, 7, 6, 4, 3, 1],
        ),
        (
            AuditFilter {
                action: text("key"),
                ..all()
            },
            vec![],
        ),
        (
            AuditFilter {
                action: text("key.%"),
                ..all()
            },
            vec![],
        ),
        (
            AuditFilter {
                target: text("key_b"),
                ..all()
            },
            vec![10, 7, 4, 1],
        ),
        (
            AuditFilter {
                target: text("KEY_B"),
                ..all()
            },
            vec![],
        ),
        (
            AuditFilter {
                actor: text("user:0"),
                ..all()
            },
            vec![12, 10, 8, 6, 4, 2],
        ),
        (
            AuditFilter {
                from: Some(at(11)),
                ..all()
            },
            vec![12, 11],
        ),
        (
            AuditFilter {
                to: Some(at(3)),
                ..all()
            },
            vec![2, 1],
        ),
        (
            AuditFilter {
                owner: of("acme")?,
                action: text("key."),
                ..all()
            },
            vec![10, 9, 6, 1],
        ),
        (
            AuditFilter {
                owner: of("acme")?,
                action: text("key.revoked"),
                ..all()
            },
            vec![10, 1],
        ),
        (
            AuditFilter {
                owner: of("acme")?,
                action: text("key.issued"),
                target: text("key_a"),
                actor: text("user:0"),
                from: Some(at(6)),
                to: Some(at(7)),
            },
            vec![6],
        ),
    ] {
        let query = AuditQuery {
            filter: filter.clone(),
            ..AuditQuery::default()
        };
        let found = page(&*store, query.clone()).await?;
        same(numbers(&found), expected.clone(), "what a filter keeps")?;
        same(
            found.total,
            u64::try_from(expected.len()).ok(),
            "how many it keeps",
        )?;
        let query = AuditQuery {
            limit: 1,
            order: AuditOrder::OldestFirst,
            ..query
        };
        let found = page(&*store, query).await?;
        let oldest = expected.last().copied();
        same(
            numbers(&found),
            Vec::from_iter(oldest),
            "the oldest that it keeps",
        )?;
        same(
            found.next,
            oldest.filter(|_| expected.len() > 1),
            "whether there are more",
        )?;
    }
    Ok(())
}

async fn keep(store: &dyn Store, upkeep: &AuditUpkeep) -> Result<AuditKept, Failure> {
    let key = Key::AuditUpkeep(Box::new(upkeep.clone()));
    let Found::AuditUpkeep(due) = store.get(key).await?.found else {
        return Err(Failure::new("it is not said what there is to do"));
    };
    let batch = Batch {
        audit_upkeep: Some(upkeep.clone()),
        ..Batch::default()
    };
    same(
        store.commit(batch).await?,
        Seq(0),
        "the head: it is not a change",
    )?;
    Ok(due)
}

pub(crate) async fn the_oldest_audit_rows_are_pruned(store: Arc<dyn Store>) -> Outcome {
    // Row 4 is older than those before it: what comes after a row that stays, stays.
    write(&*store, [1, 2, 9, 4, 5]).await?;
    let before = rows(&*store).await?;
    let upkeep = AuditUpkeep {
        prune_before: Some(at(9)),
        ..AuditUpkeep::new(at(20))
    };
    let due = AuditKept { rows: 2, ips: 0 };
    same(keep(&*store, &upkeep).await?, due, "what there is to do")?;
    let left = rows(&*store).await?;
    same(left.get(..3), before.get(2..), "the rows that are left")?;
    // In whatever order its members stand.
    let details = |row: &AuditRecord| serde_json::from_str::<serde_json::Value>(&row.details).ok();
    let says = left.get(3).map(|row| (row.at, &*row.action, details(row)));
    let hash = before
        .get(1)
        .map(|row| row.hash.to_string())
        .unwrap_or_default();
    let details = serde_json::json!({ "hash": hash, "rows": 2, "through": 2 });
    same(
        says,
        Some((at(20), "audit.pruned", Some(details))),
        "the row that says so",
    )?;
    let verified = verify(&*store).await?;
    same(
        (verified.anchor.number, verified.rows),
        (2, 4),
        "what is verified",
    )?;

    same(
        keep(&*store, &upkeep).await?,
        AuditKept::default(),
        "what is left to do",
    )?;
    same(rows(&*store).await?, left, "rows, with nothing to do")?;
    write(&*store, [6]).await?;
    same(
        verify(&*store).await?.head.number,
        7,
        "the head that is verified",
    )
}

pub(crate) async fn all_audit_rows_are_pruned_in_parts(store: Arc<dyn Store>) -> Outcome {
    write(&*store, 1..=5).await?;
    let upkeep = AuditUpkeep {
        prune_before: Some(at(100)),
        limit: 2,
        ..AuditUpkeep::new(at(20))
    };
    for rows in [2, 2] {
        let due = AuditKept { rows, ips: 0 };
        same(keep(&*store, &upkeep).await?, due, "a part")?;
        verify(&*store).await?;
    }
    upkeep.run(&*store).await?;
    let left = rows(&*store).await?;
    ensure(
        left.iter().all(|row| row.action == "audit.pruned"),
        "rows are left",
    )?;
    ensure(left.len() <= 2, "what was pruned is said too often")?;
    write(&*store, [6]).await?;
    verify(&*store).await?;
    Ok(())
}

pub(crate) async fn ips_are_erased_and_the_chain_stays(store: Arc<dyn Store>) -> Outcome {
    // Of these, 5 and 10 have none.
    write(&*store, 1..=11).await?;
    let before = rows(&*store).await?;
    let micro = |at: Timestamp| Timestamp::from_unix_micros(at.unix_micros().saturating_add(1));
    let mut upkeep = AuditUpkeep::new(at(20));
    for (erasure, ips) in [
        // Rows 3, 7 and 11.
        (
            AuditErasure {
                before: None,
                owner: Some(owner("other")?),
            },
            3,
        ),
        // Rows 1, 2, 4, 6 and 8: to the microsecond.
        (
            AuditErasure {
                before: Some(micro(at(8))),
                owner: None,
            },
            5,
        ),
        (
            AuditErasure {
                before: Some(at(9)),
                owner: None,
            },
            0,
        ),
    ] {
        upkeep.erase = Some(erasure);
        same(
            keep(&*store, &upkeep).await?,
            AuditKept { rows: 0, ips },
            "what there is to do",
        )?;
        verify(&*store).await?;
    }
    let left = rows(&*store).await?;
    same(left.len(), 13, "rows: two say what was erased")?;
    for (row, before) in left.iter().zip(&before) {
        let mut expected = before.clone();
        if row.number != 9 {
            expected.erase_ip();
        }
        same(row, &expected, "a row")?;
    }
    let last = left.last().map(|row| (&*row.action, row.owner.as_deref()));
    same(
        last,
        Some(("audit.ips_erased", None)),
        "the row that says so",
    )?;

    upkeep.erase = Some(AuditErasure::default());
    upkeep.limit = 1;
    let kept = upkeep.run(&*store).await?;
    same(kept, AuditKept { rows: 0, ips: 1 }, "the rest")?;
    same(head(&*store).await?, Seq(0), "the head")?;
    verify(&*store).await?;
    Ok(())
}
