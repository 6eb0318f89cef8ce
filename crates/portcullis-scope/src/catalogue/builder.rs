//! Catalogues from tables.

use std::{borrow::Cow, sync::Arc};

use super::{Catalogue, Declared, SCOPES_MAX, Slot, fingerprint::fingerprint};
use crate::{scope::Scope, set::Mask, syntax::ParseScopeError};

/// Declares scopes one by one; see [`Catalogue::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes a catalogue only when built"]
pub struct CatalogueBuilder {
    scopes: Vec<Declaration>,
    retired: Vec<String>,
    renamed: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Declaration {
    name: String,
    description: Cow<'static, str>,
    implies: Vec<String>,
}

/// Why declarations make no catalogue.
///
/// Places are counted from 0 in the order of the calls: `at` among the scopes, or among the
/// retired or renamed names where it says so.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    /// A name is not a scope.
    #[error("scope {at} is not well-formed: {cause}")]
    Syntax {
        /// Which scope.
        at: usize,
        /// What is wrong with its name.
        cause: ParseScopeError,
    },
    /// A name is declared twice.
    #[error("scope {at} has the name of scope {first}")]
    Duplicate {
        /// Which scope.
        at: usize,
        /// Which had the name first.
        first: usize,
    },
    /// An implied name is not declared anywhere.
    #[error("name {implied} that scope {at} implies is not declared")]
    Dangling {
        /// Which scope.
        at: usize,
        /// Which of the names that it implies.
        implied: usize,
    },
    /// An implied scope is the scope itself or declared below it.
    #[error("name {implied} that scope {at} implies is not declared above it")]
    NotAbove {
        /// Which scope.
        at: usize,
        /// Which of the names that it implies.
        implied: usize,
    },
    /// A scope has a name that was given up, as retired or as renamed.
    #[error("scope {at} has a name that was given up")]
    Reused {
        /// Which scope.
        at: usize,
    },
    /// A retired name is not a scope.
    #[error("retired name {at} is not well-formed: {cause}")]
    RetiredSyntax {
        /// Which retired name.
        at: usize,
        /// What is wrong with it.
        cause: ParseScopeError,
    },
    /// A renamed name is not a scope, was given up twice, or its new name is not declared.
    #[error("renamed name {at} is not well-formed, given up twice, or renamed to no scope")]
    Renamed {
        /// Which renamed name.
        at: usize,
    },
    /// There are more than 256 scopes.
    #[error("more than 256 scopes")]
    TooMany,
}

impl CatalogueBuilder {
    /// Declares a scope that implies no other; the description is for people.
    pub fn scope(self, name: impl AsRef<str>, description: impl Into<Cow<'static, str>>) -> Self {
        self.scope_implying(name, [""; 0], description)
    }

    /// Declares a scope that implies others, each declared above it.
    pub fn scope_implying<I: AsRef<str>>(
        mut self,
        name: impl AsRef<str>,
        implies: impl IntoIterator<Item = I>,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.scopes.push(Declaration {
            name: name.as_ref().to_owned(),
            description: description.into(),
            implies: implies
                .into_iter()
                .map(|name| name.as_ref().to_owned())
                .collect(),
        });
        self
    }

    /// Gives up a name: it grants nothing, and no scope may ever have it again.
    pub fn retired(mut self, name: impl AsRef<str>) -> Self {
        self.retired.push(name.as_ref().to_owned());
        self
    }

    /// Gives up a name for another: in stored grants it goes on to mean the new one.
    pub fn renamed(mut self, old: impl AsRef<str>, new: impl AsRef<str>) -> Self {
        self.renamed
            .push((old.as_ref().to_owned(), new.as_ref().to_owned()));
        self
    }

    /// Checks the declarations and compiles them.
    ///
    /// # Errors
    /// The first fault in the order of [`CatalogueError`]'s places; nothing is built.
    pub fn build(self) -> Result<Catalogue, CatalogueError> {
        if self.scopes.len() > SCOPES_MAX {
            return Err(CatalogueError::TooMany);
        }
        let mut names: Vec<Scope> = Vec::with_capacity(self.scopes.len());
        for (at, declared) in self.scopes.iter().enumerate() {
            let name: Scope = declared
                .name
                .parse()
                .map_err(|cause| CatalogueError::Syntax { at, cause })?;
            if let Some(first) = names.iter().position(|earlier| *earlier == name) {
                return Err(CatalogueError::Duplicate { at, first });
            }
            names.push(name);
        }
        let retired = retired_names(&self.retired)?;
        let renamed = renamed_names(&self.renamed, &retired, &names)?;
        let given_up = |name| retired.contains(name) || renamed.iter().any(|(old, _)| old == name);
        if let Some(at) = names.iter().position(given_up) {
            return Err(CatalogueError::Reused { at });
        }

        let mut declarations = Vec::with_capacity(names.len());
        for (at, declared) in self.scopes.into_iter().enumerate() {
            let implies = implied_names(at, &declared.implies, &names)?;
            let name = names.get(at).cloned();
            declarations.extend(name.map(|name| (name, declared.description, implies)));
        }
        Ok(Catalogue::compile(declarations, retired, renamed))
    }
}

fn retired_names(retired: &[String]) -> Result<Vec<Scope>, CatalogueError> {
    let read = |(at, name): (usize, &String)| {
        name.parse()
            .map_err(|cause| CatalogueError::RetiredSyntax { at, cause })
    };
    retired.iter().enumerate().map(read).collect()
}

fn renamed_names(
    renamed: &[(String, String)],
    retired: &[Scope],
    names: &[Scope],
) -> Result<Vec<(Scope, Scope)>, CatalogueError> {
    let mut read: Vec<(Scope, Scope)> = Vec::with_capacity(renamed.len());
    for (at, (old, new)) in renamed.iter().enumerate() {
        let fault = CatalogueError::Renamed { at };
        let old: Scope = old.parse().map_err(|_| fault)?;
        let new = names
            .iter()
            .find(|name| *name == new.as_str())
            .ok_or(fault)?;
        if retired.contains(&old) || read.iter().any(|(earlier, _)| *earlier == old) {
            return Err(fault);
        }
        read.push((old, new.clone()));
    }
    Ok(read)
}

fn implied_names(
    at: usize,
    implies: &[String],
    names: &[Scope],
) -> Result<Vec<Scope>, CatalogueError> {
    let read = |(implied, name): (usize, &String)| {
        let place = names.iter().position(|declared| *declared == name.as_str());
        match place.and_then(|place| Some((place, names.get(place)?))) {
            Some((place, scope)) if place < at => Ok(scope.clone()),
            Some(_) => Err(CatalogueError::NotAbove { at, implied }),
            None => Err(CatalogueError::Dangling { at, implied }),
        }
    };
    implies.iter().enumerate().map(read).collect()
}

impl Catalogue {
    /// INVARIANT: checked as by [`CatalogueBuilder::build`].
    pub(super) fn compile(
        declarations: impl IntoIterator<Item = (Scope, Cow<'static, str>, Vec<Scope>)>,
        retired: Vec<Scope>,
        renamed: Vec<(Scope, Scope)>,
    ) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        for ((scope, description, implies), place) in declarations.into_iter().zip(0..=u8::MAX) {
            let bit = Mask::bit(place);
            let implied = slots.iter().filter(|above| implies.contains(&above.scope));
            let closure = implied.fold(bit, |all, above| all.or(&above.closure));
            for above in &mut slots {
                if above.bit.is_within(&closure) {
                    above.implied_by = above.implied_by.or(&bit);
                }
            }
            slots.push(Slot {
                scope,
                description,
                implies,
                bit,
                closure,
                implied_by: bit,
            });
        }

        let mut by_name: Vec<_> = slots
            .iter()
            .enumerate()
            .map(|(place, slot)| (slot.scope.clone(), place))
            .collect();
        by_name.sort_unstable();
        let place = |name: &Scope| slots.iter().position(|slot| slot.scope == *name);
        let mut renamed: Vec<_> = renamed
            .into_iter()
            .filter_map(|(old, new)| Some((old, place(&new)?)))
            .collect();
        renamed.sort_unstable();

        let all = slots
            .iter()
            .fold(Mask::EMPTY, |all, slot| all.or(&slot.bit));
        let fingerprint = fingerprint(&slots, &renamed);
        Self(Arc::new(Declared {
            slots,
            by_name,
            renamed,
            retired,
            all,
            fingerprint,
        }))
    }
}
