//! Sessions that are limited to what was approved, whatever their user may do.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use std::time::Duration;

use common::{Bed, READ, WRITE, acme, ada, bed};
use portcullis_core::Secret;
use portcullis_registry::{
    Actor, ChangeError, Hot, IssuedSession, NewKey, NewSession, Refreshable, SessionTerms, User,
};
use portcullis_scope::{Grant, Scope, ScopeSet};

fn user() -> User {
    "ada".parse().unwrap()
}

fn grant(scopes: &[Scope]) -> Grant {
    scopes.iter().cloned().collect()
}

fn set(scopes: &[Scope]) -> ScopeSet {
    common::catalogue().resolve(&grant(scopes))
}

/// A session of somebody who may write, which is limited.
async fn start(bed: &Bed, ceiling: &Grant) -> Result<IssuedSession, ChangeError> {
    let mut new = NewSession::new(acme(), user(), grant(&[WRITE]), SessionTerms::default());
    new.ceiling = Some(ceiling.clone());
    new.name = "cli".into();
    bed.registry.start_session(&ada(), new).await
}

async fn refreshable(bed: &Bed, session: &IssuedSession) -> Refreshable {
    let token = Secret::new(session.refresh.expose().to_owned());
    let system = Actor::dangerous_system();
    bed.registry.verify_refresh(&system, &token).await.unwrap()
}

async fn may(bed: &Bed, session: &IssuedSession) -> ScopeSet {
    let principal = bed.verify(session.token.expose()).await.unwrap();
    assert_eq!(principal.name(), "cli");
    *principal.scopes()
}

async fn change(bed: &Bed, scopes: &[Scope]) {
    let system = Actor::dangerous_system();
    let (user, owner, grant) = (user(), acme(), grant(scopes));
    let changed = bed.registry.change_sessions(&system, &user, &owner, &grant);
    changed.await.unwrap();
}

#[tokio::test]
async fn no_change_of_the_role_lifts_a_ceiling() {
    let bed = bed().await;
    let session = start(&bed, &grant(&[READ])).await.unwrap();
    assert_eq!(may(&bed, &session).await, set(&[READ]));
    change(&bed, &[]).await;
    assert_eq!(may(&bed, &session).await, ScopeSet::EMPTY);
    change(&bed, &[WRITE]).await;
    assert_eq!(may(&bed, &session).await, set(&[READ]));
}

#[tokio::test]
async fn a_refresh_keeps_the_name_and_the_ceiling() {
    let bed = bed().await;
    let session = start(&bed, &grant(&[READ])).await.unwrap();
    let token = refreshable(&bed, &session).await;
    assert_eq!(token.name(), "cli");
    assert_eq!(token.ceiling(), Some(&grant(&[READ])));
    let (actor, all, terms) = (ada(), grant(&[WRITE]), SessionTerms::default());
    let refreshed = bed.registry.refresh(&actor, token, &all, &terms);
    let refreshed = refreshed.await.unwrap();
    assert_eq!(may(&bed, &refreshed).await, set(&[READ]));
    change(&bed, &[READ, WRITE]).await;
    assert_eq!(may(&bed, &refreshed).await, set(&[READ]));
}

#[tokio::test]
async fn a_session_narrower_than_its_login_stays_so_and_the_login_does_not() {
    let bed = bed().await;
    let terms = SessionTerms::default();
    let session = start(&bed, &grant(&[WRITE])).await.unwrap();
    let token = refreshable(&bed, &session).await;
    let (actor, all, narrow) = (ada(), grant(&[WRITE]), grant(&[READ]));
    let narrowed = bed
        .registry
        .refresh_within(&actor, token, &all, Some(&narrow), &terms);
    let narrowed = narrowed.await.unwrap();
    assert_eq!(may(&bed, &narrowed).await, set(&[READ]));
    change(&bed, &[READ]).await;
    change(&bed, &[WRITE]).await;
    assert_eq!(may(&bed, &narrowed).await, set(&[READ]));
    let token = refreshable(&bed, &narrowed).await;
    let whole = bed.registry.refresh(&ada(), token, &all, &terms).await;
    assert_eq!(may(&bed, &whole.unwrap()).await, set(&[WRITE]));
}

#[tokio::test]
async fn a_ceiling_that_names_what_the_catalogue_has_given_up_allows_nothing_by_it() {
    let bed = bed().await;
    let ceiling = grant(&[READ, "gone:read".parse().unwrap()]);
    let session = start(&bed, &ceiling).await.unwrap();
    assert_eq!(may(&bed, &session).await, set(&[READ]));
    // Nor does it keep the role from being changed.
    change(&bed, &[]).await;
    change(&bed, &[WRITE]).await;
    assert_eq!(may(&bed, &session).await, set(&[READ]));
}

#[tokio::test]
async fn it_stays_with_its_owner() {
    let bed = bed().await;
    let session = start(&bed, &grant(&[WRITE])).await.unwrap();
    let principal = bed.verify(session.token.expose()).await.unwrap();
    let actor = Actor::from_principal(&principal);
    let other = "other".parse().unwrap();
    let refused = bed
        .registry
        .switch_owner(&actor, &other, &grant(&[READ]))
        .await;
    assert!(matches!(refused, Err(ChangeError::Limited)), "{refused:?}");
}

/// What is said of a token to somebody who asks about it.
async fn inspected(bed: &Bed, text: &str) -> Hot<String> {
    let registry = &bed.registry;
    let token = registry.format().recognize(text.as_bytes()).unwrap();
    loop {
        match registry.inspect(&token) {
            Hot::Miss => assert!(registry.load(token.id()).await.unwrap()),
            Hot::Known(principal) => return Hot::Known(principal.name().to_owned()),
            Hot::Rejected => return Hot::Rejected,
            Hot::UnknownPepper => return Hot::UnknownPepper,
        }
    }
}

#[tokio::test]
async fn asking_about_a_session_is_no_use_of_it() {
    let bed = bed().await;
    let session = start(&bed, &grant(&[READ])).await.unwrap();
    let text = session.token.expose();
    let known = Hot::Known("cli".to_owned());
    assert_eq!(inspected(&bed, text).await, known);
    let idle = SessionTerms::default().idle_ttl;
    bed.clock.advance(idle - Duration::from_secs(1));
    assert_eq!(inspected(&bed, text).await, known);
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(inspected(&bed, text).await, Hot::Rejected);
}

#[tokio::test]
async fn only_who_has_the_secret_asks_about_a_credential() {
    let bed = bed().await;
    let key = NewKey::new(acme(), "key", [READ]);
    let key = key.with_networks("198.51.100.0/24".parse().unwrap());
    let system = Actor::dangerous_system();
    let key = bed.registry.issue_key(&system, key).await.unwrap();
    let text = key.token.expose();
    // From anywhere: who asks is somewhere else.
    let known = Hot::Known("key".to_owned());
    assert_eq!(inspected(&bed, text).await, known);
    let other: String = text
        .char_indices()
        .map(|(at, letter)| match (at, letter) {
            (40, 'A') => 'B',
            (40, _) => 'A',
            _ => letter,
        })
        .collect();
    assert_eq!(inspected(&bed, &other).await, Hot::Rejected);
    let suspended = portcullis_registry::Suspension::Suspended;
    let owner = acme();
    bed.registry.ensure_owner(&owner, 0).await.unwrap();
    let set = bed.registry.set_suspended(&system, &owner, suspended);
    set.await.unwrap();
    assert_eq!(inspected(&bed, text).await, Hot::Rejected);
}
