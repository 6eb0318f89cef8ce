//! Balances, reservations and what becomes of them.

use std::sync::Arc;

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{CreditOp, Found, Key, Store, Version};

use super::{
    failure::{Failure, Outcome, same, too_few},
    fixtures::{add, at, balance, movements, owner, owner_record, owners},
};

/// Reserves from the balance of `acme` at a second.
fn reserve(number: u128, amount: u32, second: i64) -> Result<CreditOp, Failure> {
    Ok(CreditOp::Reserve {
        id: RequestId::from_value(number),
        owner: owner("acme")?,
        amount,
        at: at(second),
        note: "a publish".into(),
    })
}

const fn settle(number: u128, amount: u32) -> CreditOp {
    let at = Timestamp::UNIX_EPOCH;
    CreditOp::Settle {
        id: RequestId::from_value(number),
        amount,
        at,
    }
}

const fn release(number: u128) -> CreditOp {
    CreditOp::Release {
        id: RequestId::from_value(number),
        at: Timestamp::UNIX_EPOCH,
    }
}

/// Makes movements in one batch and compares the balance of `acme` after them.
async fn leaves(store: &dyn Store, ops: Vec<CreditOp>, expected: i64, what: &str) -> Outcome {
    store.commit(movements(ops)).await?;
    same(balance(store, "acme").await?, expected, what)
}

pub(crate) async fn credits_are_added_and_taken(store: Arc<dyn Store>) -> Outcome {
    leaves(&*store, vec![add(100)?], 100, "added").await?;
    leaves(&*store, vec![add(-30)?], 70, "taken").await?;
    leaves(
        &*store,
        vec![add(-100)?],
        -30,
        "taken below zero, which has no floor",
    )
    .await?;
    leaves(
        &*store,
        vec![add(1)?, add(2)?, add(0)?],
        -27,
        "added three times",
    )
    .await
}

pub(crate) async fn a_balance_is_there_without_an_owner_record(store: Arc<dyn Store>) -> Outcome {
    let read = async || match store.get(Key::Owner(owner("acme")?)).await?.found {
        Found::Owner { record, balance } => Ok((record, balance)),
        _ => Err(Failure::new("no owner was found")),
    };
    store.commit(movements([add(5)?])).await?;
    same(
        read().await?,
        (owner_record("acme")?, 5),
        "a balance alone: version 0",
    )?;
    store.commit(owners([owner_record("acme")?])).await?;
    let (record, balance) = read().await?;
    same((record.version, balance), (Version(1), 5), "both")
}

pub(crate) async fn a_reservation_never_goes_below_zero(store: Arc<dyn Store>) -> Outcome {
    let refused = store.commit(movements([reserve(1, 1, 0)?])).await;
    too_few(refused, 0, "a reservation of an owner without a balance")?;
    leaves(&*store, vec![add(10)?], 10, "added").await?;
    let refused = store.commit(movements([reserve(1, 11, 0)?])).await;
    too_few(refused, 10, "a reservation of one more than there is")?;
    leaves(&*store, vec![reserve(1, 10, 0)?], 0, "a reservation of all").await?;
    let refused = store.commit(movements([reserve(2, 1, 0)?])).await;
    too_few(refused, 0, "a reservation of what is reserved already")?;
    leaves(
        &*store,
        vec![reserve(3, 0, 0)?],
        0,
        "a reservation of nothing",
    )
    .await
}

pub(crate) async fn a_second_reservation_of_the_same_name_does_nothing(
    store: Arc<dyn Store>,
) -> Outcome {
    leaves(&*store, vec![add(10)?, reserve(1, 6, 0)?], 4, "reserved").await?;
    // Also where the balance would no longer cover it, and with another amount.
    leaves(&*store, vec![reserve(1, 6, 0)?], 4, "reserved again").await?;
    leaves(
        &*store,
        vec![reserve(1, 3, 0)?],
        4,
        "reserved again with another amount",
    )
    .await?;
    leaves(&*store, vec![release(1)], 10, "released").await
}

pub(crate) async fn settling_charges_and_gives_the_rest_back_once(
    store: Arc<dyn Store>,
) -> Outcome {
    leaves(&*store, vec![add(100)?, reserve(1, 10, 0)?], 90, "reserved").await?;
    leaves(&*store, vec![settle(1, 4)], 96, "settled").await?;
    leaves(&*store, vec![settle(1, 4)], 96, "settled again").await?;
    leaves(&*store, vec![release(1)], 96, "released after settling").await?;
    leaves(
        &*store,
        vec![settle(9, 4)],
        96,
        "settled without a reservation",
    )
    .await?;
    leaves(
        &*store,
        vec![reserve(2, 10, 0)?, settle(2, 10)],
        86,
        "settled at all of it",
    )
    .await?;
    leaves(
        &*store,
        vec![reserve(3, 10, 0)?, settle(3, 0)],
        86,
        "settled at nothing",
    )
    .await
}

pub(crate) async fn settling_above_the_reservation_takes_what_was_reserved(
    store: Arc<dyn Store>,
) -> Outcome {
    leaves(&*store, vec![add(100)?, reserve(1, 10, 0)?], 90, "reserved").await?;
    leaves(&*store, vec![settle(1, u32::MAX)], 90, "settled").await
}

pub(crate) async fn releasing_gives_back_once(store: Arc<dyn Store>) -> Outcome {
    leaves(&*store, vec![add(100)?, reserve(1, 10, 0)?], 90, "reserved").await?;
    leaves(&*store, vec![release(1)], 100, "released").await?;
    leaves(&*store, vec![release(1), release(9)], 100, "released again").await?;
    leaves(
        &*store,
        vec![settle(1, 10)],
        100,
        "settled after the release",
    )
    .await
}

pub(crate) async fn old_reservations_are_released(store: Arc<dyn Store>) -> Outcome {
    let reserved = vec![
        add(100)?,
        reserve(1, 1, 9)?,
        reserve(2, 2, 10)?,
        reserve(3, 4, 11)?,
        reserve(4, 8, 5)?,
        settle(4, 8),
    ];
    leaves(&*store, reserved, 85, "reserved").await?;
    let before = |second| CreditOp::ReleaseBefore {
        before: at(second),
        at: at(second),
        except: Vec::new(),
    };
    leaves(
        &*store,
        vec![before(10)],
        86,
        "before an instant: not at it",
    )
    .await?;
    leaves(&*store, vec![before(10)], 86, "again").await?;
    leaves(
        &*store,
        vec![settle(1, 1), settle(2, 2)],
        86,
        "only the younger one settles",
    )
    .await?;
    let spared = CreditOp::ReleaseBefore {
        before: at(1_000),
        at: at(1_000),
        except: vec![RequestId::from_value(3)],
    };
    leaves(&*store, vec![spared], 86, "all but one under way").await?;
    leaves(&*store, vec![before(1_000)], 90, "all").await
}

pub(crate) async fn movements_are_made_in_their_order(store: Arc<dyn Store>) -> Outcome {
    let ops = vec![
        add(5)?,
        reserve(1, 5, 0)?,
        release(1),
        reserve(2, 5, 0)?,
        settle(2, 2),
        add(1)?,
    ];
    leaves(&*store, ops, 4, "in their order").await?;
    let refused = store
        .commit(movements([reserve(3, 5, 0)?, add(100)?]))
        .await;
    too_few(
        refused,
        4,
        "a reservation before the credits that would cover it",
    )?;
    same(
        balance(&*store, "acme").await?,
        4,
        "the balance after a refusal",
    )
}

pub(crate) async fn balances_stay_within_their_range(store: Arc<dyn Store>) -> Outcome {
    leaves(&*store, vec![add(i64::MAX)?, add(5)?], i64::MAX, "the most").await?;
    leaves(
        &*store,
        vec![add(i64::MIN)?, add(i64::MIN)?],
        i64::MIN,
        "the least",
    )
    .await?;
    let refused = store.commit(movements([reserve(1, u32::MAX, 0)?])).await;
    too_few(refused, i64::MIN, "a reservation from the least")
}

pub(crate) async fn balances_are_apart_by_owner(store: Arc<dyn Store>) -> Outcome {
    let other = CreditOp::Add {
        owner: owner("other")?,
        amount: 7,
        at: at(0),
        note: String::new(),
    };
    leaves(
        &*store,
        vec![add(10)?, other, reserve(1, 8, 0)?],
        2,
        "one owner",
    )
    .await?;
    same(balance(&*store, "other").await?, 7, "another owner")?;
    leaves(&*store, vec![release(1)], 10, "a release").await?;
    same(
        balance(&*store, "other").await?,
        7,
        "another owner after the release",
    )
}
