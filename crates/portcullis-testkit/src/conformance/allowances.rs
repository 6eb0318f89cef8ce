//! Allowances of owners in debt, and of clocks that step.

use std::sync::Arc;

use portcullis_core::Timestamp;
use portcullis_registry::{CreditOp, LedgerKind, Store};

use super::{
    failure::{Failure, Outcome, same, too_few},
    fixtures::{add, movements, owner, parsed},
    ledger::{all_of, make, page, parts, reserve, settle, terms},
};

fn renew(at: Timestamp) -> Result<CreditOp, Failure> {
    let owner = owner("acme")?;
    Ok(CreditOp::Renew { owner, at })
}

/// The allowances that were given, oldest first.
async fn given(store: &dyn Store) -> Result<Vec<(i64, Timestamp)>, Failure> {
    let lines = page(store, all_of("acme")?).await?.lines;
    let given = lines.iter().rev();
    let given = given.filter(|line| line.kind == LedgerKind::Allowance);
    Ok(given.map(|line| (line.amount, line.at)).collect())
}

pub(crate) async fn an_allowance_pays_off_a_debt_before_it_is_spent(
    store: Arc<dyn Store>,
) -> Outcome {
    let january: Timestamp = parsed("2026-01-01T00:00:00Z")?;
    let february: Timestamp = parsed("2026-02-01T00:00:00Z")?;
    let march: Timestamp = parsed("2026-03-01T00:00:00Z")?;
    make(&*store, [add(-8)?, terms(Some(5), false, january)?]).await?;
    same(parts(&*store).await?, (-3, 0, 0), "5 of 8 are paid")?;
    let refused = store.commit(movements([reserve(1, 1, january)?])).await;
    too_few(refused, -3, "a reservation below zero")?;
    make(&*store, [renew(february)?]).await?;
    same(parts(&*store).await?, (2, 2, 0), "the last 3 are paid")?;
    // What is taken within a month is paid before the rest of its allowance lapses.
    make(&*store, [add(-1)?, renew(march)?]).await?;
    same(parts(&*store).await?, (5, 5, 0), "nothing is owed")?;
    let lines = page(&*store, all_of("acme")?).await?.lines;
    let lines = lines.iter().rev().map(|line| (line.kind, line.amount));
    let expected = [
        (LedgerKind::Added, -8),
        (LedgerKind::Allowance, 5),
        (LedgerKind::Allowance, 5),
        (LedgerKind::Added, -1),
        (LedgerKind::Lapsed, -1),
        (LedgerKind::Allowance, 5),
    ];
    same(lines.collect::<Vec<_>>(), expected.to_vec(), "the ledger")
}

pub(crate) async fn a_clock_that_was_far_ahead_keeps_no_month_from_its_allowance(
    store: Arc<dyn Store>,
) -> Outcome {
    let january: Timestamp = parsed("2026-01-01T00:00:00Z")?;
    let ahead: Timestamp = parsed("2126-06-10T00:00:00Z")?;
    let february: Timestamp = parsed("2026-02-01T00:00:00Z")?;
    let march: Timestamp = parsed("2026-03-01T00:00:00Z")?;
    make(&*store, [terms(Some(5), false, january)?]).await?;
    make(&*store, [reserve(1, 2, ahead)?, settle(1, 2, ahead)]).await?;
    same(parts(&*store).await?, (3, 3, 0), "given far ahead")?;
    make(&*store, [renew(january)?]).await?;
    same(parts(&*store).await?, (3, 3, 0), "January was given before")?;
    // There and back again within February, which is given once.
    for instant in [february, ahead, february, ahead, february] {
        make(&*store, [renew(instant)?]).await?;
        same(parts(&*store).await?, (5, 5, 0), "given once")?;
    }
    make(&*store, [renew(march)?]).await?;
    let expected = [january, ahead, february, march].map(|at| (5, at));
    same(given(&*store).await?, expected.to_vec(), "what was given")?;
    // Nor by the last month that has an end, nor by one that has none.
    for end in [
        parsed("9999-12-30T00:00:00Z")?,
        Timestamp::from_unix_micros(i64::MAX),
    ] {
        make(&*store, [renew(end)?]).await?;
        let april: Timestamp = parsed("2026-04-01T00:00:00Z")?;
        make(&*store, [renew(april)?]).await?;
    }
    let april = given(&*store).await?;
    let april = april
        .iter()
        .filter(|(_, at)| at.to_string() == "2026-04-01T00:00:00Z");
    same(april.count(), 1, "April, once")
}
