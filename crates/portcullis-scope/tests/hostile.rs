//! Inputs that are empty, huge, deep, or of another catalogue. None may panic, and none may take
//! longer than its length allows: what is huge here would take hours if it were compared in pairs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portcullis_scope::{
    AttenuateError, Catalogue, Coverage, Grant, Requirement, RequirementError, Scope, ScopeSet,
    diagnose,
};

/// Scopes that imply nothing, none with a part of another.
fn flat(count: usize) -> Catalogue {
    (0..count)
        .fold(Catalogue::builder(), |builder, at| {
            builder.scope(format!("r{at}:a{at}"), "")
        })
        .build()
        .unwrap()
}

fn scopes(catalogue: &Catalogue) -> Vec<Scope> {
    catalogue
        .scopes()
        .map(|entry| entry.scope.clone())
        .collect()
}

#[test]
fn a_catalogue_of_nothing_gives_nothing_and_refuses_every_name() {
    let nothing = Catalogue::builder().build().unwrap();
    assert!(nothing.is_empty());
    assert_eq!((nothing.len(), nothing.scopes().len()), (0, 0));
    assert_eq!(nothing.all(), ScopeSet::EMPTY);
    for text in ["", "*", "*@live", "posts:*", "posts:read"] {
        let grant: Grant = text.parse().unwrap();
        assert_eq!(nothing.resolve(&grant), ScopeSet::EMPTY);
        assert_eq!(nothing.canonical(&grant), grant);
    }
    assert_eq!(
        nothing.attenuate(&ScopeSet::EMPTY, &Grant::everything()),
        Ok(Grant::none())
    );
    assert!(nothing.set(["posts:read"]).is_err());
    assert_eq!(nothing.nearest("posts:read"), None);
    let required = Requirement::Nothing.compile(&nothing).unwrap();
    assert!(required.is_covered_by(&ScopeSet::EMPTY));
    let read = Requirement::from(Scope::from_static("posts:read"));
    assert!(matches!(
        read.compile(&nothing),
        Err(RequirementError::Unknown(_))
    ));
}

#[test]
fn a_set_takes_32_bytes_and_is_copied() {
    fn copied<T: Copy + Send + Sync + 'static>() -> usize {
        size_of::<T>()
    }
    assert_eq!(copied::<ScopeSet>(), 32);
}

#[test]
fn a_grant_of_a_hundred_thousand_names_is_read_resolved_and_written() {
    let catalogue = flat(2);
    let text: Vec<String> = (0..100_000).map(|at| format!("r{at}:a{at}")).collect();
    let text = text.join(" ");
    let grant: Grant = text.parse().unwrap();
    assert_eq!(grant.len(), 100_000);
    assert_eq!(catalogue.resolve(&grant), catalogue.all());
    assert_eq!(grant.to_string().len(), text.len());
    assert_eq!(catalogue.canonical(&grant), grant);
    assert_eq!(catalogue.intersect(&grant, &grant), grant);
    let left = catalogue.revoke_in(&grant, &Scope::from_static("r0:a0"));
    assert_eq!(left.unwrap().len(), 99_999);
    // The unknown ones may stay but not be given.
    let all = catalogue.all();
    assert_eq!(catalogue.rewrite(&all, &grant, &grant), Ok(grant.clone()));
    let Err(AttenuateError::Unknown(unknown)) = catalogue.attenuate(&all, &grant) else {
        panic!("given");
    };
    // The first in the order of the text, where a digit comes before the colon.
    assert_eq!(unknown.name(), Some("r10000:a10000"));
}

#[test]
fn a_hundred_thousand_live_wildcards_are_handed_on_without_comparing_each_with_each() {
    let catalogue = flat(2);
    let wildcards = (0..100_000).map(|at| format!("r{at}:*@live"));
    let many = Grant::parse(wildcards).unwrap();
    assert_eq!(catalogue.attenuate(&many, &many), Ok(many.clone()));
    let everything = Grant::live("*").unwrap();
    assert_eq!(catalogue.attenuate(&everything, &many), Ok(many.clone()));
    assert!(catalogue.attenuate(&many, &everything).is_ok());
    assert!(catalogue.attenuate(&catalogue.all(), &many).is_err());
}

#[test]
fn every_name_and_wildcard_at_once_comes_to_no_more_than_every_scope() {
    let catalogue = flat(256);
    let names = scopes(&catalogue);
    let wanted = names.iter().flat_map(|scope| {
        let (resource, action) = (scope.resource(), scope.action());
        [
            scope.to_string(),
            format!("{resource}:*"),
            format!("*:{action}"),
            format!("{resource}:*@live"),
            format!("*:{action}@live"),
        ]
    });
    let wanted = Grant::parse(wanted.chain(["*".to_owned(), "*@live".to_owned()])).unwrap();
    assert_eq!(wanted.len(), 5 * 256 + 2);
    let all = catalogue.all();
    assert_eq!(
        catalogue.attenuate(&all, &wanted),
        Ok(catalogue.grant(&all))
    );
    assert_eq!(
        catalogue.attenuate(&ScopeSet::EMPTY, &wanted),
        Err(AttenuateError::Excess(names))
    );
}

#[test]
fn a_chain_of_and_or_or_nests_no_deeper_than_two() {
    let catalogue = flat(256);
    let names = scopes(&catalogue);
    let mut scopes = names.iter();
    let first = || Requirement::from(&names[0]);
    let any = |count: usize| names[1..count].iter().fold(first(), Requirement::or);
    let all = scopes.by_ref().fold(first(), Requirement::and);
    assert_eq!(
        any(64).compile(&catalogue).unwrap().alternatives().count(),
        64
    );
    assert_eq!(
        any(65).compile(&catalogue),
        Err(RequirementError::TooManyAlternatives)
    );
    let all = all.compile(&catalogue).unwrap();
    assert_eq!(all.alternatives().collect::<Vec<_>>(), [&catalogue.all()]);
    // (r0 or r1) and r2, and not r0 or (r1 and r2).
    let mixed = first().or(&names[1]).and(&names[2]).compile(&catalogue);
    let texts = mixed.unwrap().accepted_text();
    assert_eq!(texts, "r0:a0 r2:a2, r1:a1 r2:a2");
    // What is empty is refused and not filled.
    let empty = || Requirement::all_of::<Scope>([]);
    assert_eq!(
        empty().and(&names[0]).compile(&catalogue),
        Err(RequirementError::Empty)
    );
    assert_eq!(
        Requirement::AnyOf(Vec::new())
            .or(first())
            .compile(&catalogue),
        Err(RequirementError::Empty)
    );
}

#[test]
fn a_requirement_with_every_pair_of_256_scopes_is_refused() {
    let catalogue = flat(256);
    let names = scopes(&catalogue);
    let pairs = names.iter().enumerate().flat_map(|(at, one)| {
        let above = names.iter().take(at);
        above.map(move |other| Requirement::all_of([one, other]))
    });
    let every = Requirement::any_of(pairs);
    assert_eq!(
        every.compile(&catalogue),
        Err(RequirementError::TooManyAlternatives)
    );
    // But not if one of its many parts asks for nothing.
    let nothing = every.or(Requirement::Nothing).compile(&catalogue);
    assert!(nothing.unwrap().is_nothing());
}

#[test]
fn a_hundred_thousand_parts_that_say_the_same_compile_to_what_one_says() {
    let catalogue = flat(256);
    let names = scopes(&catalogue);
    let part = Requirement::any_of(&names[..64]);
    let once = part.compile(&catalogue).unwrap();
    let many = Requirement::all_of(vec![part; 2_000]);
    assert_eq!(many.compile(&catalogue).unwrap(), once);
    let single = Requirement::all_of(names.iter().cycle().take(100_000));
    let single = single.compile(&catalogue).unwrap();
    assert_eq!(
        single.alternatives().collect::<Vec<_>>(),
        [&catalogue.all()]
    );
    let four = names.chunks(64).map(Requirement::any_of);
    assert_eq!(
        Requirement::all_of(four).compile(&catalogue),
        Err(RequirementError::TooManyAlternatives)
    );
}

#[test]
fn a_refusal_at_256_scopes_names_each_that_is_missing_once() {
    let catalogue = flat(256);
    let names = scopes(&catalogue);
    let required = Requirement::all_of(&names).compile(&catalogue).unwrap();
    let Coverage::Lacks {
        missing,
        sufficient,
    } = required.covers(&ScopeSet::EMPTY)
    else {
        panic!("covered");
    };
    assert_eq!((&missing, &sufficient), (&names, &names));
    let but_one = catalogue.revoke(&catalogue.all(), &names[255]).unwrap();
    assert_eq!(
        required.covers(&but_one),
        Coverage::Lacks {
            missing: vec![names[255].clone()],
            sufficient: vec![names[255].clone()]
        }
    );
}

/// Bits of another catalogue mean nothing here. A gate refuses them by the fingerprint; where they
/// come through all the same, no name is made up.
#[test]
fn a_set_of_a_larger_catalogue_has_only_the_names_that_are_declared() {
    let (small, large) = (flat(3), flat(256));
    assert_ne!(small.fingerprint(), large.fingerprint());
    let foreign = large.all();
    assert!(small.names(&foreign).eq(&scopes(&small)));
    assert!(small.minimal(&foreign).eq(&scopes(&small)));
    assert_eq!(small.grant(&foreign).len(), 3);
    assert_eq!(small.missing(&foreign, &small.all()).count(), 0);
    let report = small.least_privilege(&Grant::everything(), &foreign);
    assert_eq!(report.used, scopes(&small));
    let read = Requirement::from(&scopes(&small)[0]);
    assert_ne!(read.compile(&small).unwrap(), read.compile(&large).unwrap());
    // A giver with such a set still gives nothing that isn't declared.
    let given = small.attenuate(&foreign, &Grant::everything()).unwrap();
    assert_eq!(given, small.grant(&small.all()));
}

#[test]
fn an_error_in_a_text_of_a_hundred_thousand_bytes_is_drawn_and_suggests_nothing() {
    let catalogue = flat(256);
    let text = format!("{}\u{212a}", "a:b ".repeat(25_000));
    let error = text.parse::<Grant>().unwrap_err();
    assert_eq!((error.index(), error.span()), (25_000, 100_000..100_001));
    let shown = diagnose(&text, error.span(), &error)
        .suggesting(&catalogue)
        .to_string();
    let lines: Vec<&str> = shown.lines().collect();
    let [_, drawn, caret] = lines[..] else {
        panic!("a suggestion");
    };
    assert!(drawn.ends_with("a:b \\u{212a}"));
    assert_eq!(caret, format!("  | {}^^^^^^^^", " ".repeat(100_000)));
}
