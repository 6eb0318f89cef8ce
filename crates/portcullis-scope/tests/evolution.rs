//! Grants stored under one release and read by another.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portcullis_scope::{Catalogue, CatalogueError, Grant, Scope};

fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

fn names(catalogue: &Catalogue, text: &str) -> Vec<String> {
    let set = catalogue.resolve(&grant(text));
    catalogue.names(&set).map(ToString::to_string).collect()
}

fn first() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("clips:read", "")
        .build()
        .unwrap()
}

/// Adds brands above and posts:publish between, so that every bit moves.
fn second() -> Catalogue {
    Catalogue::builder()
        .scope("brands:read", "")
        .scope("posts:read", "")
        .scope("posts:publish", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("clips:read", "")
        .build()
        .unwrap()
}

/// Renames clips to videos, gives up brands.
fn third() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("videos:read", "")
        .retired("brands:read")
        .renamed("clips:read", "videos:read")
        .build()
        .unwrap()
}

#[test]
fn added_scopes_change_no_old_answer() {
    assert_ne!(first(), second());
    for stored in ["posts:read", "posts:write clips:read", "clips:read", ""] {
        assert_eq!(names(&first(), stored), names(&second(), stored));
    }
}

#[test]
fn a_snapshot_does_not_grow_and_a_live_wildcard_does() {
    let (old, new) = (first(), second());
    let everything = Grant::live("*").unwrap();
    let snapshot = old.attenuate(&everything, &grant("posts:*")).unwrap();
    let live = old
        .attenuate(&everything, &Grant::live("posts:*").unwrap())
        .unwrap();
    assert_eq!(snapshot, grant("posts:read posts:write"));
    assert_eq!(live, grant("posts:*@live"));
    assert_eq!(old.resolve(&snapshot), old.resolve(&live));

    let publish = Scope::from_static("posts:publish");
    assert!(!new.holds(&new.resolve(&snapshot), &publish));
    assert!(new.holds(&new.resolve(&live), &publish));
}

#[test]
fn a_renamed_scope_goes_on_under_its_new_name() {
    let catalogue = third();
    assert_eq!(names(&catalogue, "clips:read"), ["videos:read"]);
    assert_eq!(
        catalogue.canonical(&grant("clips:read")),
        grant("videos:read")
    );
    let given = catalogue
        .attenuate(&catalogue.all(), &grant("clips:read"))
        .unwrap();
    assert_eq!(given, grant("videos:read"));
}

#[test]
fn what_a_release_does_not_know_grants_nothing_and_survives_a_rewrite() {
    let catalogue = third();
    let stored = grant("brands:read posts:write vanished:name");
    assert_eq!(
        names(&catalogue, "brands:read posts:write"),
        ["posts:read", "posts:write"]
    );

    let write = Scope::from_static("posts:write");
    let kept = grant("brands:read posts:read vanished:name");
    assert_eq!(catalogue.revoke_in(&stored, &write).unwrap(), kept);
    assert_eq!(catalogue.canonical(&stored), stored);
    // The holder's list comes back with a change, unknown names and all.
    let wanted = stored.union(&grant("videos:read"));
    assert_eq!(
        catalogue.rewrite(&catalogue.all(), &stored, &wanted),
        Ok(wanted.clone())
    );
    // But no one can add a name that isn't known.
    assert!(
        catalogue
            .rewrite(&catalogue.all(), &Grant::none(), &wanted)
            .is_err()
    );
    // After a roll-back the old release still finds what it granted.
    assert_eq!(
        names(&second(), &kept.to_string()),
        ["brands:read", "posts:read"]
    );
}

#[test]
fn a_roll_back_reads_grants_of_the_newer_release() {
    let stored = third()
        .attenuate(&third().all(), &grant("videos:read posts:read"))
        .unwrap();
    assert_eq!(names(&second(), &stored.to_string()), ["posts:read"]);
    assert_eq!(
        names(&third(), &stored.to_string()),
        ["posts:read", "videos:read"]
    );
}

#[test]
fn a_name_that_was_given_up_cannot_be_used_again() {
    let builder = || {
        Catalogue::builder()
            .scope("posts:read", "")
            .scope("brands:read", "")
    };
    assert_eq!(
        builder().retired("brands:read").build(),
        Err(CatalogueError::Reused { at: 1 })
    );
    assert_eq!(
        builder().renamed("brands:read", "posts:read").build(),
        Err(CatalogueError::Reused { at: 1 })
    );
    assert_eq!(
        builder()
            .retired("clips:read")
            .renamed("clips:read", "posts:read")
            .build(),
        Err(CatalogueError::Renamed { at: 0 })
    );
    assert_eq!(
        builder().renamed("clips:read", "videos:read").build(),
        Err(CatalogueError::Renamed { at: 0 })
    );
    assert!(builder().retired("clips").build().is_err());
    let unknown = third().check_known(&grant("brands:read")).unwrap_err();
    assert_eq!(unknown.name(), Some("brands:read"));
}

#[test]
fn faulty_declarations_are_refused_with_their_place() {
    let builder = Catalogue::builder;
    assert_eq!(
        builder()
            .scope("a:x", "")
            .scope("b:x", "")
            .scope("a:x", "")
            .build(),
        Err(CatalogueError::Duplicate { at: 2, first: 0 })
    );
    assert_eq!(
        builder()
            .scope("a:x", "")
            .scope_implying("b:x", ["a:x", "c:x"], "")
            .build(),
        Err(CatalogueError::Dangling { at: 1, implied: 1 })
    );
    assert_eq!(
        builder()
            .scope_implying("a:x", ["b:x"], "")
            .scope("b:x", "")
            .build(),
        Err(CatalogueError::NotAbove { at: 0, implied: 0 })
    );
    assert_eq!(
        builder().scope_implying("a:x", ["a:x"], "").build(),
        Err(CatalogueError::NotAbove { at: 0, implied: 0 })
    );
    assert!(matches!(
        builder().scope("a:x", "").scope("b", "").build(),
        Err(CatalogueError::Syntax { at: 1, .. })
    ));
    let many = |count: usize| {
        (0..count)
            .fold(builder(), |builder, at| {
                builder.scope(format!("r{at}:x"), "")
            })
            .build()
    };
    assert_eq!(many(256).unwrap().all().len(), 256);
    assert_eq!(many(257), Err(CatalogueError::TooMany));
}

#[test]
fn a_fingerprint_is_that_of_names_order_and_implication() {
    let one = Catalogue::builder()
        .scope("a:x", "one")
        .scope("b:x", "")
        .build()
        .unwrap();
    let described = Catalogue::builder()
        .scope("a:x", "other")
        .scope("b:x", "")
        .build()
        .unwrap();
    let swapped = Catalogue::builder()
        .scope("b:x", "")
        .scope("a:x", "")
        .build()
        .unwrap();
    let implying = Catalogue::builder()
        .scope("a:x", "")
        .scope_implying("b:x", ["a:x"], "")
        .build()
        .unwrap();
    assert_eq!(one, described);
    assert_ne!(one, swapped);
    assert_ne!(one, implying);
    assert_ne!(one, Catalogue::builder().scope("a:x", "").build().unwrap());
}

/// Stored with what was compiled under it, so it may never change by accident.
#[test]
fn a_fingerprint_is_the_same_in_every_build() {
    let one = Catalogue::builder().scope("a:x", "").build().unwrap();
    // FNV-1a of `a:x`, 0xff, and the closure as 32 bytes, lowest first: computed apart.
    assert_eq!(one.fingerprint(), FINGERPRINT);
}

const FINGERPRINT: u64 = 0x456b_9391_5a28_6802;

/// Three releases, each with a new name for the same scope.
#[test]
fn a_chain_of_renames_ends_at_the_newest_name_from_every_release() {
    let catalogue = Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("films:read", ["posts:read"], "")
        .renamed("clips:read", "films:read")
        .renamed("videos:read", "films:read")
        .build()
        .unwrap();
    let newest = grant("films:read");
    for stored in [
        "clips:read",
        "videos:read",
        "films:read",
        "clips:read films:read posts:read videos:read",
    ] {
        assert_eq!(names(&catalogue, stored), ["posts:read", "films:read"]);
        assert_eq!(catalogue.canonical(&grant(stored)), newest);
    }
    // Taken away under any of its names, it is gone under all of them.
    for name in ["clips:read", "videos:read", "films:read"] {
        let scope: Scope = name.parse().unwrap();
        let left = catalogue.revoke_in(&grant("clips:read videos:read films:read"), &scope);
        assert_eq!(left, Ok(grant("posts:read")));
    }
    // A wildcard goes by the names of today.
    assert_eq!(names(&catalogue, "clips:*"), [""; 0]);
    assert_eq!(names(&catalogue, "films:*"), ["posts:read", "films:read"]);
    // Each old name says the newest one: there is no chain through a name that was given up.
    let chained = Catalogue::builder()
        .scope("films:read", "")
        .renamed("clips:read", "videos:read")
        .renamed("videos:read", "films:read")
        .build();
    assert_eq!(chained, Err(CatalogueError::Renamed { at: 0 }));
    let circle = Catalogue::builder()
        .scope("films:read", "")
        .renamed("films:read", "films:read")
        .build();
    assert_eq!(circle, Err(CatalogueError::Reused { at: 0 }));
}
