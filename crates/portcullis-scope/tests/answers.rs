//! What is said about a requirement and about use.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portcullis_scope::{
    Catalogue, CompiledRequirement, Coverage, Grant, Requirement, Scope, ScopeSet, UsedScopes,
};

const READ: Scope = Scope::from_static("posts:read");
const WRITE: Scope = Scope::from_static("posts:write");
const CLIPS: Scope = Scope::from_static("clips:read");
const KB: Scope = Scope::from_static("kb:read");

fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("clips:read", "")
        .scope("kb:read", "")
        .build()
        .unwrap()
}

fn compile(required: impl Into<Requirement>) -> CompiledRequirement {
    required.into().compile(&catalogue()).unwrap()
}

#[test]
fn a_requirement_is_rendered_for_challenge_documents_and_people() {
    let three = || Requirement::all_of([READ, CLIPS, KB]);
    for (required, scope, openapi, accepted, sentence) in [
        (Requirement::Nothing, "", vec![vec![]], "", "needs no scope"),
        (
            WRITE.into(),
            "posts:write",
            vec![vec!["posts:write"]],
            "posts:write",
            "needs `posts:write`",
        ),
        (
            Requirement::all_of([WRITE, READ]),
            "posts:write",
            vec![vec!["posts:write"]],
            "posts:write",
            "needs `posts:write`",
        ),
        (
            Requirement::any_of([KB, WRITE]),
            "posts:write kb:read",
            vec![vec!["posts:write"], vec!["kb:read"]],
            "posts:write, kb:read",
            "needs `posts:write` or `kb:read`",
        ),
        (
            Requirement::any_of([KB, CLIPS, READ]),
            "posts:read clips:read kb:read",
            vec![vec!["posts:read"], vec!["clips:read"], vec!["kb:read"]],
            "posts:read, clips:read, kb:read",
            "needs `posts:read`, `clips:read`, or `kb:read`",
        ),
        (
            Requirement::from(WRITE).or(Requirement::from(KB).and(CLIPS)),
            "posts:write clips:read kb:read",
            vec![vec!["posts:write"], vec!["clips:read", "kb:read"]],
            "posts:write, clips:read kb:read",
            "needs `posts:write`, or both `clips:read` and `kb:read`",
        ),
        (
            three(),
            "posts:read clips:read kb:read",
            vec![vec!["posts:read", "clips:read", "kb:read"]],
            "posts:read clips:read kb:read",
            "needs all of `posts:read`, `clips:read`, and `kb:read`",
        ),
    ] {
        let compiled = compile(required);
        assert_eq!(compiled.scope_text(), scope);
        assert_eq!(compiled.openapi_security(), openapi);
        assert_eq!(compiled.accepted_text(), accepted);
        assert_eq!(compiled.sentence().to_string(), sentence);
        let names: Vec<&str> = compiled.names().map(Scope::as_str).collect();
        assert_eq!(names.join(" "), scope);
    }
}

#[test]
fn missing_names_all_that_is_lacked_and_sufficient_the_least_that_helps() {
    let required = compile(Requirement::from(WRITE).or(Requirement::from(CLIPS).and(KB)));
    let granted = catalogue().set([KB]).unwrap();
    assert_eq!(
        required.covers(&granted),
        Coverage::Lacks {
            missing: vec![WRITE, CLIPS],
            sufficient: vec![CLIPS]
        }
    );
    assert_eq!(
        compile(WRITE).covers(&catalogue().set([READ]).unwrap()),
        Coverage::Lacks {
            missing: vec![WRITE],
            sufficient: vec![WRITE]
        }
    );
    assert!(required.covers(&catalogue().all()).is_covered());
    assert!(!required.covers(&granted).is_covered());
}

#[test]
fn a_compiled_requirement_knows_its_catalogue() {
    let required = compile(READ);
    assert_eq!(required.fingerprint(), catalogue().fingerprint());
    assert_eq!(*required.catalogue(), catalogue());
    let other = Catalogue::builder()
        .scope("kb:read", "")
        .scope("posts:read", "")
        .build()
        .unwrap();
    assert_ne!(Requirement::from(READ).compile(&other).unwrap(), required);
}

#[test]
fn use_counts_for_what_the_route_asked_and_not_for_what_was_granted() {
    let catalogue = catalogue();
    let granted: Grant = "posts:write clips:read vanished:name".parse().unwrap();
    let held = catalogue.resolve(&granted);
    let used = UsedScopes::new();
    assert_eq!(used.snapshot(), ScopeSet::EMPTY);
    for required in [compile(READ), compile(Requirement::any_of([KB, READ]))] {
        used.record(required.used_of(&held).unwrap());
    }
    assert_eq!(compile(KB).used_of(&held), None);

    let report = catalogue.least_privilege(&granted, &used.snapshot());
    assert_eq!(report.granted, [READ, WRITE, CLIPS]);
    assert_eq!(report.used, [READ]);
    assert_eq!(report.unused, [WRITE, CLIPS]);
    assert_eq!(report.suggested, Grant::from(READ));
}

#[test]
fn the_suggested_grant_still_allows_all_that_was_used_and_no_name_of_it_is_spare() {
    let catalogue = catalogue();
    let granted = Grant::everything();
    for used in [
        vec![WRITE, READ],
        vec![KB, CLIPS],
        vec![],
        vec![READ, KB, WRITE, CLIPS],
    ] {
        let used = catalogue.set(&used).unwrap();
        let report = catalogue.least_privilege(&granted, &used);
        assert_eq!(catalogue.resolve(&report.suggested), used);
        assert!(report.suggested.names().eq(catalogue.grant(&used).names()));
        assert_eq!(
            report.used.len() + report.unused.len(),
            report.granted.len()
        );
    }
    // What has been taken away since is not suggested again.
    let report = catalogue.least_privilege(&Grant::from(READ), &catalogue.all());
    assert_eq!(report.suggested, Grant::from(READ));
}

/// The last of 256 scopes implies the first, so that their bits are in different words.
#[test]
fn a_snapshot_in_the_midst_of_a_record_is_closed() {
    let builder = (0..255).fold(Catalogue::builder(), |all, at| {
        all.scope(format!("r{at}:use"), "")
    });
    let catalogue = builder
        .scope_implying("last:use", ["r0:use"], "")
        .build()
        .unwrap();
    let (first, last) = (
        catalogue.set(["r0:use"]).unwrap(),
        catalogue.set(["last:use"]).unwrap(),
    );
    let records: Vec<UsedScopes> = (0..200_000).map(|_| UsedScopes::new()).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| records.iter().for_each(|used| used.record(&last)));
        for used in &records {
            // Until the writer comes by; what is seen then is nothing, the first, or both.
            loop {
                let written = writer.is_finished();
                let seen = used.snapshot();
                if seen == last {
                    break;
                }
                let closed = seen.is_empty() || seen == first;
                assert!(closed, "a scope was seen without what it implies");
                assert!(!written, "a scope was lost");
            }
        }
    });
}

#[test]
fn use_recorded_by_many_threads_is_never_lost() {
    let names: Vec<String> = (0..256).map(|at| format!("r{at}:use")).collect();
    let catalogue = names
        .iter()
        .fold(Catalogue::builder(), |all, name| all.scope(name, ""))
        .build()
        .unwrap();
    let sets: Vec<ScopeSet> = names
        .iter()
        .map(|name| catalogue.set([name]).unwrap())
        .collect();
    let used = UsedScopes::new();
    std::thread::scope(|scope| {
        for start in 0..4 {
            let (used, sets) = (&used, &sets);
            scope.spawn(move || {
                for set in sets.iter().skip(start).step_by(4) {
                    used.record(set);
                }
            });
        }
    });
    assert_eq!(used.snapshot(), catalogue.all());
    assert_eq!(UsedScopes::from(sets[200]).snapshot(), sets[200]);
}
