//! Sessions that go on to speak for another owner, and credentials that are reported as leaked.
#![cfg(test)]

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::{BRANDS, Bed, READ, WRITE, acme, ada, bed};
use portcullis_core::Secret;
use portcullis_registry::{
    Actor, AuditOrder, AuditQuery, Batch, ChangeError, IssuedSession, Leak, NewKey, NewSession,
    Owner, RefreshError, Remac, SessionTerms, Store, User,
};
use portcullis_scope::{Grant, Scope};

fn other() -> Owner {
    "other".parse().unwrap()
}

fn user() -> User {
    "ada".parse().unwrap()
}

fn grant(scopes: &[Scope]) -> Grant {
    scopes.iter().cloned().collect()
}

async fn start(bed: &Bed) -> IssuedSession {
    let new = NewSession::new(acme(), user(), grant(&[WRITE]), SessionTerms::default());
    bed.registry.start_session(&ada(), new).await.unwrap()
}

async fn acting(bed: &Bed, session: &IssuedSession) -> Actor {
    Actor::from_principal(&bed.verify(session.token.expose()).await.unwrap())
}

async fn switch(bed: &Bed, actor: &Actor, scope: Scope) -> Result<(), ChangeError> {
    let grant = grant(&[scope]);
    bed.registry.switch_owner(actor, &other(), &grant).await
}

async fn refreshable(
    bed: &Bed,
    session: &IssuedSession,
) -> Result<portcullis_registry::Refreshable, RefreshError> {
    let token = Secret::new(session.refresh.expose().to_owned());
    bed.registry
        .verify_refresh(&Actor::dangerous_system(), &token)
        .await
}

async fn actions_of(bed: &Bed, owner: Owner) -> Vec<String> {
    let query = AuditQuery {
        order: AuditOrder::OldestFirst,
        ..AuditQuery::default()
    };
    let actor = Actor::user(owner, user(), common::catalogue().all());
    let page = bed.registry.audit_log(&actor, query).await.unwrap();
    page.records.into_iter().map(|row| row.action).collect()
}

#[tokio::test]
async fn the_same_tokens_speak_for_the_other_owner_with_its_scopes() {
    let bed = bed().await;
    let session = start(&bed).await;
    let actor = acting(&bed, &session).await;
    switch(&bed, &actor, BRANDS).await.unwrap();
    let who = bed.verify(session.token.expose()).await.unwrap();
    assert_eq!((who.owner(), who.user()), (&other(), Some(&user())));
    let names: Vec<&str> = bed
        .registry
        .catalogue()
        .names(who.scopes())
        .map(Scope::as_str)
        .collect();
    assert_eq!(names, ["brands:read"]);
    // What is refreshed speaks for it too.
    let verified = refreshable(&bed, &session).await.unwrap();
    assert_eq!(verified.owner(), &other());
    assert_eq!(
        actions_of(&bed, acme()).await,
        ["session.started", "session.left"]
    );
    assert_eq!(actions_of(&bed, other()).await, ["session.came"]);
    // Once more changes nothing.
    let actor = acting(&bed, &session).await;
    switch(&bed, &actor, READ).await.unwrap();
    assert_eq!(actions_of(&bed, other()).await, ["session.came"]);
}

#[tokio::test]
async fn a_request_that_was_let_in_before_makes_nothing_for_the_old_owner() {
    let bed = bed().await;
    let session = start(&bed).await;
    let before = acting(&bed, &session).await;
    switch(&bed, &before, WRITE).await.unwrap();
    let made = bed
        .registry
        .issue_key(&before, NewKey::new(acme(), "late", [READ]))
        .await;
    assert!(matches!(made, Err(ChangeError::Ended)));
    let ended = bed.registry.end_sessions_of(&before, &user()).await;
    assert!(matches!(ended, Err(ChangeError::Ended)));
    let now = acting(&bed, &session).await;
    bed.registry
        .issue_key(&now, NewKey::new(other(), "in time", [READ]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refresh_that_was_overtaken_does_not_speak_for_the_old_owner() {
    let bed = bed().await;
    let session = start(&bed).await;
    let verified = refreshable(&bed, &session).await.unwrap();
    let actor = acting(&bed, &session).await;
    // With the same grant: it is the owner alone that tells.
    switch(&bed, &actor, WRITE).await.unwrap();
    let terms = SessionTerms::default();
    let refreshed = bed
        .registry
        .refresh(&ada(), verified, &grant(&[WRITE]), &terms)
        .await;
    assert!(matches!(
        refreshed,
        Err(RefreshError::Change(ChangeError::Contended))
    ));
}

#[tokio::test]
async fn all_of_a_login_comes_along_and_a_reuse_still_ends_it() {
    let bed = bed().await;
    let first = start(&bed).await;
    let verified = refreshable(&bed, &first).await.unwrap();
    let terms = SessionTerms::default();
    let second = bed
        .registry
        .refresh(&ada(), verified, &grant(&[WRITE]), &terms)
        .await
        .unwrap();
    let actor = acting(&bed, &second).await;
    switch(&bed, &actor, READ).await.unwrap();
    for session in [&first, &second] {
        let who = bed.verify(session.token.expose()).await.unwrap();
        assert_eq!(who.owner(), &other());
    }
    bed.clock.advance(std::time::Duration::from_secs(31));
    let reused = refreshable(&bed, &first).await.unwrap();
    let by = Actor::user(other(), user(), common::catalogue().all());
    let reused = bed
        .registry
        .refresh(&by, reused, &grant(&[READ]), &terms)
        .await;
    assert!(matches!(reused, Err(RefreshError::Rejected)));
    assert!(bed.verify(second.token.expose()).await.is_none());
}

#[tokio::test]
async fn keys_and_sessions_that_have_ended_do_not_switch() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    let switched = switch(&bed, &bed.actor(&key).await, READ).await;
    assert!(matches!(switched, Err(ChangeError::SessionRequired)));
    let switched = switch(&bed, &ada(), READ).await;
    assert!(matches!(switched, Err(ChangeError::SessionRequired)));
    let session = start(&bed).await;
    let principal = bed.verify(session.token.expose()).await.unwrap();
    let actor = Actor::from_principal(&principal);
    let _ = bed.registry.end_session(&actor, &principal).await.unwrap();
    let switched = switch(&bed, &actor, READ).await;
    assert!(matches!(switched, Err(ChangeError::Ended)));
    assert!(bed.verify(session.token.expose()).await.is_none());
}

async fn report(bed: &Bed, text: &str) -> Leak {
    let text = Secret::new(text.to_owned());
    let stranger = Actor::dangerous_system().with_ip("192.0.2.7".parse().unwrap());
    bed.registry.report_leak(&stranger, &text).await.unwrap()
}

#[tokio::test]
async fn who_holds_a_key_revokes_it_and_what_it_made() {
    let bed = bed().await;
    let key = bed.key(&[WRITE]).await;
    let made = bed
        .registry
        .issue_key(&bed.actor(&key).await, NewKey::new(acme(), "made", [READ]))
        .await
        .unwrap();
    let bystander = bed.key(&[READ]).await;
    assert_eq!(report(&bed, key.token.expose()).await, Leak::Revoked);
    assert!(bed.verify(key.token.expose()).await.is_none());
    assert!(bed.verify(made.token.expose()).await.is_none());
    assert!(bed.verify(bystander.token.expose()).await.is_some());
    // Again it is the same answer, and nothing more is written.
    let before = actions_of(&bed, acme()).await;
    assert!(before.iter().any(|action| action == "leak.reported"));
    assert_eq!(report(&bed, key.token.expose()).await, Leak::Revoked);
    assert_eq!(actions_of(&bed, acme()).await, before);
}

#[tokio::test]
async fn without_the_secret_nothing_is_revoked() {
    let bed = bed().await;
    let key = bed.key(&[WRITE]).await;
    let (head, last) = key.token.expose().split_at(key.token.expose().len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    let mistyped = format!("{head}{other}");
    for text in [mistyped.as_str(), head, "", "nonsense", "é"] {
        assert_eq!(report(&bed, text).await, Leak::Unknown, "{text}");
    }
    assert!(bed.verify(key.token.expose()).await.is_some());
    // Well-formed and of a known id, with another secret than is stored.
    let (version, mac) = bed.peppers.mac(bed.key(&[READ]).await.token.tail());
    let remac = Remac {
        id: key.token.id(),
        from: version,
        to: version,
        mac,
    };
    let batch = Batch {
        remacs: vec![remac],
        ..Batch::default()
    };
    bed.store.commit(batch).await.unwrap();
    let before = actions_of(&bed, acme()).await;
    assert_eq!(report(&bed, key.token.expose()).await, Leak::Unknown);
    assert_eq!(actions_of(&bed, acme()).await, before);
}

#[tokio::test]
async fn who_holds_a_session_or_what_refreshes_it_ends_the_login() {
    let bed = bed().await;
    let session = start(&bed).await;
    assert_eq!(report(&bed, session.refresh.expose()).await, Leak::Revoked);
    assert!(bed.verify(session.token.expose()).await.is_none());
    let session = start(&bed).await;
    assert_eq!(report(&bed, session.token.expose()).await, Leak::Revoked);
    assert!(refreshable(&bed, &session).await.is_err());
}
