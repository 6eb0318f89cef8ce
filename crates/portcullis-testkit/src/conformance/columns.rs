//! Networks, quotas, data and imported prefixes come back as they were, and go when they are left
//! out.

use std::sync::Arc;

use portcullis_registry::{
    CreatedBy, CredentialRecord, CreditOp, Found, Key, Meta, Networks, Of, Owner, Store, Usage,
    Version,
};

use super::{
    failure::{Failure, Outcome, same},
    fixtures::{
        balance, credentials, id, key, list, mac, meta, movements, names, owner, owner_record,
        owners, parsed, pepper, put, read, session, user, written,
    },
};

/// It is read back by its id, by its MAC if it was imported, and in the list of its owner.
async fn comes_back(store: &dyn Store, stored: &CredentialRecord, what: &str) -> Outcome {
    same(&read(store, stored.id).await?.0, stored, what)?;
    if stored.imported.is_some() {
        let key = Key::Imported(stored.pepper, stored.mac);
        match store.get(key).await?.found {
            Found::Credential { record, .. } => same(&*record, stored, what)?,
            found => return Err(Failure::new(format!("{what}: found {found:?}"))),
        }
    }
    let page = list(store, Of::Owner(stored.owner.clone())).await?;
    let listed = page.items.iter().map(|(record, _)| record);
    let listed: Vec<_> = listed.filter(|record| record.id == stored.id).collect();
    same(listed, vec![stored], what)
}

/// They are inserted, each is put over the next, and all come back.
async fn survive(store: &dyn Store, records: Vec<CredentialRecord>, what: &str) -> Outcome {
    for record in &records {
        put(store, record.clone()).await?;
    }
    for record in &records {
        comes_back(store, &written(record), what).await?;
    }
    let next = records.iter().cycle().skip(1);
    for (record, next) in records.iter().zip(next) {
        let changed = CredentialRecord {
            version: Version(1),
            networks: next.networks.clone(),
            quota: next.quota,
            meta: next.meta.clone(),
            ..record.clone()
        };
        put(store, changed.clone()).await?;
        comes_back(store, &written(&changed), what).await?;
    }
    Ok(())
}

pub(crate) async fn networks_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    // As many as there may be, each as long as it may be.
    let longest =
        (0x1000..0x1020).map(|last| format!("fedc:ba98:7654:3210:fedc:ba98:7654:{last:x}/128"));
    let most = Networks::parse(longest).map_err(|error| Failure::new(error.to_string()))?;
    same(most.names().len(), 32, "the networks of the longest list")?;
    let texts = [
        "",
        "0.0.0.0/0",
        "::/0",
        // Every address there is is not the same as any, which a client without one is of too.
        "0.0.0.0/0 ::/0",
        "203.0.113.9",
        "255.255.255.255/32 0.0.0.0/32",
        "::1",
        "::ffff:203.0.113.0/120",
        "::fffe:0:0/95",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::/33, 10.0.0.0/8, fe80::/10",
    ];
    let mut records = Vec::new();
    for (text, number) in texts.into_iter().zip(1..) {
        records.push(CredentialRecord {
            networks: parsed(text)?,
            ..key(number)?
        });
    }
    records.push(CredentialRecord {
        networks: most,
        ..key(30)?
    });
    survive(&*store, records, "networks").await
}

pub(crate) async fn quotas_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    // The largest and the smallest of each part, and some between.
    let texts = [
        "4294967295/3660d",
        "4294967295/3660d@1",
        "4294967295/316223999999999999ns@31",
        "1/1ns",
        "1/1ns@1",
        "2147483648/1us",
        "600/60s",
        "600/1h",
        "7/61s@16",
        "10/500ms",
    ];
    let mut records = vec![key(1)?];
    for (text, number) in texts.into_iter().zip(2..) {
        records.push(CredentialRecord {
            quota: Some(parsed(text)?),
            ..key(number)?
        });
    }
    survive(&*store, records, "quota").await
}

pub(crate) async fn meta_survives_as_it_is(store: Arc<dyn Store>) -> Outcome {
    let filled = |start: &str, fill: &str, end: &str| {
        let room = Meta::MAX_BYTES - start.len() - end.len();
        format!("{start}{}{end}", fill.repeat(room / fill.len()))
    };
    let texts = [
        filled("\"", "x", "\""),
        filled("[\"", "\u{1f600}", "\"]"),
        filled("\"", "\\\\", "\""),
        filled("", " ", "7"),
        filled(&"[".repeat(100), " ", &"]".repeat(100)),
        // The text, and not what JSON makes of it: order, spaces, repeated members, long numbers.
        "{\"b\": 1, \"a\":2,\t\"b\" : 3}".into(),
        "123456789012345678901234567890.10".into(),
        "1e2".into(),
        "\"\\u0000 \\u00e9 \\/\"".into(),
        "\"null\"".into(),
        "false".into(),
        "0".into(),
        "\"\"".into(),
        "{}".into(),
        "null".into(),
    ];
    same(
        texts.iter().map(String::len).max(),
        Some(Meta::MAX_BYTES),
        "the longest",
    )?;
    let mut records = Vec::new();
    for (text, number) in texts.iter().zip(1..) {
        records.push(CredentialRecord {
            meta: meta(text)?,
            ..key(number)?
        });
    }
    survive(&*store, records, "meta").await
}

pub(crate) async fn prefixes_of_imported_keys_survive_as_they_are(
    store: Arc<dyn Store>,
) -> Outcome {
    let prefixes = [
        "s",
        "sk-social-",
        "%_\\'\"`;--/*$?{}",
        "null",
        "0",
        "~~~~~~~~~~~~~~~~~~~~~~",
    ];
    let mut records = vec![key(1)?];
    for (prefix, number) in prefixes.into_iter().zip(2..) {
        records.push(CredentialRecord {
            imported: Some(prefix.into()),
            ..key(number)?
        });
    }
    survive(&*store, records, "the prefix").await
}

/// A key with all columns that may be left out.
fn full() -> Result<CredentialRecord, Failure> {
    Ok(CredentialRecord {
        networks: parsed("10.0.0.0/8 2001:db8::/32")?,
        quota: Some(parsed("4294967295/3660d@7")?),
        meta: meta("{\"seat\":7}")?,
        imported: Some("sk-social-".into()),
        ..key(1)?
    })
}

pub(crate) async fn a_put_leaves_out_one_column_at_a_time(store: Arc<dyn Store>) -> Outcome {
    let bare = [
        CredentialRecord {
            networks: Networks::ANY,
            ..full()?
        },
        CredentialRecord {
            quota: None,
            ..full()?
        },
        CredentialRecord {
            meta: Meta::NONE,
            ..full()?
        },
    ];
    put(&*store, full()?).await?;
    let mut version = 1;
    for record in bare {
        for record in [record, full()?] {
            let changed = CredentialRecord {
                version: Version(version),
                ..record
            };
            put(&*store, changed.clone()).await?;
            comes_back(&*store, &written(&changed), "a put with and without").await?;
            version += 1;
        }
    }
    Ok(())
}

pub(crate) async fn a_put_leaves_out_all_columns_and_brings_them_back(
    store: Arc<dyn Store>,
) -> Outcome {
    let without = CredentialRecord {
        imported: None,
        ..full()?
    };
    let empty = CredentialRecord {
        networks: Networks::ANY,
        quota: None,
        meta: Meta::NONE,
        ..without.clone()
    };
    let other = CredentialRecord {
        id: id(2)?,
        mac: mac(2),
        ..full()?
    };
    // Another, with its own, is not touched.
    store
        .commit(credentials([empty.clone(), other.clone()]))
        .await?;
    for (record, version) in [without.clone(), empty.clone(), without, empty]
        .into_iter()
        .zip(1..)
    {
        let changed = CredentialRecord {
            version: Version(version),
            ..record
        };
        put(&*store, changed.clone()).await?;
        comes_back(&*store, &written(&changed), "a put of all or none").await?;
    }
    comes_back(&*store, &written(&other), "the other").await
}

pub(crate) async fn every_list_carries_all_columns(store: Arc<dyn Store>) -> Outcome {
    let of_kind = |record| -> Result<_, Failure> {
        Ok(CredentialRecord {
            created_by: CreatedBy::Credential(id(9)?),
            family: Some(id(8)?),
            user: Some(user("ann")?),
            networks: parsed("2001:db8::/32")?,
            quota: Some(parsed("1/1ns@1")?),
            meta: meta("[1, 2]")?,
            ..record
        })
    };
    let api_key = CredentialRecord {
        imported: Some("sk-".into()),
        ..of_kind(key(1)?)?
    };
    let records = [api_key, of_kind(session(2)?)?];
    store.commit(credentials(records.clone())).await?;
    let [api_key, session] = records.map(|record| (written(&record), Usage::default()));
    let both = [
        Of::Owner(owner("acme")?),
        Of::User(user("ann")?),
        Of::Pepper(pepper(1)?),
        Of::All,
        Of::CreatedBy(id(9)?),
        Of::Family(id(8)?),
    ];
    for of in both {
        let what = format!("{of:?}");
        let items = list(&*store, of).await?.items;
        same(items, vec![session.clone(), api_key.clone()], &what)?;
    }
    let keys = list(&*store, Of::Keys(owner("acme")?)).await?;
    same(keys.items, vec![api_key], "the keys")?;
    let sessions = list(&*store, Of::Sessions(user("ann")?)).await?;
    same(sessions.items, vec![session], "the sessions")
}

pub(crate) async fn the_longest_names_are_told_apart_by_their_last_byte(
    store: Arc<dyn Store>,
) -> Outcome {
    let long = ["a", "b", "\u{e9}", "\u{e8}"].map(|last| {
        let start = "n".repeat(64 - last.len());
        format!("{start}{last}")
    });
    for (name, number) in long.iter().zip(1_u32..) {
        same(name.len(), 64, "the bytes of a name")?;
        let record = CredentialRecord {
            owner: owner(name)?,
            user: Some(user(name)?),
            created_by: CreatedBy::User(user(name)?),
            ..key(number)?
        };
        let add = CreditOp::Add {
            owner: owner(name)?,
            amount: i64::from(number),
            at: record.created_at,
            note: String::new(),
        };
        put(&*store, record).await?;
        store.commit(owners([owner_record(name)?])).await?;
        store.commit(movements([add])).await?;
    }
    for (name, number) in long.iter().zip(1_u32..) {
        let who: Owner = owner(name)?;
        let expected = format!("key {number}");
        for of in [
            Of::Owner(who.clone()),
            Of::Keys(who.clone()),
            Of::User(user(name)?),
        ] {
            let page = list(&*store, of).await?;
            same(names(&page), vec![expected.as_str()], "the list")?;
            let users = page.items.iter().map(|(record, _)| &record.created_by);
            same(
                users.collect(),
                vec![&CreatedBy::User(user(name)?)],
                "who made it",
            )?;
        }
        same(balance(&*store, name).await?, i64::from(number), "balance")?;
        match store.get(Key::Owner(who.clone())).await?.found {
            Found::Owner { record, .. } => same(record.owner, who, "the owner")?,
            found => return Err(Failure::new(format!("no owner but {found:?}"))),
        }
    }
    Ok(())
}
