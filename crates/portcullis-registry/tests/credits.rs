//! Credits are reserved, settled and released, and never lost.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{num::NonZeroU32, time::Duration};

use common::{acme, bed};
use portcullis_core::{Clock, RequestId};
use portcullis_registry::{Batch, CreditOp, ReserveError, Store};

const ONE: NonZeroU32 = NonZeroU32::MIN;

#[tokio::test]
async fn what_is_settled_is_charged_and_what_is_released_goes_back() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 10);
    let five = NonZeroU32::new(5).unwrap();
    let reserved = bed.registry.reserve(&acme(), five, "work").await.unwrap();
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 5);
    reserved.settle(3).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 7);
    bed.registry
        .reserve(&acme(), five, "work")
        .await
        .unwrap()
        .release()
        .await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 7);
    bed.registry
        .reserve(&acme(), five, "work")
        .await
        .unwrap()
        .settle(9)
        .await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 2);
    let refused = bed.registry.reserve(&acme(), five, "work").await;
    assert!(matches!(refused, Err(ReserveError::TooFew { balance: 2 })));
}

#[tokio::test]
async fn an_unknown_owner_has_nothing_to_spend() {
    let bed = bed().await;
    let refused = bed.registry.reserve(&acme(), ONE, "work").await;
    assert!(matches!(refused, Err(ReserveError::TooFew { balance: 0 })));
}

#[tokio::test]
async fn what_is_dropped_is_left_to_the_driver() {
    let mut bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    drop(
        bed.registry
            .reserve(&acme(), ONE, "given back")
            .await
            .unwrap(),
    );
    drop(
        bed.registry
            .reserve(&acme(), ONE, "charged")
            .await
            .unwrap()
            .settle(1),
    );
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 8);
    let driver = tokio::spawn(bed.driver.take().unwrap());
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn a_close_settles_what_was_left() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    drop(
        bed.registry
            .reserve(&acme(), ONE, "given back")
            .await
            .unwrap(),
    );
    bed.registry.close().await.unwrap();
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 10);
}

#[tokio::test]
async fn a_reservation_that_nobody_settles_is_given_back_after_an_hour() {
    let mut bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    // Another process reserved, and died.
    let note = "lost".to_owned();
    let (id, at) = (RequestId::from_value(7), bed.clock.now());
    let lost = CreditOp::Reserve {
        id,
        owner: acme(),
        amount: 1,
        at,
        note,
    };
    let batch = Batch {
        credits: vec![lost],
        ..Batch::default()
    };
    bed.store.commit(batch).await.unwrap();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    tokio::time::pause();
    bed.clock.advance(Duration::from_secs(3_599));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
    bed.clock.advance(Duration::from_secs(2));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 10);
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
}

#[tokio::test]
async fn what_a_dead_process_left_is_given_back_at_a_start_and_what_is_under_way_is_not() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    let (id, at) = (RequestId::from_value(7), bed.clock.now());
    let lost = CreditOp::Reserve {
        id,
        owner: acme(),
        amount: 5,
        at,
        note: "lost".into(),
    };
    let batch = Batch {
        credits: vec![lost],
        ..Batch::default()
    };
    bed.store.commit(batch).await.unwrap();
    let mine = bed.registry.reserve(&acme(), ONE, "mine").await.unwrap();
    bed.registry.release_orphans().await.unwrap();
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
    mine.settle(1).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
}

#[tokio::test]
async fn what_is_under_way_is_not_given_back_wherever_the_wall_clock_steps() {
    let mut bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    let long = bed.registry.reserve(&acme(), ONE, "long").await.unwrap();
    let driver = tokio::spawn(bed.driver.take().unwrap());
    tokio::time::pause();
    bed.clock.advance(Duration::from_secs(7_200));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
    long.settle(1).await;
    bed.registry.close().await.unwrap();
    driver.await.unwrap();
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 9);
    assert_eq!(
        bed.store.ledger(&acme()).len(),
        2,
        "first credits, and the charge"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_never_goes_below_zero() {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 50).await.unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let registry = bed.registry.clone();
            tokio::spawn(async move {
                match registry.reserve(&acme(), ONE, "work").await {
                    Ok(reservation) => {
                        reservation.settle(1).await;
                        1
                    }
                    Err(ReserveError::TooFew { .. }) => 0,
                    Err(error) => panic!("{error}"),
                }
            })
        })
        .collect();
    let mut spent = 0;
    for task in tasks {
        spent += task.await.unwrap();
    }
    assert_eq!(spent, 50);
    assert_eq!(bed.registry.balance(&acme()).await.unwrap(), 0);
}
