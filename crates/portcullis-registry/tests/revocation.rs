//! A key falls with the key that made it, however the calls fall out.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::{
    Bed, READ, WRITE, acme, ada,
    stepped::{cut_off, interleave, run, step, stepped_bed},
};
use portcullis_core::CredentialId;
use portcullis_registry::{
    Actor, AuditEntry, ChangeError, Filter, IssuedKey, KeyChange, NewKey, PrefixedId, Registry,
    Revoked,
};
use portcullis_token::TokenKind;

async fn make(registry: &Registry, by: &Actor) -> Result<IssuedKey, ChangeError> {
    let key = NewKey::new(acme(), "key", [WRITE]);
    registry.issue_key(by, key).await
}

/// Keys of which each but the first was made by the one before, and who acts with them.
fn chain(bed: &Bed, length: usize) -> (Vec<IssuedKey>, Vec<Actor>) {
    let (mut keys, mut actors): (Vec<IssuedKey>, Vec<Actor>) = (Vec::new(), Vec::new());
    for _ in 0..length {
        let maker = actors.last().cloned().unwrap_or_else(ada);
        let key = run(make(&bed.registry, &maker)).unwrap();
        actors.push(run(bed.actor(&key)));
        keys.push(key);
    }
    (keys, actors)
}

fn is_live(bed: &Bed, key: &IssuedKey) -> bool {
    run(bed.verify(key.token.expose())).is_some()
}

fn id(key: &IssuedKey) -> CredentialId {
    key.token.id()
}

/// Makes a chain of three below a key, as far as it is let.
async fn three_deep(bed: &Bed, by: Actor) -> Vec<IssuedKey> {
    let (mut made, mut maker) = (Vec::new(), by);
    for _ in 0..3 {
        let Ok(key) = make(&bed.registry, &maker).await else {
            return made;
        };
        // As its bearer would: verified before it acts.
        let Some(principal) = bed.verify(key.token.expose()).await else {
            made.push(key);
            return made;
        };
        maker = Actor::from_principal(&principal);
        made.push(key);
    }
    made
}

#[test]
fn a_chain_that_is_made_in_the_very_moment_of_the_revoke_falls_with_its_root() {
    let mut lengths = [0; 4];
    for seed in 0..400 {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 2);
        let actor = ada();
        let revoke = bed.registry.revoke_key(&actor, id(&keys[0]));
        let (revoked, made) = interleave(revoke, three_deep(&bed, actors[1].clone()), seed);
        assert_eq!(revoked.unwrap(), Revoked::Everywhere);
        for key in keys.iter().chain(&made) {
            assert!(!is_live(&bed, key), "seed {seed}");
        }
        lengths[made.len()] += 1;
    }
    assert!(lengths.iter().all(|count| *count > 0), "{lengths:?}");
}

#[test]
fn a_revoke_that_is_cut_off_anywhere_is_completed_by_asking_again() {
    let (mut steps, mut ended) = (0, false);
    while !ended {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 4);
        let actor = ada();
        let revoke = bed.registry.revoke_key(&actor, id(&keys[0]));
        ended = cut_off(revoke, steps).is_some();
        // Those below go on where they are let, and with the root they are let nowhere.
        let root_lives = is_live(&bed, &keys[0]);
        let late = run(three_deep(&bed, actors[3].clone()));
        assert_eq!(
            late.len(),
            if root_lives { 3 } else { 0 },
            "after {steps} steps"
        );
        let again = run(bed.registry.revoke_key(&ada(), id(&keys[0])));
        match again {
            Ok(Revoked::Everywhere) => assert!(root_lives),
            Err(ChangeError::NotFound) => assert!(!root_lives),
            Err(error) => panic!("{error}"),
        }
        for key in keys.iter().chain(&late) {
            assert!(!is_live(&bed, key), "after {steps} steps");
        }
        steps += 1;
    }
    assert!(steps > 10, "it stopped nowhere");
}

#[test]
fn a_revoke_of_the_middle_that_is_cut_off_is_completed_by_a_revoke_of_the_root() {
    let (mut steps, mut ended) = (0, false);
    while !ended {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 4);
        let actor = ada();
        ended = cut_off(bed.registry.revoke_key(&actor, id(&keys[1])), steps).is_some();
        let late = run(three_deep(&bed, actors[3].clone()));
        let _ = run(bed.registry.revoke_key(&ada(), id(&keys[0]))).unwrap();
        for key in keys.iter().chain(&late) {
            assert!(!is_live(&bed, key), "after {steps} steps");
        }
        steps += 1;
    }
}

#[test]
fn a_cut_off_revoke_and_a_chain_in_the_making_leave_nothing_once_it_is_said_again() {
    for seed in 0..300 {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 3);
        let actor = ada();
        let steps = usize::try_from(seed % 25).unwrap();
        let revoke = async {
            let mut revoke = Box::pin(bed.registry.revoke_key(&actor, id(&keys[0])));
            for _ in 0..steps {
                if step(revoke.as_mut()).is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        let ((), made) = interleave(revoke, three_deep(&bed, actors[2].clone()), seed);
        let _ = run(bed.registry.revoke_key(&ada(), id(&keys[0])));
        for key in keys.iter().chain(&made) {
            assert!(!is_live(&bed, key), "seed {seed}");
        }
    }
}

fn revoked_in_order(bed: &Bed) -> Vec<String> {
    let is_revoke = |entry: &&AuditEntry| entry.action == "key.revoked";
    let audit = bed.store.audit();
    audit
        .iter()
        .filter(is_revoke)
        .map(|entry| entry.target.clone())
        .collect()
}

#[test]
fn the_root_falls_first_and_with_it_as_many_as_fit_a_commit() {
    let bed = stepped_bed();
    let (roots, actors) = chain(&bed, 1);
    for _ in 0..150 {
        run(make(&bed.registry, &actors[0])).unwrap();
    }
    let root = PrefixedId(TokenKind::ApiKey, id(&roots[0])).to_string();
    let actor = ada();
    let mut revoke = Box::pin(bed.registry.revoke_key(&actor, id(&roots[0])));
    let mut seen = vec![0];
    loop {
        let ended = step(revoke.as_mut());
        let revoked = revoked_in_order(&bed);
        assert!(revoked.first().is_none_or(|first| *first == root));
        seen.push(revoked.len());
        if let Some(ended) = ended {
            assert_eq!(ended.unwrap(), Revoked::Everywhere);
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen, [0, 100, 151]);
}

#[test]
fn whoever_keeps_changing_what_is_below_does_not_keep_the_root_alive() {
    let bed = stepped_bed();
    let (keys, actors) = chain(&bed, 3);
    let actor = ada();
    let mut revoke = Box::pin(bed.registry.revoke_key(&actor, id(&keys[0])));
    let mut turn = 0;
    let revoked = loop {
        if let Some(revoked) = step(revoke.as_mut()) {
            break revoked;
        }
        // The bearer of the second key renames the third, without end.
        turn += 1;
        let renamed = KeyChange::new().rename(&format!("{turn}"));
        let _ = run(bed.registry.change_key(&actors[1], id(&keys[2]), renamed));
        assert!(turn < 10_000, "it goes on for ever");
    };
    assert_eq!(revoked.unwrap(), Revoked::Everywhere);
    for key in &keys {
        assert!(!is_live(&bed, key));
    }
}

#[test]
fn what_is_below_a_disabled_or_expired_key_makes_nothing_and_goes_on_as_it_is() {
    let bed = stepped_bed();
    let (keys, actors) = chain(&bed, 3);
    let off = KeyChange::new().disable();
    run(bed.registry.change_key(&ada(), id(&keys[0]), off)).unwrap();
    let late = run(make(&bed.registry, &actors[2]));
    assert!(matches!(late, Err(ChangeError::Ended)));
    assert!(is_live(&bed, &keys[2]));
    let on = KeyChange::new().enable();
    run(bed.registry.change_key(&ada(), id(&keys[0]), on)).unwrap();
    run(make(&bed.registry, &actors[2])).unwrap();
}

#[test]
fn a_read_key_is_not_enough_to_make_another() {
    // The actor's own scopes at the time of the change, not those of the check.
    let bed = stepped_bed();
    let (keys, actors) = chain(&bed, 1);
    let narrowed = KeyChange::new().regrant([READ].into_iter().collect());
    run(bed.registry.change_key(&ada(), id(&keys[0]), narrowed)).unwrap();
    let late = run(make(&bed.registry, &actors[0]));
    assert!(matches!(late, Err(ChangeError::Excess(excess)) if excess == [WRITE]));
}

#[test]
fn a_revoke_by_a_filter_that_is_cut_off_is_completed_by_asking_again() {
    let bed = stepped_bed();
    let root = NewKey::new(acme(), "root", [WRITE]);
    let root = run(bed.registry.issue_key(&ada(), root)).unwrap();
    let by = run(bed.actor(&root));
    // More than a commit holds, and none that the filter keeps by itself.
    let made: Vec<_> = (0..110)
        .map(|_| run(make(&bed.registry, &by)).unwrap())
        .collect();
    let other = run(make(&bed.registry, &ada())).unwrap();
    let filter = Filter {
        text: Some("root".into()),
        ..Filter::default()
    };
    let (actor, owner) = (ada(), acme());
    let mut revoke = Box::pin(bed.registry.revoke_matching(&actor, &owner, &filter));
    while revoked_in_order(&bed).is_empty() {
        assert!(step(revoke.as_mut()).is_none());
    }
    drop(revoke);
    assert_eq!(revoked_in_order(&bed).len(), 100);
    let left = run(bed.registry.revoke_matching(&ada(), &acme(), &filter));
    assert_eq!(left.unwrap(), 11);
    for key in made.iter().chain([&root]) {
        assert!(!is_live(&bed, key));
    }
    assert!(is_live(&bed, &other));
}
