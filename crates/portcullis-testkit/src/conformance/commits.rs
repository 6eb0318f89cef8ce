//! All of a batch or nothing.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use portcullis_core::RequestId;
use portcullis_registry::{
    Batch, CredentialRecord, CreditOp, Key, Remac, Seq, State, Store, Version,
};

use super::{
    audit::rows as audit_rows,
    failure::{Outcome, conflicts, ensure, same, too_few},
    fixtures::{
        add, at, audit, balance, credentials, head, id, is_there, key, mac, owner, owner_record,
        owners, pepper, pepper_record, put, read, use_of, written,
    },
};

pub(crate) async fn an_empty_batch_returns_the_head(store: Arc<dyn Store>) -> Outcome {
    same(store.commit(Batch::default()).await?, Seq(0), "head")
}

/// A batch of everything, whose parts can be seen: it puts key 1 and inserts key 2.
pub(crate) async fn batch_of_everything(store: &dyn Store) -> Result<Batch, super::Failure> {
    if !is_there(store, Key::Credential(id(1)?)).await? {
        put(store, key(1)?).await?;
    }
    let changed = CredentialRecord {
        version: Version(1),
        name: "changed".into(),
        ..key(1)?
    };
    Ok(Batch {
        unchanged: vec![(id(1)?, Version(1)), (id(2)?, Version(0))],
        credentials: vec![changed, key(2)?],
        owners: vec![owner_record("acme")?],
        peppers: vec![pepper_record(7, 7)?],
        credits: vec![add(100)?],
        usage: vec![use_of(id(1)?, 1, 1, 1)],
        remacs: vec![Remac {
            id: id(1)?,
            from: pepper(1)?,
            to: pepper(2)?,
            mac: mac(9),
        }],
        audit: vec![audit()],
        ..Batch::default()
    })
}

/// Nothing of [`batch_of_everything`] is there.
pub(crate) async fn nothing_of_it(store: &dyn Store) -> Outcome {
    let (record, usage) = read(store, id(1)?).await?;
    same(record, written(&key(1)?), "the record that was there")?;
    same(usage.requests, 0, "its usage")?;
    same(audit_rows(store).await?, Vec::new(), "the audit log")?;
    ensure(
        !is_there(store, Key::Credential(id(2)?)).await?,
        "the insert is there",
    )?;
    ensure(
        !is_there(store, Key::Owner(owner("acme")?)).await?,
        "the owner is there",
    )?;
    same(store.get(Key::Peppers).await?.peppers(), &[], "peppers")?;
    same(balance(store, "acme").await?, 0, "balance")?;
    let changes = store.changes_since(Seq(0), 10).await?;
    same((changes.head, changes.changes), (Seq(0), vec![]), "changes")?;
    // The next put takes the first number.
    same(
        put(store, written(&key(1)?)).await?,
        Seq(1),
        "the head of the next put",
    )
}

pub(crate) async fn a_bad_put_leaves_nothing_of_the_batch(store: Arc<dyn Store>) -> Outcome {
    let mut batch = batch_of_everything(&*store).await?;
    batch.credentials.push(CredentialRecord {
        version: Version(4),
        ..key(3)?
    });
    conflicts(
        store.commit(batch).await,
        "a bad put as the last credential",
    )?;
    nothing_of_it(&*store).await
}

pub(crate) async fn a_changed_credential_leaves_nothing_of_the_batch(
    store: Arc<dyn Store>,
) -> Outcome {
    for changed in [
        (id(1)?, Version(2)),
        (id(1)?, Version(0)),
        (id(9)?, Version(1)),
    ] {
        let mut batch = batch_of_everything(&*store).await?;
        batch.unchanged.push(changed);
        conflicts(
            store.commit(batch).await,
            "a credential that is not at its version",
        )?;
    }
    nothing_of_it(&*store).await
}

pub(crate) async fn a_changed_owner_leaves_nothing_of_the_batch(store: Arc<dyn Store>) -> Outcome {
    store.commit(owners([owner_record("other")?])).await?;
    for changed in [("other", 0), ("other", 2), ("nobody", 1)] {
        let mut batch = batch_of_everything(&*store).await?;
        let (name, version) = changed;
        batch.unchanged_owners = vec![(owner(name)?, Version(version))];
        conflicts(
            store.commit(batch).await,
            "an owner that is not at its version",
        )?;
    }
    nothing_of_it(&*store).await?;
    // Compared before the puts, and to be compared is not to be changed. A balance is no record.
    let credited = Batch {
        credits: vec![add(1)?],
        ..Batch::default()
    };
    store.commit(credited).await?;
    let batch = Batch {
        unchanged_owners: vec![(owner("other")?, Version(1)), (owner("acme")?, Version(0))],
        ..owners([owner_record("acme")?])
    };
    let before = head(&*store).await?;
    same(store.commit(batch.clone()).await?, before, "the head")?;
    conflicts(store.commit(batch).await, "the same batch again")
}

pub(crate) async fn what_is_to_be_unchanged_is_compared_before_the_puts(
    store: Arc<dyn Store>,
) -> Outcome {
    put(&*store, key(1)?).await?;
    let batch = Batch {
        unchanged: vec![(id(1)?, Version(1)), (id(2)?, Version(0))],
        ..credentials([written(&key(1)?), key(2)?])
    };
    same(store.commit(batch.clone()).await?, Seq(1), "the head")?;
    conflicts(store.commit(batch).await, "the same batch again")?;
    // To be compared is not to be changed.
    let unchanged = vec![(id(1)?, Version(2))];
    let compared = Batch {
        unchanged,
        ..Batch::default()
    };
    same(
        store.commit(compared).await?,
        Seq(1),
        "the head after a comparison alone",
    )?;
    same(
        read(&*store, id(1)?).await?.0.version,
        Version(2),
        "the version after it",
    )
}

pub(crate) async fn a_bad_pepper_leaves_nothing_of_the_batch(store: Arc<dyn Store>) -> Outcome {
    let mut batch = batch_of_everything(&*store).await?;
    batch.peppers.push(pepper_record(7, 8)?);
    conflicts(store.commit(batch).await, "a bad pepper")?;
    nothing_of_it(&*store).await
}

pub(crate) async fn an_uncovered_reservation_leaves_nothing_of_the_batch(
    store: Arc<dyn Store>,
) -> Outcome {
    let mut batch = batch_of_everything(&*store).await?;
    let reserve = |number, amount| -> Result<CreditOp, super::Failure> {
        let (id, note) = (RequestId::from_value(number), String::new());
        Ok(CreditOp::Reserve {
            id,
            owner: owner("acme")?,
            amount,
            at: at(0),
            note,
        })
    };
    batch.credits.extend([
        reserve(1, 60)?,
        CreditOp::Settle {
            id: RequestId::from_value(1),
            amount: 10,
            at: at(0),
        },
        reserve(2, 40)?,
        CreditOp::Release {
            id: RequestId::from_value(2),
            at: at(0),
        },
        reserve(3, 91)?,
    ]);
    too_few(store.commit(batch).await, 90, "an uncovered reservation")?;
    nothing_of_it(&*store).await?;
    // None of the reservations is there to be given back.
    let old = CreditOp::ReleaseBefore {
        before: at(1),
        at: at(1),
        except: Vec::new(),
    };
    store
        .commit(Batch {
            credits: vec![old],
            ..Batch::default()
        })
        .await?;
    same(
        balance(&*store, "acme").await?,
        0,
        "balance after a release",
    )
}

pub(crate) async fn puts_of_one_batch_see_each_other(store: Arc<dyn Store>) -> Outcome {
    let second = CredentialRecord {
        version: Version(1),
        name: "second".into(),
        ..key(1)?
    };
    same(
        store.commit(credentials([key(1)?, second])).await?,
        Seq(1),
        "head",
    )?;
    let (record, _) = read(&*store, id(1)?).await?;
    same(
        (record.name.as_str(), record.version),
        ("second", Version(2)),
        "the last put",
    )?;
    let twice = credentials([key(2)?, key(2)?]);
    conflicts(store.commit(twice).await, "two inserts of one id")?;
    ensure(
        !is_there(&*store, Key::Credential(id(2)?)).await?,
        "the first insert is there",
    )
}

pub(crate) async fn parts_are_applied_in_the_order_of_the_fields(store: Arc<dyn Store>) -> Outcome {
    // Usage and a MAC of a credential that the same batch inserts.
    let batch = Batch {
        usage: vec![use_of(id(1)?, 3, 4, 5)],
        remacs: vec![Remac {
            id: id(1)?,
            from: pepper(1)?,
            to: pepper(2)?,
            mac: mac(9),
        }],
        ..credentials([key(1)?])
    };
    store.commit(batch).await?;
    let (record, usage) = read(&*store, id(1)?).await?;
    same((record.pepper, record.mac), (pepper(2)?, mac(9)), "MAC")?;
    same((usage.requests, usage.denied), (4, 5), "usage")
}

pub(crate) async fn a_conflict_is_told_before_too_few_credits(store: Arc<dyn Store>) -> Outcome {
    let reserve = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: owner("acme")?,
        amount: 1,
        at: at(0),
        note: String::new(),
    };
    let unknown = CredentialRecord {
        version: Version(1),
        ..key(1)?
    };
    let batch = Batch {
        credits: vec![reserve],
        ..credentials([unknown])
    };
    conflicts(
        store.commit(batch).await,
        "a bad put and an uncovered reservation",
    )
}

pub(crate) async fn a_dropped_commit_happens_whole_or_not_at_all(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(0)?).await?;
    for number in 1..=20 {
        let before = head(&*store).await?;
        let changed = CredentialRecord {
            version: Version(before.0 + 1),
            ..key(0)?
        };
        {
            let batch = Batch {
                credits: vec![add(1)?],
                ..credentials([key(number)?, changed])
            };
            let mut commit = pin!(store.commit(batch));
            // Ready or not, it is dropped.
            drop(
                commit
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop())),
            );
        }
        // What is committed later is behind it.
        let barrier = CredentialRecord {
            state: State::Disabled,
            ..key(1_000 + number)?
        };
        put(&*store, barrier).await?;
        let happened = is_there(&*store, Key::Credential(key(number)?.id)).await?;
        let moved = head(&*store).await? != before;
        same(moved, happened, "the head moved as the insert happened")?;
        let version = read(&*store, id(0)?).await?.0.version;
        same(
            version != Version(before.0 + 1),
            happened,
            "the put happened as the insert",
        )?;
        let spent = i64::try_from(head(&*store).await?.0).unwrap_or(i64::MAX);
        same(
            balance(&*store, "acme").await?,
            spent,
            "credits moved as the head did",
        )?;
    }
    Ok(())
}
