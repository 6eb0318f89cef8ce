//! Catalogues from JSON, TOML and other formats, and back.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

use super::Catalogue;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CatalogueText<'a> {
    scopes: Vec<ScopeText<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    renamed: Pairs<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScopeText<'a> {
    scope: Cow<'a, str>,
    description: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    implies: Vec<Cow<'a, str>>,
}

/// A map in the order of its text; a name that is given up twice is seen, not overwritten.
#[derive(Default)]
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Pairs<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Pairs<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of old names to new ones")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(old, new)| (old, new)))
    }
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
        for (old, new) in text.renamed.0 {
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
            .map(|(old, new)| (old.as_str().into(), new.as_str().into()));
        let retired = self.retired().map(|name| name.as_str().into()).collect();
        CatalogueText {
            scopes: scopes.collect(),
            retired,
            renamed: Pairs(renamed.collect()),
        }
        .serialize(serializer)
    }
}
