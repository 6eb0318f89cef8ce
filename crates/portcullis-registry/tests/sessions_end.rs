//! The ends of sessions: everywhere, with the role, with everything of a user or an owner.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::cell::RefCell;

use common::{
    BRANDS, Bed, READ, WRITE, acme, ada, catalogue,
    stepped::{cut_off, interleave, run, stepped_bed},
};
use portcullis_core::Secret;
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, NewKey, NewSession, Owner, Principal, RefreshError,
    SessionTerms, User,
};
use portcullis_scope::{Grant, Scope};

fn user(name: &str) -> User {
    name.parse().unwrap()
}

fn person(name: &str, owner: &str) -> Actor {
    Actor::user(owner.parse().unwrap(), user(name), catalogue().all())
}

fn start(bed: &Bed, name: &str, owner: &str) -> IssuedSession {
    let new = NewSession::new(
        owner.parse().unwrap(),
        user(name),
        [WRITE].into_iter().collect(),
        SessionTerms::default(),
    );
    run(bed.registry.start_session(&person(name, owner), new)).unwrap()
}

async fn refresh(bed: &Bed, session: &IssuedSession) -> Result<IssuedSession, RefreshError> {
    let token = Secret::new(session.refresh.expose().to_owned());
    let actor = Actor::user(
        session.owner.clone(),
        session.user.clone(),
        catalogue().all(),
    );
    let verified = bed.registry.verify_refresh(&actor, &token).await?;
    let (grant, terms) = ([WRITE].into_iter().collect(), SessionTerms::default());
    bed.registry.refresh(&actor, verified, &grant, &terms).await
}

fn is_live(bed: &Bed, session: &IssuedSession) -> bool {
    run(bed.verify(session.token.expose())).is_some()
}

fn actor(bed: &Bed, session: &IssuedSession) -> Actor {
    Actor::from_principal(&run(bed.verify(session.token.expose())).unwrap())
}

#[test]
fn a_logout_everywhere_ends_all_sessions_of_the_user_and_of_nobody_else() {
    let bed = stepped_bed();
    let mine = [start(&bed, "ada", "acme"), start(&bed, "ada", "globex")];
    let bobs = start(&bed, "bob", "acme");
    let key = run(bed.key(&[READ]));
    let ended = run(bed
        .registry
        .end_sessions_of(&actor(&bed, &mine[0]), &user("ada")));
    assert_eq!(ended.unwrap(), 4, "two sessions and what refreshes them");
    for session in &mine {
        assert!(!is_live(&bed, session));
        let refreshed = run(refresh(&bed, session));
        assert!(matches!(refreshed, Err(RefreshError::Rejected)));
    }
    assert!(is_live(&bed, &bobs));
    assert!(
        run(bed.verify(key.token.expose())).is_some(),
        "a key is no session"
    );
}

#[test]
fn others_reach_a_users_sessions_with_their_own_owner_alone_and_keys_none() {
    let bed = stepped_bed();
    let (here, there) = (start(&bed, "ada", "acme"), start(&bed, "ada", "globex"));
    let key = run(bed.key(&[READ]));
    let by_key = run(bed.actor(&key));
    let refused = run(bed.registry.end_sessions_of(&by_key, &user("ada")));
    assert!(matches!(refused, Err(ChangeError::SessionRequired)));
    let admin = person("bob", "acme");
    assert_eq!(
        run(bed.registry.end_sessions_of(&admin, &user("ada"))).unwrap(),
        2
    );
    assert!(!is_live(&bed, &here) && is_live(&bed, &there));
    let system = Actor::dangerous_system();
    assert_eq!(
        run(bed.registry.end_sessions_of(&system, &user("ada"))).unwrap(),
        2
    );
    assert!(!is_live(&bed, &there));
}

#[test]
fn a_refresh_in_the_very_moment_of_a_logout_everywhere_saves_nothing() {
    let mut refreshes = 0;
    for seed in 0..200 {
        let bed = stepped_bed();
        let first = start(&bed, "ada", "acme");
        let (actor, ada) = (ada(), user("ada"));
        let logout = bed.registry.end_sessions_of(&actor, &ada);
        let twice = async {
            let second = refresh(&bed, &first).await;
            let third = match &second {
                Ok(second) => Some(refresh(&bed, second).await),
                Err(_) => None,
            };
            (second, third)
        };
        let (ended, (second, third)) = interleave(logout, twice, seed);
        ended.unwrap();
        let later = [second.ok(), third.and_then(Result::ok)];
        refreshes += later.iter().flatten().count();
        for session in later.into_iter().flatten().chain([first]) {
            assert!(!is_live(&bed, &session), "seed {seed}");
            let refreshed = run(refresh(&bed, &session));
            assert!(
                matches!(refreshed, Err(RefreshError::Rejected)),
                "seed {seed}"
            );
        }
    }
    assert!(refreshes > 0, "no refresh came first");
}

#[test]
fn a_logout_everywhere_that_is_cut_off_is_completed_by_asking_again() {
    let (mut steps, mut ended) = (0, false);
    while !ended {
        let bed = stepped_bed();
        let mine = [start(&bed, "ada", "acme"), start(&bed, "ada", "acme")];
        assert!(is_live(&bed, &mine[0]) && is_live(&bed, &mine[1]));
        let actor = ada();
        ended = cut_off(bed.registry.end_sessions_of(&actor, &user("ada")), steps).is_some();
        run(bed.registry.end_sessions_of(&actor, &user("ada"))).unwrap();
        assert!(!is_live(&bed, &mine[0]) && !is_live(&bed, &mine[1]));
        steps += 1;
    }
}

#[test]
fn everything_of_a_user_falls_with_the_keys_below_it() {
    let bed = stepped_bed();
    let session = start(&bed, "ada", "acme");
    let by = actor(&bed, &session);
    let new = || NewKey::new(acme(), "key", [READ]);
    let key = run(bed.registry.issue_key(&by, new())).unwrap();
    let child = run(bed.registry.issue_key(&run(bed.actor(&key)), new())).unwrap();
    let bobs = run(bed.registry.issue_key(&person("bob", "acme"), new())).unwrap();
    let felled = run(bed
        .registry
        .revoke_user(&person("bob", "acme"), &user("ada")));
    assert_eq!(felled.unwrap(), 4);
    assert!(!is_live(&bed, &session));
    for (key, lives) in [(&key, false), (&child, false), (&bobs, true)] {
        assert_eq!(run(bed.verify(key.token.expose())).is_some(), lives);
    }
}

#[test]
fn everything_of_an_owner_falls_whatever_it_makes_meanwhile() {
    for seed in 0..200 {
        let bed = stepped_bed();
        let (first, other) = (start(&bed, "ada", "acme"), start(&bed, "ada", "globex"));
        let by = actor(&bed, &first);
        let (system, owner) = (Actor::dangerous_system(), acme());
        let revoke = bed.registry.revoke_owner(&system, &owner);
        let make = async {
            let new = NewKey::new(acme(), "key", [READ]);
            let key = bed.registry.issue_key(&by, new).await.ok();
            (key, refresh(&bed, &first).await.ok())
        };
        let (felled, (key, second)) = interleave(revoke, make, seed);
        assert!(felled.unwrap() >= 2);
        let key = key.map(|key| run(bed.verify(key.token.expose())));
        assert!(key.flatten().is_none(), "seed {seed}");
        for session in second.into_iter().chain([first]) {
            assert!(!is_live(&bed, &session), "seed {seed}");
        }
        assert!(is_live(&bed, &other));
    }
    let bed = stepped_bed();
    let theirs = run(bed.registry.revoke_owner(&person("eve", "evil"), &acme()));
    assert!(matches!(theirs, Err(ChangeError::NotFound)));
}

fn change_role(bed: &Bed, by: &Actor, scopes: &[Scope]) -> Result<u64, ChangeError> {
    let grant: Grant = scopes.iter().cloned().collect();
    let owner: Owner = acme();
    run(bed
        .registry
        .change_sessions(by, &user("ada"), &owner, &grant))
}

#[test]
fn a_changed_role_holds_for_the_next_check_of_every_session() {
    let bed = stepped_bed();
    let (here, there) = (start(&bed, "ada", "acme"), start(&bed, "ada", "globex"));
    let scopes_of = |session: &IssuedSession| *principal(&bed, session).scopes();
    let held = scopes_of(&here);
    let bob = person("bob", "acme");
    assert_eq!(change_role(&bed, &bob, &[READ]).unwrap(), 2);
    assert_eq!(scopes_of(&here), catalogue().set(["posts:read"]).unwrap());
    assert_eq!(scopes_of(&there), held);
    assert_eq!(
        change_role(&bed, &bob, &[READ]).unwrap(),
        0,
        "it is so already"
    );

    // Nobody gives a role what they lack; taking away is free.
    let weak = catalogue().set(["posts:read", "posts:write"]).unwrap();
    let weak = Actor::user(acme(), user("eve"), weak);
    let widened = change_role(&bed, &weak, &[WRITE, BRANDS]);
    assert!(matches!(widened, Err(ChangeError::Excess(excess)) if excess == [BRANDS]));
    assert_eq!(change_role(&bed, &weak, &[]).unwrap(), 2);
    assert!(scopes_of(&here).is_empty());
    let foreign = change_role(&bed, &person("eve", "evil"), &[]);
    assert!(matches!(foreign, Err(ChangeError::NotFound)));
    let key = run(bed.actor(&run(bed.key(&[WRITE]))));
    let by_key = change_role(&bed, &key, &[READ]);
    assert!(matches!(by_key, Err(ChangeError::SessionRequired)));
}

fn principal(bed: &Bed, session: &IssuedSession) -> Principal {
    run(bed.verify(session.token.expose())).unwrap()
}

#[test]
fn a_refresh_that_looked_up_the_role_before_it_changed_does_not_bring_it_back() {
    let mut refused = 0;
    for seed in 0..300 {
        let bed = stepped_bed();
        let first = start(&bed, "ada", "acme");
        let (bob, user, owner) = (person("bob", "acme"), user("ada"), acme());
        let (write, read): (Grant, Grant) =
            ([WRITE].into_iter().collect(), [READ].into_iter().collect());
        let role = RefCell::new(write.clone());
        let demote = async {
            role.replace(read.clone());
            bed.registry
                .change_sessions(&bob, &user, &owner, &read)
                .await
        };
        // As a login does: the role is looked up between the two calls.
        let refresh = async {
            let (actor, terms) = (ada(), SessionTerms::default());
            let token = Secret::new(first.refresh.expose().to_owned());
            let verified = bed.registry.verify_refresh(&actor, &token).await?;
            let grant = role.borrow().clone();
            bed.registry.refresh(&actor, verified, &grant, &terms).await
        };
        let (changed, refreshed) = interleave(demote, refresh, seed);
        changed.unwrap();
        let second = match refreshed {
            Ok(session) => Some(session),
            Err(RefreshError::Change(ChangeError::Contended)) => {
                refused += 1;
                None
            }
            Err(error) => panic!("{error}"),
        };
        for session in second.into_iter().chain([first]) {
            let scopes = *principal(&bed, &session).scopes();
            assert_eq!(
                scopes,
                catalogue().set(["posts:read"]).unwrap(),
                "seed {seed}"
            );
        }
    }
    assert!(refused > 0, "none came in between");
}
