//! Tokens for a code (RFC 6749, section 4.1.3; RFC 7636, section 4.6).

use portcullis_login::{CodeRequest, Role, TokenError};

use crate::world::{
    ADA, BASE, BOB, HOUR, MINUTE, SECOND, VERIFIER, World, catalogue, exchange, ip, parameter,
    request,
};

async fn error(world: &World, request: &CodeRequest) -> &'static str {
    let given = world.oauth.code_token(request, None).await;
    given.unwrap_err().code()
}

#[tokio::test]
async fn a_code_gives_tokens_of_what_was_approved() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    world.clock.advance(MINUTE - SECOND);
    let tokens = world
        .oauth
        .code_token(&exchange(&code), ip(3))
        .await
        .unwrap();
    assert_eq!(tokens.scope, "posts:write");
    let principal = world.principal(&tokens).await.unwrap();
    assert_eq!(principal.name(), "app");
    assert_eq!(principal.owner(), &world.org(ADA, "default").await.id);
    assert_eq!(
        principal.scopes(),
        &catalogue().set(["posts:write"]).unwrap()
    );
}

#[tokio::test]
async fn a_code_ends_after_60_seconds() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    world.clock.advance(MINUTE);
    assert_eq!(error(&world, &exchange(&code)).await, "invalid_grant");
}

#[tokio::test]
async fn a_code_that_comes_again_ends_the_login_that_came_of_it() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    let tokens = world
        .oauth
        .code_token(&exchange(&code), None)
        .await
        .unwrap();
    // Also what the login was refreshed to, and long after the code was good for anything.
    world.clock.advance(HOUR - MINUTE);
    let refresh = tokens.issued.refresh.into_secret();
    let refreshed = world
        .oauth
        .refresh_token("app", &refresh, None, None)
        .await
        .unwrap();
    assert!(world.principal(&refreshed).await.is_some());
    // Whoever sends it: here without the verifier.
    let stolen = CodeRequest {
        code_verifier: Some("A".repeat(43)),
        ..exchange(&code)
    };
    assert_eq!(error(&world, &stolen).await, "invalid_grant");
    assert!(world.principal(&refreshed).await.is_none());
    let refresh = refreshed.issued.refresh.into_secret();
    let refused = world.oauth.refresh_token("app", &refresh, None, None).await;
    assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    let noted = world.audited("code.reused").await;
    assert_eq!(noted[0].owner, Some(world.org(ADA, "default").await.id));
}

#[tokio::test]
async fn of_two_uses_at_once_none_is_left_with_a_login() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    let exchange = exchange(&code);
    let (one, other) = tokio::join!(
        world.oauth.code_token(&exchange, None),
        world.oauth.code_token(&exchange, None),
    );
    let mut got: Vec<_> = [one, other].into_iter().flatten().collect();
    assert!(got.len() <= 1, "{got:?}");
    if let Some(tokens) = got.pop() {
        assert!(world.principal(&tokens).await.is_none());
    }
}

#[tokio::test]
async fn guessed_codes_are_none_and_are_limited() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    let longer = format!("{code}A");
    for guess in ["A", &code[1..], &longer, &code.to_ascii_uppercase()] {
        let given = world.oauth.code_token(&exchange(guess), ip(9)).await;
        assert_eq!(given.unwrap_err().code(), "invalid_grant", "{guess}");
    }
    for _ in 0..296 {
        let _ = world
            .oauth
            .code_token(&exchange("A"), ip(9))
            .await
            .unwrap_err();
    }
    let given = world.oauth.code_token(&exchange(&code), ip(9)).await;
    assert!(matches!(given, Err(TokenError::RateLimited { .. })));
    assert!(
        world
            .oauth
            .code_token(&exchange(&code), ip(8))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_verifier_has_to_be_the_one_of_the_challenge() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    let with = |verifier: &str| CodeRequest {
        code_verifier: Some(verifier.into()),
        ..exchange(&code)
    };
    let missing = CodeRequest {
        code_verifier: None,
        ..exchange(&code)
    };
    assert_eq!(error(&world, &missing).await, "invalid_request");
    assert_eq!(error(&world, &with("")).await, "invalid_request");
    for wrong in [
        // The challenge itself, as `plain` would have it.
        crate::world::CHALLENGE,
        &VERIFIER[..42],
        &format!("{VERIFIER}A"),
        &format!("{VERIFIER}="),
        &"A".repeat(129),
        &VERIFIER.replace('-', "+"),
        &VERIFIER.to_ascii_lowercase(),
    ] {
        assert_eq!(
            error(&world, &with(wrong)).await,
            "invalid_grant",
            "{wrong}"
        );
    }
    // It was not used up by that.
    assert!(world.oauth.code_token(&with(VERIFIER), None).await.is_ok());
}

#[tokio::test]
async fn a_code_is_of_one_client_one_address_and_one_resource() {
    let world = World::new().await;
    let code = world.code(&request()).await;
    let text = |text: &str| Some(text.to_owned());
    let change = |change: &dyn Fn(&mut CodeRequest)| {
        let mut request = exchange(&code);
        change(&mut request);
        request
    };
    for (request, expected) in [
        (
            change(&|request| request.client_id = None),
            "invalid_client",
        ),
        (
            change(&|request| request.client_id = text("nobody")),
            "invalid_client",
        ),
        (
            change(&|request| request.client_id = text("native")),
            "invalid_grant",
        ),
        (
            change(&|request| request.client_id = text("cli")),
            "invalid_grant",
        ),
        (change(&|request| request.code = None), "invalid_request"),
        (
            change(&|request| request.redirect_uri = None),
            "invalid_request",
        ),
        // Registered by the same client, but not what the code was asked for with.
        (
            change(&|request| request.redirect_uri = text("http://localhost:8000/callback")),
            "invalid_grant",
        ),
        (
            change(&|request| request.resource = text("https://other.example")),
            "invalid_target",
        ),
    ] {
        assert_eq!(error(&world, &request).await, expected, "{request:?}");
    }
    let right = change(&|request| request.resource = text(BASE));
    assert!(world.oauth.code_token(&right, None).await.is_ok());
}

#[tokio::test]
async fn the_port_of_a_loopback_address_is_the_one_that_was_asked_for() {
    let world = World::new().await;
    let mut request = request();
    request.client_id = Some("native".into());
    request.redirect_uri = Some("http://127.0.0.1:51004/callback".into());
    let address = world.agreed(&request).await;
    assert!(address.starts_with("http://127.0.0.1:51004/callback?code="));
    let code = parameter(&address, "code").unwrap();
    let with = |uri: &str| CodeRequest {
        client_id: Some("native".into()),
        redirect_uri: Some(uri.into()),
        ..exchange(&code)
    };
    for other in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:51005/callback",
    ] {
        assert_eq!(
            error(&world, &with(other)).await,
            "invalid_grant",
            "{other}"
        );
    }
    let right = with("http://127.0.0.1:51004/callback");
    assert!(world.oauth.code_token(&right, None).await.is_ok());
}

#[tokio::test]
async fn whoever_is_no_member_any_more_has_agreed_to_nothing() {
    let world = World::new().await;
    let org = world.org(ADA, "default").await.id;
    let owner = Some(Role::Owner);
    let code = world.code(&request()).await;
    world.set_role(BOB, &org, None, owner).await;
    world.set_role(ADA, &org, owner, None).await;
    assert_eq!(error(&world, &exchange(&code)).await, "invalid_grant");
    assert_eq!(world.audited("session.started").await.len(), 0);
}

#[tokio::test]
async fn the_session_has_what_the_role_still_has() {
    let world = World::new().await;
    let org = world.org(ADA, "default").await.id;
    let owner = Some(Role::Owner);
    let code = world.code(&request()).await;
    world.set_role(BOB, &org, None, owner).await;
    world.set_role(ADA, &org, owner, Some(Role::Auditor)).await;
    let tokens = world
        .oauth
        .code_token(&exchange(&code), None)
        .await
        .unwrap();
    assert_eq!(tokens.scope, "posts:read");
}

#[tokio::test]
async fn a_code_is_not_shown_by_debug() {
    let shown = format!("{:?}", exchange("the-code"));
    assert!(
        !shown.contains("the-code") && !shown.contains(VERIFIER),
        "{shown}"
    );
}
