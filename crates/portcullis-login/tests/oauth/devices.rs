//! Device logins, as the device sees them (RFC 8628).

use portcullis_core::Secret;
use portcullis_login::{Asked, Decision, Role, TokenError};
use portcullis_registry::SessionTerms;

use crate::world::{ADA, BASE, HOUR, MINUTE, SECOND, World, catalogue, ip, secret};

#[tokio::test]
async fn a_device_that_was_let_in_gets_its_tokens_once() {
    let world = World::new().await;
    let started = world.start("cli", Some("posts:write")).await;
    assert_eq!(started.verification_uri, format!("{BASE}/device"));
    assert_eq!(
        (started.expires_in, started.interval),
        (10 * MINUTE, 5 * SECOND)
    );
    assert_eq!(started.device_code.expose().len(), 43);
    let pending = world.poll("cli", &started).await;
    assert!(matches!(pending, Err(TokenError::AuthorizationPending)));

    world.approve(&started, ADA, "default").await;
    world.clock.advance(5 * SECOND);
    let tokens = world.poll("cli", &started).await.unwrap();
    assert_eq!(tokens.scope, "posts:write");
    assert_eq!(tokens.expires_in, SessionTerms::default().ttl);
    assert_eq!(tokens.org.slug, "default");
    let principal = world.principal(&tokens).await.unwrap();
    assert_eq!(principal.name(), "cli");
    assert_eq!(principal.owner(), &tokens.org.id);
    assert_eq!(principal.user(), Some(&world.id(ADA).await));
    assert_eq!(
        principal.scopes(),
        &catalogue().set(["posts:write"]).unwrap()
    );

    // A second delivery.
    for _ in 0..2 {
        world.clock.advance(MINUTE);
        let again = world.poll("cli", &started).await;
        assert!(matches!(again, Err(TokenError::InvalidGrant)));
    }
    assert!(world.principal(&tokens).await.is_some());
}

#[tokio::test]
async fn of_two_deliveries_at_once_one_has_tokens() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "default").await;
    let (one, other) = tokio::join!(world.poll("cli", &started), world.poll("cli", &started));
    let got = [one, other];
    assert_eq!(got.iter().filter(|told| told.is_ok()).count(), 1, "{got:?}");
    assert_eq!(world.audited("session.started").await.len(), 1);
}

#[tokio::test]
async fn without_a_scope_it_is_for_the_read_scopes_of_the_role() {
    let world = World::new().await;
    for scope in [None, Some("")] {
        let tokens = world.device_tokens("cli", scope).await;
        assert_eq!(tokens.scope, "posts:read audit:read");
    }
}

#[tokio::test]
async fn an_unknown_scope_a_wildcard_or_a_list_that_is_none_is_refused() {
    let (world, asked) = (World::new().await, Asked::default());
    for scope in [
        "posts:delete",
        "posts:read posts:delete",
        "posts:*",
        "*",
        " ",
        "posts:read  audit:read",
        "posts:read,audit:read",
        "POSTS:read",
        "posts:read ",
    ] {
        let refused = world.oauth.device_authorization("cli", Some(scope), &asked);
        let refused = refused.await.unwrap_err();
        assert_eq!(refused.code(), "invalid_scope", "{scope}");
    }
}

#[tokio::test]
async fn only_a_known_client_that_may_gets_a_code() {
    let (world, asked) = (World::new().await, Asked::default());
    for (client, code) in [
        ("nobody", "invalid_client"),
        ("", "invalid_client"),
        ("CLI", "invalid_client"),
        ("dyn-00", "invalid_client"),
        ("app", "unauthorized_client"),
    ] {
        let refused = world.oauth.device_authorization(client, None, &asked);
        assert_eq!(refused.await.unwrap_err().code(), code, "{client}");
    }
}

#[tokio::test]
async fn a_device_that_asks_too_soon_waits_five_seconds_more_from_then_on() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let told = async |advance| {
        world.clock.advance(advance);
        world.poll("cli", &started).await.unwrap_err().code()
    };
    assert_eq!(
        told(std::time::Duration::ZERO).await,
        "authorization_pending"
    );
    assert_eq!(told(5 * SECOND).await, "authorization_pending");
    let almost = 5 * SECOND - std::time::Duration::from_micros(1);
    // It is 10 seconds now, then 15, and too soon is from the last question on.
    assert_eq!(told(almost).await, "slow_down");
    assert_eq!(told(9 * SECOND).await, "slow_down");
    assert_eq!(told(14 * SECOND).await, "slow_down");
    assert_eq!(told(20 * SECOND).await, "authorization_pending");
    assert_eq!(told(19 * SECOND).await, "slow_down");
    // Nor does it help that it was let in meanwhile.
    world.approve(&started, ADA, "default").await;
    assert_eq!(told(10 * SECOND).await, "slow_down");
    world.clock.advance(30 * SECOND);
    assert!(world.poll("cli", &started).await.is_ok());
}

#[tokio::test]
async fn a_device_waits_a_minute_at_most() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    for _ in 0..100 {
        let _ = world.poll("cli", &started).await.unwrap_err();
    }
    world.clock.advance(59 * SECOND);
    let told = world.poll("cli", &started).await.unwrap_err();
    assert_eq!(told.code(), "slow_down");
    // That was not counted: of questions beyond the longest wait nothing is written.
    world.clock.advance(SECOND);
    let told = world.poll("cli", &started).await.unwrap_err();
    assert_eq!(told.code(), "authorization_pending");
}

#[tokio::test]
async fn after_ten_minutes_it_is_over_approved_or_not() {
    let world = World::new().await;
    let (waiting, approved) = (
        world.start("cli", None).await,
        world.start("cli", None).await,
    );
    world.approve(&approved, ADA, "default").await;
    world.clock.advance(10 * MINUTE - SECOND);
    let told = world.poll("cli", &waiting).await.unwrap_err();
    assert_eq!(told.code(), "authorization_pending");
    world.clock.advance(SECOND);
    for started in [&waiting, &approved] {
        let told = world.poll("cli", started).await.unwrap_err();
        assert_eq!(told.code(), "expired_token");
    }
    assert_eq!(world.audited("session.started").await.len(), 0);
    // Long after nothing is known of it.
    world.clock.advance(2 * HOUR);
    world.start("cli", None).await;
    let told = world.poll("cli", &waiting).await.unwrap_err();
    assert_eq!(told.code(), "invalid_grant");
}

#[tokio::test]
async fn a_device_that_was_denied_is_told() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world.oauth.device_shown(code.expose(), &user, ip(2)).await;
    let handle = shown.unwrap().handle;
    let denied = world
        .oauth
        .decide_device(&handle, &user, &Decision::Deny, ip(2));
    denied.await.unwrap();
    for _ in 0..2 {
        world.clock.advance(10 * SECOND);
        let told = world.poll("cli", &started).await.unwrap_err();
        assert_eq!(told.code(), "access_denied");
    }
    let noted = world.audited("device.denied").await;
    assert_eq!(noted[0].actor, format!("user:{}", world.id(ADA).await));
    assert_eq!((&*noted[0].target, noted[0].ip), ("client:cli", ip(2)));
}

#[tokio::test]
async fn the_device_code_of_one_client_is_none_of_another() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "default").await;
    let told = world.poll("tv", &started).await.unwrap_err();
    assert_eq!(told.code(), "invalid_grant");
    let told = world.poll("nobody", &started).await.unwrap_err();
    assert_eq!(told.code(), "invalid_client");
    // It was neither used up nor slowed down by that.
    assert!(world.poll("cli", &started).await.is_ok());
}

#[tokio::test]
async fn what_is_typed_is_no_device_code_and_guesses_are_limited() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "default").await;
    let shown = started.user_code.shown();
    for guess in ["", shown.expose(), &"A".repeat(43)] {
        let told = world.oauth.device_token("cli", guess, ip(9)).await;
        assert_eq!(told.unwrap_err().code(), "invalid_grant", "{guess}");
    }
    for _ in 0..297 {
        let _ = world.oauth.device_token("cli", "guess", ip(9)).await;
    }
    let right = started.device_code.expose();
    let told = world.oauth.device_token("cli", right, ip(9)).await;
    assert!(matches!(told, Err(TokenError::RateLimited { .. })));
    assert!(world.poll("cli", &started).await.is_ok());
}

#[tokio::test]
async fn what_else_an_address_sends_keeps_no_device_waiting() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let late = world.start("cli", None).await;
    for _ in 0..30 {
        let oauth = &world.oauth;
        let _ = oauth.refresh_token("cli", &secret("x"), None, ip(1)).await;
        oauth.revoke("cli", &secret("x"), ip(1)).await.unwrap();
    }
    // What is asked about a code that is there is no guess, however often and however late.
    for _ in 0..400 {
        let told = world.poll("cli", &started).await.unwrap_err();
        assert!(matches!(told.code(), "authorization_pending" | "slow_down"));
    }
    world.clock.advance(11 * MINUTE);
    for _ in 0..400 {
        let told = world.poll("cli", &late).await.unwrap_err();
        assert_eq!(told.code(), "expired_token");
    }
    let again = world.start("cli", None).await;
    world.approve(&again, ADA, "default").await;
    for _ in 0..200 {
        let guessed = world.oauth.device_token("cli", "guess", ip(1)).await;
        assert_eq!(guessed.unwrap_err().code(), "invalid_grant");
    }
    let tokens = world.poll("cli", &again).await.unwrap();
    // And guesses keep nobody from refreshing.
    let refresh = tokens.issued.refresh.into_secret();
    let next = world.oauth.refresh_token("cli", &refresh, None, ip(1));
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn whoever_lost_the_role_meanwhile_gives_what_is_left() {
    let world = World::new().await;
    let org = world.org("bob@example.com", "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Member)).await;
    let started = world.start("cli", Some("posts:write")).await;
    world.approve(&started, ADA, "bobs").await;
    let member = Some(Role::Member);
    world.set_role(ADA, &org, member, Some(Role::Auditor)).await;
    let tokens = world.poll("cli", &started).await.unwrap();
    assert_eq!(tokens.scope, "posts:read");
    let principal = world.principal(&tokens).await.unwrap();
    assert_eq!(
        principal.scopes(),
        &catalogue().set(["posts:read"]).unwrap()
    );
}

#[tokio::test]
async fn whoever_is_no_member_any_more_lets_nobody_in() {
    let world = World::new().await;
    let org = world.org("bob@example.com", "bobs").await.id;
    let member = Some(Role::Member);
    world.set_role(ADA, &org, None, member).await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "bobs").await;
    world.set_role(ADA, &org, member, None).await;
    let told = world.poll("cli", &started).await.unwrap_err();
    assert_eq!(told.code(), "access_denied");
    assert_eq!(world.audited("session.started").await.len(), 0);
}

#[tokio::test]
async fn an_address_begins_60_logins_in_ten_minutes() {
    let world = World::new().await;
    for _ in 0..60 {
        world.start("cli", None).await;
    }
    let asked = Asked::from_ip(ip(1));
    let refused = world.oauth.device_authorization("cli", None, &asked).await;
    assert!(matches!(refused, Err(TokenError::RateLimited { .. })));
    let other = Asked::from_ip(ip(2));
    let started = world.oauth.device_authorization("cli", None, &other).await;
    assert!(started.is_ok());
}

#[tokio::test]
async fn secrets_are_not_shown_by_debug() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let shown = format!("{started:?}");
    let code = started.user_code.shown();
    let letters = code.expose().replace('-', "");
    for text in [started.device_code.expose(), code.expose(), &letters] {
        assert!(!shown.contains(text), "{shown}");
    }
    world.approve(&started, ADA, "default").await;
    let tokens = world.poll("cli", &started).await.unwrap();
    let text: Secret<String> = format!("{tokens:?}").into();
    assert!(!text.expose().contains(tokens.issued.token.expose()));
    assert!(!text.expose().contains(tokens.issued.refresh.expose()));
}
