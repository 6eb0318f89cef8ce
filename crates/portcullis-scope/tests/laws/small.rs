//! Laws about three sets, and about every subset, on catalogues small enough to try them all.

use portcullis_scope::{Catalogue, Grant, Scope, ScopeSet};

/// A diamond above a chain, and a scope apart.
fn diamond() -> Catalogue {
    Catalogue::builder()
        .scope("a:see", "")
        .scope_implying("b:left", ["a:see"], "")
        .scope_implying("b:right", ["a:see"], "")
        .scope_implying("c:both", ["b:left", "b:right"], "")
        .scope_implying("d:all", ["c:both"], "")
        .scope("e:apart", "")
        .build()
        .unwrap()
}

fn subsets(catalogue: &Catalogue) -> Vec<Vec<Scope>> {
    let scopes: Vec<Scope> = catalogue
        .scopes()
        .map(|entry| entry.scope.clone())
        .collect();
    (0_u32..1 << scopes.len())
        .map(|choice| {
            let chosen = scopes
                .iter()
                .enumerate()
                .filter(|(at, _)| choice >> at & 1 == 1);
            chosen.map(|(_, scope)| scope.clone()).collect()
        })
        .collect()
}

fn closed(catalogue: &Catalogue) -> Vec<ScopeSet> {
    let mut sets: Vec<ScopeSet> = Vec::new();
    for names in subsets(catalogue) {
        let set = catalogue.set(&names).unwrap();
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    sets
}

#[test]
fn the_diamond_has_the_closed_sets_that_are_counted_by_hand() {
    // Empty, see, left, right, left and right, both, all: seven; each with and without e:apart.
    assert_eq!(closed(&diamond()).len(), 14);
}

#[test]
fn laws_1_and_2_hold_for_every_three_sets() {
    let catalogue = diamond();
    let sets = closed(&catalogue);
    for a in &sets {
        assert!(a.is_subset_of(a));
        for b in &sets {
            assert_eq!(a.union(b), b.union(a));
            assert_eq!(a.intersect(b), b.intersect(a));
            assert_eq!(a.union(&a.intersect(b)), *a);
            assert_eq!(a.intersect(&a.union(b)), *a);
            // Both results are closed: their names give them back.
            for set in [a.union(b), a.intersect(b)] {
                assert_eq!(catalogue.set(catalogue.names(&set)).unwrap(), set);
            }
            for c in &sets {
                assert!(!(a.is_subset_of(b) && b.is_subset_of(c)) || a.is_subset_of(c));
                assert_eq!(
                    a.intersect(&b.union(c)),
                    a.intersect(b).union(&a.intersect(c))
                );
                assert_eq!(a.union(&b.intersect(c)), a.union(b).intersect(&a.union(c)));
                assert_eq!(a.union(&b.union(c)), a.union(b).union(c));
            }
        }
    }
}

#[test]
fn law_3_holds_for_every_two_subsets() {
    let catalogue = diamond();
    let subsets = subsets(&catalogue);
    for few in &subsets {
        let closure = catalogue.set(few).unwrap();
        assert!(few.iter().all(|scope| catalogue.holds(&closure, scope)));
        for many in subsets
            .iter()
            .filter(|many| few.iter().all(|scope| many.contains(scope)))
        {
            assert!(closure.is_subset_of(&catalogue.set(many).unwrap()));
        }
    }
}

#[test]
fn law_4_no_smaller_list_of_names_has_the_same_closure() {
    let catalogue = diamond();
    let subsets = subsets(&catalogue);
    for set in closed(&catalogue) {
        let same: Vec<&Vec<Scope>> = subsets
            .iter()
            .filter(|names| catalogue.set(*names).unwrap() == set)
            .collect();
        let fewest = same.iter().map(|names| names.len()).min().unwrap();
        let mut smallest = same.iter().filter(|names| names.len() == fewest);
        assert!(catalogue.minimal(&set).eq(smallest.next().unwrap().iter()));
        assert_eq!(smallest.next(), None, "only one list is the smallest");
    }
}

#[test]
fn law_5_intersecting_minimal_forms_would_lose_scopes() {
    let catalogue = diamond();
    let grant = |text: &str| text.parse::<Grant>().unwrap();
    assert_eq!(
        catalogue.intersect(&grant("d:all"), &grant("b:left")),
        grant("b:left")
    );
    assert_eq!(
        catalogue.intersect(&grant("b:right"), &grant("b:left")),
        grant("a:see")
    );
    // By name they share nothing.
    assert!(!grant("d:all").has_name("b:left"));
    for a in closed(&catalogue) {
        for b in closed(&catalogue) {
            let both = catalogue.intersect(&catalogue.grant(&a), &catalogue.grant(&b));
            assert_eq!(both, catalogue.grant(&a.intersect(&b)));
        }
    }
}

#[test]
fn law_6_what_is_missing_covers_when_added_and_nothing_of_it_can_be_left_out() {
    let catalogue = diamond();
    for required in closed(&catalogue) {
        for granted in closed(&catalogue) {
            let missing: Vec<&Scope> = catalogue.missing(&required, &granted).collect();
            assert_eq!(missing.is_empty(), required.is_subset_of(&granted));
            let with = |names: &[&Scope]| granted.union(&catalogue.set(names).unwrap());
            assert!(required.is_subset_of(&with(&missing)));
            for at in 0..missing.len() {
                let mut fewer = missing.clone();
                fewer.remove(at);
                assert!(!required.is_subset_of(&with(&fewer)));
            }
        }
    }
}

#[test]
fn law_7_revoke_leaves_the_largest_of_all_closed_subsets_without_the_scope() {
    let catalogue = diamond();
    let sets = closed(&catalogue);
    for granted in &sets {
        for scope in catalogue.scopes().map(|entry| entry.scope) {
            let left = catalogue.revoke(granted, scope).unwrap();
            assert!(left.is_subset_of(granted) && !catalogue.holds(&left, scope));
            assert!(sets.contains(&left));
            let candidates = sets
                .iter()
                .filter(|set| set.is_subset_of(granted) && !catalogue.holds(set, scope));
            assert!(candidates.clone().all(|set| set.is_subset_of(&left)));
            // The same of a grant, which keeps the names that nobody knows.
            let mut grant = catalogue.grant(granted);
            grant.extend(["gone:by".parse().unwrap()]);
            let rewritten = catalogue.revoke_in(&grant, scope).unwrap();
            assert_eq!(catalogue.resolve(&rewritten), left);
            assert!(rewritten.has_name("gone:by"));
        }
    }
}

/// Every bit of the four words counts: 256 scopes that imply nothing.
#[test]
fn law_14_each_of_256_scopes_is_told_from_the_others() {
    let names: Vec<String> = (0..256).map(|at| format!("r{at}:use")).collect();
    let catalogue = names
        .iter()
        .fold(Catalogue::builder(), |builder, name| {
            builder.scope(name, "")
        })
        .build()
        .unwrap();
    let all = catalogue.all();
    assert_eq!((all.len(), all.is_empty()), (256, false));
    for (at, name) in names.iter().enumerate() {
        let scope: Scope = name.parse().unwrap();
        let one = catalogue.set([name]).unwrap();
        let others = catalogue.revoke(&all, &scope).unwrap();
        assert!(catalogue.names(&one).eq([&scope]));
        assert!(catalogue.holds(&one, &scope) && !catalogue.holds(&others, &scope));
        assert_eq!((one.len(), others.len()), (1, 255));
        assert!(!one.is_empty() && !others.is_empty());
        assert!(one.is_subset_of(&all) && all.contains(&one));
        assert!(!one.is_subset_of(&others) && !all.is_subset_of(&others));
        assert!(!one.is_subset_of(&ScopeSet::EMPTY) && !others.contains(&one));
        assert_eq!(one.union(&others), all);
        assert_eq!(one.union(&one), one);
        assert_eq!(one.intersect(&others), ScopeSet::EMPTY);
        assert_eq!(one.intersect(&all), one);
        assert!(catalogue.missing(&all, &others).eq([&scope]));
        assert_eq!(format!("{one:?}"), debug_text(at));
    }
}

/// One bit, as a number of 256 bits in hexadecimal digits, four words from the highest.
fn debug_text(bit: usize) -> String {
    let word = |place: usize| match bit / 64 == place {
        true => 1_u64 << (bit % 64),
        false => 0,
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(word);
    format!("ScopeSet({d:x}_{c:016x}_{b:016x}_{a:016x})")
}

#[test]
fn law_12_whoever_gets_less_from_less_could_have_got_it_at_once() {
    let catalogue = diamond();
    let sets = closed(&catalogue);
    for first in &sets {
        for second in sets.iter().map(|set| catalogue.grant(set)) {
            let Ok(middle) = catalogue.attenuate(first, &second) else {
                continue;
            };
            assert!(catalogue.resolve(&middle).is_subset_of(first));
            for third in sets.iter().map(|set| catalogue.grant(set)) {
                if let Ok(last) = catalogue.attenuate(&middle, &third) {
                    assert_eq!(catalogue.attenuate(first, &third), Ok(last));
                }
            }
        }
    }
}
