//! Reading back what was written, and versioned puts.

use std::{sync::Arc, time::Duration};

use portcullis_registry::{
    Batch, CreatedBy, CredentialRecord, Found, Key, OwnerRecord, Seq, State, Store, Usage, Version,
};
use portcullis_token::{Environment, TokenKind};

use super::{
    failure::{Failure, Outcome, conflicts, ensure, same},
    fixtures::{
        at, credentials, grant, id, is_there, key, mac, meta, owner, owner_record, owners,
        pepper_record, put, read, user, written,
    },
};

pub(crate) async fn an_empty_store_has_nothing_and_head_0(store: Arc<dyn Store>) -> Outcome {
    for key in [Key::Credential(id(1)?), Key::Owner(owner("acme")?)] {
        let snapshot = store.get(key).await?;
        ensure(
            matches!(snapshot.found, Found::Nothing),
            "something was found",
        )?;
        same(snapshot.head, Seq(0), "head")?;
    }
    let snapshot = store.get(Key::Peppers).await?;
    same(snapshot.peppers(), &[], "peppers")?;
    let changes = store.changes_since(Seq(0), 10).await?;
    same((changes.head, changes.changes), (Seq(0), vec![]), "changes")
}

pub(crate) async fn an_inserted_record_is_read_back_as_version_1(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let (record, usage) = read(&*store, id(1)?).await?;
    same(
        record,
        CredentialRecord {
            version: Version(1),
            ..key(1)?
        },
        "record",
    )?;
    same(usage, Usage::default(), "usage")
}

pub(crate) async fn every_kind_and_field_is_read_back(store: Arc<dyn Store>) -> Outcome {
    let full = CredentialRecord {
        environment: Environment::Test,
        user: Some(user("ann")?),
        name: String::new(),
        grant: grant("")?,
        meta: meta(r#"{"plan": "a", "n": [1, null]}"#)?,
        state: State::Disabled,
        updated_at: at(7),
        expires_at: Some(at(8)),
        idle_ttl: Some(Duration::from_secs(3_600)),
        family: Some(id(1)?),
        successor: Some(id(5)?),
        ..key(0)?
    };
    let makers = [
        CreatedBy::System,
        CreatedBy::User(user("bob")?),
        CreatedBy::Credential(id(2)?),
        CreatedBy::System,
    ];
    for ((kind, created_by), number) in TokenKind::ALL.into_iter().zip(makers).zip(1_u8..) {
        let record = CredentialRecord {
            id: id(u128::from(number))?,
            kind,
            created_by,
            mac: mac(number),
            ..full.clone()
        };
        put(&*store, record.clone()).await?;
        same(
            read(&*store, record.id).await?.0,
            written(&record),
            "record",
        )?;
    }
    Ok(())
}

pub(crate) async fn an_insert_of_what_is_there_conflicts(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let other = CredentialRecord {
        name: "other".into(),
        ..key(1)?
    };
    conflicts(put(&*store, other).await, "a second insert")?;
    same(
        read(&*store, id(1)?).await?.0,
        written(&key(1)?),
        "the first record",
    )?;
    store.commit(owners([owner_record("acme")?])).await?;
    conflicts(
        store.commit(owners([owner_record("acme")?])).await,
        "a second insert of an owner",
    )
}

pub(crate) async fn a_put_of_what_is_not_there_conflicts(store: Arc<dyn Store>) -> Outcome {
    let unknown = CredentialRecord {
        version: Version(1),
        ..key(1)?
    };
    conflicts(
        put(&*store, unknown).await,
        "a put of an unknown credential",
    )?;
    ensure(
        !is_there(&*store, Key::Credential(id(1)?)).await?,
        "the credential is there",
    )?;
    let unknown = OwnerRecord {
        version: Version(1),
        ..owner_record("acme")?
    };
    conflicts(
        store.commit(owners([unknown])).await,
        "a put of an unknown owner",
    )?;
    ensure(
        !is_there(&*store, Key::Owner(owner("acme")?)).await?,
        "the owner is there",
    )
}

pub(crate) async fn a_put_of_an_old_version_conflicts(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let read_by_both = written(&key(1)?);
    put(
        &*store,
        CredentialRecord {
            name: "first".into(),
            ..read_by_both.clone()
        },
    )
    .await?;
    let lost = CredentialRecord {
        name: "second".into(),
        ..read_by_both.clone()
    };
    conflicts(put(&*store, lost).await, "a lost update")?;
    let early = CredentialRecord {
        version: Version(3),
        ..read_by_both
    };
    conflicts(put(&*store, early).await, "a version that is not there yet")?;
    let (record, _) = read(&*store, id(1)?).await?;
    same(
        (record.name.as_str(), record.version),
        ("first", Version(2)),
        "the first update",
    )
}

pub(crate) async fn a_put_replaces_the_record(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let changed = CredentialRecord {
        version: Version(1),
        user: Some(user("ann")?),
        name: "new name".into(),
        grant: grant("brands:read")?,
        meta: meta("7")?,
        state: State::Disabled,
        updated_at: at(9),
        expires_at: Some(at(10)),
        idle_ttl: Some(Duration::from_micros(1)),
        created_by: CreatedBy::Credential(id(3)?),
        family: Some(id(4)?),
        successor: Some(id(5)?),
        ..key(1)?
    };
    put(&*store, changed.clone()).await?;
    same(
        read(&*store, id(1)?).await?.0,
        written(&changed),
        "the put with all fields",
    )?;
    let emptied = CredentialRecord {
        version: Version(2),
        ..key(1)?
    };
    put(&*store, emptied.clone()).await?;
    same(
        read(&*store, id(1)?).await?.0,
        written(&emptied),
        "the put without them",
    )
}

pub(crate) async fn a_revoked_record_can_still_be_read(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let revoked = CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..key(1)?
    };
    put(&*store, revoked).await?;
    same(
        read(&*store, id(1)?).await?.0.state,
        State::Revoked,
        "state",
    )
}

pub(crate) async fn a_credential_comes_with_its_owner(store: Arc<dyn Store>) -> Outcome {
    async fn owner_of_key(store: &dyn Store) -> Result<Option<OwnerRecord>, Failure> {
        match store.get(Key::Credential(id(1)?)).await?.found {
            Found::Credential { owner, .. } => Ok(owner),
            _ => Err(Failure::new("no credential was found")),
        }
    }
    put(&*store, key(1)?).await?;
    same(
        owner_of_key(&*store).await?,
        None,
        "an owner without a record",
    )?;
    store
        .commit(owners([owner_record("acme")?, owner_record("other")?]))
        .await?;
    let suspended = OwnerRecord {
        version: Version(1),
        suspended: true,
        ..owner_record("acme")?
    };
    store.commit(owners([suspended.clone()])).await?;
    let stored = OwnerRecord {
        version: Version(2),
        ..suspended
    };
    same(owner_of_key(&*store).await?, Some(stored), "the owner")
}

pub(crate) async fn an_owner_is_put_by_version(store: Arc<dyn Store>) -> Outcome {
    store.commit(owners([owner_record("acme")?])).await?;
    let put = OwnerRecord {
        version: Version(1),
        suspended: true,
        ..owner_record("acme")?
    };
    store.commit(owners([put.clone()])).await?;
    conflicts(store.commit(owners([put.clone()])).await, "a lost update")?;
    match store.get(Key::Owner(owner("acme")?)).await?.found {
        Found::Owner { record, balance } => {
            same(
                record,
                OwnerRecord {
                    version: Version(2),
                    ..put
                },
                "owner",
            )?;
            same(balance, 0, "balance")
        }
        _ => Err(Failure::new("no owner was found")),
    }
}

pub(crate) async fn peppers_are_noted_once_and_in_order(store: Arc<dyn Store>) -> Outcome {
    let (one, two, ten) = (
        pepper_record(1, 1)?,
        pepper_record(2, 2)?,
        pepper_record(10, 3)?,
    );
    for peppers in [vec![ten, one], vec![one], vec![two, one, two]] {
        store
            .commit(Batch {
                peppers,
                ..Batch::default()
            })
            .await?;
    }
    let snapshot = store.get(Key::Peppers).await?;
    same(snapshot.peppers(), &[one, two, ten], "peppers")
}

pub(crate) async fn a_pepper_of_another_fingerprint_conflicts(store: Arc<dyn Store>) -> Outcome {
    let stored = pepper_record(1, 1)?;
    let noted = Batch {
        peppers: vec![stored],
        ..Batch::default()
    };
    store.commit(noted).await?;
    let peppers = vec![pepper_record(2, 2)?, pepper_record(1, 9)?];
    let other = Batch {
        peppers,
        ..credentials([key(1)?])
    };
    conflicts(store.commit(other).await, "another fingerprint")?;
    let twice = vec![pepper_record(3, 3)?, pepper_record(3, 4)?];
    let twice = store
        .commit(Batch {
            peppers: twice,
            ..Batch::default()
        })
        .await;
    conflicts(twice, "two fingerprints of one version in one batch")?;
    same(
        store.get(Key::Peppers).await?.peppers(),
        &[stored],
        "peppers",
    )?;
    ensure(
        !is_there(&*store, Key::Credential(id(1)?)).await?,
        "the credential is there",
    )
}
