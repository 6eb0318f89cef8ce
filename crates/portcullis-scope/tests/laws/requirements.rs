//! Nested requirements against their words, and `sufficient` against brute force.

use std::collections::BTreeSet;

use portcullis_scope::{Coverage, Requirement, RequirementError, Scope};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::oracle::{Names, Oracle, catalogues};

/// A requirement whose scopes are still to be picked from a catalogue.
#[derive(Clone, Debug)]
enum Shape {
    Nothing,
    Scope(Index),
    AllOf(Vec<Self>),
    AnyOf(Vec<Self>),
}

impl Shape {
    fn of(&self, oracle: &Oracle) -> Requirement {
        match self {
            Self::Nothing => Requirement::Nothing,
            Self::Scope(index) => {
                Requirement::Scope(index.get(&oracle.declared).0.parse().unwrap())
            }
            Self::AllOf(parts) => Requirement::all_of(parts.iter().map(|part| part.of(oracle))),
            Self::AnyOf(parts) => Requirement::any_of(parts.iter().map(|part| part.of(oracle))),
        }
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        1 => Just(Shape::Nothing),
        15 => any::<Index>().prop_map(Shape::Scope),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Shape::AllOf),
            vec(inner, 1..4).prop_map(Shape::AnyOf),
        ]
    })
}

/// The same in another order, each part twice.
fn reordered(required: &Requirement) -> Requirement {
    let twice = |parts: &[Requirement]| {
        let reversed: Vec<Requirement> = parts.iter().rev().map(reordered).collect();
        [reversed.clone(), reversed].concat()
    };
    match required {
        Requirement::AllOf(parts) => Requirement::AllOf(twice(parts)),
        Requirement::AnyOf(parts) => Requirement::AnyOf(twice(parts)),
        other => other.clone(),
    }
}

fn strings(scopes: &[Scope]) -> Names {
    scopes.iter().map(ToString::to_string).collect()
}

/// Every closed set, each once.
fn closed_sets(oracle: &Oracle) -> BTreeSet<Names> {
    let names: Vec<&String> = oracle.declared.iter().map(|(name, _)| name).collect();
    (0_u32..1 << names.len())
        .map(|choice| {
            let chosen = names
                .iter()
                .enumerate()
                .filter(|(at, _)| choice >> at & 1 == 1);
            oracle.closure(chosen.map(|(_, name)| *name))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn compiled_equals_nested_and_sufficient_is_smallest(
        oracle in catalogues(7), shape in shapes(),
    ) {
        let catalogue = oracle.catalogue();
        let required = shape.of(&oracle);
        let compiled = required.compile(&catalogue).unwrap();
        // Law 9.
        prop_assert_eq!(&reordered(&required).compile(&catalogue).unwrap(), &compiled);

        // No alternative is within another.
        for (at, one) in compiled.alternatives().enumerate() {
            let others = compiled.alternatives().enumerate().filter(|(place, _)| *place != at);
            prop_assert!(others.map(|(_, other)| other).all(|other| !one.is_subset_of(other)));
        }

        let sets = closed_sets(&oracle);
        for held in &sets {
            let granted = catalogue.set(held).unwrap();
            let passes = oracle.passes(&required, held);
            // Law 10; monotony, law 8, follows for the compiled form from the nested one's.
            prop_assert_eq!(compiled.is_covered_by(&granted), passes);
            prop_assert_eq!(compiled.used_of(&granted).is_some(), passes);
            let above = sets.iter().filter(|set| held.is_subset(set));
            prop_assert!(!passes || above.clone().all(|set| oracle.passes(&required, set)));

            let (missing, sufficient) = match compiled.covers(&granted) {
                Coverage::Covered => {
                    prop_assert!(passes);
                    continue;
                }
                Coverage::Lacks { missing, sufficient } => (strings(&missing), strings(&sufficient)),
            };
            prop_assert!(!passes && !missing.is_empty());
            // Law 11.
            let added = oracle.closure(held.union(&sufficient));
            prop_assert!(oracle.passes(&required, &added));
            let enough = above.filter(|set| oracle.passes(&required, set));
            let fewest = enough.clone().map(|set| set.len()).min();
            prop_assert_eq!(Some(added.len()), fewest);
            let fewest_names = enough
                .filter(|set| Some(set.len()) == fewest)
                .map(|set| oracle.minimal(&set.difference(held).cloned().collect()).len())
                .min();
            prop_assert_eq!(Some(sufficient.len()), fewest_names);
            prop_assert_eq!(&oracle.minimal(&sufficient), &sufficient);
            prop_assert!(missing.is_disjoint(held));
        }
    }
}

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn flat(count: usize) -> Oracle {
    let declared = (0..count)
        .map(|place| (format!("r{place}:use"), Vec::new()))
        .collect();
    Oracle { declared }
}

#[test]
fn ties_go_to_the_fewest_names_and_then_to_the_earliest_declared() {
    let oracle = Oracle {
        declared: [
            ("a:x", ""),
            ("b:x", ""),
            ("c:x", ""),
            ("c:y", "c:x"),
            ("d:x", ""),
            ("d:y", "d:x"),
        ]
        .map(|(name, implies)| {
            let implies = Some(implies.to_owned()).filter(|name| !name.is_empty());
            (name.to_owned(), implies.into_iter().collect())
        })
        .to_vec(),
    };
    let catalogue = oracle.catalogue();
    let sufficient = |required: Requirement, held: &[&str]| {
        let granted = catalogue.set(held).unwrap();
        match required.compile(&catalogue).unwrap().covers(&granted) {
            Coverage::Covered => panic!("covered"),
            Coverage::Lacks { sufficient, .. } => sufficient,
        }
    };
    let a_and_b = || Requirement::all_of([scope("a:x"), scope("b:x")]);

    // Two scopes each: one name beats two.
    assert_eq!(sufficient(a_and_b().or(scope("c:y")), &[]), [scope("c:y")]);
    // One scope each to add: what is held already counts nothing.
    assert_eq!(
        sufficient(a_and_b().or(scope("c:y")), &["b:x"]),
        [scope("a:x")]
    );
    // All equal: the earliest declared, whichever is written first.
    let either = Requirement::any_of([scope("d:y"), scope("c:y")]);
    assert_eq!(sufficient(either, &[]), [scope("c:y")]);
    // Of the whole alternatives, not of what is to be added: the larger one has c:x, which is held.
    let either = Requirement::any_of([scope("d:x"), scope("c:y")]);
    assert_eq!(sufficient(either, &["c:x"]), [scope("c:y")]);
}

#[test]
fn sixty_four_alternatives_compile_and_sixty_five_do_not() {
    let catalogue = flat(65).catalogue();
    let any_of = |count: usize| {
        let scopes = catalogue.scopes().take(count).map(|entry| entry.scope);
        Requirement::any_of(scopes).compile(&catalogue)
    };
    assert_eq!(any_of(64).unwrap().alternatives().count(), 64);
    assert_eq!(any_of(65), Err(RequirementError::TooManyAlternatives));
}

#[test]
fn an_all_of_multiplies_its_parts_and_is_refused_beyond_sixty_four() {
    let catalogue = flat(14).catalogue();
    let scopes: Vec<&Scope> = catalogue.scopes().map(|entry| entry.scope).collect();
    let pairs = |count: usize| {
        let pairs = scopes.chunks(2).take(count);
        Requirement::all_of(pairs.map(|pair| Requirement::any_of(pair.iter().copied())))
    };
    let six = pairs(6).compile(&catalogue).unwrap();
    assert_eq!(six.alternatives().count(), 64);
    assert_eq!(
        pairs(7).compile(&catalogue),
        Err(RequirementError::TooManyAlternatives)
    );
    // Repetition multiplies nothing.
    assert_eq!(pairs(6).and(pairs(6)).compile(&catalogue).unwrap(), six);
}

/// Eight times nine alternatives would be too many, but the last parts leave only one.
#[test]
fn whether_an_all_of_is_refused_does_not_depend_on_its_order() {
    let catalogue = flat(17).catalogue();
    let scopes: Vec<&Scope> = catalogue.scopes().map(|entry| entry.scope).collect();
    let (eight, nine) = scopes.split_at(8);
    let mut parts = vec![
        Requirement::any_of(eight.iter().copied()),
        Requirement::any_of(nine.iter().copied()),
        Requirement::all_of([eight[0], nine[0]]),
    ];
    let one = Requirement::all_of([eight[0], nine[0]])
        .compile(&catalogue)
        .unwrap();
    for _ in 0..3 {
        parts.rotate_left(1);
        assert_eq!(
            Requirement::all_of(parts.clone())
                .compile(&catalogue)
                .unwrap(),
            one
        );
    }
    // Nor on how it is nested.
    let last = parts.pop().unwrap();
    let nested = Requirement::all_of([Requirement::AllOf(parts.clone()), last]);
    assert_eq!(nested.compile(&catalogue).unwrap(), one);
    assert_eq!(
        Requirement::all_of(parts).compile(&catalogue),
        Err(RequirementError::TooManyAlternatives)
    );
}

#[test]
fn what_is_empty_unknown_or_bottomless_is_refused() {
    let catalogue = flat(2).catalogue();
    let compile = |required: Requirement| required.compile(&catalogue).map(|_| ());
    assert_eq!(
        compile(Requirement::AnyOf(Vec::new())),
        Err(RequirementError::Empty)
    );
    let inner = Requirement::from(scope("r0:use")).or(Requirement::AllOf(Vec::new()));
    assert_eq!(compile(inner), Err(RequirementError::Empty));
    let Err(RequirementError::Unknown(unknown)) = compile(scope("r2:use").into()) else {
        panic!("compiled");
    };
    assert_eq!(unknown.name(), Some("r2:use"));

    let nested = |depth: usize, wrap: fn(Vec<Requirement>) -> Requirement| {
        (0..depth).fold(Requirement::from(scope("r0:use")), |inner, _| {
            wrap(vec![inner])
        })
    };
    for wrap in [Requirement::AllOf, Requirement::AnyOf] {
        assert_eq!(compile(nested(31, wrap)), Ok(()));
        assert_eq!(compile(nested(32, wrap)), Err(RequirementError::TooDeep));
        assert_eq!(compile(nested(5_000, wrap)), Err(RequirementError::TooDeep));
    }
    // Where it is both too deep and empty, it is too deep.
    let empty = |depth: usize| {
        let empty = Requirement::AllOf(Vec::new());
        (0..depth).fold(empty, |inner, _| Requirement::AllOf(vec![inner]))
    };
    assert_eq!(compile(empty(31)), Err(RequirementError::Empty));
    assert_eq!(compile(empty(32)), Err(RequirementError::TooDeep));
}

#[test]
fn nothing_is_covered_by_nothing() {
    let catalogue = flat(1).catalogue();
    let nothing = Requirement::Nothing.compile(&catalogue).unwrap();
    assert_eq!(
        nothing.covers(&catalogue.set([""; 0]).unwrap()),
        Coverage::Covered
    );
    assert!(nothing.is_nothing());
    assert_eq!(nothing.scope_text(), "");
    // Any-of with nothing asks for nothing.
    let either = Requirement::from(scope("r0:use")).or(Requirement::Nothing);
    assert_eq!(either.compile(&catalogue).unwrap(), nothing);
}
