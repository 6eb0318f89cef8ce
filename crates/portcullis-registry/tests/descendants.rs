//! An earlier end caps everything below a key, however the calls fall out.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{
    Bed, READ, acme, ada,
    stepped::{cut_off, interleave, run, step, stepped_bed},
};
use portcullis_core::{Clock, CredentialId, Timestamp};
use portcullis_registry::{Actor, ChangeError, Expiry, IssuedKey, KeyChange, NewKey};

fn chain(bed: &Bed, length: usize) -> (Vec<CredentialId>, Vec<Actor>) {
    let (mut keys, mut actors): (Vec<CredentialId>, Vec<Actor>) = (Vec::new(), Vec::new());
    for _ in 0..length {
        let maker = actors.last().cloned().unwrap_or_else(ada);
        let key = run(make(bed, &maker)).unwrap();
        actors.push(run(bed.actor(&key)));
        keys.push(key.token.id());
    }
    (keys, actors)
}

async fn make(bed: &Bed, by: &Actor) -> Result<IssuedKey, ChangeError> {
    let key = NewKey::new(acme(), "key", [READ]);
    bed.registry.issue_key(by, key).await
}

fn end_of(bed: &Bed, key: CredentialId) -> Option<Timestamp> {
    run(bed.registry.key(&ada(), key)).unwrap().expires_at()
}

fn in_an_hour(bed: &Bed) -> Timestamp {
    bed.clock.now().saturating_add(Duration::from_secs(3_600))
}

fn expire(at: Timestamp) -> KeyChange {
    KeyChange::new().expire(Expiry::At(at))
}

/// Makes a chain of three below a key, as far as it is let.
async fn three_deep(bed: &Bed, by: Actor) -> Vec<CredentialId> {
    let (mut made, mut maker) = (Vec::new(), by);
    for _ in 0..3 {
        let Ok(key) = make(bed, &maker).await else {
            return made;
        };
        made.push(key.token.id());
        maker = bed.actor(&key).await;
    }
    made
}

#[test]
fn what_is_made_in_the_very_moment_of_a_shortening_ends_no_later() {
    for seed in 0..300 {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 2);
        let (end, actor) = (in_an_hour(&bed), ada());
        let shorten = bed.registry.change_key(&actor, keys[0], expire(end));
        let (shortened, made) = interleave(shorten, three_deep(&bed, actors[1].clone()), seed);
        shortened.unwrap();
        assert_eq!(made.len(), 3);
        for key in keys.iter().chain(&made) {
            assert_eq!(end_of(&bed, *key), Some(end), "seed {seed}");
        }
    }
}

#[test]
fn a_shortening_that_is_cut_off_anywhere_is_completed_by_asking_again() {
    let (mut steps, mut ended) = (0, false);
    while !ended {
        let bed = stepped_bed();
        let (keys, actors) = chain(&bed, 3);
        let (end, actor) = (in_an_hour(&bed), ada());
        ended = cut_off(bed.registry.change_key(&actor, keys[0], expire(end)), steps).is_some();
        // Once the root ends earlier, nothing new below it ends later.
        let is_shortened = end_of(&bed, keys[0]).is_some();
        let late = run(three_deep(&bed, actors[2].clone()));
        for key in &late {
            assert_eq!(end_of(&bed, *key), is_shortened.then_some(end));
        }
        if is_shortened {
            // Nor is anything below it put off.
            let later = expire(end.saturating_add(Duration::from_secs(1)));
            let later = run(bed.registry.change_key(&ada(), late[0], later));
            assert!(matches!(later, Err(ChangeError::OutlivesMaker { latest }) if latest == end));
        }
        run(bed.registry.change_key(&ada(), keys[0], expire(end))).unwrap();
        for key in keys.iter().chain(&late) {
            assert_eq!(end_of(&bed, *key), Some(end), "after {steps} steps");
        }
        steps += 1;
    }
    assert!(steps > 10, "it stopped nowhere");
}

#[test]
fn more_than_a_commit_holds_are_capped() {
    let bed = stepped_bed();
    let (keys, actors) = chain(&bed, 1);
    let made: Vec<_> = (0..150)
        .map(|_| run(make(&bed, &actors[0])).unwrap().token.id())
        .collect();
    let end = in_an_hour(&bed);
    run(bed.registry.change_key(&ada(), keys[0], expire(end))).unwrap();
    for key in made {
        assert_eq!(end_of(&bed, key), Some(end));
    }
}

#[test]
fn whoever_keeps_changing_what_is_below_does_not_keep_the_end_away() {
    let bed = stepped_bed();
    let (keys, _) = chain(&bed, 3);
    let (end, actor) = (in_an_hour(&bed), ada());
    let mut shorten = Box::pin(bed.registry.change_key(&actor, keys[0], expire(end)));
    let mut turn = 0;
    while step(shorten.as_mut()).is_none() {
        turn += 1;
        let renamed = KeyChange::new().rename(&format!("{turn}"));
        run(bed.registry.change_key(&ada(), keys[2], renamed)).unwrap();
        assert!(turn < 10_000, "it goes on for ever");
    }
    // The key itself and what is left alone have it; for the rest it has to be said again.
    assert_eq!(end_of(&bed, keys[0]), Some(end));
    assert_eq!(end_of(&bed, keys[1]), Some(end));
    run(bed.registry.change_key(&ada(), keys[0], expire(end))).unwrap();
    assert_eq!(end_of(&bed, keys[2]), Some(end));
}
