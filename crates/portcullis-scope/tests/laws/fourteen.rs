//! Every closed set of seven resources with a read and a write scope each, and every pair.
//!
//! Such a set is seven digits: nothing, read, or write with the read that it implies. The digits
//! are the oracle: union is the larger digit, intersection the smaller.

use std::{array, thread};

use portcullis_scope::{
    AttenuateError, Catalogue, CompiledRequirement, Coverage, Grant, Requirement, Scope, ScopeSet,
};

const RESOURCES: [&str; 7] = [
    "posts",
    "brands",
    "clips",
    "carousels",
    "kb",
    "agents",
    "webhooks",
];
const SETS: usize = 2_187;

type Digits = [u8; 7];

fn catalogue() -> Catalogue {
    let mut builder = Catalogue::builder();
    for resource in RESOURCES {
        let read = format!("{resource}:read");
        builder = builder.scope(&read, "Look").scope_implying(
            format!("{resource}:write"),
            [read],
            "Change",
        );
    }
    builder.build().unwrap()
}

/// The digits of a number in base three, so that each set has a number.
fn digits(number: usize) -> Digits {
    let mut rest = number;
    array::from_fn(|_| {
        let digit = rest % 3;
        rest /= 3;
        u8::try_from(digit).unwrap()
    })
}

fn number(digits: Digits) -> usize {
    digits
        .iter()
        .rev()
        .fold(0, |number, digit| number * 3 + usize::from(*digit))
}

/// The names of a set without those that another of its names implies.
fn minimal_names(digits: Digits) -> Vec<String> {
    RESOURCES
        .iter()
        .zip(digits)
        .filter_map(|(resource, digit)| match digit {
            0 => None,
            1 => Some(format!("{resource}:read")),
            _ => Some(format!("{resource}:write")),
        })
        .collect()
}

fn all_names(digits: Digits) -> Vec<String> {
    RESOURCES
        .iter()
        .zip(digits)
        .flat_map(|(resource, digit)| {
            ["read", "write"]
                .into_iter()
                .take(digit.into())
                .map(move |a| format!("{resource}:{a}"))
        })
        .collect()
}

fn every_set(catalogue: &Catalogue) -> Vec<(Digits, ScopeSet)> {
    (0..SETS)
        .map(|number| {
            let digits = digits(number);
            (digits, catalogue.set(minimal_names(digits)).unwrap())
        })
        .collect()
}

/// Runs a check for each set, on a few threads.
fn for_each_set(sets: &[(Digits, ScopeSet)], check: impl Fn(Digits, ScopeSet) + Sync) {
    thread::scope(|scope| {
        for part in sets.chunks(sets.len().div_ceil(4)) {
            let check = &check;
            scope.spawn(move || part.iter().for_each(|&(digits, set)| check(digits, set)));
        }
    });
}

#[test]
fn closure_names_and_minimal_form_of_every_set_are_as_written_out() {
    let catalogue = catalogue();
    let sets = every_set(&catalogue);
    assert_eq!(sets.len(), SETS);
    for (digits, set) in sets {
        let (all, minimal) = (all_names(digits), minimal_names(digits));
        assert!(catalogue.names(&set).map(Scope::as_str).eq(&all));
        assert!(catalogue.minimal(&set).map(Scope::as_str).eq(&minimal));
        assert_eq!(usize::try_from(set.len()).unwrap(), all.len());
        // Laws 3 and 4: closure is idempotent, and the minimal form gives the set back.
        assert_eq!(catalogue.set(catalogue.names(&set)).unwrap(), set);
        assert_eq!(catalogue.resolve(&catalogue.grant(&set)), set);
        // Law 4: no name of the minimal form can be left out.
        for left_out in &minimal {
            let fewer = catalogue
                .set(minimal.iter().filter(|name| *name != left_out))
                .unwrap();
            assert_ne!(fewer, set);
        }
        // However a grant names the set, its canonical form is one.
        let verbose = Grant::parse(&all).unwrap();
        assert_eq!(catalogue.canonical(&verbose), catalogue.grant(&set));
    }
}

#[test]
fn revoke_leaves_the_largest_closed_subset_without_the_scope() {
    let catalogue = catalogue();
    let sets = every_set(&catalogue);
    for &(from, set) in &sets {
        for (place, resource) in RESOURCES.iter().enumerate() {
            for (digit, action) in [(0, "read"), (1, "write")] {
                let scope: Scope = format!("{resource}:{action}").parse().unwrap();
                let mut left = from;
                left[place] = left[place].min(digit);
                assert_eq!(
                    catalogue.revoke(&set, &scope).unwrap(),
                    sets[number(left)].1
                );
            }
        }
    }
}

/// The number of what a rule makes of each two digits, for the first four and the last three
/// resources apart, since the pairs are many.
struct Table {
    low: Vec<usize>,
    high: Vec<usize>,
}

impl Table {
    fn of(rule: fn(u8, u8) -> u8) -> Self {
        let every = |count: usize| {
            let pairs = (0..count).flat_map(move |a| (0..count).map(move |b| (a, b)));
            let combined = pairs.map(move |(a, b)| {
                let (a, b) = (digits(a), digits(b));
                number(array::from_fn(|at| rule(a[at], b[at])))
            });
            combined.collect()
        };
        Self {
            low: every(81),
            high: every(27),
        }
    }

    fn number(&self, a: usize, b: usize) -> usize {
        self.low[a % 81 * 81 + b % 81] + 81 * self.high[a / 81 * 27 + b / 81]
    }
}

#[test]
fn order_and_lattice_hold_for_every_pair() {
    let catalogue = catalogue();
    let sets = every_set(&catalogue);
    let (larger, smaller) = (Table::of(u8::max), Table::of(u8::min));
    for_each_set(&sets, |a, one| {
        let a = number(a);
        for (b, (_, other)) in sets.iter().enumerate() {
            let (joined, shared) = (larger.number(a, b), smaller.number(a, b));
            assert!(one.is_subset_of(other) == (shared == a));
            assert!(other.contains(&one) == (joined == b));
            // Law 1: antisymmetry, since the digits differ whenever the sets do.
            assert!((one == *other) == (a == b));
            assert!(one.union(other) == sets[joined].1);
            assert!(one.intersect(other) == sets[shared].1);
        }
    });
}

#[test]
fn missing_is_exact_for_every_pair() {
    let catalogue = catalogue();
    let sets = every_set(&catalogue);
    let names: Vec<[Scope; 2]> = RESOURCES
        .iter()
        .map(|resource| {
            ["read", "write"].map(|action| format!("{resource}:{action}").parse().unwrap())
        })
        .collect();
    for_each_set(&sets, |a, required| {
        for &(b, granted) in &sets {
            let lacking = (0..7).filter(|&at| a[at] > b[at]);
            let expected = lacking.map(|at| &names[at][usize::from(a[at]) - 1]);
            assert!(catalogue.missing(&required, &granted).eq(expected));
        }
    });
}

#[test]
fn a_requirement_is_covered_exactly_by_the_sets_above_it_for_every_pair() {
    let catalogue = catalogue();
    let sets = every_set(&catalogue);
    for_each_set(&sets, |a, _| {
        let required = requirement_of(a).compile(&catalogue).unwrap();
        for &(b, granted) in &sets {
            let within = a.iter().zip(&b).all(|(a, b)| a <= b);
            assert_eq!(required.is_covered_by(&granted), within);
        }
        // What is missing is the difference of the digits; every granted set that is at most one
        // digit away from the required one, and the empty set.
        for at in 0..7 {
            let mut granted = a;
            granted[at] = granted[at].saturating_sub(1);
            assert_lacks(&required, a, granted, &sets[number(granted)].1);
        }
        assert_lacks(&required, a, [0; 7], &ScopeSet::EMPTY);
    });
}

fn requirement_of(digits: Digits) -> Requirement {
    let scopes: Vec<Scope> = minimal_names(digits)
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    match scopes.is_empty() {
        true => Requirement::Nothing,
        false => Requirement::all_of(scopes),
    }
}

fn assert_lacks(required: &CompiledRequirement, a: Digits, b: Digits, granted: &ScopeSet) {
    let lacking: Digits = array::from_fn(|at| if a[at] > b[at] { a[at] } else { 0 });
    let expected: Vec<Scope> = minimal_names(lacking)
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    assert_eq!(
        required.covers(granted),
        match expected.is_empty() {
            true => Coverage::Covered,
            false => Coverage::Lacks {
                missing: expected.clone(),
                sufficient: expected
            },
        }
    );
}

/// For every two sets, one as what is wanted and required, the other as what the giver and the
/// caller have.
#[test]
fn attenuation_and_coverage_name_what_is_missing_for_every_pair() {
    let catalogue = catalogue();
    let sets = &every_set(&catalogue);
    let names: Vec<Vec<Scope>> = (0..SETS)
        .map(|number| {
            let names = minimal_names(digits(number));
            names.iter().map(|name| name.parse().unwrap()).collect()
        })
        .collect();
    for_each_set(sets, |b, wanted| {
        let required = requirement_of(b).compile(&catalogue).unwrap();
        let wanted = catalogue.grant(&wanted);
        for &(a, giver) in sets {
            let lacking: Digits = array::from_fn(|at| if b[at] > a[at] { b[at] } else { 0 });
            let lacking = &names[number(lacking)];
            match catalogue.attenuate(&giver, &wanted) {
                Ok(given) => assert!(lacking.is_empty() && given == wanted),
                Err(refused) => {
                    assert!(!lacking.is_empty());
                    assert_eq!(refused, AttenuateError::Excess(lacking.clone()));
                }
            }
            match required.covers(&giver) {
                Coverage::Covered => assert!(lacking.is_empty()),
                Coverage::Lacks {
                    missing,
                    sufficient,
                } => {
                    assert!(!lacking.is_empty());
                    assert!(missing == *lacking && sufficient == *lacking);
                }
            }
        }
    });
}
