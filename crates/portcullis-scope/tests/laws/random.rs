//! Random catalogues of up to 200 scopes: masks answer as sets of strings do (law 14).

use std::collections::BTreeSet;

use portcullis_scope::{AttenuateError, Catalogue, Grant, Scope, ScopeSet};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::oracle::{Names, Oracle, catalogues};

fn strings<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Names {
    scopes.map(ToString::to_string).collect()
}

fn names_of(catalogue: &Catalogue, set: &ScopeSet) -> Names {
    strings(catalogue.names(set))
}

fn chosen() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn sets_answer_as_strings_do(
        oracle in catalogues(200), a in chosen(), b in chosen(), scope in any::<Index>(),
    ) {
        let catalogue = oracle.catalogue();
        let (one, other) = (oracle.pick(&a), oracle.pick(&b));
        let (closed_one, closed_other) = (oracle.closure(&one), oracle.closure(&other));
        let (a, b) = (catalogue.set(&one).unwrap(), catalogue.set(&other).unwrap());

        prop_assert_eq!(&names_of(&catalogue, &a), &closed_one);
        prop_assert_eq!(strings(catalogue.minimal(&a)), oracle.minimal(&closed_one));
        prop_assert_eq!(a.is_subset_of(&b), closed_one.is_subset(&closed_other));
        let union: Names = closed_one.union(&closed_other).cloned().collect();
        prop_assert_eq!(names_of(&catalogue, &a.union(&b)), union);
        let both: Names = closed_one.intersection(&closed_other).cloned().collect();
        prop_assert_eq!(names_of(&catalogue, &a.intersect(&b)), both);

        let lacking: Names = closed_one.difference(&closed_other).cloned().collect();
        prop_assert_eq!(strings(catalogue.missing(&a, &b)), oracle.minimal(&lacking));

        let gone = scope.get(&oracle.declared).0.clone();
        let left = closed_one.iter().filter(|name| !oracle.closure([*name]).contains(&gone));
        let left: Names = left.cloned().collect();
        let revoked = catalogue.revoke(&a, &gone.parse().unwrap()).unwrap();
        prop_assert_eq!(names_of(&catalogue, &revoked), left);
    }

    #[test]
    fn grants_answer_as_strings_do(
        oracle in catalogues(200), a in chosen(), b in chosen(), giver_has_all in any::<bool>(),
        wildcards in vec(prop_oneof!["r[0-9]:\\*", "\\*:a[0-9]", Just("*".to_owned())], 0..2),
        strangers in vec("x[a-z]{1,8}:[a-z]{1,8}", 0..3),
    ) {
        let catalogue = oracle.catalogue();
        let (names, mut giver) = (oracle.pick(&a), oracle.pick(&b));
        let words: Vec<&String> = names.iter().chain(&wildcards).chain(&strangers).collect();
        let grant = Grant::parse(&words).unwrap();
        prop_assert_eq!(&grant.to_string().parse::<Grant>().unwrap(), &grant);

        let mut meant = names.clone();
        meant.extend(wildcards.iter().flat_map(|wildcard| oracle.expand(wildcard)));
        let allowed = oracle.closure(&meant);
        let set = catalogue.resolve(&grant);
        prop_assert_eq!(&names_of(&catalogue, &set), &allowed);

        let canonical = catalogue.canonical(&grant);
        prop_assert_eq!(catalogue.resolve(&canonical), set);
        prop_assert!(strangers.iter().all(|name| canonical.has_name(name)));
        prop_assert_eq!(&catalogue.canonical(&canonical), &canonical);

        if giver_has_all {
            giver.extend(meant.iter().cloned());
        }
        let held = oracle.closure(&giver);
        let giver = catalogue.set(&giver).unwrap();
        let hollow = wildcards.iter().any(|wildcard| oracle.expand(wildcard).is_empty());
        let excess: Names = allowed.difference(&held).cloned().collect();
        match catalogue.attenuate(&giver, &grant) {
            Err(AttenuateError::Unknown(_)) => prop_assert!(hollow || !strangers.is_empty()),
            Err(AttenuateError::Excess(scopes)) => {
                prop_assert!(!excess.is_empty());
                prop_assert_eq!(strings(scopes.iter()), oracle.minimal(&excess));
            }
            Ok(granted) => {
                prop_assert!(excess.is_empty() && strangers.is_empty() && !hollow);
                let granted: Names = granted.names().map(str::to_owned).collect();
                prop_assert_eq!(granted, meant);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// Law 13: whatever is declared between, and however the bits move.
    #[test]
    fn a_new_catalogue_never_changes_old_answers(
        oracle in catalogues(60), added in vec((any::<Index>(), "y[a-z]{0,8}:[a-z]{1,8}"), 0..20),
        a in chosen(), b in chosen(),
    ) {
        let mut later: Vec<(String, Vec<String>)> = oracle.declared.clone();
        let mut seen = BTreeSet::new();
        for (place, name) in added {
            if seen.insert(name.clone()) {
                let place = place.index(later.len() + 1);
                let implies = later[..place].iter().map(|(name, _)| name.clone()).take(2);
                let implies = implies.collect();
                later.insert(place, (name, implies));
            }
        }
        let (old, new) = (oracle.catalogue(), Oracle { declared: later }.catalogue());
        let grant = |indices: &[Index]| Grant::parse(oracle.pick(indices)).unwrap();
        let (held, wanted) = (grant(&a), grant(&b));
        let (before, after) = (old.resolve(&held), new.resolve(&held));
        prop_assert_eq!(names_of(&old, &before), names_of(&new, &after));
        prop_assert_eq!(old.grant(&before), new.grant(&after));
        prop_assert_eq!(old.attenuate(&before, &wanted), new.attenuate(&after, &wanted));
    }
}
