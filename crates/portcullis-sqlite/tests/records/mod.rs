//! Records for the tests of this crate.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{
    AuditEntry, Batch, CreatedBy, CredentialRecord, CreditOp, Meta, Networks, Owner, State, Version,
};
use portcullis_token::{Environment, Mac, PepperVersion, TokenKind};

pub(crate) fn owner() -> Owner {
    Owner::new("acme").unwrap()
}

pub(crate) fn id(number: u64) -> CredentialId {
    CredentialId::from_value(u128::from(number)).unwrap()
}

/// A key of `acme` that was never written.
pub(crate) fn key(number: u64) -> CredentialRecord {
    let now = Timestamp::from_unix_seconds(1_767_225_600);
    CredentialRecord {
        id: id(number),
        kind: TokenKind::ApiKey,
        environment: Environment::Live,
        version: Version(0),
        pepper: PepperVersion::FIRST,
        mac: Mac::from_bytes([7; 32]),
        owner: owner(),
        user: None,
        name: format!("key {number}"),
        grant: "posts:read".parse().unwrap(),
        meta: Meta::NONE,
        state: State::Enabled,
        created_at: now,
        updated_at: now,
        expires_at: None,
        idle_ttl: None,
        created_by: CreatedBy::System,
        family: None,
        successor: None,
        ceiling: None,
        networks: Networks::ANY,
        quota: None,
        imported: None,
    }
}

pub(crate) fn audit(target: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::UNIX_EPOCH,
        actor: "system".into(),
        action: "key.issued".into(),
        target: target.into(),
        owner: Some(owner()),
        ip: None,
        details: serde_json::json!({}),
    }
}

/// Something in every table, which can be seen to be whole or not there: two keys, one credit, one
/// line of the audit log.
pub(crate) fn pair(number: u64) -> Batch {
    Batch {
        credentials: vec![key(2 * number), key(2 * number + 1)],
        credits: vec![CreditOp::Add {
            owner: owner(),
            amount: 1,
            at: Timestamp::UNIX_EPOCH,
            note: "a pair".into(),
        }],
        audit: vec![audit(&number.to_string())],
        ..Batch::default()
    }
}
