//! The bodies of the routes for keys.

use portcullis_core::Timestamp;
use portcullis_registry::ApiKeyInfo;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewKeyBody {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KeyChangeBody {
    #[serde(default, deserialize_with = "some")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    pub(super) scopes: Option<Vec<String>>,
    /// Absent: it stays. `null`: it goes.
    #[serde(default, deserialize_with = "present")]
    pub(super) expires_at: Present<Timestamp>,
    #[serde(default, deserialize_with = "some")]
    pub(super) enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RotationBody {
    #[serde(default)]
    pub(super) overlap_seconds: u32,
}

/// A member that may be absent, `null`, or there.
#[derive(Debug, Default)]
pub(super) enum Present<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

fn present<'de, D, T>(deserializer: D) -> Result<Present<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(value.map_or(Present::Null, Present::Value))
}

/// A member that may be absent and not `null`.
fn some<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A key as it is shown; `key` only when it was just issued, `replaces` at a rotation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyBody<'a> {
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    key_hint: &'a str,
    scopes: Vec<&'a str>,
    enabled: bool,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "LastUse::is_new")]
    last_used_at: LastUse,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
}

/// When a key was last used: not shown of a new key, `null` for one that never was.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum LastUse {
    New,
    At(Option<Timestamp>),
}

impl LastUse {
    const fn is_new(&self) -> bool {
        matches!(self, Self::New)
    }
}

impl<'a> KeyBody<'a> {
    pub(super) fn of(info: &'a ApiKeyInfo) -> Self {
        Self {
            id: info.id().to_string(),
            name: info.name(),
            key: None,
            key_hint: info.hint().as_str(),
            scopes: info.grant().names().collect(),
            enabled: info.is_enabled(),
            expires_at: info.expires_at(),
            created_at: info.created_at(),
            updated_at: info.updated_at(),
            last_used_at: LastUse::At(info.usage().last_used_at),
            replaces: None,
        }
    }

    pub(super) fn issued(info: &'a ApiKeyInfo, token: &'a str) -> Self {
        Self {
            key: Some(token),
            last_used_at: LastUse::New,
            ..Self::of(info)
        }
    }

    pub(super) fn rotated(info: &'a ApiKeyInfo, token: &'a str) -> Self {
        Self {
            replaces: info.replaces().map(|id| id.to_string()),
            ..Self::issued(info, token)
        }
    }
}
