//! Accounts with allowances, charges by their requests, and the ledger.

use std::sync::Arc;

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{
    Account, CreditOp, Found, Key, LedgerCheck, LedgerKind, LedgerLine, LedgerPage, LedgerQuery,
    LineNumber, Store, Terms,
};

use super::{
    failure::{Failure, Outcome, conflicts, ensure, same, too_few},
    fixtures::{add, at, balance, is_there, movements, owner, parsed},
};

pub(super) fn all_of(name: &str) -> Result<LedgerQuery, Failure> {
    Ok(LedgerQuery {
        owner: owner(name)?,
        from: None,
        until: None,
        after: None,
        limit: usize::MAX,
        check: LedgerCheck::AddedUp,
    })
}

pub(super) async fn page(store: &dyn Store, query: LedgerQuery) -> Result<LedgerPage, Failure> {
    match store.get(Key::Ledger(query)).await?.found {
        Found::Ledger(page) => Ok(*page),
        found => Err(Failure::new(format!("no ledger but {found:?}"))),
    }
}

/// The account of `acme`, read in both ways; its ledger adds up.
async fn account(store: &dyn Store) -> Result<Account, Failure> {
    let page = page(store, all_of("acme")?).await?;
    ensure(
        page.adds_up(),
        &format!("the ledger does not add up: {page:?}"),
    )?;
    let sum: i128 = page.lines.iter().map(|line| i128::from(line.amount)).sum();
    same(Some(sum), page.sum.map(i128::from), "the sum of the lines")?;
    match store.get(Key::Account(owner("acme")?)).await?.found {
        Found::Account(account) => {
            same(&account, &page.account, "the account beside the ledger")?;
            same(
                balance(store, "acme").await?,
                account.balance(),
                "the owner's balance",
            )?;
            Ok(account)
        }
        Found::Nothing => Ok(page.account),
        found => Err(Failure::new(format!("no account but {found:?}"))),
    }
}

/// Balance, what is left of the allowance, and what is reserved.
pub(super) async fn parts(store: &dyn Store) -> Result<(i64, u32, i64), Failure> {
    let account = account(store).await?;
    Ok((account.balance(), account.left(), account.reserved()))
}

pub(super) fn reserve(number: u128, amount: u32, at: Timestamp) -> Result<CreditOp, Failure> {
    Ok(CreditOp::Reserve {
        id: RequestId::from_value(number),
        owner: owner("acme")?,
        amount,
        at,
        note: format!("request {number}"),
    })
}

pub(super) const fn settle(number: u128, amount: u32, at: Timestamp) -> CreditOp {
    let id = RequestId::from_value(number);
    CreditOp::Settle { id, amount, at }
}

const fn release(number: u128, at: Timestamp) -> CreditOp {
    let id = RequestId::from_value(number);
    CreditOp::Release { id, at }
}

pub(super) fn terms(
    allowance: Option<u32>,
    post_paid: bool,
    at: Timestamp,
) -> Result<CreditOp, Failure> {
    let owner = owner("acme")?;
    let terms = Terms {
        allowance,
        post_paid,
    };
    Ok(CreditOp::SetTerms { owner, terms, at })
}

pub(super) async fn make(store: &dyn Store, ops: impl IntoIterator<Item = CreditOp>) -> Outcome {
    store.commit(movements(ops)).await?;
    Ok(())
}

pub(crate) async fn an_owner_without_credits_has_no_account(store: Arc<dyn Store>) -> Outcome {
    let key = Key::Account(owner("acme")?);
    ensure(!is_there(&*store, key).await?, "there is an account")?;
    let nothing = LedgerPage {
        sum: Some(0),
        ..LedgerPage::default()
    };
    let found = page(&*store, all_of("acme")?).await?;
    same(&found, &nothing, "the ledger of nobody")?;
    let renew = CreditOp::Renew {
        owner: owner("acme")?,
        at: at(0),
    };
    let none = terms(None, false, at(0))?;
    make(
        &*store,
        [renew, none, settle(1, 1, at(0)), release(2, at(0))],
    )
    .await?;
    let found = page(&*store, all_of("acme")?).await?;
    same(found, nothing, "the ledger of nobody after nothing")
}

pub(crate) async fn a_request_is_charged_once(store: Arc<dyn Store>) -> Outcome {
    make(
        &*store,
        [add(100)?, reserve(1, 10, at(0))?, settle(1, 4, at(0))],
    )
    .await?;
    for again in 0..2 {
        // In a batch of their own, and in one.
        make(&*store, [reserve(1, 10, at(again))?]).await?;
        make(&*store, [settle(1, 10, at(again)), release(1, at(again))]).await?;
        same(parts(&*store).await?, (96, 0, 0), "charged already")?;
    }
    make(&*store, [reserve(2, 10, at(0))?, release(2, at(0))]).await?;
    make(&*store, [reserve(2, 10, at(0))?]).await?;
    same(
        parts(&*store).await?,
        (86, 0, 10),
        "reserved anew after a release",
    )?;
    make(&*store, [settle(2, 0, at(0)), reserve(2, 10, at(0))?]).await?;
    same(
        parts(&*store).await?,
        (96, 0, 0),
        "what cost nothing is known too",
    )
}

pub(crate) async fn the_id_of_another_owners_request_conflicts(store: Arc<dyn Store>) -> Outcome {
    let theirs = |number| -> Result<CreditOp, Failure> {
        Ok(CreditOp::Reserve {
            id: RequestId::from_value(number),
            owner: owner("other")?,
            amount: 0,
            at: at(0),
            note: String::new(),
        })
    };
    make(
        &*store,
        [add(10)?, reserve(1, 1, at(0))?, reserve(2, 2, at(0))?],
    )
    .await?;
    make(&*store, [settle(2, 2, at(0))]).await?;
    for number in [1, 2] {
        let refused = store.commit(movements([add(5)?, theirs(number)?])).await;
        conflicts(refused, "another owner's request")?;
    }
    let (first, second) = (reserve(3, 1, at(0))?, theirs(3)?);
    let refused = store.commit(movements([first, second])).await;
    conflicts(refused, "another owner's request in one batch")?;
    same(
        parts(&*store).await?,
        (7, 0, 1),
        "nothing of the batches is there",
    )?;
    make(&*store, [release(1, at(0)), theirs(1)?]).await?;
    same(
        parts(&*store).await?,
        (8, 0, 0),
        "an id that was given back is free",
    )
}

pub(crate) async fn an_allowance_is_spent_first_lapses_and_is_given_anew(
    store: Arc<dyn Store>,
) -> Outcome {
    let january: Timestamp = parsed("2026-01-31T08:00:00Z")?;
    let before: Timestamp = parsed("2026-02-28T07:59:59.999999Z")?;
    let february: Timestamp = parsed("2026-02-28T08:00:00Z")?;
    let march: Timestamp = parsed("2026-03-31T08:00:00Z")?;
    make(&*store, [add(10)?, terms(Some(5), false, january)?]).await?;
    same(parts(&*store).await?, (15, 5, 0), "given at once")?;
    same(
        account(&*store).await?.resets_at(),
        Some(february),
        "the end of the month",
    )?;
    make(&*store, [reserve(1, 3, january)?, reserve(2, 4, before)?]).await?;
    same(parts(&*store).await?, (8, 0, 7), "the allowance first")?;
    make(&*store, [settle(1, 1, before)]).await?;
    same(
        parts(&*store).await?,
        (10, 2, 4),
        "the rest goes back to it",
    )?;
    // The second reservation has 2 of the old allowance and 2 bought ones.
    make(&*store, [reserve(3, 13, february)?]).await?;
    same(
        parts(&*store).await?,
        (0, 0, 17),
        "all of the new allowance",
    )?;
    make(&*store, [settle(2, 3, february), release(3, february)]).await?;
    let resets_at = account(&*store).await?.resets_at();
    same(resets_at, Some(march), "the end of the next month")?;
    let renew = CreditOp::Renew {
        owner: owner("acme")?,
        at: march,
    };
    make(&*store, [renew.clone(), renew]).await?;
    let lines = page(&*store, all_of("acme")?).await?.lines;
    let lines = lines
        .iter()
        .rev()
        .map(|line| (line.kind, line.amount, line.at));
    let expected = [
        (LedgerKind::Added, 10, at(0)),
        (LedgerKind::Allowance, 5, january),
        (LedgerKind::Charge, -1, before),
        (LedgerKind::Lapsed, -2, february),
        (LedgerKind::Allowance, 5, february),
        (LedgerKind::Charge, -3, february),
        (LedgerKind::Lapsed, -5, march),
        (LedgerKind::Allowance, 5, march),
    ];
    same(lines.collect::<Vec<_>>(), expected.to_vec(), "the ledger")
}

pub(crate) async fn a_refused_reservation_gives_no_allowance(store: Arc<dyn Store>) -> Outcome {
    let (january, february) = (at(0), at(40 * 86_400));
    make(
        &*store,
        [terms(Some(5), false, january)?, reserve(1, 2, january)?],
    )
    .await?;
    let refused = store.commit(movements([reserve(2, 6, february)?])).await;
    too_few(refused, 5, "a reservation of more than the new allowance")?;
    same(parts(&*store).await?, (3, 3, 2), "the old month, as it was")?;
    make(&*store, [reserve(2, 5, february)?]).await?;
    same(
        parts(&*store).await?,
        (0, 0, 7),
        "a reservation of the new allowance",
    )
}

pub(crate) async fn who_pays_afterwards_is_never_refused(store: Arc<dyn Store>) -> Outcome {
    make(&*store, [add(3)?, terms(Some(2), true, at(0))?]).await?;
    make(
        &*store,
        [reserve(1, u32::MAX, at(0))?, reserve(2, 1, at(0))?],
    )
    .await?;
    let most = i64::from(u32::MAX);
    same(parts(&*store).await?, (4 - most, 0, most + 1), "below zero")?;
    make(&*store, [settle(1, 10, at(0)), release(2, at(0))]).await?;
    same(parts(&*store).await?, (-5, 0, 0), "what was charged")?;
    make(&*store, [terms(None, false, at(0))?]).await?;
    let refused = store.commit(movements([reserve(3, 0, at(0))?])).await;
    too_few(refused, -5, "a debt of one who pays ahead")
}

pub(crate) async fn accounts_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    let ends = [
        Timestamp::from_unix_micros(i64::MIN),
        at(0),
        Timestamp::from_unix_micros(i64::MAX),
    ];
    for (allowance, post_paid) in [
        (Some(u32::MAX), true),
        (Some(0), false),
        (None, true),
        (None, false),
    ] {
        for instant in ends {
            let put = terms(allowance, post_paid, instant)?;
            let before = account(&*store).await?;
            make(&*store, [put]).await?;
            let after = account(&*store).await?;
            same(
                after.terms,
                Terms {
                    allowance,
                    post_paid,
                },
                "terms",
            )?;
            let given = allowance
                .unwrap_or(0)
                .max(before.period.map_or(0, |period| period.given));
            let is_later =
                after.period.map(|period| period.from) != before.period.map(|period| period.from);
            ensure(
                is_later || after.period.is_none_or(|period| period.given == given),
                "what was given is kept",
            )?;
        }
    }
    make(
        &*store,
        [
            add(i64::MIN)?,
            add(i64::MAX)?,
            add(i64::MAX)?,
            add(i64::MAX)?,
        ],
    )
    .await?;
    let full = account(&*store).await?;
    let sum = i128::from(full.balance()) + i128::from(full.reserved());
    same(sum, i128::from(i64::MAX), "the most that there may be")
}

pub(crate) async fn lines_are_read_as_they_were_written(store: Arc<dyn Store>) -> Outcome {
    let note = "it's \"POST\" /\u{e9}/{100%_\\}; --";
    let other = CreditOp::Add {
        owner: owner("other")?,
        amount: 1,
        at: at(0),
        note: String::new(),
    };
    let added = CreditOp::Add {
        owner: owner("acme")?,
        amount: 7,
        at: Timestamp::from_unix_micros(-1),
        note: note.into(),
    };
    let id = u128::MAX - 1;
    let charged = [reserve(id, 3, at(1))?, settle(id, 2, at(2))];
    make(&*store, [other, added]).await?;
    make(&*store, charged).await?;
    let lines = page(&*store, all_of("acme")?).await?.lines;
    let [charge, first] = lines.as_slice() else {
        return Err(Failure::new(format!("not two lines but {lines:?}")));
    };
    ensure(
        charge.number > first.number,
        "later lines have larger numbers",
    )?;
    let expected = LedgerLine {
        number: first.number,
        at: Timestamp::from_unix_micros(-1),
        kind: LedgerKind::Added,
        amount: 7,
        request: None,
        note: note.into(),
    };
    same(first, &expected, "what was added")?;
    let expected = LedgerLine {
        number: charge.number,
        at: at(2),
        kind: LedgerKind::Charge,
        amount: -2,
        request: Some(RequestId::from_value(id)),
        note: format!("request {id}"),
    };
    same(charge, &expected, "the charge")
}

pub(crate) async fn the_ledger_is_read_in_parts_and_by_time(store: Arc<dyn Store>) -> Outcome {
    // Two lines of another owner between each two, and a clock that goes back.
    for (number, second) in (1_i64..).zip([10, 20, 30, 25, 30, 40, 50]) {
        let other = |amount| -> Result<CreditOp, Failure> {
            Ok(CreditOp::Add {
                owner: owner("other")?,
                amount,
                at: at(0),
                note: String::new(),
            })
        };
        let id = u128::from(number.unsigned_abs());
        let ops = [
            other(1)?,
            add(number)?,
            reserve(id, 1, at(second))?,
            settle(id, 1, at(second)),
            other(-1)?,
        ];
        make(&*store, ops).await?;
    }
    let all = page(&*store, all_of("acme")?).await?;
    same(
        (all.lines.len(), all.next, all.charged, all.sum),
        (14, None, 7, Some(21)),
        "all",
    )?;
    let numbers: Vec<_> = all.lines.iter().map(|line| line.number).collect();
    ensure(numbers.is_sorted_by(|one, next| one > next), "newest first")?;
    for limit in [1, 3, 13, 14, 15] {
        let mut query = LedgerQuery {
            limit,
            ..all_of("acme")?
        };
        let mut seen = Vec::new();
        loop {
            let part = page(&*store, query.clone()).await?;
            ensure(part.lines.len() <= limit, "more lines than asked for")?;
            same(
                (part.charged, part.sum),
                (7, Some(21)),
                "of all, in each part",
            )?;
            seen.extend(part.lines);
            let Some(next) = part.next else { break };
            same(
                seen.last().map(|line| line.number),
                Some(next),
                "the next part",
            )?;
            query.after = Some(next);
        }
        same(&seen, &all.lines, &format!("in parts of {limit}"))?;
    }
    let none = LedgerQuery {
        limit: 0,
        ..all_of("acme")?
    };
    same(page(&*store, none).await?.lines.len(), 0, "none")?;
    let first = LedgerQuery {
        after: Some(LineNumber(0)),
        ..all_of("acme")?
    };
    same(
        page(&*store, first).await?.lines.len(),
        0,
        "before the first",
    )?;
    let last = LedgerQuery {
        after: Some(LineNumber(u64::MAX)),
        ..all_of("acme")?
    };
    same(
        page(&*store, last).await?.lines.len(),
        14,
        "before what is to come",
    )?;
    // From an instant on, and before another: 20, 25, and both of 30 by their instants.
    let range = LedgerQuery {
        from: Some(at(20)),
        until: Some(at(40)),
        ..all_of("acme")?
    };
    let some = page(&*store, range.clone()).await?;
    same(
        (some.lines.len(), some.charged, some.sum),
        (4, 4, Some(21)),
        "in a range of time",
    )?;
    let mut part = LedgerQuery {
        limit: 3,
        check: LedgerCheck::Skipped,
        ..range.clone()
    };
    let first = page(&*store, part.clone()).await?;
    same((first.charged, first.sum), (4, None), "not added up")?;
    part.after = first.next;
    let rest = page(&*store, part).await?;
    same(rest.next, None, "the end of the range")?;
    same(
        &[first.lines, rest.lines].concat(),
        &some.lines,
        "the range in two parts",
    )?;
    let late = LedgerQuery {
        from: Some(at(30)),
        ..all_of("acme")?
    };
    let late = page(&*store, late).await?;
    let times = late.lines.iter().map(|line| line.at);
    let expected = [50, 40, 30, 30].map(at);
    same(
        times.collect::<Vec<_>>(),
        expected.to_vec(),
        "without an end",
    )?;
    let ids = some.lines.iter().filter_map(|line| line.request);
    let expected = [5_u128, 4, 3, 2].map(RequestId::from_value);
    same(
        ids.collect::<Vec<_>>(),
        expected.to_vec(),
        "the requests in it",
    )
}
