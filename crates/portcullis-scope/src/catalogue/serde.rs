//! Catalogues from JSON, TOML and other formats, and back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Catalogue;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CatalogueText<'a> {
    scopes: Vec<ScopeText<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    renamed: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScopeText<'a> {
    scope: Cow<'a, str>,
    description: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    implies: Vec<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for Catalogue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CatalogueText::deserialize(deserializer)?;
        let mut builder = Self::builder();
        for ScopeText {
            scope,
            description,
            implies,
        } in text.scopes
        {
            builder = builder.scope_implying(scope, implies, description.into_owned());
        }
        for name in text.retired {
            builder = builder.retired(name);
        }
        for (old, new) in text.renamed {
            builder = builder.renamed(old, new);
        }
        builder.build().map_err(D::Error::custom)
    }
}

impl Serialize for Catalogue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scopes = self.scopes().map(|entry| ScopeText {
            scope: entry.scope.as_str().into(),
            description: entry.description.into(),
            implies: entry
                .implies
                .iter()
                .map(|scope| scope.as_str().into())
                .collect(),
        });
        let renamed = self
            .renamed()
            .map(|(old, new)| (old.as_str().into(), new.as_str().into()))
            .collect();
        let retired = self.retired().map(|name| name.as_str().into()).collect();
        CatalogueText {
            scopes: scopes.collect(),
            retired,
            renamed,
        }
        .serialize(serializer)
    }
}
