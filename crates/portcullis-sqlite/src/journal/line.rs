//! One line of the journal.

use std::str::FromStr;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{CreatedBy, CredentialRecord, Meta, Networks, Owner, Seq, State, User};
use portcullis_scope::Grant;
use portcullis_token::{Environment, Mac, PepperVersion};
use serde_json::{Value, json};

use crate::cells;

/// A line: a change, or only up to which change the journal is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Up to which change the journal was synced before this was written; version 1 didn't say.
    pub(crate) synced: Option<Seq>,
    pub(crate) change: Seq,
    pub(crate) entry: Option<Entry>,
}

/// What a check depends on, as it was after a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Credential {
        id: CredentialId,
        state: State,
        grant: Grant,
        expires_at: Option<Timestamp>,
        networks: Networks,
        /// Of a key of another system: a backup without it would let it be imported again.
        import: Option<Box<Import>>,
    },
    Owner {
        owner: Owner,
        suspended: bool,
    },
}

/// What a store needs of a key of another system to hold it as it was: who has that key would get
/// a new one by importing it again, without what was taken away.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Import {
    pub(crate) prefix: String,
    /// Not the digest, but what the pepper has made of it.
    pub(crate) mac: Mac,
    pub(crate) pepper: PepperVersion,
    pub(crate) environment: Environment,
    pub(crate) owner: Owner,
    /// Version 2 had none of these five.
    pub(crate) user: Option<User>,
    pub(crate) name: Option<String>,
    pub(crate) meta: Meta,
    /// As its text.
    pub(crate) quota: Option<String>,
    pub(crate) created_by: CreatedBy,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Whose state an entry is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Of {
    Credential(CredentialId),
    Owner(Owner),
}

impl Entry {
    pub(super) fn of_record(record: CredentialRecord) -> Self {
        let import = record.imported.map(|prefix| Import {
            prefix,
            mac: record.mac,
            pepper: record.pepper,
            environment: record.environment,
            owner: record.owner,
            user: record.user,
            name: Some(record.name),
            meta: record.meta,
            quota: record.quota.map(|quota| quota.to_string()),
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        });
        Self::Credential {
            id: record.id,
            state: record.state,
            grant: record.grant,
            expires_at: record.expires_at,
            networks: record.networks,
            import: import.map(Box::new),
        }
    }

    pub(crate) fn of(&self) -> Of {
        match self {
            Self::Credential { id, .. } => Of::Credential(*id),
            Self::Owner { owner, .. } => Of::Owner(owner.clone()),
        }
    }
}

impl Line {
    /// The line with its end.
    pub(crate) fn to_text(&self) -> String {
        let mut value = match &self.entry {
            Some(Entry::Credential {
                id,
                state,
                grant,
                expires_at,
                networks,
                import,
            }) => {
                let mut value = json!({
                    "credential": id.to_string(),
                    "state": cells::state_cell(*state),
                    "grant": grant.to_string(),
                    "expiresAt": expires_at.map(Timestamp::unix_micros),
                    "networks": networks.to_string(),
                });
                if let (Some(import), Some(value)) = (import, value.as_object_mut()) {
                    value.insert("imported".into(), import.to_json());
                }
                value
            }
            Some(Entry::Owner { owner, suspended }) => json!({
                "owner": owner.as_str(),
                "suspended": suspended,
            }),
            None => json!({}),
        };
        if let Some(value) = value.as_object_mut() {
            value.insert("change".into(), self.change.0.into());
            if let Some(synced) = self.synced {
                value.insert("synced".into(), synced.0.into());
            }
        }
        let json = value.to_string();
        format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
    }

    /// Reads a line with its end.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes.strip_suffix(b"\n")?).ok()?;
        let (checksum, json) = text.split_once(' ')?;
        if format!("{:08x}", crc32fast::hash(json.as_bytes())) != checksum {
            return None;
        }
        let value: Value = serde_json::from_str(json).ok()?;
        let synced = match value.get("synced") {
            Some(synced) => Some(Seq(synced.as_u64()?)),
            None => None,
        };
        let entry = if let Some(id) = text_of(&value, "credential") {
            Some(Entry::Credential {
                id: id.parse().ok()?,
                state: cells::state_of(text_of(&value, "state")?)?,
                grant: text_of(&value, "grant")?.parse().ok()?,
                expires_at: match value.get("expiresAt")? {
                    Value::Null => None,
                    micros => Some(Timestamp::from_unix_micros(micros.as_i64()?)),
                },
                networks: text_of(&value, "networks")?.parse().ok()?,
                import: match value.get("imported") {
                    Some(imported) => Some(Box::new(Import::of_json(imported)?)),
                    None => None,
                },
            })
        } else if let Some(owner) = text_of(&value, "owner") {
            Some(Entry::Owner {
                owner: owner.parse().ok()?,
                suspended: value.get("suspended")?.as_bool()?,
            })
        } else {
            None
        };
        Some(Self {
            synced,
            change: Seq(value.get("change")?.as_u64()?),
            entry,
        })
    }
}

fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

impl Import {
    fn to_json(&self) -> Value {
        let mac = self.mac.as_bytes().iter();
        let (by_user, by_credential) = match &self.created_by {
            CreatedBy::System => (None, None),
            CreatedBy::User(user) => (Some(user.as_str()), None),
            CreatedBy::Credential(id) => (None, Some(id.to_string())),
        };
        let mut value = json!({
            "prefix": self.prefix,
            "mac": mac.map(|byte| format!("{byte:02x}")).collect::<String>(),
            "pepper": self.pepper.number(),
            "environment": self.environment.as_str(),
            "owner": self.owner.as_str(),
            "createdAt": self.created_at.unix_micros(),
            "updatedAt": self.updated_at.unix_micros(),
        });
        let meta = (!self.meta.is_none()).then(|| self.meta.as_json().to_owned());
        for (name, text) in [
            ("user", self.user.as_ref().map(|user| user.as_str().into())),
            ("name", self.name.clone()),
            ("meta", meta),
            ("quota", self.quota.clone()),
            ("createdByUser", by_user.map(str::to_owned)),
            ("createdByCredential", by_credential),
        ] {
            if let (Some(text), Some(value)) = (text, value.as_object_mut()) {
                value.insert(name.into(), text.into());
            }
        }
        value
    }

    fn of_json(value: &Value) -> Option<Self> {
        let instant = |name| Some(Timestamp::from_unix_micros(value.get(name)?.as_i64()?));
        let pepper = value.get("pepper")?.as_u64()?;
        Some(Self {
            prefix: text_of(value, "prefix")?.to_owned(),
            mac: mac_of(text_of(value, "mac")?)?,
            pepper: PepperVersion::new(pepper.try_into().ok()?)?,
            environment: cells::environment_of(text_of(value, "environment")?)?,
            owner: text_of(value, "owner")?.parse().ok()?,
            user: parsed(value, "user")?,
            name: text_of(value, "name").map(str::to_owned),
            meta: match text_of(value, "meta") {
                Some(json) => Meta::new(json).ok()?,
                None => Meta::NONE,
            },
            quota: text_of(value, "quota").map(str::to_owned),
            created_by: match parsed(value, "createdByUser")? {
                Some(user) => CreatedBy::User(user),
                None => parsed(value, "createdByCredential")?
                    .map_or(CreatedBy::System, CreatedBy::Credential),
            },
            created_at: instant("createdAt")?,
            updated_at: instant("updatedAt")?,
        })
    }
}

/// A text that need not be there; nothing at all if it is not what it should be.
#[expect(clippy::option_option, reason = "absent and damaged are not the same")]
fn parsed<T: FromStr>(value: &Value, name: &str) -> Option<Option<T>> {
    match text_of(value, name) {
        Some(text) => text.parse().ok().map(Some),
        None => Some(None),
    }
}

fn mac_of(hex: &str) -> Option<Mac> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut mac = [0; 32];
    if pairs.len() != mac.len() {
        return None;
    }
    for (place, pair) in mac.iter_mut().zip(pairs) {
        *place = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Mac::from_bytes(mac))
}

#[cfg(test)]
pub(super) fn revoked(id: u64) -> Entry {
    Entry::Credential {
        id: CredentialId::from_value(id.into()).unwrap(),
        state: State::Revoked,
        grant: "posts:read".parse().unwrap(),
        expires_at: Some(Timestamp::from_unix_micros(-7)),
        networks: "203.0.113.0/24".parse().unwrap(),
        import: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_a_changed_one_is_not() {
        let suspended = Entry::Owner {
            owner: "acme \u{fc}".parse().unwrap(),
            suspended: true,
        };
        let mut imported = revoked(6);
        let mut whole = revoked(7);
        if let Entry::Credential { import, .. } = &mut imported {
            *import = Some(Box::new(Import {
                prefix: "sk-social-".into(),
                mac: Mac::from_bytes([0xa5; 32]),
                pepper: PepperVersion::FIRST,
                environment: Environment::Test,
                owner: "acme".parse().unwrap(),
                user: None,
                name: None,
                meta: Meta::NONE,
                quota: None,
                created_by: CreatedBy::System,
                created_at: Timestamp::from_unix_micros(1),
                updated_at: Timestamp::from_unix_micros(2),
            }));
        }
        if let (Entry::Credential { import: from, .. }, Entry::Credential { import, .. }) =
            (&imported, &mut whole)
        {
            let mut more = from.clone().unwrap();
            more.user = Some("ada".parse().unwrap());
            more.name = Some("old \u{fc}".into());
            more.meta = Meta::new("{\"team\":1}").unwrap();
            more.quota = Some("5/60s".into());
            more.created_by = CreatedBy::Credential(CredentialId::from_value(9).unwrap());
            *import = Some(more);
        }
        let entries = [revoked(5), imported, whole, suspended].map(Some);
        for entry in entries.into_iter().chain([None]) {
            let line = Line {
                synced: Some(Seq(8)),
                change: Seq(9),
                entry,
            };
            let text = line.to_text();
            assert_eq!(Line::parse(text.as_bytes()), Some(line));
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1;
                assert_eq!(Line::parse(&changed), None, "{changed:?}");
            }
        }
    }
}
