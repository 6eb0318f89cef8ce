//! Lists of sessions, ending one of a list, and how many a user has.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{Bed, WRITE, acme, ada, bed, catalogue};
use portcullis_core::Secret;
use portcullis_registry::{
    Actor, ChangeError, IssuedSession, Listing, NewKey, NewSession, Owner, Revoked, SessionTerms,
    User,
};

fn user(name: &str) -> User {
    name.parse().unwrap()
}

fn person(name: &str, owner: &str) -> Actor {
    Actor::user(owner.parse().unwrap(), user(name), catalogue().all())
}

async fn start(bed: &Bed, name: &str, owner: &str) -> IssuedSession {
    let new = NewSession::new(
        owner.parse::<Owner>().unwrap(),
        user(name),
        [WRITE].into_iter().collect(),
        SessionTerms::default(),
    );
    bed.clock.advance(Duration::from_micros(1));
    let started = bed.registry.start_session(&person(name, owner), new).await;
    started.unwrap()
}

async fn refresh(bed: &Bed, name: &str, session: &IssuedSession) -> IssuedSession {
    bed.clock.advance(Duration::from_micros(1));
    let token = Secret::new(session.refresh.expose().to_owned());
    let by = person(name, "acme");
    let verified = bed.registry.verify_refresh(&by, &token).await.unwrap();
    let grant = [WRITE].into_iter().collect();
    let terms = SessionTerms::default();
    bed.registry
        .refresh(&by, verified, &grant, &terms)
        .await
        .unwrap()
}

async fn is_live(bed: &Bed, session: &IssuedSession) -> bool {
    bed.verify(session.token.expose()).await.is_some()
}

async fn listed(bed: &Bed, by: &Actor, name: &str) -> Vec<String> {
    let list = bed
        .registry
        .sessions(by, &user(name), Listing::default())
        .await;
    let sessions = list.unwrap().sessions;
    sessions
        .iter()
        .map(|session| session.id().to_string())
        .collect()
}

fn id(session: &IssuedSession) -> String {
    format!("ses_{}", session.token.id())
}

#[tokio::test]
async fn a_user_sees_all_sessions_and_others_those_with_their_owner() {
    let bed = bed().await;
    let at_acme = start(&bed, "ada", "acme").await;
    let at_other = start(&bed, "ada", "other").await;
    let bobs = start(&bed, "bob", "acme").await;
    let both = [id(&at_other), id(&at_acme)];
    assert_eq!(listed(&bed, &ada(), "ada").await, both);
    assert_eq!(listed(&bed, &Actor::dangerous_system(), "ada").await, both);
    assert_eq!(
        listed(&bed, &person("bob", "acme"), "ada").await,
        [id(&at_acme)]
    );
    assert_eq!(listed(&bed, &ada(), "bob").await, [id(&bobs)]);

    let key = NewKey::new(acme(), "key", [WRITE]);
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    let by_key = bed.actor(&key).await;
    let refused = bed
        .registry
        .sessions(&by_key, &user("ada"), Listing::default())
        .await;
    assert!(matches!(refused, Err(ChangeError::SessionRequired)));
}

#[tokio::test]
async fn a_list_is_read_in_parts_and_has_none_that_has_ended() {
    let bed = bed().await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.insert(0, id(&start(&bed, "ada", "acme").await));
    }
    let mut seen = Vec::new();
    let mut listing = Listing {
        limit: 3,
        ..Listing::default()
    };
    loop {
        let part = bed
            .registry
            .sessions(&ada(), &user("ada"), listing.clone())
            .await;
        let part = part.unwrap();
        seen.extend(part.sessions.iter().map(|session| session.id().to_string()));
        // One that comes in between moves none of the others.
        start(&bed, "ada", "acme").await;
        match part.next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    bed.clock.advance(SessionTerms::default().idle_ttl);
    assert_eq!(listed(&bed, &ada(), "ada").await, [""; 0]);
}

#[tokio::test]
async fn a_session_of_the_list_is_ended_with_what_could_refresh_it() {
    let bed = bed().await;
    let (one, other) = (
        start(&bed, "ada", "acme").await,
        start(&bed, "ada", "acme").await,
    );
    let next = refresh(&bed, "ada", &one).await;
    let end = async |by: &Actor, session: &IssuedSession| {
        bed.registry.end_session_by_id(by, session.token.id()).await
    };
    let stranger = person("eve", "other");
    assert!(matches!(
        end(&stranger, &one).await,
        Err(ChangeError::NotFound)
    ));
    assert!(is_live(&bed, &one).await);
    assert_eq!(end(&ada(), &one).await.unwrap(), Revoked::Everywhere);
    for ended in [&one, &next] {
        assert!(!is_live(&bed, ended).await);
    }
    assert!(is_live(&bed, &other).await);
    assert!(matches!(
        end(&ada(), &one).await,
        Err(ChangeError::NotFound)
    ));
    // Of a key it is no session's id.
    let key = NewKey::new(acme(), "key", [WRITE]);
    let key = bed.registry.issue_key(&ada(), key).await.unwrap();
    let ended = bed
        .registry
        .end_session_by_id(&ada(), key.key.credential())
        .await;
    assert!(matches!(ended, Err(ChangeError::NotFound)));
    assert!(bed.verify(key.token.expose()).await.is_some());
}

#[tokio::test]
async fn a_login_elsewhere_ends_no_login_that_is_in_use() {
    let bed = bed().await;
    let mut used = start(&bed, "ada", "acme").await;
    for _ in 0..110 {
        bed.clock.advance(Duration::from_secs(13 * 3_600));
        used = refresh(&bed, "ada", &used).await;
    }
    assert!(is_live(&bed, &used).await);
    let other = start(&bed, "ada", "acme").await;
    assert!(is_live(&bed, &used).await && is_live(&bed, &other).await);
    // Its refresh token is still good.
    assert!(is_live(&bed, &refresh(&bed, "ada", &used).await).await);
}

#[tokio::test]
async fn refreshing_without_end_displaces_nobody_but_the_own_older_sessions() {
    let bed = bed().await;
    let phone = start(&bed, "ada", "acme").await;
    let mut sessions = vec![start(&bed, "ada", "acme").await];
    for _ in 0..130 {
        let next = refresh(&bed, "ada", sessions.last().unwrap()).await;
        sessions.push(next);
    }
    let mut live = 0;
    for session in &sessions {
        live += u32::from(is_live(&bed, session).await);
    }
    assert!((1..100).contains(&live), "{live}");
    assert!(is_live(&bed, sessions.last().unwrap()).await);
    assert!(is_live(&bed, &phone).await);
    assert!(is_live(&bed, &refresh(&bed, "ada", &phone).await).await);
}

#[tokio::test]
async fn the_oldest_login_ends_for_the_hundred_and_first() {
    let bed = bed().await;
    let mut sessions = Vec::new();
    for _ in 0..101 {
        sessions.push(start(&bed, "ada", "acme").await);
    }
    assert!(!is_live(&bed, &sessions[0]).await && is_live(&bed, &sessions[1]).await);
    let token = Secret::new(sessions[0].refresh.expose().to_owned());
    assert!(bed.registry.verify_refresh(&ada(), &token).await.is_err());
}
