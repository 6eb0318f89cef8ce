//! Refreshing the session of a client (RFC 6749, section 6).

use portcullis_core::Secret;
use portcullis_login::{LoginError, Role, TokenError, Tokens};
use portcullis_registry::Actor;

use crate::world::{ADA, BOB, PASSWORD, SECOND, World, catalogue, ip, secret};

fn refresh_of(tokens: &Tokens) -> Secret<String> {
    secret(tokens.issued.refresh.expose())
}

#[tokio::test]
async fn a_refresh_gives_the_same_again() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", Some("posts:write")).await;
    let refresh = refresh_of(&tokens);
    let next = world
        .oauth
        .refresh_token("cli", &refresh, None, ip(1))
        .await
        .unwrap();
    assert_eq!((&next.scope, &next.org.id), (&tokens.scope, &tokens.org.id));
    let principal = world.principal(&next).await.unwrap();
    assert_eq!(principal.name(), "cli");
    assert_eq!(
        principal.scopes(),
        &catalogue().set(["posts:write"]).unwrap()
    );
}

#[tokio::test]
async fn the_token_of_one_client_is_none_of_another_nor_of_a_login() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let refresh = refresh_of(&tokens);
    for (client, code) in [
        ("tv", "invalid_grant"),
        ("app", "invalid_grant"),
        ("nobody", "invalid_client"),
        ("", "invalid_client"),
    ] {
        let refused = world
            .oauth
            .refresh_token(client, &refresh, None, None)
            .await;
        assert_eq!(refused.unwrap_err().code(), code, "{client}");
    }
    let refused = world.login.refresh(&refresh, None).await;
    assert!(matches!(refused, Err(LoginError::Rejected)));
    // That has neither used it up nor ended the login.
    assert!(
        world
            .oauth
            .refresh_token("cli", &refresh, None, None)
            .await
            .is_ok()
    );

    let logged_in = world
        .login
        .login(ADA, &secret(PASSWORD), None)
        .await
        .unwrap();
    let refresh = logged_in.issued.refresh.into_secret();
    let refused = world.oauth.refresh_token("cli", &refresh, None, None).await;
    assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    assert!(world.login.refresh(&refresh, None).await.is_ok());
}

#[tokio::test]
async fn a_token_that_comes_again_later_ends_the_login() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let first = refresh_of(&tokens);
    let second = world
        .oauth
        .refresh_token("cli", &first, None, None)
        .await
        .unwrap();
    world.clock.advance(31 * SECOND);
    let refused = world.oauth.refresh_token("cli", &first, None, None).await;
    assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    assert!(world.principal(&second).await.is_none());
    let refused = world
        .oauth
        .refresh_token("cli", &refresh_of(&second), None, None)
        .await;
    assert!(matches!(refused, Err(TokenError::InvalidGrant)));
}

#[tokio::test]
async fn of_two_refreshes_that_race_one_stays() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let refresh = refresh_of(&tokens);
    let (one, other) = tokio::join!(
        world.oauth.refresh_token("cli", &refresh, None, None),
        world.oauth.refresh_token("cli", &refresh, None, None),
    );
    let mut live = 0;
    for tokens in [one.unwrap(), other.unwrap()] {
        live += u32::from(world.principal(&tokens).await.is_some());
    }
    assert_eq!(live, 1);
}

#[tokio::test]
async fn a_session_may_be_narrowed_and_the_next_is_whole_again() {
    let world = World::new().await;
    let tokens = world
        .device_tokens("cli", Some("posts:write audit:read"))
        .await;
    let refresh = refresh_of(&tokens);
    let narrow = world
        .oauth
        .refresh_token("cli", &refresh, Some("posts:read"), None);
    let narrow = narrow.await.unwrap();
    assert_eq!(narrow.scope, "posts:read");
    let reads = catalogue().set(["posts:read"]).unwrap();
    assert_eq!(world.principal(&narrow).await.unwrap().scopes(), &reads);
    let refresh = refresh_of(&narrow);
    let whole = world.oauth.refresh_token("cli", &refresh, None, None);
    assert_eq!(whole.await.unwrap().scope, tokens.scope);
}

#[tokio::test]
async fn no_change_of_the_role_widens_a_session_that_was_narrowed() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    let (auditor, member) = (Some(Role::Auditor), Some(Role::Member));
    world.set_role(ADA, &org, None, member).await;
    let started = world.start("cli", Some("posts:write")).await;
    world.approve(&started, ADA, "bobs").await;
    let tokens = world.poll("cli", &started).await.unwrap();
    let refresh = refresh_of(&tokens);
    let narrow = world
        .oauth
        .refresh_token("cli", &refresh, Some("posts:read"), None);
    let narrow = narrow.await.unwrap();
    let reads = catalogue().set(["posts:read"]).unwrap();
    let system = Actor::dangerous_system();
    let ada = world.id(ADA).await;
    for (from, to) in [(member, auditor), (auditor, Some(Role::Owner))] {
        world.set_role(ADA, &org, from, to).await;
        world
            .login
            .follow_membership(&system, &ada, &org)
            .await
            .unwrap();
        assert_eq!(world.principal(&narrow).await.unwrap().scopes(), &reads);
    }
}

#[tokio::test]
async fn more_than_was_approved_is_refused() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", Some("posts:read")).await;
    let refresh = refresh_of(&tokens);
    for scope in [
        "posts:write",
        "posts:read audit:read",
        "posts:delete",
        "*",
        "posts:*",
    ] {
        let refused = world
            .oauth
            .refresh_token("cli", &refresh, Some(scope), None)
            .await;
        assert_eq!(refused.unwrap_err().code(), "invalid_scope", "{scope}");
    }
    // It was not used up.
    let fine = world
        .oauth
        .refresh_token("cli", &refresh, Some("posts:read"), None)
        .await;
    assert_eq!(fine.unwrap().scope, "posts:read");
}

#[tokio::test]
async fn whoever_is_no_member_any_more_loses_the_login() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    let member = Some(Role::Member);
    world.set_role(ADA, &org, None, member).await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "bobs").await;
    let tokens = world.poll("cli", &started).await.unwrap();
    world.set_role(ADA, &org, member, None).await;
    let refused = world
        .oauth
        .refresh_token("cli", &refresh_of(&tokens), None, None)
        .await;
    assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    assert!(world.principal(&tokens).await.is_none());
}

#[tokio::test]
async fn refused_tokens_of_an_address_are_limited() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    for _ in 0..20 {
        let refused = world
            .oauth
            .refresh_token("cli", &secret("nonsense"), None, ip(9))
            .await;
        assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    }
    let refused = world
        .oauth
        .refresh_token("cli", &refresh_of(&tokens), None, ip(9))
        .await;
    assert!(matches!(refused, Err(TokenError::RateLimited { .. })));
    assert!(
        world
            .oauth
            .refresh_token("cli", &refresh_of(&tokens), None, ip(8))
            .await
            .is_ok()
    );
}
