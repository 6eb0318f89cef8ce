//! Scopes as sets of strings: nothing here knows of bits.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Table;

pub(super) type Names<'t> = BTreeSet<&'t str>;

/// A table with nothing wrong, and all that each of its scopes implies.
pub(super) struct Oracle<'t> {
    table: &'t Table,
    closures: BTreeMap<&'t str, Names<'t>>,
}

impl<'t> Oracle<'t> {
    pub(super) fn new(table: &'t Table) -> Self {
        let closures = table.declared.iter().map(|(name, _)| {
            let mut all = Names::from([name.as_str()]);
            // Adds what is implied until nothing changes.
            loop {
                let before = all.len();
                for (name, implies) in &table.declared {
                    if all.contains(name.as_str()) {
                        all.extend(implies.iter().map(String::as_str));
                    }
                }
                if all.len() == before {
                    return (name.as_str(), all);
                }
            }
        });
        let closures = closures.collect();
        Self { table, closures }
    }

    /// Every declared scope, in order.
    pub(super) fn declared(&self) -> impl Iterator<Item = &'t str> {
        self.table.declared.iter().map(|(name, _)| name.as_str())
    }

    /// The scopes of a set, in order of declaration.
    pub(super) fn in_order(&self, names: &Names<'t>) -> Vec<&'t str> {
        self.declared()
            .filter(|name| names.contains(name))
            .collect()
    }

    /// The declared scopes that a name of a grant means, without what they imply.
    pub(super) fn meaning(&self, name: &str) -> Vec<&'t str> {
        if let Some((name, _)) = self.closures.get_key_value(name) {
            return vec![name];
        }
        let body = name.strip_suffix("@live").unwrap_or(name);
        let renamed = self.table.renamed.iter().find(|(old, _)| old == name);
        let meant = renamed.map_or(body, |(_, new)| new);
        let means = |scope: &&str| match (meant.split_once(':'), scope.split_once(':')) {
            (Some(("*", wanted)), Some((_, action))) => wanted == action,
            (Some((wanted, "*")), Some((resource, _))) => wanted == resource,
            (None, _) => meant == "*",
            _ => meant == *scope,
        };
        self.declared().filter(means).collect()
    }

    /// The scopes and all that they imply.
    pub(super) fn closure(&self, scopes: impl IntoIterator<Item = &'t str>) -> Names<'t> {
        let closures = scopes
            .into_iter()
            .filter_map(|scope| self.closures.get(scope));
        closures.flatten().copied().collect()
    }

    /// What these names of a grant allow.
    pub(super) fn resolve<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Names<'t> {
        let meant = names.into_iter().flat_map(|name| self.meaning(name));
        self.closure(meant)
    }

    /// The scopes that no other scope of the set implies.
    pub(super) fn minimal(&self, scopes: &Names<'t>) -> Names<'t> {
        let is_implied = |scope: &&str| {
            let mut others = scopes.iter().filter(|other| *other != scope);
            others.any(|other| self.implies(other, scope))
        };
        let left = scopes.iter().filter(|scope| !is_implied(scope));
        left.copied().collect()
    }

    /// Whether one scope implies another, directly or not.
    pub(super) fn implies(&self, one: &str, other: &str) -> bool {
        let closure = self.closures.get(one);
        one != other && closure.is_some_and(|closure| closure.contains(other))
    }
}

pub(super) fn without<'t>(one: &Names<'t>, other: &Names<'t>) -> Names<'t> {
    one.difference(other).copied().collect()
}
