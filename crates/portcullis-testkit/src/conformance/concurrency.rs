//! Many callers at once.

use std::sync::Arc;

use portcullis_core::RequestId;
use portcullis_registry::{
    CommitError, CreatedBy, CredentialRecord, CreditOp, Key, Seq, Store, Version,
};
use tokio::task::JoinSet;

use super::{
    failure::{Failure, Outcome, same},
    fixtures::{
        add, at, balance, credentials, head, id, key, movements, owner, put, read, user, written,
    },
};

const TASKS: u32 = 32;

/// How many of the outcomes were written; any failure but the expected one is told.
async fn written_of(
    mut tasks: JoinSet<Result<Seq, CommitError>>,
    expected: fn(&CommitError) -> bool,
) -> Result<u32, Failure> {
    let mut count = 0;
    while let Some(outcome) = tasks.join_next().await {
        match outcome.map_err(|error| Failure::new(error.to_string()))? {
            Ok(_) => count += 1,
            Err(error) if expected(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

fn is_conflict(error: &CommitError) -> bool {
    matches!(error, CommitError::Conflict)
}

pub(crate) async fn of_concurrent_puts_of_one_version_one_wins(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    for round in 1..=5 {
        let mut tasks = JoinSet::new();
        for number in 0..TASKS {
            let record = CredentialRecord {
                version: Version(round),
                name: number.to_string(),
                ..key(1)?
            };
            let store = Arc::clone(&store);
            tasks.spawn(async move { put(&*store, record).await });
        }
        same(
            written_of(tasks, is_conflict).await?,
            1,
            "puts that were written",
        )?;
        same(head(&*store).await?, Seq(round), "head")?;
        same(
            read(&*store, id(1)?).await?.0.version,
            Version(round + 1),
            "version",
        )?;
    }
    Ok(())
}

pub(crate) async fn of_concurrent_inserts_of_one_id_one_wins(store: Arc<dyn Store>) -> Outcome {
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let created_by = CreatedBy::User(user(&number.to_string())?);
        let record = CredentialRecord {
            created_by,
            ..key(1)?
        };
        let store = Arc::clone(&store);
        tasks.spawn(async move { put(&*store, record).await });
    }
    same(
        written_of(tasks, is_conflict).await?,
        1,
        "inserts that were written",
    )
}

pub(crate) async fn concurrent_reservations_never_go_below_zero(store: Arc<dyn Store>) -> Outcome {
    store.commit(movements([add(100)?])).await?;
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let reserve = CreditOp::Reserve {
            id: RequestId::from_value(number.into()),
            owner: owner("acme")?,
            amount: 7,
            at: at(0),
            note: String::new(),
        };
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.commit(movements([reserve])).await });
    }
    let too_few = |error: &CommitError| matches!(error, CommitError::TooFewCredits { .. });
    same(
        written_of(tasks, too_few).await?,
        14,
        "reservations that were covered",
    )?;
    same(balance(&*store, "acme").await?, 2, "balance")?;
    let all = CreditOp::ReleaseBefore {
        before: at(1),
        at: at(1),
        except: Vec::new(),
    };
    store.commit(movements([all])).await?;
    same(
        balance(&*store, "acme").await?,
        100,
        "the balance after a release of all",
    )
}

pub(crate) async fn concurrent_batches_take_numbers_without_gaps(store: Arc<dyn Store>) -> Outcome {
    for number in 0..TASKS {
        put(&*store, key(number)?).await?;
    }
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let record = written(&key(number)?);
        // Every second one fails, and must leave no gap.
        let bad = CredentialRecord {
            version: Version(9),
            ..key(TASKS + number)?
        };
        let batch = credentials(std::iter::once(record).chain((number % 2 == 1).then_some(bad)));
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.commit(batch).await });
    }
    same(
        written_of(tasks, is_conflict).await?,
        TASKS / 2,
        "batches that were written",
    )?;
    let changes = store.changes_since(Seq(0), usize::MAX).await?;
    let numbers: Vec<u64> = changes.changes.iter().map(|change| change.seq.0).collect();
    same(numbers, (1..=u64::from(TASKS / 2)).collect(), "numbers")?;
    same(changes.head, Seq(u64::from(TASKS / 2)), "head")
}

pub(crate) async fn a_snapshot_has_every_change_up_to_its_head_and_none_after(
    store: Arc<dyn Store>,
) -> Outcome {
    const PUTS: u64 = 100;
    put(&*store, key(1)?).await?;
    let record = key(1)?;
    let writer = Arc::clone(&store);
    let writing = tokio::spawn(async move {
        for number in 1..=PUTS {
            let record = CredentialRecord {
                version: Version(number),
                ..record.clone()
            };
            put(&*writer, record).await?;
        }
        Ok::<_, CommitError>(())
    });
    // Each change is a put of this one record, so its version tells the head that goes with it.
    let mut seen = Seq(0);
    while seen != Seq(PUTS) && !(writing.is_finished() && head(&*store).await? != Seq(PUTS)) {
        let snapshot = store.get(Key::Credential(id(1)?)).await?;
        let portcullis_registry::Found::Credential { record, .. } = snapshot.found else {
            return Err(Failure::new("no credential was found"));
        };
        same(
            record.version,
            Version(snapshot.head.0 + 1),
            "the version at this head",
        )?;
        if snapshot.head < seen {
            return Err(Failure::new("a later read has an older head"));
        }
        seen = snapshot.head;
        tokio::task::yield_now().await;
    }
    Ok(writing
        .await
        .map_err(|error| Failure::new(error.to_string()))??)
}
