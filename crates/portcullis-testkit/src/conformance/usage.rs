//! Usage and re-MACs, which never stand in the way of a put.

use std::sync::Arc;

use portcullis_registry::{
    Batch, CredentialRecord, Key, Refusal, Refusals, Remac, State, Store, Usage, UsageDelta,
    Version,
};

use super::{
    failure::{Failure, Outcome, ensure, same},
    fixtures::{at, credentials, id, is_there, key, mac, pepper, put, read, use_of, uses},
};

pub(crate) async fn usage_is_added(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    let first = id(1)?;
    store.commit(uses([use_of(first, 10, 1, 2)])).await?;
    store
        .commit(uses([
            use_of(first, 20, 10, 20),
            use_of(first, 30, 100, 200),
        ]))
        .await?;
    let expected = Usage {
        last_used_at: Some(at(30)),
        requests: 111,
        denied: 222,
    };
    same(read(&*store, first).await?.1, expected, "usage")?;
    same(
        read(&*store, id(2)?).await?.1,
        Usage::default(),
        "usage of another",
    )
}

pub(crate) async fn a_last_use_never_goes_back(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    for second in [20, 10, 15] {
        store.commit(uses([use_of(id(1)?, second, 1, 0)])).await?;
    }
    let expected = Usage {
        last_used_at: Some(at(20)),
        requests: 3,
        denied: 0,
    };
    same(read(&*store, id(1)?).await?.1, expected, "usage")
}

pub(crate) async fn usage_of_an_unknown_credential_is_passed_over(
    store: Arc<dyn Store>,
) -> Outcome {
    put(&*store, key(1)?).await?;
    let remac = Remac {
        id: id(2)?,
        from: pepper(1)?,
        to: pepper(2)?,
        mac: mac(9),
    };
    let deltas = uses([use_of(id(2)?, 1, 1, 1), use_of(id(1)?, 1, 1, 1)]);
    store
        .commit(Batch {
            remacs: vec![remac],
            ..deltas
        })
        .await?;
    same(
        read(&*store, id(1)?).await?.1.requests,
        1,
        "requests of the known one",
    )?;
    ensure(
        !is_there(&*store, Key::Credential(id(2)?)).await?,
        "the unknown one is there",
    )?;
    // It starts from nothing when it comes.
    put(&*store, key(2)?).await?;
    same(
        read(&*store, id(2)?).await?.1,
        Usage::default(),
        "usage of the one that came later",
    )
}

pub(crate) async fn usage_and_macs_never_make_a_put_fail(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let (read_before, _) = read(&*store, id(1)?).await?;
    let remac = Remac {
        id: id(1)?,
        from: pepper(1)?,
        to: pepper(2)?,
        mac: mac(9),
    };
    store
        .commit(Batch {
            remacs: vec![remac],
            ..uses([use_of(id(1)?, 1, 1, 1)])
        })
        .await?;
    let (record, _) = read(&*store, id(1)?).await?;
    same(
        record.version,
        Version(1),
        "the version after usage and a MAC",
    )?;
    put(
        &*store,
        CredentialRecord {
            state: State::Revoked,
            ..read_before
        },
    )
    .await?;
    let (record, usage) = read(&*store, id(1)?).await?;
    same(
        (record.state, record.version),
        (State::Revoked, Version(2)),
        "the revoked record",
    )?;
    same(usage.requests, 1, "the usage after a put")
}

pub(crate) async fn counters_do_not_overflow(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let most = UsageDelta {
        requests: u64::MAX,
        refusals: Refusals::of(Refusal::Rate, u64::MAX),
        ..use_of(id(1)?, 1, 0, 0)
    };
    store.commit(uses([most.clone(), most])).await?;
    store.commit(uses([use_of(id(1)?, 2, 1, 1)])).await?;
    let usage = read(&*store, id(1)?).await?.1;
    same(usage.last_used_at, Some(at(2)), "last use")?;
    // A store may keep counters as signed numbers.
    let least = i64::MAX.unsigned_abs();
    ensure(
        usage.requests >= least && usage.denied >= least,
        "a counter overflowed",
    )
}

pub(crate) async fn a_mac_is_renewed_only_from_the_expected_pepper(
    store: Arc<dyn Store>,
) -> Outcome {
    async fn stored(store: &dyn Store, expected: (u16, u8), what: &str) -> Outcome {
        let (record, _) = read(store, id(1)?).await?;
        same(
            (record.pepper, record.mac),
            (pepper(expected.0)?, mac(expected.1)),
            what,
        )
    }
    let remac = |from, to, byte| -> Result<Batch, Failure> {
        let remac = Remac {
            id: id(1)?,
            from: pepper(from)?,
            to: pepper(to)?,
            mac: mac(byte),
        };
        Ok(Batch {
            remacs: vec![remac],
            ..Batch::default()
        })
    };
    put(&*store, key(1)?).await?;
    store.commit(remac(2, 3, 8)?).await?;
    stored(&*store, (1, 1), "from a pepper that it is not under").await?;
    store.commit(remac(1, 2, 9)?).await?;
    stored(&*store, (2, 9), "from the pepper that it is under").await?;
    store.commit(remac(1, 3, 7)?).await?;
    stored(&*store, (2, 9), "a second time").await
}

pub(crate) async fn a_put_keeps_a_mac_that_was_renewed_since(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let (read_before, _) = read(&*store, id(1)?).await?;
    let remac = Remac {
        id: id(1)?,
        from: pepper(1)?,
        to: pepper(2)?,
        mac: mac(9),
    };
    store
        .commit(Batch {
            remacs: vec![remac],
            ..Batch::default()
        })
        .await?;
    put(
        &*store,
        CredentialRecord {
            name: "renamed".into(),
            ..read_before
        },
    )
    .await?;
    let (record, _) = read(&*store, id(1)?).await?;
    same(
        (record.pepper, record.mac),
        (pepper(2)?, mac(9)),
        "the MAC after the put",
    )?;
    same(record.name.as_str(), "renamed", "the name after the put")
}
