//! Credits are reserved, settled and released, and never lost.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    collections::BTreeMap,
    future::Future,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{acme, bed, catalogue, format};
use portcullis_core::{Clock, RequestId};
use portcullis_registry::{
    Actor, Batch, Charge, CreditOp, Credits, Ending, LedgerCheck, LedgerKind, LedgerListing,
    MemoryStore, Options, Owner, Registry, Reservation, ReserveError, Store,
};
use portcullis_token::PepperRing;

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

fn charge(id: u128, amount: u32) -> Charge {
    Charge {
        id: RequestId::from_value(id),
        owner: acme(),
        amount: amount.try_into().unwrap(),
        note: "POST /posts".into(),
    }
}

fn credits(registry: &Registry) -> Arc<dyn Credits> {
    Arc::new(registry.clone())
}

/// Balance, what is reserved, and the charges.
async fn state(registry: &Registry) -> (i64, i64, Vec<i64>) {
    let listing = LedgerListing {
        limit: 1_000,
        check: LedgerCheck::AddedUp,
        ..LedgerListing::default()
    };
    let system = Actor::dangerous_system();
    let page = registry.ledger(&system, &acme(), listing).await.unwrap();
    assert!(page.adds_up(), "{page:?}");
    let charges = page.lines.iter().rev();
    let charges = charges.filter(|line| line.kind == LedgerKind::Charge);
    (
        page.account.balance(),
        page.account.reserved(),
        charges.map(|line| line.amount).collect(),
    )
}

#[tokio::test]
async fn a_request_is_charged_once_however_often_it_is_reserved() {
    let bed = bed().await;
    let registry = &bed.registry;
    registry.ensure_owner(&acme(), 10).await.unwrap();
    let credits = credits(registry);
    // While it is reserved.
    credits.reserve(charge(1, 4)).await.unwrap();
    credits.reserve(charge(1, 4)).await.unwrap();
    assert_eq!(state(registry).await, (6, 4, vec![]));
    credits.settle(charge(1, 4).id, 3).await.unwrap();
    assert_eq!(state(registry).await, (7, 0, vec![-3]));
    // After it was charged: also where the balance would not cover it.
    credits.reserve(charge(1, 9)).await.unwrap();
    assert_eq!(state(registry).await, (7, 0, vec![-3]));
    credits.settle(charge(1, 4).id, 4).await.unwrap();
    credits.release(charge(1, 4).id).await.unwrap();
    assert_eq!(state(registry).await, (7, 0, vec![-3]));
    // After it was given back it was never charged: so it may be once.
    credits.reserve(charge(2, 4)).await.unwrap();
    credits.release(charge(2, 4).id).await.unwrap();
    credits.settle(charge(2, 4).id, 4).await.unwrap();
    assert_eq!(state(registry).await, (7, 0, vec![-3]));
    credits.reserve(charge(2, 4)).await.unwrap();
    credits.settle(charge(2, 4).id, 4).await.unwrap();
    credits.settle(charge(2, 4).id, 4).await.unwrap();
    assert_eq!(state(registry).await, (3, 0, vec![-3, -4]));
    // What cost nothing is known as well.
    credits.reserve(charge(3, 1)).await.unwrap();
    credits.settle(charge(3, 1).id, 0).await.unwrap();
    credits.reserve(charge(3, 1)).await.unwrap();
    assert_eq!(state(registry).await, (3, 0, vec![-3, -4, 0]));
}

#[tokio::test]
async fn the_id_of_another_owners_request_is_refused_and_takes_nothing_from_it() {
    let bed = bed().await;
    let registry = &bed.registry;
    let other: Owner = "other".parse().unwrap();
    registry.ensure_owner(&acme(), 10).await.unwrap();
    registry.ensure_owner(&other, 10).await.unwrap();
    let credits = credits(registry);
    let theirs = Charge {
        owner: other,
        ..charge(1, 4)
    };
    let mine = Reservation::make(&credits, charge(1, 4)).await.unwrap();
    for _ in 0..2 {
        let refused = Reservation::make(&credits, theirs.clone()).await;
        assert!(matches!(refused, Err(ReserveError::Taken)), "{refused:?}");
        registry.flush().await.unwrap();
        registry.release_orphans().await.unwrap();
    }
    assert_eq!(state(registry).await, (6, 4, vec![]));
    mine.settle(4).await;
    let refused = Reservation::make(&credits, theirs).await;
    assert!(matches!(refused, Err(ReserveError::Taken)), "{refused:?}");
    assert_eq!(state(registry).await, (6, 0, vec![-4]));
}

#[tokio::test]
async fn a_settlement_after_its_reservation_expired_charges_nothing() {
    let bed = bed().await;
    let registry = &bed.registry;
    registry.ensure_owner(&acme(), 10).await.unwrap();
    // Reserved by another process, which is slow.
    let reserve = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: acme(),
        amount: 8,
        at: bed.clock.now(),
        note: "slow".into(),
    };
    let batch = |op| Batch {
        credits: vec![op],
        ..Batch::default()
    };
    bed.store.commit(batch(reserve)).await.unwrap();
    registry.release_orphans().await.unwrap();
    // Meanwhile others spend all.
    let ten = NonZeroU32::new(10).unwrap();
    registry
        .reserve(&acme(), ten, "fast")
        .await
        .unwrap()
        .settle(10)
        .await;
    let late = CreditOp::Settle {
        id: RequestId::from_value(1),
        amount: 8,
        at: bed.clock.now(),
    };
    bed.store.commit(batch(late)).await.unwrap();
    assert_eq!(state(registry).await, (0, 0, vec![-10]));
}

#[tokio::test]
async fn reservations_expire_when_the_options_say() {
    let (store, clock) = (
        Arc::new(MemoryStore::new()),
        portcullis_core::ManualClock::new(),
    );
    let options = Options::new()
        .with_clock(Arc::<portcullis_core::ManualClock>::clone(&clock))
        .with_reservation_ttl(Duration::from_secs(300));
    let peppers = PepperRing::generate().unwrap();
    let opened =
        Registry::open_with(Arc::clone(&store), format(), catalogue(), peppers, options).await;
    let (registry, driver) = opened.unwrap();
    registry.ensure_owner(&acme(), 10).await.unwrap();
    let lost = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: acme(),
        amount: 1,
        at: clock.now(),
        note: String::new(),
    };
    let batch = Batch {
        credits: vec![lost],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let driver = tokio::spawn(driver);
    tokio::time::pause();
    for (seconds, balance) in [(299, 9), (2, 10)] {
        clock.advance(Duration::from_secs(seconds));
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(registry.balance(&acme()).await.unwrap(), balance);
    }
    registry.close().await.unwrap();
    driver.await.unwrap();
}

/// Numbers that look random, the same each time.
fn stirred(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// One step of one of many threads; tells what it was charged under an id of its own.
async fn spend(
    registry: &Registry,
    store: &MemoryStore,
    thread: u64,
    step: u64,
) -> Option<(u128, u32)> {
    let random = stirred(thread << 32 | step);
    let price = u32::try_from(random % 9 + 1).unwrap();
    let is_shared = random.is_multiple_of(2);
    // Of the shared ids each is used by eight threads.
    let id = match is_shared {
        true => u128::from((thread % 8) << 32 | step),
        false => u128::from(thread << 32 | step) << 64,
    };
    if random.is_multiple_of(31) {
        // A process that died left this two hours ago, and all such are given back.
        let now = registry.clock().now();
        let lost = CreditOp::Reserve {
            id: RequestId::from_value(id | 1 << 127),
            owner: acme(),
            amount: price,
            at: now.saturating_sub(Duration::from_secs(7_200)),
            note: "lost".into(),
        };
        let expire = CreditOp::ReleaseBefore {
            before: now.saturating_sub(Duration::from_secs(3_600)),
            at: now,
            except: Vec::new(),
        };
        for op in [lost, expire] {
            let batch = Batch {
                credits: vec![op],
                ..Batch::default()
            };
            let _covered = store.commit(batch).await;
        }
    }
    let reserved = Reservation::make(&credits(registry), charge(id, price))
        .await
        .ok()?;
    match random / 64 % 5 {
        0 => drop(reserved),
        1 => reserved.release().await,
        2 => drop(reserved.settle(price)),
        _ => {
            let actual = price - u32::try_from(random / 8 % 2).unwrap();
            reserved.settle(actual).await;
            return (!is_shared).then_some((id, actual));
        }
    }
    None
}

#[test]
fn sixty_four_threads_spend_a_balance_and_nothing_is_spent_twice() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let bed = runtime().block_on(bed());
    let (registry, store) = (&bed.registry, &bed.store);
    runtime()
        .block_on(registry.ensure_owner(&acme(), 20_000))
        .unwrap();
    let acknowledged: BTreeMap<u128, u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64_u64)
            .map(|thread| {
                scope.spawn(move || {
                    let steps = async {
                        let mut charged = Vec::new();
                        for step in 0..200 {
                            charged.extend(spend(registry, store, thread, step).await);
                        }
                        charged
                    };
                    runtime().block_on(steps)
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    runtime().block_on(async {
        registry.flush().await.unwrap();
        registry.release_orphans().await.unwrap();
        let account = registry.credits(&acme()).await.unwrap();
        let lines = bed.store.ledger(&acme());
        let sum: i64 = lines.iter().map(|line| line.amount).sum();
        assert_eq!((account.balance(), account.reserved()), (sum, 0));
        assert!(sum >= 0, "{sum}");
        let charges: Vec<_> = lines
            .iter()
            .filter_map(|line| line.request.map(|id| (id.value(), line.amount)))
            .collect();
        let by_id: BTreeMap<_, _> = charges.iter().copied().collect();
        assert_eq!(by_id.len(), charges.len(), "a request is charged twice");
        assert!(acknowledged.len() > 500, "{}", acknowledged.len());
        for (id, amount) in acknowledged {
            assert_eq!(by_id.get(&id), Some(&-i64::from(amount)), "{id}");
        }
    });
}

/// A service that is asked, and says what it was asked.
#[derive(Debug, Default)]
struct Elsewhere(Mutex<Vec<String>>);

impl Elsewhere {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Credits for Elsewhere {
    fn reserve(&self, charge: Charge) -> portcullis_core::BoxFuture<'_, Result<(), ReserveError>> {
        self.note(format!("reserve {}", charge.amount));
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(())
        })
    }

    fn settle(
        &self,
        _: RequestId,
        amount: u32,
    ) -> portcullis_core::BoxFuture<'_, Result<(), portcullis_registry::StoreError>> {
        self.note(format!("settle {amount}"));
        Box::pin(std::future::ready(Err(
            portcullis_registry::StoreError::transient("could not ask", "it is away"),
        )))
    }

    fn release(
        &self,
        _: RequestId,
    ) -> portcullis_core::BoxFuture<'_, Result<(), portcullis_registry::StoreError>> {
        self.note("release".into());
        Box::pin(std::future::ready(Ok(())))
    }

    fn leave(&self, ending: Ending) {
        self.note(format!("leave {ending:?}"));
    }
}

#[tokio::test]
async fn what_another_service_did_not_acknowledge_is_left_behind() {
    let service = Arc::new(Elsewhere::default());
    let credits: Arc<dyn Credits> = Arc::<Elsewhere>::clone(&service);
    let said = || std::mem::take(&mut *service.0.lock().unwrap());
    let make = || Reservation::make(&credits, charge(0xab, 2));
    make().await.unwrap().settle(1).await;
    let id = "RequestId(000000000000000000000000000000ab)";
    let left = format!("leave Settle {{ id: {id}, amount: 1 }}");
    assert_eq!(said(), ["reserve 2", "settle 1", &left]);
    make().await.unwrap().release().await;
    assert_eq!(said(), ["reserve 2", "release"]);
    let left = format!("leave Release {{ id: {id} }}");
    drop(make().await.unwrap());
    assert_eq!(said(), ["reserve 2", &left]);
    drop(make().await.unwrap().release());
    assert_eq!(said(), ["reserve 2", &left]);
    // Dropped in the middle: whether it was set aside is not known.
    {
        let mut made = std::pin::pin!(make());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(made.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(said(), ["reserve 2", &left]);
}
