//! Records to play with, and short ways to write and read them.

use std::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{
    AuditEntry, Batch, CommitError, CreatedBy, CredentialRecord, CreditOp, Filter, Found, Key,
    Meta, Networks, Of, Owner, OwnerRecord, Page, PepperRecord, Query, Refusal, Refusals, Seq,
    State, Store, StoreError, Usage, UsageDelta, User, Version,
};
use portcullis_scope::Grant;
use portcullis_token::{Environment, Mac, PepperVersion, TokenKind};

use super::failure::Failure;

/// 2026-01-01, in seconds.
const START: i64 = 1_767_225_600;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(START.saturating_add(second))
}

pub(crate) fn id(number: u128) -> Result<CredentialId, Failure> {
    // Spread over the range, so that ids have both high and low bytes.
    let value = number
        .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060)
        .wrapping_add(number);
    CredentialId::from_value(value % 62_u128.pow(16)).ok_or_else(|| Failure::new("not an id"))
}

pub(crate) fn owner(name: &str) -> Result<Owner, Failure> {
    Owner::new(name).map_err(|error| Failure::new(error.to_string()))
}

pub(crate) fn user(name: &str) -> Result<User, Failure> {
    User::new(name).map_err(|error| Failure::new(error.to_string()))
}

pub(crate) fn meta(json: &str) -> Result<Meta, Failure> {
    Meta::new(json).map_err(|error| Failure::new(error.to_string()))
}

pub(crate) fn grant(names: &str) -> Result<Grant, Failure> {
    names.parse().map_err(|_| Failure::new("not a grant"))
}

/// Networks, quotas, plans and ids by their text.
pub(crate) fn parsed<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::new(format!("not a value: {text}")))
}

pub(crate) fn pepper(version: u16) -> Result<PepperVersion, Failure> {
    PepperVersion::new(version).ok_or_else(|| Failure::new("not a pepper version"))
}

pub(crate) fn mac(byte: u8) -> Mac {
    Mac::from_bytes([byte; 32])
}

/// A key of `acme` that was never written, created `number` seconds after the start.
pub(crate) fn key(number: u32) -> Result<CredentialRecord, Failure> {
    let created_at = at(i64::from(number));
    Ok(CredentialRecord {
        id: id(u128::from(number))?,
        kind: TokenKind::ApiKey,
        environment: Environment::Live,
        version: Version(0),
        pepper: pepper(1)?,
        mac: mac(number.to_le_bytes()[0]),
        owner: owner("acme")?,
        user: None,
        name: format!("key {number}"),
        grant: grant("posts:read posts:write")?,
        meta: Meta::NONE,
        state: State::Enabled,
        created_at,
        updated_at: created_at,
        expires_at: None,
        idle_ttl: None,
        created_by: CreatedBy::System,
        family: None,
        successor: None,
        ceiling: None,
        networks: Networks::ANY,
        quota: None,
        imported: None,
    })
}

/// A session of `ann` with `acme`.
pub(crate) fn session(number: u32) -> Result<CredentialRecord, Failure> {
    let user = Some(user("ann")?);
    Ok(CredentialRecord {
        kind: TokenKind::Session,
        user,
        ..key(number)?
    })
}

/// The record as it is stored after it was written.
pub(crate) fn written(record: &CredentialRecord) -> CredentialRecord {
    let version = Version(record.version.0.saturating_add(1));
    CredentialRecord {
        version,
        ..record.clone()
    }
}

pub(crate) fn owner_record(name: &str) -> Result<OwnerRecord, Failure> {
    Ok(OwnerRecord::new(owner(name)?))
}

pub(crate) fn pepper_record(version: u16, byte: u8) -> Result<PepperRecord, Failure> {
    Ok(PepperRecord {
        version: pepper(version)?,
        fingerprint: [byte; 8],
    })
}

pub(crate) fn use_of(id: CredentialId, second: i64, requests: u64, denied: u64) -> UsageDelta {
    UsageDelta {
        last_used_at: Some(at(second)),
        requests,
        refusals: Refusals::of(Refusal::Scope, denied),
        ..UsageDelta::new(id, at(second))
    }
}

pub(crate) fn audit() -> AuditEntry {
    AuditEntry {
        at: at(0),
        actor: "system".into(),
        action: "key.issued".into(),
        target: "key_qBhy02hoi8ucTVyA".into(),
        owner: Owner::new("acme").ok(),
        ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        details: serde_json::json!({ "after": { "name": "it's a \"key\"" } }),
    }
}

/// Adds to the balance of `acme`.
pub(crate) fn add(amount: i64) -> Result<CreditOp, Failure> {
    Ok(CreditOp::Add {
        owner: owner("acme")?,
        amount,
        at: at(0),
        note: "for the test".into(),
    })
}

pub(crate) fn credentials(records: impl IntoIterator<Item = CredentialRecord>) -> Batch {
    Batch {
        credentials: records.into_iter().collect(),
        ..Batch::default()
    }
}

pub(crate) fn owners(records: impl IntoIterator<Item = OwnerRecord>) -> Batch {
    Batch {
        owners: records.into_iter().collect(),
        ..Batch::default()
    }
}

pub(crate) fn movements(movements: impl IntoIterator<Item = CreditOp>) -> Batch {
    Batch {
        credits: movements.into_iter().collect(),
        ..Batch::default()
    }
}

pub(crate) fn uses(deltas: impl IntoIterator<Item = UsageDelta>) -> Batch {
    Batch {
        usage: deltas.into_iter().collect(),
        ..Batch::default()
    }
}

pub(crate) async fn put(store: &dyn Store, record: CredentialRecord) -> Result<Seq, CommitError> {
    store.commit(credentials([record])).await
}

pub(crate) async fn head(store: &dyn Store) -> Result<Seq, StoreError> {
    Ok(store.get(Key::Peppers).await?.head)
}

/// A credential that must be there, and its usage.
pub(crate) async fn read(
    store: &dyn Store,
    id: CredentialId,
) -> Result<(CredentialRecord, Usage), Failure> {
    match store.get(Key::Credential(id)).await?.found {
        Found::Credential { record, usage, .. } => Ok((*record, usage)),
        found => Err(Failure::new(format!(
            "no credential was found, but {found:?}"
        ))),
    }
}

pub(crate) async fn is_there(store: &dyn Store, key: Key) -> Result<bool, StoreError> {
    Ok(!matches!(store.get(key).await?.found, Found::Nothing))
}

/// The balance of an owner; 0 if there is none.
pub(crate) async fn balance(store: &dyn Store, name: &str) -> Result<i64, Failure> {
    match store.get(Key::Owner(owner(name)?)).await?.found {
        Found::Owner { balance, .. } => Ok(balance),
        _ => Ok(0),
    }
}

/// All of a list, in one page.
pub(crate) fn query(of: Of) -> Query {
    Query {
        of,
        filter: Filter::default(),
        after: None,
        offset: 0,
        limit: 100,
    }
}

pub(crate) async fn list(store: &dyn Store, of: Of) -> Result<Page, StoreError> {
    store.list(query(of)).await
}

/// The names of what is listed, in its order.
pub(crate) fn names(page: &Page) -> Vec<&str> {
    page.items
        .iter()
        .map(|(record, _)| record.name.as_str())
        .collect()
}
