//! The check of a request allocates nothing.

use std::hint::black_box;

use portcullis_scope::{Catalogue, Requirement, Scope, UsedScopes};

const LEAST: Scope = Scope::from_static("r0:use");
const MOST: Scope = Scope::from_static("r255:use");

#[test]
fn checking_and_recording_use_allocate_nothing() {
    let names: Vec<String> = (0..256).map(|at| format!("r{at}:use")).collect();
    let catalogue = names
        .iter()
        .fold(Catalogue::builder(), |all, name| all.scope(name, ""))
        .build()
        .unwrap();
    let every = Requirement::any_of(catalogue.scopes().map(|entry| entry.scope).take(64));
    let required = [
        Requirement::Nothing,
        MOST.into(),
        Requirement::all_of([LEAST, MOST]),
        Requirement::any_of([LEAST, MOST]),
        every,
    ]
    .map(|required| required.compile(&catalogue).unwrap());
    let grants = [
        catalogue.all(),
        catalogue.set([LEAST]).unwrap(),
        Default::default(),
    ];
    let used = UsedScopes::new();
    let allocations = allocation_counter::measure(|| {
        for required in &required {
            for granted in &grants {
                let covered = black_box(required.is_covered_by(black_box(granted)));
                let alternative = required.used_of(granted);
                assert_eq!(alternative.is_some(), covered);
                if let Some(alternative) = alternative {
                    used.record(alternative);
                }
                black_box((required.scope_text(), used.snapshot(), LEAST.clone()));
            }
        }
    });
    assert_eq!(allocations.count_total, 0);
}
