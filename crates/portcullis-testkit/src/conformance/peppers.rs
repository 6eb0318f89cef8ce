//! Peppers that are forgotten.

use std::sync::Arc;

use portcullis_core::{CredentialId, RequestId};
use portcullis_registry::{
    Batch, CredentialRecord, CreditOp, Key, Of, Remac, Seq, State, Store, Version,
};
use portcullis_token::TokenKind;

use super::{
    commits::{batch_of_everything, nothing_of_it},
    failure::{Failure, Outcome, conflicts, ensure, same, too_few},
    fixtures::{
        at, credentials, head, id, is_there, key, list, mac, movements, owner, pepper,
        pepper_record, put, read, session, written,
    },
};

/// Notes peppers, each with its version as fingerprint.
async fn note(store: &dyn Store, versions: &[u8]) -> Outcome {
    let peppers = versions
        .iter()
        .map(|version| pepper_record(u16::from(*version), *version));
    let batch = Batch {
        peppers: peppers.collect::<Result<_, _>>()?,
        ..Batch::default()
    };
    store.commit(batch).await?;
    Ok(())
}

/// The batch that also forgets these peppers.
fn forgetting(versions: &[u16], batch: Batch) -> Result<Batch, Failure> {
    let versions = versions.iter().map(|version| pepper(*version));
    Ok(Batch {
        forgotten_peppers: versions.collect::<Result<_, _>>()?,
        ..batch
    })
}

/// The peppers that the store knows are these, with the fingerprints of [`note`].
async fn knows(store: &dyn Store, versions: &[u8], what: &str) -> Outcome {
    let expected = versions
        .iter()
        .map(|version| pepper_record(u16::from(*version), *version));
    same(
        store.get(Key::Peppers).await?.peppers(),
        &expected.collect::<Result<Vec<_>, _>>()?,
        what,
    )
}

fn remac(id: CredentialId, from: u16, to: u16) -> Result<Remac, Failure> {
    Ok(Remac {
        id,
        from: pepper(from)?,
        to: pepper(to)?,
        mac: mac(99),
    })
}

pub(crate) async fn a_forgotten_pepper_is_gone_and_the_others_stay(
    store: Arc<dyn Store>,
) -> Outcome {
    note(&*store, &[1, 2, 10, 11]).await?;
    // A key is under one that stays.
    put(&*store, key(1)?).await?;
    let forgotten = store.commit(forgetting(&[2], Batch::default())?).await?;
    knows(&*store, &[1, 10, 11], "one forgotten").await?;
    store
        .commit(forgetting(&[11, 10], Batch::default())?)
        .await?;
    knows(&*store, &[1], "two forgotten at once").await?;
    // No record was put: nothing has changed.
    same((forgotten, head(&*store).await?), (Seq(0), Seq(0)), "head")?;
    same(
        store.changes_since(Seq(0), 10).await?.changes,
        vec![],
        "changes",
    )
}

pub(crate) async fn a_forgotten_version_can_be_noted_with_another_fingerprint(
    store: Arc<dyn Store>,
) -> Outcome {
    note(&*store, &[1, 2]).await?;
    store.commit(forgetting(&[2], Batch::default())?).await?;
    let other = pepper_record(2, 9)?;
    let noted = Batch {
        peppers: vec![other],
        ..Batch::default()
    };
    store.commit(noted).await?;
    same(
        store.get(Key::Peppers).await?.peppers(),
        &[pepper_record(1, 1)?, other],
        "peppers",
    )
}

pub(crate) async fn a_pepper_that_a_credential_is_under_is_not_forgotten(
    store: Arc<dyn Store>,
) -> Outcome {
    let under = |number: u16, record: CredentialRecord| -> Result<_, Failure> {
        let pepper = pepper(number)?;
        Ok(CredentialRecord { pepper, ..record })
    };
    let disabled = CredentialRecord {
        state: State::Disabled,
        ..key(2)?
    };
    let expired = CredentialRecord {
        expires_at: Some(at(-1)),
        ..key(3)?
    };
    let imported = CredentialRecord {
        imported: Some("sk-social-".into()),
        ..key(4)?
    };
    let of_kind = |number, kind| -> Result<_, Failure> {
        Ok(CredentialRecord {
            kind,
            ..session(number)?
        })
    };
    let records = [
        under(1, key(1)?)?,
        under(2, disabled)?,
        under(3, expired)?,
        under(4, imported)?,
        under(5, of_kind(5, TokenKind::Session)?)?,
        under(6, of_kind(6, TokenKind::Refresh)?)?,
        under(7, of_kind(7, TokenKind::Device)?)?,
        // One that was never noted.
        under(9, key(9)?)?,
    ];
    note(&*store, &[1, 2, 3, 4, 5, 6, 7, 8]).await?;
    store.commit(credentials(records)).await?;
    for version in [1, 2, 3, 4, 5, 6, 7, 9] {
        let what = format!("pepper {version}, which a credential is under");
        let forgotten = forgetting(&[version], Batch::default())?;
        conflicts(store.commit(forgotten).await, &what)?;
    }
    knows(&*store, &[1, 2, 3, 4, 5, 6, 7, 8], "after the conflicts").await?;
    store.commit(forgetting(&[8], Batch::default())?).await?;
    knows(&*store, &[1, 2, 3, 4, 5, 6, 7], "the one that was free").await
}

pub(crate) async fn a_pepper_of_revoked_credentials_alone_is_forgotten(
    store: Arc<dyn Store>,
) -> Outcome {
    note(&*store, &[1]).await?;
    store.commit(credentials([key(1)?, session(2)?])).await?;
    let revoked = |record| CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..record
    };
    put(&*store, revoked(key(1)?)).await?;
    conflicts(
        store.commit(forgetting(&[1], Batch::default())?).await,
        "a pepper of one that is revoked and one that is not",
    )?;
    put(&*store, revoked(session(2)?)).await?;
    store.commit(forgetting(&[1], Batch::default())?).await?;
    knows(&*store, &[], "peppers").await?;
    for record in [key(1)?, session(2)?] {
        same(
            read(&*store, record.id).await?.0,
            written(&revoked(record)),
            "a record under a forgotten pepper",
        )?;
    }
    Ok(())
}

pub(crate) async fn a_pepper_in_use_leaves_nothing_of_the_batch(store: Arc<dyn Store>) -> Outcome {
    // Key 1 of the batch is under pepper 1, and pepper 7 is noted by it.
    for versions in [[1].as_slice(), &[7, 1]] {
        let batch = batch_of_everything(&*store).await?;
        conflicts(
            store.commit(forgetting(versions, batch)?).await,
            "a pepper in use",
        )?;
    }
    nothing_of_it(&*store).await
}

pub(crate) async fn a_refused_batch_forgets_no_pepper(store: Arc<dyn Store>) -> Outcome {
    note(&*store, &[1, 2, 3]).await?;
    put(&*store, key(1)?).await?;
    let reserve = CreditOp::Reserve {
        id: RequestId::from_value(1),
        owner: owner("acme")?,
        amount: 1,
        at: at(0),
        note: String::new(),
    };
    let bad_batches = [
        credentials([key(1)?]),
        Batch {
            unchanged: vec![(id(1)?, Version(2))],
            ..Batch::default()
        },
        Batch {
            peppers: vec![pepper_record(1, 9)?],
            ..Batch::default()
        },
    ];
    for batch in bad_batches {
        conflicts(
            store.commit(forgetting(&[2, 3], batch)?).await,
            "a batch with a conflict elsewhere",
        )?;
        knows(&*store, &[1, 2, 3], "after a conflict elsewhere").await?;
    }
    for versions in [[2, 1], [1, 2]] {
        conflicts(
            store.commit(forgetting(&versions, Batch::default())?).await,
            "a pepper in use beside one that is free",
        )?;
        knows(&*store, &[1, 2, 3], "beside one in use").await?;
    }
    too_few(
        store
            .commit(forgetting(&[2], movements([reserve.clone()]))?)
            .await,
        0,
        "an uncovered reservation",
    )?;
    knows(&*store, &[1, 2, 3], "after an uncovered reservation").await?;
    conflicts(
        store.commit(forgetting(&[1], movements([reserve]))?).await,
        "a pepper in use and an uncovered reservation",
    )
}

pub(crate) async fn forgetting_comes_after_the_puts_of_its_batch(store: Arc<dyn Store>) -> Outcome {
    note(&*store, &[1, 2]).await?;
    let under_2 = CredentialRecord {
        pepper: pepper(2)?,
        ..key(1)?
    };
    conflicts(
        store
            .commit(forgetting(&[2], credentials([under_2.clone()]))?)
            .await,
        "the pepper of an insert",
    )?;
    ensure(
        !is_there(&*store, Key::Credential(id(1)?)).await?,
        "the insert is there",
    )?;
    knows(&*store, &[1, 2], "after the insert").await?;
    // Changed, it is still under it.
    put(&*store, under_2.clone()).await?;
    let disabled = CredentialRecord {
        version: Version(1),
        state: State::Disabled,
        ..under_2
    };
    conflicts(
        store
            .commit(forgetting(&[2], credentials([disabled.clone()]))?)
            .await,
        "the pepper of what is disabled",
    )?;
    // Revoked it is not, and neither is what comes revoked.
    let revoked = CredentialRecord {
        version: Version(2),
        state: State::Revoked,
        ..disabled.clone()
    };
    let never_of_use = CredentialRecord {
        id: id(2)?,
        version: Version(0),
        ..revoked.clone()
    };
    let last = credentials([disabled, revoked, never_of_use]);
    store.commit(forgetting(&[2], last)?).await?;
    knows(&*store, &[1], "after the revoke").await?;
    // Noted and forgotten.
    let batch = Batch {
        peppers: vec![pepper_record(3, 3)?],
        ..Batch::default()
    };
    store.commit(forgetting(&[3], batch)?).await?;
    knows(&*store, &[1], "noted and forgotten").await
}

pub(crate) async fn a_renewed_mac_leaves_its_pepper_free_for_later_batches(
    store: Arc<dyn Store>,
) -> Outcome {
    note(&*store, &[1, 2]).await?;
    put(&*store, key(1)?).await?;
    let renewed = Batch {
        remacs: vec![remac(id(1)?, 1, 2)?],
        ..Batch::default()
    };
    // MACs are renewed after peppers are forgotten.
    conflicts(
        store.commit(forgetting(&[1], renewed.clone())?).await,
        "a pepper that the same batch would have freed",
    )?;
    same(
        read(&*store, id(1)?).await?.0.pepper,
        pepper(1)?,
        "the pepper after the conflict",
    )?;
    store.commit(renewed).await?;
    // A put that was read before the renewal says the old pepper, which it is not under.
    let disabled = CredentialRecord {
        version: Version(1),
        state: State::Disabled,
        ..key(1)?
    };
    store
        .commit(forgetting(&[1], credentials([disabled]))?)
        .await?;
    knows(&*store, &[2], "the old pepper").await?;
    conflicts(
        store.commit(forgetting(&[2], Batch::default())?).await,
        "the pepper that it was brought under",
    )
}

pub(crate) async fn peppers_are_told_apart_at_their_ends(store: Arc<dyn Store>) -> Outcome {
    let ends = [1, 0x7FFF, 0x8000, u16::MAX];
    for (version, number) in ends.into_iter().zip(1_u32..) {
        let noted = Batch {
            peppers: vec![pepper_record(version, 1)?],
            ..credentials([CredentialRecord {
                pepper: pepper(version)?,
                ..key(number)?
            }])
        };
        store.commit(noted).await?;
    }
    for (version, number) in ends.into_iter().zip(1_u32..) {
        let page = list(&*store, Of::Pepper(pepper(version)?)).await?;
        let records: Vec<CredentialId> = page.items.iter().map(|(record, _)| record.id).collect();
        same(records, vec![key(number)?.id], "those under a pepper")?;
        conflicts(
            store
                .commit(forgetting(&[version], Batch::default())?)
                .await,
            "a pepper in use",
        )?;
    }
    store
        .commit(forgetting(&[0x7FFE, u16::MAX - 1], Batch::default())?)
        .await?;
    let known: Vec<u16> = store
        .get(Key::Peppers)
        .await?
        .peppers()
        .iter()
        .map(|pepper| pepper.version.number())
        .collect();
    same(known, ends.to_vec(), "peppers")
}
