//! Catalogues as they are written, and what is wrong with them.

use portcullis_scope::{Catalogue, CatalogueError};

use super::grammar::Grammar;

/// More scopes would only take longer.
const SCOPES_MAX: usize = 40;

/// What is declared.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) declared: Vec<(String, Vec<String>)>,
    pub(super) retired: Vec<String>,
    pub(super) renamed: Vec<(String, String)>,
}

/// What is wrong, where, and with which other.
type Fault = (&'static str, usize, usize);

impl Table {
    /// `posts:write>posts:read` declares with what is implied, `!posts:own` retires, and
    /// `post:read=posts:read` renames.
    pub(super) fn read(line: &str) -> Self {
        let mut table = Self::default();
        let words = line.split(' ').filter(|word| !word.is_empty());
        for word in words.take(SCOPES_MAX) {
            let mut names = word.split('>').map(str::to_owned);
            if let Some(name) = word.strip_prefix('!') {
                table.retired.push(name.to_owned());
            } else if let Some((old, new)) = word.split_once('=') {
                table.renamed.push((old.to_owned(), new.to_owned()));
            } else if let Some(name) = names.next() {
                table.declared.push((name, names.collect()));
            }
        }
        table
    }

    /// The catalogue, exactly if nothing is wrong with it.
    ///
    /// # Panics
    /// If something is wrong and it is built, or it is refused for what is not so.
    pub(super) fn build(&self) -> Option<Catalogue> {
        let mut builder = Catalogue::builder();
        for (name, implies) in &self.declared {
            builder = builder.scope_implying(name, implies, "");
        }
        for name in &self.retired {
            builder = builder.retired(name);
        }
        for (old, new) in &self.renamed {
            builder = builder.renamed(old, new);
        }
        let faults = self.faults();
        match builder.build() {
            Ok(catalogue) => {
                assert_eq!(faults, []);
                Some(catalogue)
            }
            Err(error) => {
                assert!(faults.contains(&fault_of(error)), "{error:?} {faults:?}");
                self.points_at_the_byte(error);
                None
            }
        }
    }

    fn faults(&self) -> Vec<Fault> {
        let place = |name: &String| self.declared.iter().position(|(other, _)| other == name);
        let is_retired = |name: &String| self.retired.contains(name);
        let renamed = |name: &String| self.renamed.iter().position(|(old, _)| old == name);
        let mut faults = Vec::new();
        for (at, (name, implies)) in self.declared.iter().enumerate() {
            if !Grammar::Scope.has(name) {
                faults.push(("syntax", at, 0));
            }
            if let Some(first) = place(name).filter(|first| *first < at) {
                faults.push(("duplicate", at, first));
            }
            if is_retired(name) || renamed(name).is_some() {
                faults.push(("reused", at, 0));
            }
            for (which, implied) in implies.iter().enumerate() {
                match place(implied) {
                    None => faults.push(("dangling", at, which)),
                    Some(place) if place >= at => faults.push(("not above", at, which)),
                    Some(_) => {}
                }
            }
        }
        for (at, name) in self.retired.iter().enumerate() {
            if !Grammar::Scope.has(name) {
                faults.push(("retired syntax", at, 0));
            }
        }
        for (at, (old, new)) in self.renamed.iter().enumerate() {
            let is_given_up = is_retired(old) || renamed(old).is_some_and(|first| first < at);
            if !Grammar::Scope.has(old) || is_given_up || place(new).is_none() {
                faults.push(("renamed", at, 0));
            }
        }
        faults
    }

    fn points_at_the_byte(&self, error: CatalogueError) {
        let (name, cause) = match error {
            CatalogueError::Syntax { at, cause } => {
                (self.declared.get(at).map(|(name, _)| name), cause)
            }
            CatalogueError::RetiredSyntax { at, cause } => (self.retired.get(at), cause),
            _ => return,
        };
        let name = name.map_or("", String::as_str);
        Grammar::Scope.check(name, Some(cause));
    }
}

fn fault_of(error: CatalogueError) -> Fault {
    match error {
        CatalogueError::Syntax { at, .. } => ("syntax", at, 0),
        CatalogueError::Duplicate { at, first } => ("duplicate", at, first),
        CatalogueError::Dangling { at, implied } => ("dangling", at, implied),
        CatalogueError::NotAbove { at, implied } => ("not above", at, implied),
        CatalogueError::Reused { at } => ("reused", at, 0),
        CatalogueError::RetiredSyntax { at, .. } => ("retired syntax", at, 0),
        CatalogueError::Renamed { at } => ("renamed", at, 0),
        _ => ("another", 0, 0),
    }
}
