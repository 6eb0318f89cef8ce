//! A requirement for people, documents and headers.

use std::fmt;

use super::CompiledRequirement;
use crate::{scope::Scope, set::ScopeSet};

impl CompiledRequirement {
    /// The scopes of each alternative in minimal form: what OpenAPI 3.1 takes as the security
    /// requirements of an operation, one object for each, under the name of the scheme.
    ///
    /// A requirement of nothing is one empty list: a credential, of any scopes.
    #[must_use]
    pub fn openapi_security(&self) -> Vec<Vec<&str>> {
        self.alternatives()
            .map(|set| self.minimal(set).map(Scope::as_str).collect())
            .collect()
    }

    /// The alternatives with commas between them, the scopes of each with spaces: `a:b c:d, e:f`.
    #[must_use]
    pub fn accepted_text(&self) -> String {
        let alternatives = self.openapi_security();
        let texts: Vec<String> = alternatives.iter().map(|names| names.join(" ")).collect();
        texts.join(", ")
    }

    /// A sentence without a full stop: ``needs `posts:write`, or both `clips:read` and
    /// `kb:read` ``.
    #[must_use]
    pub fn sentence(&self) -> Sentence<'_> {
        Sentence(self)
    }

    fn minimal<'a>(&'a self, set: &ScopeSet) -> impl Iterator<Item = &'a Scope> + use<'a> {
        self.catalogue.minimal(set)
    }
}

/// What a [`CompiledRequirement`] asks for, in words; made by
/// [`sentence`](CompiledRequirement::sentence).
#[derive(Clone, Copy, Debug)]
pub struct Sentence<'r>(&'r CompiledRequirement);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives = self.0.openapi_security();
        let simple = alternatives.iter().all(|names| names.len() <= 1);
        f.write_str("needs ")?;
        let mut left = alternatives.len();
        for names in &alternatives {
            conjunction(f, names)?;
            left -= 1;
            f.write_str(match (left, simple) {
                (0, _) => "",
                (1, true) if alternatives.len() == 2 => " or ",
                (1, _) => ", or ",
                _ => ", ",
            })?;
        }
        Ok(())
    }
}

/// One name, both of two, or all of more.
fn conjunction(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    match names {
        [] => f.write_str("no scope"),
        [name] => write!(f, "`{name}`"),
        [one, other] => write!(f, "both `{one}` and `{other}`"),
        [names @ .., last] => {
            f.write_str("all of ")?;
            for name in names {
                write!(f, "`{name}`, ")?;
            }
            write!(f, "and `{last}`")
        }
    }
}
