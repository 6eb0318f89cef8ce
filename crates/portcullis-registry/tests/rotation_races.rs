//! Rotations that are cut off, or that others get in the way of.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{
    Bed, WRITE, acme, ada, bed,
    stepped::{cut_off, interleave, run, stepped_bed},
    verify,
};
use portcullis_core::CredentialId;
use portcullis_registry::{
    Actor, ChangeError, CreatedBy, Filter, IssuedKey, NewKey, PrefixedId, Revoked,
};
use portcullis_token::TokenKind;

const HOUR: Duration = Duration::from_secs(3_600);

async fn make(bed: &Bed, by: &Actor) -> Result<IssuedKey, ChangeError> {
    let key = NewKey::new(acme(), "key", [WRITE]);
    bed.registry.issue_key(by, key).await
}

fn is_live(bed: &Bed, key: &IssuedKey) -> bool {
    run(bed.verify(key.token.expose())).is_some()
}

fn id(key: &IssuedKey) -> CredentialId {
    key.token.id()
}

fn successor_of(bed: &Bed, key: &IssuedKey) -> Option<CredentialId> {
    let info = run(bed.registry.key(&ada(), id(key))).unwrap();
    let id = info.successor()?.to_string();
    PrefixedId::read(TokenKind::ApiKey, &id)
}

#[test]
fn a_rotation_that_is_cut_off_has_happened_whole_or_not_at_all() {
    // More than a commit holds, so that some are handed over later.
    for (count, stride) in [(3, 1), (110, 29)] {
        let (mut steps, mut ended, mut seen) = (0, false, [false; 2]);
        while !ended {
            let bed = stepped_bed();
            let old = run(make(&bed, &ada())).unwrap();
            let by = run(bed.actor(&old));
            let made: Vec<_> = (0..count).map(|_| run(make(&bed, &by)).unwrap()).collect();
            let actor = ada();
            let rotation = bed.registry.rotate_key(&actor, id(&old), HOUR);
            ended = cut_off(rotation, steps).is_some();
            let successor = successor_of(&bed, &old);
            seen[usize::from(successor.is_some())] = true;
            assert!(is_live(&bed, &old));
            // All that it made falls with whoever it belongs to, and not with the other.
            let (falls, stays) = match successor {
                Some(new) => (new, Some(id(&old))),
                None => (id(&old), None),
            };
            if let Some(other) = stays {
                let _ = run(bed.registry.revoke_key(&ada(), other)).unwrap();
                assert!(
                    made.iter().all(|key| is_live(&bed, key)),
                    "after {steps} steps"
                );
                run(make(&bed, &run(bed.actor(&made[0])))).unwrap();
            }
            let _ = run(bed.registry.revoke_key(&ada(), falls)).unwrap();
            assert!(
                !made.iter().any(|key| is_live(&bed, key)),
                "after {steps} steps"
            );
            steps += stride;
        }
        assert_eq!(seen, [true; 2]);
    }
}

#[test]
fn what_a_key_makes_in_the_very_moment_of_its_rotation_is_the_successors_or_ends_with_it() {
    let mut kinds = [0; 2];
    for seed in 0..300 {
        let bed = stepped_bed();
        let old = run(make(&bed, &ada())).unwrap();
        let by = run(bed.actor(&old));
        let actor = ada();
        let rotation = bed.registry.rotate_key(&actor, id(&old), HOUR);
        let (new, child) = interleave(rotation, make(&bed, &by), seed);
        let (new, child) = (new.unwrap(), child.unwrap());
        let info = run(bed.registry.key(&ada(), id(&child))).unwrap();
        let is_handed_over = info.created_by() == &CreatedBy::Credential(id(&new));
        assert_eq!(info.expires_at().is_none(), is_handed_over, "seed {seed}");
        kinds[usize::from(is_handed_over)] += 1;
        let owner = if is_handed_over { &new } else { &old };
        let _ = run(bed.registry.revoke_key(&ada(), id(owner))).unwrap();
        assert!(!is_live(&bed, &child), "seed {seed}");
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

#[test]
fn a_rotation_below_a_key_that_is_being_revoked_saves_nothing() {
    let mut made = 0;
    for seed in 0..300 {
        let bed = stepped_bed();
        let root = run(make(&bed, &ada())).unwrap();
        let middle = run(make(&bed, &run(bed.actor(&root)))).unwrap();
        let leaf = run(make(&bed, &run(bed.actor(&middle)))).unwrap();
        let (actor, other) = (ada(), ada());
        let revoke = bed.registry.revoke_key(&actor, id(&root));
        let rotation = async {
            let middle = bed.registry.rotate_key(&other, id(&middle), HOUR).await;
            let leaf = bed.registry.rotate_key(&other, id(&leaf), HOUR).await;
            [middle, leaf]
        };
        let (revoked, rotated) = interleave(revoke, rotation, seed);
        assert_eq!(revoked.unwrap(), Revoked::Everywhere);
        let rotated: Vec<_> = rotated.into_iter().filter_map(Result::ok).collect();
        made += rotated.len();
        for key in rotated.into_iter().chain([root, middle, leaf]) {
            assert!(!is_live(&bed, &key), "seed {seed}");
        }
    }
    assert!(made > 0, "no rotation came first");
}

#[test]
fn of_two_rotations_at_once_one_is_told_of_the_others_successor() {
    for seed in 0..200 {
        let bed = stepped_bed();
        let old = run(make(&bed, &ada())).unwrap();
        let actor = ada();
        let rotate = || bed.registry.rotate_key(&actor, id(&old), HOUR);
        let (one, other) = interleave(rotate(), rotate(), seed);
        let (new, refused) = match (one, other) {
            (Ok(new), Err(refused)) | (Err(refused), Ok(new)) => (new, refused),
            other => panic!("{other:?}"),
        };
        assert!(matches!(refused, ChangeError::Rotated { .. }), "{refused}");
        assert_eq!(successor_of(&bed, &old), Some(id(&new)));
    }
}

#[test]
fn a_cut_off_revoke_below_a_key_is_completed_by_its_rotation() {
    for steps in 0..30 {
        let bed = stepped_bed();
        let old = run(make(&bed, &ada())).unwrap();
        let middle = run(make(&bed, &run(bed.actor(&old)))).unwrap();
        let leaf = run(make(&bed, &run(bed.actor(&middle)))).unwrap();
        let actor = ada();
        cut_off(bed.registry.revoke_key(&actor, id(&middle)), steps);
        let was_revoked = !is_live(&bed, &middle);
        let new = run(bed.registry.rotate_key(&ada(), id(&old), HOUR)).unwrap();
        assert_eq!(is_live(&bed, &leaf), !was_revoked);
        let newer = run(bed.registry.rotate_key(&ada(), id(&new), HOUR)).unwrap();
        let _ = run(bed.registry.revoke_key(&ada(), id(&newer))).unwrap();
        assert!(
            !is_live(&bed, &middle) && !is_live(&bed, &leaf),
            "after {steps} steps"
        );
    }
}

#[test]
fn everything_of_an_owner_falls_whatever_is_rotated_meanwhile() {
    let mut later = 0;
    for seed in 0..200 {
        let bed = stepped_bed();
        let old = run(make(&bed, &ada())).unwrap();
        let child = run(make(&bed, &run(bed.actor(&old)))).unwrap();
        let child_actor = run(bed.actor(&child));
        let (actor, by, owner) = (ada(), run(bed.actor(&old)), acme());
        let (all, rest) = (Filter::default(), async {
            let rotated = bed.registry.rotate_key(&by, id(&child), HOUR).await;
            let made = make(&bed, &child_actor).await;
            [rotated, made]
        });
        let revoke = bed.registry.revoke_matching(&actor, &owner, &all);
        let (revoked, rest) = interleave(revoke, rest, seed);
        assert!(revoked.unwrap() >= 2);
        let rest: Vec<_> = rest.into_iter().filter_map(Result::ok).collect();
        later += rest.len();
        for key in rest.into_iter().chain([old, child]) {
            assert!(!is_live(&bed, &key), "seed {seed}");
        }
    }
    assert!(later > 0, "nothing was made meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_request_with_the_current_key_is_refused() {
    let bed = bed().await;
    let current = Arc::new(std::sync::Mutex::new(
        bed.key(&[WRITE]).await.token.expose().to_owned(),
    ));
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let registry = bed.registry.clone();
            let (current, done) = (Arc::clone(&current), Arc::clone(&done));
            tokio::spawn(async move {
                let mut requests = 0_u32;
                while !done.load(Ordering::SeqCst) {
                    let token = current.lock().unwrap().clone();
                    assert!(verify(&registry, &token).await.is_some(), "refused");
                    requests += 1;
                    tokio::task::yield_now().await;
                }
                requests
            })
        })
        .collect();
    for _ in 0..300 {
        let token = current.lock().unwrap().clone();
        let id = bed
            .registry
            .format()
            .recognize(token.as_bytes())
            .unwrap()
            .id();
        let new = bed.registry.rotate_key(&ada(), id, HOUR).await.unwrap();
        *current.lock().unwrap() = new.token.expose().to_owned();
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
}
