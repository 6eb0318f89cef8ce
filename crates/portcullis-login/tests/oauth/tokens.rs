//! Revoking (RFC 7009), introspection (RFC 7662), and what is said of the service (RFC 8414, 9728).

use portcullis_login::{Role, TokenError};
use portcullis_registry::{Actor, NewKey};

use crate::world::{ADA, BASE, BOB, HOUR, MINUTE, PASSWORD, World, ip, secret};

#[tokio::test]
async fn either_token_ends_the_login() {
    let world = World::new().await;
    for is_access in [true, false] {
        let tokens = world.device_tokens("cli", None).await;
        let presented = if is_access {
            tokens.issued.token.expose()
        } else {
            tokens.issued.refresh.expose()
        };
        for _ in 0..2 {
            // Again, and it is no error (section 2.2).
            world
                .oauth
                .revoke("cli", &secret(presented), None)
                .await
                .unwrap();
        }
        assert!(world.principal(&tokens).await.is_none());
        let refresh = tokens.issued.refresh.into_secret();
        let refused = world.oauth.refresh_token("cli", &refresh, None, None).await;
        assert!(matches!(refused, Err(TokenError::InvalidGrant)));
    }
}

#[tokio::test]
async fn the_token_of_another_client_is_not_revoked_nor_is_what_is_none() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    for text in [tokens.issued.token.expose(), tokens.issued.refresh.expose()] {
        let refused = world.oauth.revoke("tv", &secret(text), None).await;
        assert!(matches!(refused, Err(TokenError::InvalidGrant)));
        let refused = world.oauth.revoke("nobody", &secret(text), None).await;
        assert!(matches!(refused, Err(TokenError::InvalidClient)));
        let mut wrong = text.to_owned();
        wrong.replace_range(30..31, if &text[30..31] == "A" { "B" } else { "A" });
        world
            .oauth
            .revoke("cli", &secret(&wrong), None)
            .await
            .unwrap();
    }
    world
        .oauth
        .revoke("cli", &secret("nonsense"), None)
        .await
        .unwrap();
    let system = Actor::dangerous_system();
    let key = NewKey::new(
        tokens.org.id.clone(),
        "key",
        ["posts:read".parse().unwrap()],
    );
    let key = world
        .login
        .registry()
        .issue_key(&system, key)
        .await
        .unwrap();
    let text = secret(key.token.expose());
    world.oauth.revoke("cli", &text, None).await.unwrap();
    let caller = world.principal(&tokens).await.unwrap();
    assert!(world.oauth.introspect(&caller, &text).await.unwrap().active);
}

#[tokio::test]
async fn an_active_token_is_described_to_its_own_organisation() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", Some("posts:write")).await;
    let caller = world.principal(&tokens).await.unwrap();
    let token = secret(tokens.issued.token.expose());
    let found = world.oauth.introspect(&caller, &token).await.unwrap();
    let expected = serde_json::json!({
        "active": true,
        "scope": "posts:read posts:write",
        "client_id": "cli",
        "token_type": "Bearer",
        "exp": tokens.issued.expires_at.unix_seconds(),
        "sub": world.id(ADA).await.as_str(),
        "iss": BASE,
        "jti": format!("ses_{}", tokens.issued.token.id()),
        "org_id": tokens.org.id.as_str(),
    });
    assert_eq!(serde_json::to_value(found).unwrap(), expected);
}

#[tokio::test]
async fn all_else_is_not_active_and_nothing_more_is_said() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let started = world.start("cli", None).await;
    let caller = world.principal(&tokens).await.unwrap();
    let bob = world
        .login
        .login(BOB, &secret(PASSWORD), None)
        .await
        .unwrap();
    let ended = world.device_tokens("cli", None).await;
    let ended_text = ended.issued.token.expose().to_owned();
    world
        .oauth
        .revoke("cli", &secret(&ended_text), None)
        .await
        .unwrap();
    for text in [
        tokens.issued.refresh.expose(),
        bob.issued.token.expose(),
        started.device_code.expose(),
        &ended_text,
        "",
        "nonsense",
    ] {
        let found = world
            .oauth
            .introspect(&caller, &secret(text))
            .await
            .unwrap();
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(json, r#"{"active":false}"#, "{text}");
    }
    // The same token is active to its own organisation.
    let org = world.org(BOB, "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Owner)).await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "bobs").await;
    let there = world.poll("cli", &started).await.unwrap();
    let there = world.principal(&there).await.unwrap();
    let text = secret(bob.issued.token.expose());
    assert!(world.oauth.introspect(&there, &text).await.unwrap().active);
}

#[tokio::test]
async fn looking_a_session_up_does_not_keep_it_alive() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let caller = world.principal(&tokens).await.unwrap();
    let token = secret(tokens.issued.token.expose());
    for expected in [true, true, false] {
        let found = world.oauth.introspect(&caller, &token).await.unwrap();
        assert_eq!(found.active, expected);
        world.clock.advance(HOUR / 2);
    }
    world.clock.advance(MINUTE);
    assert!(world.principal(&tokens).await.is_none());
}

#[tokio::test]
async fn a_key_is_active_wherever_it_may_be_used_from() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let caller = world.principal(&tokens).await.unwrap();
    let key = NewKey::new(
        tokens.org.id.clone(),
        "key",
        ["posts:read".parse().unwrap()],
    );
    let key = key.with_networks("198.51.100.0/24".parse().unwrap());
    let system = Actor::dangerous_system();
    let key = world
        .login
        .registry()
        .issue_key(&system, key)
        .await
        .unwrap();
    let found = world
        .oauth
        .introspect(&caller, &secret(key.token.expose()))
        .await
        .unwrap();
    assert!(found.active);
    assert_eq!(
        (found.client_id, found.scope.as_deref()),
        (None, Some("posts:read"))
    );
}

#[tokio::test]
async fn the_service_says_what_it_does_and_where() {
    let world = World::new().await;
    let said = serde_json::to_value(world.oauth.metadata()).unwrap();
    let at = |path: &str| format!("{BASE}{path}");
    assert_eq!(said["issuer"], BASE);
    for (member, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/oauth/token"),
        (
            "device_authorization_endpoint",
            "/oauth/device_authorization",
        ),
        ("revocation_endpoint", "/oauth/revoke"),
        ("introspection_endpoint", "/oauth/introspect"),
    ] {
        assert_eq!(said[member], at(path), "{member}");
    }
    assert_eq!(
        said["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        said["response_types_supported"],
        serde_json::json!(["code"])
    );
    assert_eq!(
        said["token_endpoint_auth_methods_supported"],
        serde_json::json!(["none"])
    );
    assert_eq!(said["authorization_response_iss_parameter_supported"], true);
    let scopes = serde_json::json!(["posts:read", "posts:write", "audit:read"]);
    assert_eq!(said["scopes_supported"], scopes);
    let open = world.oauth.clone().with_registration().metadata();
    assert_eq!(open.registration_endpoint, Some(at("/oauth/register")));
    let resource = serde_json::to_value(world.oauth.resource_metadata()).unwrap();
    let expected = serde_json::json!({
        "resource": BASE,
        "authorization_servers": [BASE],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(resource, expected);
}

#[tokio::test]
async fn no_limit_keeps_anybody_from_revoking() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    for _ in 0..400 {
        let nonsense = secret("nonsense");
        let _ = world
            .oauth
            .refresh_token("cli", &nonsense, None, ip(9))
            .await;
        let _ = world.oauth.device_token("cli", "guess", ip(9)).await;
        world.oauth.revoke("cli", &nonsense, ip(9)).await.unwrap();
    }
    let access = secret(tokens.issued.token.expose());
    world.oauth.revoke("cli", &access, ip(9)).await.unwrap();
    assert!(world.principal(&tokens).await.is_none());
}
