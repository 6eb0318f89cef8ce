//! The head and the changes.

use std::sync::Arc;

use portcullis_registry::{
    Batch, Change, CredentialRecord, Key, OwnerRecord, Remac, Seq, State, Store, Target, Version,
};

use super::{
    failure::{Outcome, same},
    fixtures::{
        add, at, audit, credentials, head, id, key, mac, owner, owner_record, owners, pepper,
        pepper_record, put, use_of,
    },
};

pub(crate) async fn an_insert_is_not_a_change(store: Arc<dyn Store>) -> Outcome {
    let batch = Batch {
        owners: vec![owner_record("acme")?],
        ..credentials([key(1)?, key(2)?])
    };
    same(store.commit(batch).await?, Seq(0), "the head of the commit")?;
    same(head(&*store).await?, Seq(0), "head")?;
    same(
        store.changes_since(Seq(0), 10).await?.changes,
        vec![],
        "changes",
    )
}

pub(crate) async fn each_put_of_an_existing_record_takes_the_next_number(
    store: Arc<dyn Store>,
) -> Outcome {
    let batch = Batch {
        owners: vec![owner_record("acme")?],
        ..credentials([key(1)?, key(2)?])
    };
    store.commit(batch).await?;
    let first = CredentialRecord {
        version: Version(1),
        ..key(1)?
    };
    let second = CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..key(2)?
    };
    let suspended = OwnerRecord {
        version: Version(1),
        suspended: true,
        ..owner_record("acme")?
    };
    let puts = Batch {
        owners: vec![suspended],
        ..credentials([second, key(3)?, first])
    };
    same(store.commit(puts).await?, Seq(3), "head")?;
    let expected = vec![
        Change {
            seq: Seq(1),
            target: Target::Credential(id(2)?),
        },
        Change {
            seq: Seq(2),
            target: Target::Credential(id(1)?),
        },
        Change {
            seq: Seq(3),
            target: Target::Owner(owner("acme")?),
        },
    ];
    same(
        store.changes_since(Seq(0), 10).await?.changes,
        expected,
        "changes",
    )
}

pub(crate) async fn the_commit_returns_the_head_after_it(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    for number in 1..=3 {
        let record = CredentialRecord {
            version: Version(number),
            ..key(1)?
        };
        same(
            put(&*store, record).await?,
            Seq(number),
            "the head of a put",
        )?;
    }
    same(
        put(&*store, key(2)?).await?,
        Seq(3),
        "the head of an insert",
    )
}

pub(crate) async fn a_snapshot_has_the_head(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    put(
        &*store,
        CredentialRecord {
            version: Version(1),
            ..key(1)?
        },
    )
    .await?;
    let keys = [
        Key::Credential(id(1)?),
        Key::Credential(id(9)?),
        Key::Owner(owner("acme")?),
        Key::Peppers,
    ];
    for key in keys {
        same(store.get(key).await?.head, Seq(1), "head")?;
    }
    Ok(())
}

pub(crate) async fn changes_are_listed_oldest_first_up_to_a_limit(
    store: Arc<dyn Store>,
) -> Outcome {
    put(&*store, key(1)?).await?;
    for number in 1..=5 {
        put(
            &*store,
            CredentialRecord {
                version: Version(number),
                ..key(1)?
            },
        )
        .await?;
    }
    let cases: [(u64, usize, &[u64]); 7] = [
        (0, 10, &[1, 2, 3, 4, 5]),
        (0, 2, &[1, 2]),
        (2, 2, &[3, 4]),
        (4, usize::MAX, &[5]),
        (5, 10, &[]),
        (u64::MAX, 10, &[]),
        (0, 0, &[]),
    ];
    for (seq, limit, expected) in cases {
        let changes = store.changes_since(Seq(seq), limit).await?;
        same(changes.head, Seq(5), "head")?;
        let numbers: Vec<u64> = changes.changes.iter().map(|change| change.seq.0).collect();
        same(numbers.as_slice(), expected, "numbers")?;
    }
    Ok(())
}

pub(crate) async fn usage_macs_credits_peppers_and_audit_are_not_changes(
    store: Arc<dyn Store>,
) -> Outcome {
    put(&*store, key(1)?).await?;
    store.commit(owners([owner_record("acme")?])).await?;
    let remac = Remac {
        id: id(1)?,
        from: pepper(1)?,
        to: pepper(2)?,
        mac: mac(9),
    };
    let batch = Batch {
        peppers: vec![pepper_record(1, 1)?],
        credits: vec![add(100)?],
        usage: vec![use_of(id(1)?, 1, 2, 3)],
        remacs: vec![remac],
        audit: vec![audit()],
        ..Batch::default()
    };
    same(store.commit(batch).await?, Seq(0), "the head of the commit")?;
    same(store.changes_since(Seq(0), 10).await?.head, Seq(0), "head")?;
    let record = CredentialRecord {
        version: Version(1),
        updated_at: at(5),
        ..key(1)?
    };
    same(
        put(&*store, record).await?,
        Seq(1),
        "the head of the next put",
    )
}
