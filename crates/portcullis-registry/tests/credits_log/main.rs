//! Whatever is done to credits, and whatever the clock does: they are what a log of all that
//! happened says they are, and the ledger adds up after each step.
#![cfg(test)]

mod log;

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{
    Batch, CommitError, CreditOp, Found, Key, LedgerCheck, LedgerKind, LedgerPage, LedgerQuery,
    MemoryStore, Owner, Store, Terms,
};
use proptest::prelude::*;

use log::{Log, Refusal};

/// One thing that is done; times are days, and the clock may go back.
#[derive(Clone, Debug)]
enum Step {
    Add {
        owner: u8,
        amount: i64,
    },
    Reserve {
        owner: u8,
        id: u8,
        amount: u32,
    },
    Settle {
        id: u8,
        amount: u32,
    },
    Release {
        id: u8,
    },
    Expire {
        age: i64,
        except: Vec<u8>,
    },
    Renew {
        owner: u8,
    },
    SetTerms {
        owner: u8,
        allowance: Option<u32>,
        post_paid: bool,
    },
    Wait {
        days: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..2_u8;
    let id = 0..12_u8;
    prop_oneof![
        2 => (owner.clone(), -10..30_i64).prop_map(|(owner, amount)| Step::Add { owner, amount }),
        6 => (owner.clone(), id.clone(), 0..15_u32)
            .prop_map(|(owner, id, amount)| Step::Reserve { owner, id, amount }),
        4 => (id.clone(), 0..20_u32).prop_map(|(id, amount)| Step::Settle { id, amount }),
        2 => id.clone().prop_map(|id| Step::Release { id }),
        1 => (0..40_i64, prop::collection::vec(id, 0..4))
            .prop_map(|(age, except)| Step::Expire { age, except }),
        1 => owner.clone().prop_map(|owner| Step::Renew { owner }),
        2 => (owner, prop::option::of(0..25_u32), prop::bool::weighted(0.2)).prop_map(
            |(owner, allowance, post_paid)| Step::SetTerms { owner, allowance, post_paid }
        ),
        4 => prop_oneof![Just(1), Just(10), Just(31), Just(100), Just(400), Just(-5), Just(-60), Just(-400)]
            .prop_map(|days| Step::Wait { days }),
    ]
}

fn owner(number: u8) -> Owner {
    ["acme", "other"][usize::from(number)].parse().unwrap()
}

/// 2027-11-30T10:00:00Z and so many days: leap February and the ends of years are near.
fn at(day: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_827_568_800 + day * 86_400)
}

fn request(id: u8) -> RequestId {
    RequestId::from_value(u128::from(id) << 64 | 5)
}

async fn commit(store: &MemoryStore, op: CreditOp) -> Option<Refusal> {
    let batch = Batch {
        credits: vec![op],
        ..Batch::default()
    };
    match store.commit(batch).await {
        Ok(_) => None,
        Err(CommitError::TooFewCredits { balance }) => Some(Refusal::TooFew(balance)),
        Err(CommitError::Conflict) => Some(Refusal::OfAnother),
        Err(error) => panic!("{error}"),
    }
}

async fn page(store: &MemoryStore, number: u8) -> LedgerPage {
    let query = LedgerQuery {
        owner: owner(number),
        from: None,
        until: None,
        after: None,
        limit: usize::MAX,
        check: LedgerCheck::AddedUp,
    };
    match store.get(Key::Ledger(query)).await.unwrap().found {
        Found::Ledger(page) => *page,
        found => panic!("{found:?}"),
    }
}

async fn check(steps: Vec<Step>) {
    let store = MemoryStore::new();
    let mut log = Log::new();
    let mut today = 0;
    for (number, step) in steps.iter().enumerate() {
        let (refused, expected) = match step.clone() {
            Step::Wait { days } => {
                today = (today + days).max(0);
                (None, None)
            }
            Step::Add { owner: of, amount } => {
                let (owner, at, note) = (owner(of), at(today), String::new());
                let op = CreditOp::Add {
                    owner,
                    amount,
                    at,
                    note,
                };
                log.add(of, amount);
                (commit(&store, op).await, None)
            }
            Step::Reserve {
                owner: of,
                id,
                amount,
            } => {
                let (owner, at, note) = (owner(of), at(today), String::new());
                let op = CreditOp::Reserve {
                    id: request(id),
                    owner,
                    amount,
                    at,
                    note,
                };
                (commit(&store, op).await, log.reserve(of, id, amount, today))
            }
            Step::Settle { id, amount } => {
                let op = CreditOp::Settle {
                    id: request(id),
                    amount,
                    at: at(today),
                };
                log.settle(id, amount);
                (commit(&store, op).await, None)
            }
            Step::Release { id } => {
                let op = CreditOp::Release {
                    id: request(id),
                    at: at(today),
                };
                log.release(id);
                (commit(&store, op).await, None)
            }
            Step::Expire { age, except } => {
                log.expire(today - age, &except);
                let except = except.into_iter().map(request).collect();
                let before = at(today - age);
                let op = CreditOp::ReleaseBefore {
                    before,
                    at: at(today),
                    except,
                };
                (commit(&store, op).await, None)
            }
            Step::Renew { owner: of } => {
                let op = CreditOp::Renew {
                    owner: owner(of),
                    at: at(today),
                };
                log.look(of, today);
                (commit(&store, op).await, None)
            }
            Step::SetTerms {
                owner: of,
                allowance,
                post_paid,
            } => {
                let terms = Terms {
                    allowance,
                    post_paid,
                };
                let op = CreditOp::SetTerms {
                    owner: owner(of),
                    terms,
                    at: at(today),
                };
                log.set_terms(of, allowance, post_paid, today);
                (commit(&store, op).await, None)
            }
        };
        assert_eq!(refused, expected, "step {number}: {step:?}");
        for of in [0, 1] {
            let page = page(&store, of).await;
            let (account, says) = (&page.account, log.account(of));
            let found = (account.balance(), account.reserved(), account.left());
            assert_eq!(found, says, "step {number}: {step:?}");
            let until = account.period.map(|period| period.until);
            assert_eq!(until, log.period_end(of).map(at), "step {number}: {step:?}");
            assert!(page.adds_up(), "step {number}: {step:?} {page:?}");
            let charges = page
                .lines
                .iter()
                .filter(|line| line.kind == LedgerKind::Charge);
            let mut charges: Vec<_> = charges.map(|line| (line.request, line.amount)).collect();
            charges.sort_unstable();
            let charged = log.charges(of);
            let charged = charged.map(|(id, amount)| (Some(request(id)), -i64::from(amount)));
            assert_eq!(
                charges,
                charged.collect::<Vec<_>>(),
                "step {number}: {step:?}"
            );
            // As it is shown, with what is due; after a step of the clock the ledger has a say.
            let is_ahead = account.period.is_some_and(|period| at(today) < period.from);
            let mut shown = log.clone();
            if !is_ahead && !log.was_given(of, today) {
                shown.look(of, today);
                let account = account.clone().renewed(at(today));
                let found = (account.balance(), account.reserved(), account.left());
                assert_eq!(found, shown.account(of), "step {number}: {step:?}, shown");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn credits_are_what_a_log_of_all_that_happened_says(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps));
    }
}
