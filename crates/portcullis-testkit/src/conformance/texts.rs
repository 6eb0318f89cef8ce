//! Values at the ends of their range come back as they were.

use std::{sync::Arc, time::Duration};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{
    Batch, CreatedBy, CredentialRecord, CreditOp, Meta, Of, Store, UsageDelta,
};

use super::{
    failure::{Failure, Outcome, same},
    fixtures::{
        audit, balance, credentials, grant, id, key, list, meta, movements, names, owner,
        owner_record, owners, put, read, user, uses, written,
    },
};

/// Texts that have broken stores: quotes, emoji, wildcards of SQL, marks that combine.
const TEXTS: [&str; 9] = [
    "it's",
    "\"quoted\"",
    "'; DROP TABLE credentials; --",
    "100%_\\",
    "😀👩‍👩‍👧‍👦",
    "e\u{301} and \u{e9}",
    "  spaces  ",
    "\u{202e}right to left",
    "null",
];

pub(crate) async fn texts_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    let longest_name = "😀".repeat(100);
    let longest_owner = "ü".repeat(32);
    let longest_meta = format!("\"{}\"", "x".repeat(Meta::MAX_BYTES - 2));
    let names_and_texts = TEXTS.into_iter().map(|text| (text, text, text));
    let longest = (longest_name.as_str(), longest_owner.as_str(), "");
    for ((name, who, note), number) in names_and_texts.chain([longest]).zip(1_u32..) {
        let json = serde_json::Value::from(note).to_string();
        let record = CredentialRecord {
            name: name.into(),
            owner: owner(who)?,
            user: Some(user(who)?),
            meta: meta(if note.is_empty() {
                &longest_meta
            } else {
                &json
            })?,
            created_by: CreatedBy::User(user(who)?),
            ..key(number)?
        };
        let mut line = audit();
        (line.actor, line.target, line.owner) = (name.into(), note.into(), Some(owner(who)?));
        line.details = serde_json::json!({ name: note });
        let add = CreditOp::Add {
            owner: owner(who)?,
            amount: i64::from(number),
            at: record.created_at,
            note: note.into(),
        };
        let batch = Batch {
            owners: vec![owner_record(who)?],
            audit: vec![line],
            credits: vec![add],
            ..credentials([record.clone()])
        };
        store.commit(batch).await?;
        same(
            read(&*store, record.id).await?.0,
            written(&record),
            "record",
        )?;
        same(balance(&*store, who).await?, i64::from(number), "balance")?;
        same(
            names(&list(&*store, Of::Keys(owner(who)?)).await?),
            vec![name],
            "the list",
        )?;
    }
    Ok(())
}

pub(crate) async fn names_are_told_apart_byte_by_byte(store: Arc<dyn Store>) -> Outcome {
    // By case, by form of Unicode, by spaces, and by what other types would make of them.
    let alike = [
        "acme", "Acme", "acme ", " acme", "\u{e9}", "e\u{301}", "1", "01", "1.0", "1e0",
    ];
    for (name, number) in alike.into_iter().zip(1_u32..) {
        let record = CredentialRecord {
            owner: owner(name)?,
            ..key(number)?
        };
        let amount = i64::from(number);
        let (at, note) = (record.created_at, String::new());
        let credits = movements([CreditOp::Add {
            owner: owner(name)?,
            amount,
            at,
            note,
        }]);
        store
            .commit(Batch {
                credentials: vec![record],
                ..credits
            })
            .await?;
        store.commit(owners([owner_record(name)?])).await?;
    }
    for (name, number) in alike.into_iter().zip(1_u32..) {
        let page = list(&*store, Of::Keys(owner(name)?)).await?;
        same(
            names(&page),
            vec![format!("key {number}").as_str()],
            "the list",
        )?;
        same(
            balance(&*store, name).await?,
            i64::from(number),
            "the balance",
        )?;
    }
    Ok(())
}

pub(crate) async fn grants_survive_as_they_are(store: Arc<dyn Store>) -> Outcome {
    let longest = "a".repeat(32);
    let longest = format!("{longest}:{longest}");
    let many: Vec<String> = (0..256).map(|number| format!("r{number}:read")).collect();
    let many = many.join(" ");
    let grants = [
        "",
        "posts:read",
        "*",
        "posts:* *:read",
        "posts:*@live *@live",
        &longest,
        &many,
    ];
    for (names, number) in grants.into_iter().zip(1_u32..) {
        let record = CredentialRecord {
            grant: grant(names)?,
            ..key(number)?
        };
        put(&*store, record.clone()).await?;
        same(
            read(&*store, record.id).await?.0.grant,
            record.grant,
            "grant",
        )?;
    }
    Ok(())
}

pub(crate) async fn times_survive_to_the_microsecond(store: Arc<dyn Store>) -> Outcome {
    let ends = [0, 62_u128.pow(16) - 1];
    let times = [i64::MIN, -1, 0, 1, 1_767_225_600_000_001, i64::MAX];
    for (micros, number) in times.into_iter().zip(1_u32..) {
        let time = Timestamp::from_unix_micros(micros);
        let record = CredentialRecord {
            created_at: time,
            updated_at: time,
            expires_at: Some(time),
            idle_ttl: Some(Duration::from_micros(u64::from(number - 1))),
            ..key(number)?
        };
        put(&*store, record.clone()).await?;
        let delta = UsageDelta {
            last_used_at: Some(time),
            requests: 1,
            ..UsageDelta::new(record.id, time)
        };
        store.commit(uses([delta])).await?;
        let (stored, usage) = read(&*store, record.id).await?;
        same(stored, written(&record), "record")?;
        same(usage.last_used_at, Some(time), "last use")?;
    }
    for value in ends {
        let end = CredentialId::from_value(value).ok_or_else(|| Failure::new("not an id"))?;
        let record = CredentialRecord {
            id: end,
            family: Some(end),
            successor: Some(end),
            created_by: CreatedBy::Credential(end),
            ..key(7)?
        };
        put(&*store, record.clone()).await?;
        same(
            read(&*store, end).await?.0,
            written(&record),
            "a record at the end of the ids",
        )?;
    }
    same(
        list(&*store, Of::Family(id(1)?)).await?.total,
        0,
        "a family of nobody",
    )
}
