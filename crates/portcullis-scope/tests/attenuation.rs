//! Who may give what: beyond the laws, wildcards and names that mean nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portcullis_scope::{AttenuateError, Catalogue, Giver, Grant, Scope, ScopeSet};

fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "")
        .scope_implying("posts:write", ["posts:read"], "")
        .scope("brands:read", "")
        .scope_implying("brands:write", ["brands:read"], "")
        .build()
        .unwrap()
}

fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

fn set(text: &str) -> ScopeSet {
    catalogue().resolve(&grant(text))
}

fn excess(scopes: &[&str]) -> Result<Grant, AttenuateError> {
    Err(AttenuateError::Excess(
        scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
    ))
}

#[test]
fn names_stay_as_they_were_asked_for() {
    let wanted = grant("posts:read posts:write");
    assert_eq!(
        catalogue().attenuate(&set("posts:write"), &wanted),
        Ok(wanted.clone())
    );
    assert_eq!(
        catalogue().attenuate(&ScopeSet::EMPTY, &Grant::none()),
        Ok(Grant::none())
    );
}

#[test]
fn a_refusal_lists_only_the_excess_and_not_what_it_implies() {
    let giver = set("posts:read");
    assert_eq!(
        catalogue().attenuate(&giver, &grant("posts:write")),
        excess(&["posts:write"])
    );
    assert_eq!(
        catalogue().attenuate(&giver, &grant("brands:write posts:read")),
        excess(&["brands:write"])
    );
    assert_eq!(
        catalogue().attenuate(&giver, &Grant::everything()),
        excess(&["posts:write", "brands:write"])
    );
    let refused = catalogue()
        .attenuate(&giver, &Grant::everything())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the giver lacks `posts:write`, `brands:write`"
    );
}

#[test]
fn a_preset_escalates_no_more_than_a_list() {
    let giver = set("posts:write");
    for wildcard in [
        "*",
        "brands:*",
        "*:read",
        "*:write",
        "*@live",
        "brands:*@live",
    ] {
        assert!(
            catalogue().attenuate(&giver, &grant(wildcard)).is_err(),
            "{wildcard}"
        );
    }
    assert_eq!(
        catalogue().attenuate(&giver, &grant("posts:*")),
        Ok(grant("posts:read posts:write"))
    );
}

#[test]
fn unknown_names_are_refused_before_any_excess() {
    for wanted in [
        "posts:raed brands:write",
        "zebras:*",
        "*:fly",
        "zebras:*@live",
    ] {
        let Err(AttenuateError::Unknown(unknown)) =
            catalogue().attenuate(&ScopeSet::EMPTY, &grant(wanted))
        else {
            panic!("{wanted} is known");
        };
        assert!(grant(wanted).has_name(unknown.name().unwrap()));
        assert!(!unknown.name().unwrap().starts_with("brands"));
    }
    let unknown = catalogue().check_known(&grant("posts:raed")).unwrap_err();
    assert_eq!(unknown.to_string(), "unknown scope `posts:raed`");
    assert_eq!(unknown.scope(), Some(Scope::from_static("posts:raed")));
    let unknown = catalogue().check_known(&grant("zebras:*")).unwrap_err();
    assert_eq!(unknown.to_string(), "`zebras:*` matches no scope");
    assert_eq!(
        catalogue().check_known(&grant("* posts:* posts:write")),
        Ok(())
    );
}

#[test]
fn a_set_never_shows_the_rejected_text_of_what_is_no_scope() {
    let unknown = catalogue().set(["posts:read", "\u{7}secret"]).unwrap_err();
    assert_eq!((unknown.index(), unknown.name()), (1, None));
    assert_eq!(unknown.to_string(), "name 1 is not a scope");
}

#[test]
fn only_a_live_wildcard_hands_on_a_live_wildcard() {
    let catalogue = catalogue();
    let live = grant("posts:*@live");
    let snapshot = Ok(grant("posts:read posts:write"));
    // Someone who has all of it today, but perhaps not tomorrow.
    assert_eq!(catalogue.attenuate(&catalogue.all(), &live), snapshot);
    assert_eq!(catalogue.attenuate(&grant("posts:*"), &live), snapshot);
    assert_eq!(catalogue.attenuate(&grant("posts:write"), &live), snapshot);
    // Someone who will have all of it tomorrow too.
    for giver in ["posts:*@live", "*@live"] {
        assert_eq!(
            catalogue.attenuate(&grant(giver), &live),
            Ok(live.clone()),
            "{giver}"
        );
    }
    assert_eq!(catalogue.attenuate(&grant("*:write@live"), &live), snapshot);
    assert!(
        catalogue
            .attenuate(&grant("posts:*@live"), &grant("*@live"))
            .is_err()
    );
    // Before there is any such scope.
    let ahead = grant("zebras:*@live");
    assert_eq!(
        catalogue.attenuate(&grant("*@live"), &ahead),
        Ok(ahead.clone())
    );
    assert!(
        catalogue
            .attenuate(Giver::Set(&catalogue.all()), &ahead)
            .is_err()
    );
}

#[test]
fn to_change_a_grant_takes_all_of_it_before_and_after() {
    let catalogue = catalogue();
    let held = grant("brands:write");
    let giver = set("posts:write brands:read");
    // Even to narrow it.
    assert_eq!(
        catalogue.rewrite(&giver, &held, &grant("brands:read")),
        excess(&["brands:write"])
    );
    assert_eq!(
        catalogue.rewrite(&giver, &grant("brands:read"), &grant("posts:write")),
        Ok(grant("posts:write"))
    );
}

#[test]
fn revoking_from_a_wildcard_leaves_the_rest_of_it_by_name() {
    let catalogue = catalogue();
    let read = Scope::from_static("posts:read");
    for everything in ["*", "*@live", "*:write", "* posts:read"] {
        let left = catalogue.revoke_in(&grant(everything), &read).unwrap();
        assert_eq!(left, grant("brands:write"), "{everything}");
    }
    let left = catalogue
        .revoke_in(&grant("brands:*@live posts:read"), &read)
        .unwrap();
    assert_eq!(left, grant("brands:*@live"));
}
