//! Keys of other systems, which are found by their MAC.

use std::sync::Arc;

use portcullis_registry::{Batch, CredentialRecord, Found, Key, Remac, State, Store, Version};
use portcullis_token::PepperVersion;

use super::{
    failure::{Failure, Outcome, conflicts, same},
    fixtures::{credentials, head, id, key, mac, pepper, pepper_record, put, written},
};

/// An imported key whose MAC is of this byte.
fn imported(number: u32, byte: u8) -> Result<CredentialRecord, Failure> {
    Ok(CredentialRecord {
        mac: mac(byte),
        imported: Some("sk-social-".into()),
        ..key(number)?
    })
}

/// The number of the credential that is found by a MAC under a pepper; 0 for none.
async fn found(store: &dyn Store, version: PepperVersion, byte: u8) -> Result<u32, Failure> {
    let snapshot = store.get(Key::Imported(version, mac(byte))).await?;
    same(snapshot.head, head(store).await?, "the head")?;
    let Found::Credential { record, .. } = snapshot.found else {
        return Ok(0);
    };
    (1_u32..10)
        .find(|number| id(u128::from(*number)).is_ok_and(|id| id == record.id))
        .ok_or_else(|| Failure::new("a credential that was never written"))
}

pub(crate) async fn an_imported_key_is_found_by_its_mac_under_its_pepper(
    store: Arc<dyn Store>,
) -> Outcome {
    let own = CredentialRecord {
        mac: mac(2),
        ..key(2)?
    };
    store.commit(credentials([imported(1, 1)?, own])).await?;
    same(found(&*store, pepper(1)?, 1).await?, 1, "the imported key")?;
    same(
        found(&*store, pepper(2)?, 1).await?,
        0,
        "under another pepper",
    )?;
    same(found(&*store, pepper(1)?, 2).await?, 0, "a key of ours")?;
    same(found(&*store, pepper(1)?, 3).await?, 0, "nobody's MAC")?;
    let revoked = CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..imported(1, 1)?
    };
    store.commit(credentials([revoked])).await?;
    same(found(&*store, pepper(1)?, 1).await?, 1, "a revoked one")
}

pub(crate) async fn a_second_import_of_one_mac_conflicts(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([imported(1, 1)?])).await?;
    let again = credentials([imported(2, 2)?, imported(3, 1)?]);
    conflicts(store.commit(again).await, "what is there already")?;
    let twice = credentials([imported(4, 4)?, imported(5, 4)?]);
    conflicts(store.commit(twice).await, "one MAC twice in a batch")?;
    for byte in [2, 4] {
        same(
            found(&*store, pepper(1)?, byte).await?,
            0,
            "nothing of the batch",
        )?;
    }
    same(found(&*store, pepper(1)?, 1).await?, 1, "the first")?;
    // Under another pepper it is another, and a key of ours is none.
    let other = CredentialRecord {
        pepper: pepper(2)?,
        ..imported(6, 1)?
    };
    let own = CredentialRecord {
        mac: mac(1),
        ..key(7)?
    };
    store.commit(credentials([other, own])).await?;
    same(
        found(&*store, pepper(2)?, 1).await?,
        6,
        "under the other pepper",
    )
}

pub(crate) async fn a_renewed_mac_is_what_an_imported_key_is_found_by(
    store: Arc<dyn Store>,
) -> Outcome {
    let taken = CredentialRecord {
        pepper: pepper(2)?,
        ..imported(2, 9)?
    };
    store.commit(credentials([imported(1, 1)?, taken])).await?;
    let renew = |byte| -> Result<Batch, Failure> {
        Ok(Batch {
            remacs: vec![Remac {
                id: id(1)?,
                from: pepper(1)?,
                to: pepper(2)?,
                mac: mac(byte),
            }],
            ..Batch::default()
        })
    };
    // To what another is found by: nothing is written.
    store.commit(renew(9)?).await?;
    same(
        found(&*store, pepper(2)?, 9).await?,
        2,
        "the one that has the MAC",
    )?;
    same(
        found(&*store, pepper(1)?, 1).await?,
        1,
        "the one that stays",
    )?;
    store.commit(renew(5)?).await?;
    same(found(&*store, pepper(1)?, 1).await?, 0, "by the old MAC")?;
    same(found(&*store, pepper(2)?, 5).await?, 1, "by the new one")
}

pub(crate) async fn imported_keys_under_a_forgotten_pepper_are_counted(
    store: Arc<dyn Store>,
) -> Outcome {
    let lost = async || match store.get(Key::Peppers).await?.found {
        Found::Peppers { lost_imports, .. } => Ok::<_, Failure>(lost_imports),
        _ => Err(Failure::new("no peppers were found")),
    };
    same(lost().await?, 0, "of an empty store")?;
    let noted = Batch {
        peppers: vec![pepper_record(1, 1)?, pepper_record(2, 2)?],
        ..Batch::default()
    };
    store.commit(noted).await?;
    let under_two = CredentialRecord {
        pepper: pepper(2)?,
        ..imported(3, 3)?
    };
    let own = CredentialRecord {
        state: State::Revoked,
        ..key(4)?
    };
    let records = [imported(1, 1)?, imported(2, 2)?, under_two, own];
    store.commit(credentials(records)).await?;
    let revoked = [1, 2].map(|number: u8| -> Result<_, Failure> {
        Ok(CredentialRecord {
            state: State::Revoked,
            ..written(&imported(u32::from(number), number)?)
        })
    });
    for revoked in revoked {
        put(&*store, revoked?).await?;
    }
    same(lost().await?, 0, "while their pepper is known")?;
    let forgotten = Batch {
        forgotten_peppers: vec![pepper(1)?],
        ..Batch::default()
    };
    store.commit(forgotten).await?;
    same(lost().await?, 2, "revoked ones, and none of ours")
}
