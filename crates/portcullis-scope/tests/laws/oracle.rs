//! Scopes as sets of strings, naively: nothing here knows of bits.

use std::collections::BTreeSet;

use portcullis_scope::{Catalogue, Requirement};
use proptest::{collection::vec, prelude::*, sample::Index};

pub(crate) type Names = BTreeSet<String>;

/// What was declared: each name with what it implies.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) declared: Vec<(String, Vec<String>)>,
}

impl Oracle {
    pub(crate) fn catalogue(&self) -> Catalogue {
        let mut builder = Catalogue::builder();
        for (name, implies) in &self.declared {
            builder = builder.scope_implying(name, implies, "");
        }
        builder.build().unwrap()
    }

    /// Adds what is implied until nothing changes.
    pub(crate) fn closure<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Names {
        let known = |name: &&String| self.declared.iter().any(|(declared, _)| declared == *name);
        let mut all: Names = names.into_iter().filter(known).cloned().collect();
        loop {
            let before = all.len();
            for (name, implies) in &self.declared {
                if all.contains(name) {
                    all.extend(implies.iter().cloned());
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// The names that no other name of the set implies.
    pub(crate) fn minimal(&self, names: &Names) -> Names {
        let implied_by_another = |name: &&String| {
            names
                .iter()
                .any(|other| other != *name && self.closure([other]).contains(*name))
        };
        names
            .iter()
            .filter(|name| !implied_by_another(name))
            .cloned()
            .collect()
    }

    pub(crate) fn expand(&self, wildcard: &str) -> Names {
        let matches = |name: &String| match wildcard.split_once(':') {
            Some((resource, "*")) => name.starts_with(&format!("{resource}:")),
            Some((_, action)) => name.ends_with(&format!(":{action}")),
            None => true,
        };
        self.declared
            .iter()
            .map(|(name, _)| name)
            .filter(|name| matches(name))
            .cloned()
            .collect()
    }

    /// Whether the nested form passes, by its words.
    pub(crate) fn passes(&self, required: &Requirement, held: &Names) -> bool {
        match required {
            Requirement::Nothing => true,
            Requirement::Scope(scope) => held.contains(scope.as_str()),
            Requirement::AllOf(parts) => parts.iter().all(|part| self.passes(part, held)),
            Requirement::AnyOf(parts) => parts.iter().any(|part| self.passes(part, held)),
        }
    }

    pub(crate) fn pick(&self, indices: &[Index]) -> Names {
        indices
            .iter()
            .map(|index| index.get(&self.declared).0.clone())
            .collect()
    }
}

/// Catalogues of 1 to `most` scopes over a few resources and actions.
pub(crate) fn catalogues(most: usize) -> impl Strategy<Value = Oracle> {
    // Often the largest, where every word of a mask has bits.
    let count = prop_oneof![1..=most, Just(most)];
    let implies = count.prop_flat_map(|count| vec(vec(any::<Index>(), 0..4), count));
    implies.prop_map(|implies| {
        let mut names: Vec<String> = Vec::new();
        let mut declared = Vec::new();
        for (place, implied) in implies.into_iter().enumerate() {
            let above = match names.is_empty() {
                true => Vec::new(),
                false => implied
                    .iter()
                    .map(|index| index.get(&names).clone())
                    .collect(),
            };
            let name = format!("r{}:a{}", place % 15, place / 15);
            names.push(name.clone());
            declared.push((name, above));
        }
        Oracle { declared }
    })
}
