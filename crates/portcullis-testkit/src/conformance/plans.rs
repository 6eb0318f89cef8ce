//! Owners: their plans, and whether they are suspended.

use std::sync::Arc;

use portcullis_registry::{
    Batch, Change, CredentialRecord, Found, Key, OwnerRecord, Plan, PlanName, Seq, Store, Target,
    Version,
};

use super::{
    failure::{Failure, Outcome, conflicts, same},
    fixtures::{
        add, balance, credentials, key, mac, movements, owner, owner_record, owners, parsed,
        pepper, put,
    },
};

fn plan(name: &str) -> Result<Plan, Failure> {
    let name = PlanName::new(name).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Plan::new(name))
}

/// The owner is found like this by its name, by its key and by its imported key.
async fn comes_back(store: &dyn Store, stored: &OwnerRecord, what: &str) -> Outcome {
    let keys = [
        Key::Owner(stored.owner.clone()),
        Key::Credential(key(1)?.id),
        Key::Imported(pepper(1)?, mac(200)),
    ];
    for key in keys {
        let what = format!("{what} by {key:?}");
        let found = match store.get(key).await?.found {
            Found::Owner { record, .. } => Some(record),
            Found::Credential { owner, .. } => owner,
            _ => None,
        };
        same(found.as_ref(), Some(stored), &what)?;
    }
    Ok(())
}

/// A key and an imported key of `acme`.
async fn put_keys(store: &dyn Store) -> Outcome {
    let imported = CredentialRecord {
        mac: mac(200),
        imported: Some("sk-social-".into()),
        ..key(2)?
    };
    store.commit(credentials([key(1)?, imported])).await?;
    Ok(())
}

pub(crate) async fn plans_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    put_keys(&*store).await?;
    let largest = "4294967295/3660d@1";
    let plans = [
        plan("free")?,
        plan("a")?.with_quota(parsed("600/60s")?),
        plan("a")?.with_owner_quota(parsed("600/60s")?),
        plan("a")?.with_allowance(0),
        plan("a")?.with_allowance(u32::MAX),
        plan("a")?.post_paid(),
        plan(&"p".repeat(64))?
            .with_quota(parsed(largest)?)
            .with_owner_quota(parsed("4294967295/3660d")?)
            .with_allowance(u32::MAX),
        plan(&"\u{1f600}".repeat(16))?.with_quota(parsed("1/1ns@1")?),
        plan("it's \"pro\", {100%_\\}; -- \u{e9} e\u{301} ")?.with_owner_quota(parsed("1/1ns")?),
        plan("null")?,
        plan("1")?,
    ];
    for (plan, version) in plans.into_iter().zip(0..) {
        let record = OwnerRecord {
            version: Version(version),
            plan: Some(plan),
            ..owner_record("acme")?
        };
        store.commit(owners([record.clone()])).await?;
        let stored = OwnerRecord {
            version: Version(version + 1),
            ..record
        };
        comes_back(&*store, &stored, "the plan").await?;
    }
    Ok(())
}

pub(crate) async fn a_plan_and_a_suspension_come_and_go_apart(store: Arc<dyn Store>) -> Outcome {
    put_keys(&*store).await?;
    store.commit(movements([add(70)?])).await?;
    let other = OwnerRecord {
        suspended: true,
        plan: Some(plan("other")?),
        ..owner_record("other")?
    };
    store.commit(owners([other])).await?;
    let pro = plan("pro")?.with_quota(parsed("5/1s")?).with_allowance(9);
    let bare = plan("pro")?;
    let steps = [
        (false, None),
        (false, Some(&pro)),
        (true, Some(&pro)),
        (true, Some(&bare)),
        (true, None),
        (false, Some(&bare)),
        (true, Some(&pro)),
        (false, None),
        (true, None),
        (false, None),
    ];
    for ((suspended, plan), version) in steps.into_iter().zip(0..) {
        let record = OwnerRecord {
            version: Version(version),
            suspended,
            plan: plan.cloned(),
            ..owner_record("acme")?
        };
        store.commit(owners([record.clone()])).await?;
        let stored = OwnerRecord {
            version: Version(version + 1),
            ..record
        };
        comes_back(&*store, &stored, "the owner").await?;
        same(balance(&*store, "acme").await?, 70, "its balance")?;
    }
    match store.get(Key::Owner(owner("other")?)).await?.found {
        Found::Owner { record, .. } => same(
            (record.version, record.suspended, record.plan),
            (Version(1), true, Some(plan("other")?)),
            "another owner",
        ),
        found => Err(Failure::new(format!("no owner but {found:?}"))),
    }
}

pub(crate) async fn a_put_of_a_plan_is_a_change_and_a_lost_one_conflicts(
    store: Arc<dyn Store>,
) -> Outcome {
    put_keys(&*store).await?;
    let first = OwnerRecord {
        plan: Some(plan("first")?),
        ..owner_record("acme")?
    };
    same(
        store.commit(owners([first.clone()])).await?,
        Seq(0),
        "the head after an insert",
    )?;
    let second = OwnerRecord {
        version: Version(1),
        plan: Some(plan("second")?),
        ..owner_record("acme")?
    };
    same(
        store.commit(owners([second.clone()])).await?,
        Seq(1),
        "the head after a put",
    )?;
    let lost = OwnerRecord {
        version: Version(1),
        ..first.clone()
    };
    conflicts(store.commit(owners([lost])).await, "a lost plan")?;
    conflicts(store.commit(owners([first])).await, "a second insert")?;
    // A plan that is put in a batch with a conflict stays away.
    let third = OwnerRecord {
        version: Version(2),
        suspended: true,
        plan: None,
        ..owner_record("acme")?
    };
    let batch = Batch {
        owners: vec![third],
        ..credentials([key(1)?])
    };
    conflicts(store.commit(batch).await, "a batch with a second insert")?;
    let stored = OwnerRecord {
        version: Version(2),
        ..second
    };
    comes_back(&*store, &stored, "the second plan").await?;
    let change = Change {
        seq: Seq(1),
        target: Target::Owner(owner("acme")?),
    };
    same(
        store.changes_since(Seq(0), 10).await?.changes,
        vec![change],
        "changes",
    )?;
    // Its keys were not put.
    put(
        &*store,
        CredentialRecord {
            version: Version(1),
            ..key(1)?
        },
    )
    .await?;
    Ok(())
}
