//! Credits that an application adds under an id.

use std::sync::Arc;

use portcullis_core::RequestId;
use portcullis_registry::{AuditEntry, CreditGrant, CreditOp, LedgerKind, Store};

use super::{
    audit,
    failure::{Failure, Outcome, conflicts, same},
    fixtures::{add, at, movements, owner},
    ledger::{all_of, make, page, parts, reserve, settle},
};

fn grant(of: &str, id: Option<u128>, amount: i64) -> Result<CreditOp, Failure> {
    let owner = owner(of)?;
    let grant = CreditGrant {
        id: id.map(RequestId::from_value),
        ..CreditGrant::new(amount, "a payment")
    };
    let audit = AuditEntry {
        at: at(1),
        actor: "system".into(),
        action: "owner.credits".into(),
        target: owner.to_string(),
        owner: Some(owner.clone()),
        ip: None,
        details: serde_json::json!({ "note": "a payment" }),
    };
    Ok(CreditOp::Grant {
        owner,
        grant,
        at: at(1),
        audit: Box::new(audit),
    })
}

pub(crate) async fn a_grant_adds_once_for_its_id(store: Arc<dyn Store>) -> Outcome {
    let payment = || grant("acme", Some(u128::MAX - 6), 50);
    make(&*store, [payment()?]).await?;
    for _ in 0..2 {
        make(&*store, [payment()?, payment()?]).await?;
        same(parts(&*store).await?, (50, 0, 0), "added already")?;
    }
    make(&*store, [grant("acme", Some(u128::MAX - 6), 7)?]).await?;
    same(parts(&*store).await?, (50, 0, 0), "whatever the amount")?;
    let theirs = grant("other", Some(u128::MAX - 6), 50)?;
    let refused = store.commit(movements([add(1)?, theirs])).await;
    conflicts(refused, "the id of another owner's grant")?;
    // Once in a batch, and nothing of a batch that is refused.
    let twice = || grant("acme", Some(8), -20);
    let refused = store
        .commit(movements([twice()?, grant("other", Some(8), 1)?]))
        .await;
    conflicts(refused, "one id of two owners in a batch")?;
    make(&*store, [twice()?, twice()?]).await?;
    same(parts(&*store).await?, (30, 0, 0), "once in a batch")?;
    // Without an id each adds; the ids of requests are apart; and one of nothing is known too.
    make(&*store, [grant("acme", None, 1)?, grant("acme", None, 1)?]).await?;
    make(&*store, [reserve(8, 4, at(2))?, settle(8, 4, at(2))]).await?;
    make(
        &*store,
        [grant("acme", Some(9), 0)?, grant("acme", Some(9), 5)?],
    )
    .await?;
    same(parts(&*store).await?, (28, 0, 0), "two more, less a charge")?;
    let lines = page(&*store, all_of("acme")?).await?.lines;
    let added = lines.iter().rev();
    let added = added.filter(|line| line.kind == LedgerKind::Added);
    let added = added.map(|line| (line.amount, line.request.map(RequestId::value)));
    let expected = [
        (50, Some(u128::MAX - 6)),
        (-20, Some(8)),
        (1, None),
        (1, None),
        (0, Some(9)),
    ];
    same(added.collect::<Vec<_>>(), expected.to_vec(), "the ledger")
}

pub(crate) async fn a_grant_tells_of_itself_in_the_audit_log(store: Arc<dyn Store>) -> Outcome {
    let most = || grant("acme", Some(2), i64::MAX);
    make(&*store, [grant("acme", Some(1), -30)?]).await?;
    make(
        &*store,
        [grant("acme", None, 40)?, grant("acme", Some(1), -30)?],
    )
    .await?;
    // Of the most only so much is added as there is room for.
    make(&*store, [most()?, most()?]).await?;
    let rows = audit::rows(&*store).await?;
    // By their members: in which order they stand is for another crate of the program to choose.
    let details = rows
        .iter()
        .map(|row| serde_json::from_str(&row.details).unwrap_or_default());
    let expected = [(-30, -30), (40, 10), (i64::MAX - 10, i64::MAX)];
    let expected = expected.map(|(credits, balance)| {
        serde_json::json!({"credits": credits, "balance": balance, "note": "a payment"})
    });
    same(
        details.collect::<Vec<serde_json::Value>>(),
        expected.to_vec(),
        "the rows",
    )?;
    let refused = grant("other", Some(1), 5)?;
    let refused = store
        .commit(movements([grant("acme", None, 1)?, refused]))
        .await;
    conflicts(refused, "another owner's id")?;
    same(audit::rows(&*store).await?.len(), 3, "rows after a refusal")
}
