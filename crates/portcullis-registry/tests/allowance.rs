//! The allowance of a month: given, spent first, lapsed, and never given twice.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{num::NonZeroU32, time::Duration};

use common::{Bed, acme, ada, bed};
use portcullis_core::{Clock, RequestId};
use portcullis_registry::{
    Actor, ChangeError, CreditGrant, LedgerCheck, LedgerListing, Owner, Plan, ReserveError,
    Suspension,
};

const DAY: Duration = Duration::from_secs(86_400);

fn plan(name: &str) -> Plan {
    Plan::new(name.parse().unwrap())
}

/// An owner with 10 bought credits, on 1 January 2026.
async fn ten() -> Bed {
    let bed = bed().await;
    bed.registry.ensure_owner(&acme(), 10).await.unwrap();
    bed
}

impl Bed {
    async fn put(&self, plan: impl Into<Option<Plan>>) {
        let system = Actor::dangerous_system();
        let done = self.registry.set_plan(&system, &acme(), plan.into()).await;
        done.unwrap();
    }

    /// Balance, what is left of the allowance, and when that is given anew.
    async fn credits(&self) -> (i64, u32, Option<String>) {
        let account = self.registry.credits(&acme()).await.unwrap();
        let resets_at = account.resets_at().map(|at| at.to_string());
        (account.balance(), account.left(), resets_at)
    }

    async fn spend(&self, amount: u32) -> Result<(), i64> {
        let amount = NonZeroU32::new(amount).unwrap();
        match self.registry.reserve(&acme(), amount, "POST /posts").await {
            Ok(reservation) => {
                reservation.settle(amount.get()).await;
                Ok(())
            }
            Err(ReserveError::TooFew { balance }) => Err(balance),
            Err(error) => panic!("{error}"),
        }
    }

    /// The ledger, oldest first: what, and how much. It adds up.
    async fn ledger(&self) -> Vec<(&'static str, i64)> {
        let system = Actor::dangerous_system();
        let listing = LedgerListing {
            limit: 1_000,
            check: LedgerCheck::AddedUp,
            ..LedgerListing::default()
        };
        let page = self.registry.ledger(&system, &acme(), listing).await;
        let page = page.unwrap();
        assert!(page.adds_up(), "{page:?}");
        let lines = page.lines.iter().rev();
        lines
            .map(|line| (line.kind.as_str(), line.amount))
            .collect()
    }

    fn set_date(&self, date: &str) {
        self.clock.set_now(date.parse().unwrap());
    }
}

fn on(date: &str) -> Option<String> {
    Some(format!("{date}T00:00:00Z"))
}

#[tokio::test]
async fn an_allowance_is_spent_first_and_lapses_while_bought_credits_stay() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(100)).await;
    assert_eq!(bed.credits().await, (110, 100, on("2026-02-01")));
    bed.spend(30).await.unwrap();
    assert_eq!(bed.credits().await, (80, 70, on("2026-02-01")));
    // One more than the allowance has.
    bed.spend(71).await.unwrap();
    assert_eq!(bed.credits().await, (9, 0, on("2026-02-01")));
    assert_eq!(bed.spend(10).await, Err(9));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (109, 100, on("2026-03-01")));
    bed.spend(1).await.unwrap();
    bed.set_date("2026-03-01T00:00:00Z");
    assert_eq!(bed.credits().await, (109, 100, on("2026-04-01")));
    let lines = [
        ("added", 10),
        ("allowance", 100),
        ("charge", -30),
        ("charge", -71),
        ("allowance", 100),
        ("charge", -1),
        ("lapsed", -99),
        ("allowance", 100),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn a_month_ends_at_its_microsecond() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    bed.spend(12).await.unwrap();
    bed.set_date("2026-01-31T23:59:59.999999Z");
    assert_eq!(bed.spend(4).await, Err(3));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.spend(8).await, Ok(()));
    assert_eq!(bed.credits().await, (0, 0, on("2026-03-01")));
}

#[tokio::test]
async fn months_in_which_nobody_looked_are_not_made_up_for() {
    let bed = ten().await;
    bed.set_date("2026-01-31T00:00:00Z");
    bed.put(plan("pro").with_allowance(5)).await;
    bed.set_date("2027-02-28T00:00:00Z");
    assert_eq!(bed.credits().await, (15, 5, on("2027-03-31")));
    let lines = [
        ("added", 10),
        ("allowance", 5),
        ("lapsed", -5),
        ("allowance", 5),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn a_clock_that_steps_gives_no_second_allowance() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    for _ in 0..3 {
        // A month ahead, and back again.
        bed.set_date("2026-02-10T00:00:00Z");
        let _ = bed.spend(5).await;
        bed.set_date("2026-01-10T00:00:00Z");
        let _ = bed.spend(5).await;
    }
    let given = bed.ledger().await;
    let given = given
        .iter()
        .filter(|(kind, _)| *kind == "allowance")
        .count();
    assert_eq!(given, 2, "of January and of February");
    bed.set_date("2026-02-28T23:59:59Z");
    assert_eq!(bed.credits().await, (0, 0, on("2026-03-01")));
    bed.set_date("2026-03-01T00:00:00Z");
    assert_eq!(bed.credits().await, (5, 5, on("2026-04-01")));
}

#[tokio::test]
async fn going_back_and_forth_between_plans_gives_the_difference_once() {
    let bed = ten().await;
    let (small, large) = (
        plan("small").with_allowance(20),
        plan("large").with_allowance(50),
    );
    bed.put(small.clone()).await;
    bed.spend(20).await.unwrap();
    for (change, balance) in [
        (Some(large.clone()), 40),
        (Some(small.clone()), 40),
        (Some(large.clone()), 40),
        (None, 40),
        (Some(large.clone()), 40),
        (Some(small.clone()), 40),
        (Some(plan("other").with_allowance(51)), 41),
        (Some(plan("none")), 41),
        (Some(small), 41),
    ] {
        bed.put(change).await;
        assert_eq!(bed.credits().await.0, balance);
        bed.clock.advance(DAY);
    }
    // The month goes on as it began, and the next is the small one's.
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (30, 20, on("2026-03-01")));
}

#[tokio::test]
async fn an_allowance_that_is_taken_away_lapses_at_the_end_of_its_month() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    bed.put(None).await;
    assert_eq!(bed.credits().await, (15, 5, on("2026-02-01")));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (10, 0, None));
    // Nor is it to be had by a clock that goes back.
    assert_eq!(bed.ledger().await.last(), Some(&("lapsed", -5)));
    bed.set_date("2026-01-15T00:00:00Z");
    bed.put(plan("pro").with_allowance(5)).await;
    assert_eq!(bed.credits().await, (10, 0, on("2026-02-01")));
    bed.put(None).await;
    // A plan after that begins months of its own.
    bed.set_date("2026-02-20T12:00:00Z");
    bed.put(plan("pro").with_allowance(7)).await;
    assert_eq!(bed.credits().await.0, 17);
    assert_eq!(bed.credits().await.2.unwrap(), "2026-03-20T12:00:00Z");
}

#[tokio::test]
async fn an_allowance_is_not_carried_over_by_reserving_it() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    let eight = NonZeroU32::new(8).unwrap();
    let (released, settled) = (
        bed.registry.reserve(&acme(), eight, "long").await.unwrap(),
        bed.registry.reserve(&acme(), eight, "none").await,
    );
    assert!(matches!(settled, Err(ReserveError::TooFew { balance: 7 })));
    bed.set_date("2026-02-01T00:00:00Z");
    // The new allowance is there; 5 old ones and 3 bought ones are still set aside.
    assert_eq!(bed.credits().await, (12, 5, on("2026-03-01")));
    let settled = bed.registry.reserve(&acme(), eight, "short").await.unwrap();
    released.settle(2).await;
    // Of the 6 that come back the 3 old ones have lapsed.
    assert_eq!(bed.credits().await, (7, 0, on("2026-03-01")));
    settled.settle(1).await;
    assert_eq!(bed.credits().await, (14, 4, on("2026-03-01")));
    let lines = [
        ("added", 10),
        ("allowance", 5),
        ("allowance", 5),
        ("charge", -2),
        ("lapsed", -3),
        ("charge", -1),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn a_plan_that_is_paid_afterwards_refuses_nothing_and_records_everything() {
    let bed = ten().await;
    bed.put(plan("invoice").with_allowance(5).post_paid()).await;
    bed.spend(40).await.unwrap();
    bed.spend(2).await.unwrap();
    assert_eq!(bed.credits().await, (-27, 0, on("2026-02-01")));
    assert!(bed.registry.credits(&acme()).await.unwrap().is_post_paid());
    // What is not charged comes back.
    let hundred = NonZeroU32::new(100).unwrap();
    let reserved = bed.registry.reserve(&acme(), hundred, "x").await.unwrap();
    let account = bed.registry.credits(&acme()).await.unwrap();
    assert_eq!((account.balance(), account.reserved()), (-127, 100));
    reserved.settle(1).await;
    let lines = [
        ("added", 10),
        ("allowance", 5),
        ("charge", -40),
        ("charge", -2),
        ("charge", -1),
    ];
    assert_eq!(bed.ledger().await, lines);
    // Without the plan the debt is a debt.
    bed.put(plan("prepaid")).await;
    assert_eq!(bed.spend(1).await, Err(-28));
    let system = Actor::dangerous_system();
    let paid = bed
        .registry
        .add_credits(&system, &acme(), CreditGrant::new(30, "invoice 7"))
        .await;
    paid.unwrap();
    assert_eq!(bed.spend(3).await, Err(2));
    assert_eq!(bed.spend(2).await, Ok(()));
}

impl Bed {
    async fn add(&self, amount: i64) {
        let (system, grant) = (
            Actor::dangerous_system(),
            CreditGrant::new(amount, "by hand"),
        );
        let added = self.registry.add_credits(&system, &acme(), grant).await;
        added.unwrap();
    }
}

#[tokio::test]
async fn an_allowance_pays_off_a_debt_once_and_not_anew_each_month() {
    let bed = ten().await;
    bed.add(-40).await;
    // 30 are owed, of which January pays 20 and February 10.
    bed.put(plan("pro").with_allowance(20)).await;
    assert_eq!(bed.credits().await, (-10, 0, on("2026-02-01")));
    assert_eq!(bed.spend(1).await, Err(-10));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (10, 10, on("2026-03-01")));
    bed.spend(4).await.unwrap();
    bed.set_date("2026-03-01T00:00:00Z");
    assert_eq!(bed.credits().await, (20, 20, on("2026-04-01")));
    let lines = [
        ("added", 10),
        ("added", -40),
        ("allowance", 20),
        ("allowance", 20),
        ("charge", -4),
        ("lapsed", -6),
        ("allowance", 20),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn a_debt_within_the_month_is_paid_before_the_rest_lapses() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(20)).await;
    bed.add(-25).await;
    assert_eq!(bed.credits().await, (5, 20, on("2026-02-01")));
    assert_eq!(bed.spend(6).await, Err(5));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (20, 20, on("2026-03-01")));
    let lines = [
        ("added", 10),
        ("allowance", 20),
        ("added", -25),
        ("lapsed", -5),
        ("allowance", 20),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn what_is_paid_afterwards_waits_for_its_invoice_until_it_is_paid_ahead() {
    let bed = ten().await;
    bed.put(plan("invoice").with_allowance(5).post_paid()).await;
    bed.spend(40).await.unwrap();
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (-20, 5, on("2026-03-01")));
    bed.set_date("2026-03-01T00:00:00Z");
    bed.put(plan("prepaid").with_allowance(5)).await;
    assert_eq!(bed.credits().await, (-20, 5, on("2026-04-01")));
    // The 5 of March are paid, and those of April.
    bed.set_date("2026-04-01T00:00:00Z");
    assert_eq!(bed.credits().await, (-15, 0, on("2026-05-01")));
    let lines = [
        ("added", 10),
        ("allowance", 5),
        ("charge", -40),
        ("allowance", 5),
        ("allowance", 5),
    ];
    assert_eq!(bed.ledger().await, lines);
}

#[tokio::test]
async fn what_is_but_reserved_is_no_debt_of_one_who_pays_afterwards() {
    let bed = ten().await;
    bed.put(plan("invoice").with_allowance(5).post_paid()).await;
    let twenty = NonZeroU32::new(20).unwrap();
    let long = bed.registry.reserve(&acme(), twenty, "long").await.unwrap();
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.ledger().await.last(), Some(&("allowance", 5)));
    // 5 were of January; they lapse, and those of February don't become bought ones.
    long.release().await;
    assert_eq!(bed.credits().await, (15, 5, on("2026-03-01")));
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_keeps_no_month_from_its_allowance() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    bed.set_date("2126-06-10T00:00:00Z");
    bed.spend(2).await.unwrap();
    assert_eq!(bed.credits().await, (13, 3, on("2126-07-01")));
    // That of January was given: what is left of the other stays to its end.
    bed.set_date("2026-01-12T00:00:00Z");
    assert_eq!(bed.credits().await, (13, 3, on("2026-02-01")));
    bed.spend(1).await.unwrap();
    bed.set_date("2026-01-31T23:59:59Z");
    assert_eq!(bed.credits().await, (12, 2, on("2026-02-01")));
    bed.set_date("2026-02-01T00:00:00Z");
    assert_eq!(bed.credits().await, (15, 5, on("2026-03-01")));
    bed.spend(1).await.unwrap();
    let lines = [
        ("added", 10),
        ("allowance", 5),
        ("lapsed", -5),
        ("allowance", 5),
        ("charge", -2),
        ("charge", -1),
        ("lapsed", -2),
        ("allowance", 5),
        ("charge", -1),
    ];
    assert_eq!(bed.ledger().await, lines);
    // Nothing is to be had by going there and back again.
    for (left, balance) in [(2, 12), (0, 10)] {
        for date in ["2126-06-10T00:00:00Z", "2026-02-02T00:00:00Z"] {
            bed.set_date(date);
            bed.spend(1).await.unwrap();
        }
        assert_eq!(bed.credits().await, (balance, left, on("2026-03-01")));
    }
    bed.set_date("2026-03-01T00:00:00Z");
    assert_eq!(bed.credits().await, (15, 5, on("2026-04-01")));
}

#[tokio::test]
async fn a_plan_that_a_clock_far_ahead_has_put_or_taken_away_has_months_now() {
    let bed = ten().await;
    bed.set_date("2126-06-10T00:00:00Z");
    bed.put(plan("pro").with_allowance(5)).await;
    bed.set_date("2026-01-12T00:00:00Z");
    // None was given for this month. Its days are those on which the plan was put.
    assert_eq!(bed.ledger().await.last(), Some(&("allowance", 5)));
    assert_eq!(bed.credits().await, (15, 5, on("2026-02-10")));
    bed.set_date("2126-06-10T00:00:00Z");
    bed.put(None).await;
    bed.set_date("2026-01-13T00:00:00Z");
    assert_eq!(bed.ledger().await.last(), Some(&("allowance", 5)));
    assert_eq!(bed.credits().await, (15, 5, on("2026-02-10")));
    bed.set_date("2026-02-10T00:00:00Z");
    assert_eq!(bed.credits().await, (10, 0, None));
    let kinds: Vec<_> = bed.ledger().await.iter().map(|line| line.0).collect();
    let of_two_months = ["allowance", "lapsed", "allowance"];
    assert_eq!(
        kinds,
        [&["added"], &of_two_months[..], &["lapsed"]].concat()
    );
}

#[tokio::test]
async fn who_may_add_credits_and_read_the_ledger() {
    let bed = ten().await;
    let mine = CreditGrant::new(1, "mine");
    let add = bed.registry.add_credits(&ada(), &acme(), mine).await;
    assert!(matches!(add, Err(ChangeError::Reserved)));
    let other: Owner = "other".parse().unwrap();
    let listing = LedgerListing::default;
    let refused = bed.registry.ledger(&ada(), &other, listing()).await;
    assert!(matches!(refused, Err(ChangeError::NotFound)));
    let own = bed
        .registry
        .ledger(&ada(), &acme(), listing())
        .await
        .unwrap();
    assert_eq!((own.lines.len(), own.sum), (1, None));
    let system = Actor::dangerous_system();
    bed.registry
        .add_credits(&system, &other, CreditGrant::new(-3, "taken"))
        .await
        .unwrap();
    assert_eq!(bed.registry.balance(&other).await.unwrap(), -3);
    let audit = bed.store.audit();
    let last = audit.last().unwrap();
    assert_eq!(
        (&*last.action, last.target.as_str()),
        ("owner.credits", "other")
    );
}

#[tokio::test]
async fn a_payment_that_is_told_of_twice_counts_once() {
    let bed = ten().await;
    let (system, owner) = (Actor::dangerous_system(), acme());
    let other: Owner = "other".parse().unwrap();
    let payment = |id| CreditGrant::new(50, "invoice 7").with_id(RequestId::from_value(id));
    let rows = bed.store.audit().len();
    for _ in 0..3 {
        let added = bed.registry.add_credits(&system, &owner, payment(7));
        added.await.unwrap();
        bed.clock.advance(DAY);
    }
    let taken = bed.registry.add_credits(&system, &other, payment(7)).await;
    assert!(matches!(taken, Err(ChangeError::IdTaken)), "{taken:?}");
    let added = bed.registry.add_credits(&system, &owner, payment(8));
    added.await.unwrap();
    let lines = [("added", 10), ("added", 50), ("added", 50)];
    assert_eq!(bed.ledger().await, lines);
    assert_eq!(bed.registry.balance(&other).await.unwrap(), 0);
    let audit = bed.store.audit();
    let details: Vec<_> = audit[rows..].iter().map(|row| &row.details).collect();
    let row = |id: &str, balance| {
        let id = format!("{id:0>32}");
        serde_json::json!({
            "note": "invoice 7", "id": id, "credits": 50, "balance": balance,
        })
    };
    assert_eq!(details, [&row("7", 60), &row("8", 110)]);
}

#[tokio::test]
async fn a_suspension_leaves_the_months_as_they_are() {
    let bed = ten().await;
    bed.put(plan("pro").with_allowance(5)).await;
    let system = Actor::dangerous_system();
    for suspension in [Suspension::Suspended, Suspension::Lifted] {
        let done = bed
            .registry
            .set_suspended(&system, &acme(), suspension)
            .await;
        done.unwrap();
    }
    assert_eq!(bed.credits().await, (15, 5, on("2026-02-01")));
    assert_eq!(bed.ledger().await, [("added", 10), ("allowance", 5)]);
}

#[tokio::test]
async fn the_ledger_is_read_in_parts_and_by_time() {
    let bed = ten().await;
    for _ in 0..5 {
        bed.clock.advance(DAY);
        bed.spend(1).await.unwrap();
    }
    let system = Actor::dangerous_system();
    let read = async |listing| {
        bed.registry
            .ledger(&system, &acme(), listing)
            .await
            .unwrap()
    };
    let mut listing = LedgerListing {
        limit: 2,
        check: LedgerCheck::AddedUp,
        ..LedgerListing::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = read(listing.clone()).await;
        assert_eq!((page.charged, page.sum, page.adds_up()), (5, Some(5), true));
        seen.extend(page.lines.iter().map(|line| (line.at, line.amount)));
        let Some(next) = page.next else { break };
        assert_eq!(page.lines.len(), 2);
        listing.after = Some(next);
        // What is written meanwhile is not in later parts.
        let more = CreditGrant::new(0, "more");
        let added = bed.registry.add_credits(&system, &acme(), more).await;
        added.unwrap();
    }
    assert_eq!(seen.len(), 6);
    assert!(
        seen.is_sorted_by(|one, next| one.0 > next.0),
        "newest first: {seen:?}"
    );
    let from = "2026-01-03T00:00:00Z".parse().unwrap();
    let until = "2026-01-05T00:00:00Z".parse().unwrap();
    let some = read(LedgerListing {
        from: Some(from),
        until: Some(until),
        ..LedgerListing::default()
    });
    let some = some.await;
    let times: Vec<_> = some.lines.iter().map(|line| line.at).collect();
    let second = "2026-01-04T00:00:00Z".parse().unwrap();
    assert_eq!(times, [second, from]);
    assert_eq!((some.charged, some.sum), (2, None));
    let line = some.lines.first().unwrap();
    assert_eq!((line.note.as_str(), line.amount), ("POST /posts", -1));
    assert!(line.request.is_some());
    assert!(bed.clock.now() > until);
}
