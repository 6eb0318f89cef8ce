//! Signing in to the pages, and forms that no other site sends.

use portcullis_login::{Asked, Form, LoginError, Role, TicketKind};

use crate::world::{ADA, BOB, HOUR, MINUTE, PASSWORD, SECOND, World, ip, secret};

#[tokio::test]
async fn a_cookie_says_who_is_signed_in_until_it_is_signed_out() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let asked = Asked {
        ip: ip(4),
        user_agent: Some("Browser/1".into()),
    };
    let session = pages.sign_in(ADA, &secret(PASSWORD), &asked).await.unwrap();
    let cookie = session.cookie.expose();
    assert_eq!(cookie.len(), 43);
    assert!(!format!("{session:?}").contains(cookie));
    let user = pages.user(cookie).await.unwrap().unwrap();
    assert_eq!(user.account().id, world.id(ADA).await);
    assert_eq!(
        user.signed_in_at(),
        portcullis_core::Clock::now(&*world.clock)
    );
    for other in ["", "A", &cookie[1..], &"A".repeat(43)] {
        assert!(pages.user(other).await.unwrap().is_none());
    }
    pages.sign_out("A").await.unwrap();
    assert!(pages.user(cookie).await.unwrap().is_some());
    pages.sign_out(cookie).await.unwrap();
    assert!(pages.user(cookie).await.unwrap().is_none());
    assert_eq!(world.audited("page.signed_in").await[0].ip, ip(4));
}

#[tokio::test]
async fn the_cookie_is_kept_nowhere_and_is_no_token_nor_a_token_a_cookie() {
    let world = World::new().await;
    let session = world.sign_in(ADA).await;
    let directory: &dyn portcullis_login::Directory = &*world.directory;
    let user = session.user.account().id.clone();
    let tickets = directory.tickets_of(TicketKind::Page, user).await.unwrap();
    assert_eq!(tickets.len(), 1);
    assert!(!tickets[0].body.contains(session.cookie.expose()));
    let registry = world.login.registry();
    let cookie = session.cookie.expose().as_bytes();
    assert!(registry.format().recognize(cookie).is_err());
    let logged_in = world
        .login
        .login(ADA, &secret(PASSWORD), None)
        .await
        .unwrap();
    let pages = world.oauth.pages();
    assert!(
        pages
            .user(logged_in.issued.token.expose())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn it_ends_after_an_hour_without_use_and_after_12_in_any_case() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let (used, idle) = (world.sign_in(ADA).await, world.sign_in(ADA).await);
    for _ in 0..12 {
        world.clock.advance(HOUR - SECOND);
        assert!(pages.user(used.cookie.expose()).await.unwrap().is_some());
    }
    world.clock.advance(12 * SECOND);
    for session in [&used, &idle] {
        assert!(pages.user(session.cookie.expose()).await.unwrap().is_none());
    }
    let idle = world.sign_in(ADA).await;
    world.clock.advance(HOUR);
    assert!(pages.user(idle.cookie.expose()).await.unwrap().is_none());
}

#[tokio::test]
async fn signing_in_has_the_limits_of_logging_in() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let asked = Asked::from_ip(ip(4));
    for _ in 0..3 {
        let refused = pages.sign_in(ADA, &secret("wrong"), &asked).await;
        assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
    }
    for _ in 0..2 {
        let refused = world.login.login(ADA, &secret("wrong"), ip(4)).await;
        assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
    }
    let refused = pages.sign_in(ADA, &secret(PASSWORD), &asked).await;
    assert!(matches!(refused, Err(LoginError::RateLimited { .. })));
    let refused = pages
        .sign_in("nobody@example.com", &secret(PASSWORD), &asked)
        .await;
    assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended_by_their_own_person_alone() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let asked = Asked {
        ip: ip(4),
        user_agent: Some("Browser/1".into()),
    };
    let first = pages.sign_in(ADA, &secret(PASSWORD), &asked).await.unwrap();
    world.clock.advance(MINUTE);
    let second = world.sign_in(ADA).await;
    let bob = world.sign_in(BOB).await;
    let listed = pages.list(&second.user).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].is_own, listed[1].is_own), (true, false));
    assert_eq!(listed[1].ip, ip(4));
    assert_eq!(listed[1].user_agent.as_deref(), Some("Browser/1"));
    let id = &listed[1].id;
    assert_eq!(id.len(), 32);
    assert!(!pages.end(&bob.user, id).await.unwrap());
    assert!(pages.user(first.cookie.expose()).await.unwrap().is_some());
    assert!(pages.end(&second.user, id).await.unwrap());
    assert!(!pages.end(&second.user, id).await.unwrap());
    assert!(pages.user(first.cookie.expose()).await.unwrap().is_none());
    assert!(pages.user(second.cookie.expose()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_person_sees_and_ends_their_sessions_and_devices() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let tokens = world.device_tokens("cli", None).await;
    let (ada, bob) = (world.page_user(ADA).await, world.page_user(BOB).await);
    let listed = pages.sessions(&ada).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name(), "cli");
    let id = listed[0].credential();
    assert!(!pages.end_session(&bob, id, None).await.unwrap());
    // Nor does a person of the same organisation, who acts for it as well.
    let (own, theirs) = (
        world.org(BOB, "bobs").await,
        world.org(ADA, "default").await,
    );
    let owner = Some(Role::Owner);
    world.set_role(ADA, &own.id, None, owner).await;
    world.set_role(BOB, &own.id, owner, None).await;
    world
        .set_role(BOB, &theirs.id, None, Some(Role::Admin))
        .await;
    assert!(!pages.end_session(&bob, id, None).await.unwrap());
    assert!(world.principal(&tokens).await.is_some());
    assert!(pages.end_session(&ada, id, None).await.unwrap());
    assert!(!pages.end_session(&ada, id, None).await.unwrap());
    assert!(world.principal(&tokens).await.is_none());
}

#[tokio::test]
async fn signing_out_everywhere_ends_all() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let tokens = world.device_tokens("cli", None).await;
    let (one, other) = (world.sign_in(ADA).await, world.sign_in(ADA).await);
    let bob = world.sign_in(BOB).await;
    pages.sign_out_everywhere(&one.user, None).await.unwrap();
    assert!(world.principal(&tokens).await.is_none());
    for session in [&one, &other] {
        assert!(pages.user(session.cookie.expose()).await.unwrap().is_none());
    }
    assert!(pages.user(bob.cookie.expose()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_form_is_of_one_cookie_and_one_name() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let (cookie, other) = (
        world.sign_in(ADA).await.cookie,
        world.sign_in(ADA).await.cookie,
    );
    let (cookie, other) = (cookie.expose(), other.expose());
    let token = pages.csrf(cookie, Form::Device);
    assert!(pages.check_csrf(cookie, Form::Device, &token));
    assert!(!pages.check_csrf(other, Form::Device, &token));
    assert!(!pages.check_csrf("", Form::Device, &pages.csrf("", Form::Device)));
    for form in [
        Form::SignIn,
        Form::SignOut,
        Form::UserCode,
        Form::Consent,
        Form::Sessions,
    ] {
        assert!(!pages.check_csrf(cookie, form, &token), "{form:?}");
    }
    for wrong in ["", &token[1..], cookie, &token.to_ascii_lowercase()] {
        assert!(!pages.check_csrf(cookie, Form::Device, wrong), "{wrong}");
    }
    // Nor of another service.
    let elsewhere = World::new().await;
    assert!(
        !elsewhere
            .oauth
            .pages()
            .check_csrf(cookie, Form::Device, &token)
    );
}

#[tokio::test]
async fn the_form_for_signing_in_is_bound_to_a_cookie_that_signs_nobody_in() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let before = pages.pre_session().unwrap();
    let token = pages.csrf(before.expose(), Form::SignIn);
    assert!(pages.check_csrf(before.expose(), Form::SignIn, &token));
    assert!(pages.user(before.expose()).await.unwrap().is_none());
    // Signing in makes another.
    assert_ne!(world.sign_in(ADA).await.cookie.expose(), before.expose());
}

#[tokio::test]
async fn a_person_has_fifty_sign_ins_at_most() {
    let world = World::new().await;
    let pages = world.oauth.pages();
    let first = world.sign_in(ADA).await;
    for _ in 0..50 {
        world.clock.advance(SECOND);
        world.sign_in(ADA).await;
    }
    assert_eq!(pages.list(&first.user).await.unwrap().len(), 50);
    assert!(pages.user(first.cookie.expose()).await.unwrap().is_none());
}
