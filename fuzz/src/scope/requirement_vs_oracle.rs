//! Requirements as masks answer as the nested form and sets of strings do.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

use portcullis_scope::{
    Catalogue, CompiledRequirement, Coverage, Grant, Requirement, RequirementError, Scope,
};

use super::{
    oracle::{Names, Oracle, without},
    table::Table,
};

const ALTERNATIVES_MAX: usize = 64;
const DEPTH_MAX: usize = 32;

/// More scopes than this are too many to try every set of them.
const TRIED_MAX: usize = 6;

/// Letters, `a` to `z` and `A` to `N`, are scopes. The first line declares them in order, each with
/// those that it implies (`a b>a c>ab`), or with the old name of one (`d=c`). The second is a grant,
/// in which digits and stars are wildcards and `@` makes one live. The rest is a requirement: all
/// of `(…)`, any of `[…]`, a scope, or `_` for nothing.
///
/// - It is refused exactly for what is wrong with it.
/// - Its alternatives, names and texts are those of sets of strings.
/// - It passes what the nested form passes, and says what is missing and what is the least to add.
/// - None of it depends on order or repetition.
///
/// # Panics
/// If one of them doesn't hold.
pub fn requirement_vs_oracle(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let table = table(next());
    let names = grant(next());
    let Some(required) = requirement(next()) else {
        return;
    };
    let grant = Grant::parse(&names);
    let (Some(catalogue), Ok(grant)) = (table.build(), grant) else {
        assert_eq!(text, "a catalogue and a grant");
        return;
    };
    let oracle = Oracle::new(&table);

    let mut faults = BTreeSet::new();
    let expected = alternatives(&oracle, &required, 1, &mut faults);
    let compiled = required.compile(&catalogue);
    let again = reordered(&required).compile(&catalogue);
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(error) => {
            let found = fault_of(&error);
            assert!(faults.contains(&found), "{found:?} {faults:?}");
            // Of several faults either may be told.
            assert!(again.is_err_and(|again| faults.contains(&fault_of(&again))));
            return;
        }
    };
    assert_eq!(faults, BTreeSet::new());
    assert_eq!(again.as_ref(), Ok(&compiled));
    let expected = expected.unwrap_or_default();
    written(&oracle, &compiled, &expected);

    let held = oracle.resolve(names.iter().map(String::as_str));
    let set = catalogue.resolve(&grant);
    assert_eq!(strings(catalogue.names(&set)), oracle.in_order(&held));
    let case = Case {
        oracle: &oracle,
        catalogue: &catalogue,
        required: &required,
        compiled: &compiled,
        alternatives: &expected,
    };
    case.answers(&held);
    case.answers(&Names::new());
    case.answers(&oracle.declared().collect());
    for alternative in expected.iter().take(2) {
        case.answers(&(alternative | &held));
        let all_but_one = alternative.iter().copied().skip(1);
        case.answers(&oracle.closure(all_but_one));
    }
    if oracle.declared().count() <= TRIED_MAX {
        case.is_least_of_all(&held);
    }
}

fn name_of(letter: char) -> Option<String> {
    let place = match letter {
        'a'..='z' => u32::from(letter) - u32::from('a'),
        'A'..='N' => u32::from(letter) - u32::from('A') + 26,
        _ => return None,
    };
    Some(format!("r{}:a{}", place % 8, place / 8))
}

/// Leaves out what would make it none, which other properties are about.
fn table(line: &str) -> Table {
    let mut table = Table::default();
    for word in line.split(' ') {
        let mut names = word.chars().filter_map(name_of);
        if word.contains('=') {
            table.renamed.extend(names.next().zip(names.next()));
        } else if word.contains('>') {
            let Some(name) = names.next() else {
                continue;
            };
            declare(&mut table, name, names.collect());
        } else {
            for name in names {
                declare(&mut table, name, Vec::new());
            }
        }
    }
    let declared = &table.declared;
    let is_declared = |name: &String| declared.iter().any(|(other, _)| other == name);
    let mut seen = BTreeSet::new();
    table.renamed.retain(|(old, new)| {
        let is_free = !is_declared(old) && seen.insert(old.clone());
        is_free && is_declared(new)
    });
    table
}

fn declare(table: &mut Table, name: String, mut implies: Vec<String>) {
    let is_declared = |name: &String| table.declared.iter().any(|(other, _)| other == name);
    if !is_declared(&name) {
        implies.retain(is_declared);
        table.declared.push((name, implies));
    }
}

fn grant(line: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for character in line.chars() {
        match character {
            '*' => names.push("*".to_owned()),
            '0'..='4' => names.push(format!("*:a{character}")),
            '5'..='9' => names.push(format!("r{character}:*")),
            '@' => {
                let last = names.last_mut().filter(|name| name.contains('*'));
                if let Some(name) = last.filter(|name| !name.ends_with("@live")) {
                    name.push_str("@live");
                }
            }
            _ => names.extend(name_of(character)),
        }
    }
    names
}

/// The one requirement that is written, or all of those that are.
fn requirement(text: &str) -> Option<Requirement> {
    let mut parts = parts(&mut text.chars().peekable());
    match parts.len() {
        1 => parts.pop(),
        _ => Some(Requirement::AllOf(parts)),
    }
}

fn parts(text: &mut Peekable<Chars<'_>>) -> Vec<Requirement> {
    let mut read = Vec::new();
    while let Some(character) = text.next() {
        match character {
            '(' => read.push(Requirement::AllOf(parts(text))),
            '[' => read.push(Requirement::AnyOf(parts(text))),
            ')' | ']' => break,
            '_' => read.push(Requirement::Nothing),
            _ => {
                let scope = name_of(character).and_then(|name| name.parse().ok());
                read.extend(scope.map(Requirement::Scope));
            }
        }
    }
    read
}

/// The same in another order, and one part twice.
fn reordered(required: &Requirement) -> Requirement {
    let reversed = |parts: &[Requirement]| {
        let reversed = parts.iter().rev().map(reordered);
        reversed.collect::<Vec<_>>()
    };
    let first_again = |parts: &[Requirement]| {
        let mut reversed = reversed(parts);
        // A part that is nested is written again as it was, or each level would double it.
        reversed.extend(parts.first().cloned());
        reversed
    };
    match required {
        Requirement::AllOf(parts) => Requirement::AllOf(first_again(parts)),
        Requirement::AnyOf(parts) => Requirement::AnyOf(first_again(parts)),
        other => other.clone(),
    }
}

/// What is wrong with a requirement.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    Empty,
    Unknown(String),
    TooMany,
    TooDeep,
    Another,
}

fn fault_of(error: &RequirementError) -> Fault {
    match error {
        RequirementError::Empty => Fault::Empty,
        RequirementError::Unknown(unknown) => {
            Fault::Unknown(unknown.name().unwrap_or_default().to_owned())
        }
        RequirementError::TooManyAlternatives => Fault::TooMany,
        RequirementError::TooDeep => Fault::TooDeep,
        _ => Fault::Another,
    }
}

type Alternatives<'t> = Vec<Names<'t>>;

/// The least sets that each satisfy it, in order of declaration; all that is wrong goes to `faults`.
fn alternatives<'t>(
    oracle: &Oracle<'t>,
    required: &Requirement,
    level: usize,
    faults: &mut BTreeSet<Fault>,
) -> Option<Alternatives<'t>> {
    if level > DEPTH_MAX {
        faults.insert(Fault::TooDeep);
        return None;
    }
    let (parts, is_all) = match required {
        Requirement::Nothing => return Some(vec![Names::new()]),
        Requirement::Scope(scope) => {
            let meant = oracle.meaning(scope.as_str());
            if meant.is_empty() {
                faults.insert(Fault::Unknown(scope.to_string()));
                return None;
            }
            return Some(vec![oracle.closure(meant)]);
        }
        Requirement::AllOf(parts) => (parts, true),
        Requirement::AnyOf(parts) => (parts, false),
    };
    if parts.is_empty() {
        faults.insert(Fault::Empty);
        return None;
    }
    let mut factors = Vec::new();
    for (part, level) in flat(parts, level + 1, is_all) {
        factors.push(alternatives(oracle, part, level, faults));
    }
    let mut factors: Vec<Alternatives<'t>> = factors.into_iter().collect::<Option<_>>()?;
    if !is_all {
        return least(oracle, factors.concat(), faults);
    }
    // Multiplied from the fewest on, and those that have as many in order of declaration.
    factors.sort_by_key(|factor| {
        let orders: Vec<String> = factor.iter().map(|set| order(oracle, set)).collect();
        (factor.len(), orders)
    });
    let mut product = vec![Names::new()];
    for factor in factors {
        let pairs = product
            .iter()
            .flat_map(|one| factor.iter().map(move |other| one | other));
        product = least(oracle, pairs.collect(), faults)?;
    }
    Some(product)
}

/// The parts, each with its level; of all-ofs within an all-of, their parts.
fn flat(parts: &[Requirement], level: usize, is_all: bool) -> Vec<(&Requirement, usize)> {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Requirement::AllOf(inner) if is_all && !inner.is_empty() && level <= DEPTH_MAX => {
                all.extend(flat(inner, level + 1, is_all));
            }
            _ => all.push((part, level)),
        }
    }
    all
}

/// Of two sets the one comes first that has the earliest scope which the other lacks.
fn order(oracle: &Oracle<'_>, set: &Names<'_>) -> String {
    let mark = |name: &str| if set.contains(name) { 'a' } else { 'b' };
    oracle.declared().map(mark).collect()
}

/// Those that have no other within them, unless there are too many.
fn least<'t>(
    oracle: &Oracle<'t>,
    sets: Alternatives<'t>,
    faults: &mut BTreeSet<Fault>,
) -> Option<Alternatives<'t>> {
    let each_once: BTreeSet<Names<'t>> = sets.into_iter().collect();
    let mut sets: Alternatives<'t> = each_once.into_iter().collect();
    sets.sort_by_key(BTreeSet::len);
    let mut kept: Alternatives<'t> = Vec::new();
    for set in sets {
        if kept.iter().all(|other| !other.is_subset(&set)) {
            kept.push(set);
        }
        if kept.len() > ALTERNATIVES_MAX {
            faults.insert(Fault::TooMany);
            return None;
        }
    }
    kept.sort_by_key(|set| order(oracle, set));
    Some(kept)
}

fn written<'t>(oracle: &Oracle<'t>, compiled: &CompiledRequirement, alternatives: &[Names<'t>]) {
    let catalogue = compiled.catalogue();
    let found = compiled
        .alternatives()
        .map(|set| strings(catalogue.names(set)));
    let expected = alternatives.iter().map(|set| oracle.in_order(set));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let is_nothing = alternatives.iter().any(BTreeSet::is_empty);
    assert_eq!(compiled.is_nothing(), is_nothing);

    let minimal = alternatives.iter().map(|set| oracle.minimal(set));
    let minimal: Vec<Names<'_>> = minimal.collect();
    let names = oracle.in_order(&minimal.iter().flatten().copied().collect());
    assert_eq!(strings(compiled.names()), names);
    assert_eq!(compiled.scope_text(), names.join(" "));
    let minimal: Vec<Vec<&str>> = minimal.iter().map(|set| oracle.in_order(set)).collect();
    assert_eq!(compiled.openapi_security(), minimal);
    let texts: Vec<String> = minimal.iter().map(|names| names.join(" ")).collect();
    assert_eq!(compiled.accepted_text(), texts.join(", "));
}

/// One requirement in all its forms.
struct Case<'c> {
    oracle: &'c Oracle<'c>,
    catalogue: &'c Catalogue,
    required: &'c Requirement,
    compiled: &'c CompiledRequirement,
    alternatives: &'c [Names<'c>],
}

impl<'c> Case<'c> {
    fn answers(&self, held: &Names<'c>) {
        let Ok(granted) = self.catalogue.set(held) else {
            assert_eq!(held, &Names::new());
            return;
        };
        let passes = passes(self.oracle, self.required, held);
        assert_eq!(self.compiled.is_covered_by(&granted), passes);
        let used = self.alternatives.iter().find(|set| set.is_subset(held));
        let used = used.map(|set| self.oracle.in_order(set));
        let found = self.compiled.used_of(&granted);
        let found = found.map(|set| strings(self.catalogue.names(set)));
        assert_eq!(found, used);
        assert_eq!(found.is_some(), passes);
        match self.compiled.covers(&granted) {
            Coverage::Covered => assert!(passes),
            Coverage::Lacks {
                missing,
                sufficient,
            } => {
                assert!(!passes);
                let named = self.alternatives.iter().map(|set| self.oracle.minimal(set));
                let lacking = without(&named.flatten().collect(), held);
                assert_eq!(strings(&missing), self.oracle.in_order(&lacking));
                self.suffices(held, &strings(&sufficient));
            }
        }
    }

    /// What is said to be sufficient is the least that is.
    fn suffices(&self, held: &Names<'c>, sufficient: &[&str]) {
        let meant = sufficient.iter().flat_map(|name| self.oracle.meaning(name));
        let with_it = &self.oracle.closure(meant) | held;
        assert!(passes(self.oracle, self.required, &with_it));
        let additions = self.alternatives.iter().map(|set| {
            let added = without(set, held);
            let minimal = self.oracle.minimal(&added);
            let order = order(self.oracle, set);
            (added.len(), minimal.len(), order, minimal)
        });
        let least = additions.min().map(|(.., minimal)| minimal);
        assert_eq!(sufficient, self.oracle.in_order(&least.unwrap_or_default()));
    }

    /// Of every set of scopes: the least that pass are the alternatives, and of those that hold
    /// what is held, none is smaller than what is said to suffice makes it.
    fn is_least_of_all(&self, held: &Names<'c>) {
        let declared: Vec<&str> = self.oracle.declared().collect();
        let mut closed = BTreeSet::new();
        for choice in 0..1_u32 << declared.len() {
            let is_chosen = |(at, _): &(usize, &&str)| choice >> at & 1 == 1;
            let chosen = declared.iter().enumerate().filter(is_chosen);
            closed.insert(self.oracle.closure(chosen.map(|(_, name)| *name)));
        }
        let passing: Vec<&Names<'_>> = closed
            .iter()
            .filter(|set| passes(self.oracle, self.required, set))
            .collect();
        let has_no_less = |set: &&Names<'c>| {
            let mut within = passing.iter().filter(|other| other.is_subset(set));
            within.all(|other| other == set)
        };
        let least: BTreeSet<Names<'_>> = passing
            .iter()
            .copied()
            .filter(has_no_less)
            .cloned()
            .collect();
        assert_eq!(least, self.alternatives.iter().cloned().collect());

        let Ok(granted) = self.catalogue.set(held) else {
            return;
        };
        if let Coverage::Lacks { sufficient, .. } = self.compiled.covers(&granted) {
            let sufficient = strings(&sufficient);
            let meant = sufficient.iter().flat_map(|name| self.oracle.meaning(name));
            let with_it = &self.oracle.closure(meant) | held;
            let above = passing.iter().filter(|set| held.is_subset(set));
            let fewest = above.map(|set| set.len()).min();
            assert_eq!(fewest, Some(with_it.len()));
        }
    }
}

/// Whether the nested form passes, by its words.
fn passes(oracle: &Oracle<'_>, required: &Requirement, held: &Names<'_>) -> bool {
    match required {
        Requirement::Nothing => true,
        Requirement::Scope(scope) => {
            let meant = oracle.meaning(scope.as_str());
            meant.iter().any(|name| held.contains(name))
        }
        Requirement::AllOf(parts) => parts.iter().all(|part| passes(oracle, part, held)),
        Requirement::AnyOf(parts) => parts.iter().any(|part| passes(oracle, part, held)),
    }
}

fn strings<'s>(scopes: impl IntoIterator<Item = &'s Scope>) -> Vec<&'s str> {
    scopes.into_iter().map(Scope::as_str).collect()
}
