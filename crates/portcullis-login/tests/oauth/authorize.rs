//! Authorization requests: what is asked of a person, and refused before (RFC 6749, section 4.1).

use portcullis_login::{AuthorizeError, AuthorizeFault, AuthorizeRequest, Decision, Role};

use crate::world::{
    ADA, BASE, BOB, CHALLENGE, HOUR, MINUTE, REDIRECT, SECOND, World, parameter, request,
};

#[tokio::test]
async fn a_person_who_agrees_sends_a_code_back_with_state_and_issuer() {
    let world = World::new().await;
    let user = world.page_user(ADA).await;
    world.oauth.check_authorize(&request()).await.unwrap();
    let consent = world.oauth.authorize(&request(), &user).await.unwrap();
    assert_eq!(
        (&*consent.client.id, &*consent.client.name),
        ("app", "The app")
    );
    assert_eq!(consent.redirect_uri, REDIRECT);
    assert_eq!(consent.redirect_origin, "https://app.example.com");
    assert_eq!(consent.orgs.len(), 1);
    let address = world.agreed(&request()).await;
    let code = parameter(&address, "code").unwrap();
    assert_eq!(code.len(), 43);
    // Appendix B of RFC 6749 encodes, and RFC 9207 names the issuer.
    let expected =
        format!("{REDIRECT}?code={code}&state=s%20t%26a%3Dte&iss=https%3A%2F%2Fapi.example.com");
    assert_eq!(address, expected);
    let noted = world.audited("client.approved").await;
    assert_eq!(noted[0].owner, Some(world.org(ADA, "default").await.id));
    assert!(!format!("{:?}", world.audit().await).contains(&code));
}

#[tokio::test]
async fn a_person_who_refuses_sends_that_back() {
    let world = World::new().await;
    let user = world.page_user(ADA).await;
    let request = request();
    let consent = world.oauth.authorize(&request, &user).await.unwrap();
    let decided =
        world
            .oauth
            .decide_authorize(&request, &consent.handle, &user, &Decision::Deny, None);
    let address = decided.await.unwrap().expose().clone();
    assert_eq!(parameter(&address, "error").unwrap(), "access_denied");
    assert_eq!(parameter(&address, "state").unwrap(), "s%20t%26a%3Dte");
    assert!(parameter(&address, "iss").is_some());
    assert_eq!(parameter(&address, "code"), None);
    assert_eq!(world.audited("client.denied").await.len(), 1);
}

/// Refused by the page alone, or by sending the browser back with an error.
async fn refused(
    world: &World,
    request: &AuthorizeRequest,
) -> Result<&'static str, AuthorizeFault> {
    let before = world.oauth.check_authorize(request).await.unwrap_err();
    let user = world.page_user(ADA).await;
    let error = world.oauth.authorize(request, &user).await.unwrap_err();
    assert_eq!(before.to_string(), error.to_string());
    match error {
        AuthorizeError::Page(fault) => Err(fault),
        AuthorizeError::Redirect { error, to } => {
            assert!(
                to.starts_with(&format!("{REDIRECT}?error={error}&")),
                "{to}"
            );
            assert!(to.ends_with("&iss=https%3A%2F%2Fapi.example.com"), "{to}");
            Ok(error)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_client_or_address_is_told_on_a_page_alone() {
    let world = World::new().await;
    let none = || None::<String>;
    for client_id in [
        none(),
        Some(String::new()),
        Some("nobody".into()),
        Some("App".into()),
    ] {
        let request = AuthorizeRequest {
            client_id,
            ..request()
        };
        assert_eq!(refused(&world, &request).await, Err(AuthorizeFault::Client));
    }
    // Also if everything else is wrong: nothing is said to an address that is not known.
    for redirect_uri in [
        none(),
        Some(String::new()),
        Some("https://evil.example/".into()),
    ] {
        let request = AuthorizeRequest {
            redirect_uri,
            response_type: Some("token".into()),
            ..request()
        };
        assert_eq!(
            refused(&world, &request).await,
            Err(AuthorizeFault::Redirect)
        );
    }
    // The address of another client.
    let request = AuthorizeRequest {
        client_id: Some("native".into()),
        ..request()
    };
    assert_eq!(
        refused(&world, &request).await,
        Err(AuthorizeFault::Redirect)
    );
    // One that has none.
    let request = AuthorizeRequest {
        client_id: Some("cli".into()),
        ..request
    };
    assert_eq!(
        refused(&world, &request).await,
        Err(AuthorizeFault::Redirect)
    );
}

#[tokio::test]
async fn what_else_is_wrong_is_told_to_the_client() {
    let world = World::new().await;
    let text = |text: &str| Some(text.to_owned());
    let code = |change: &dyn Fn(&mut AuthorizeRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    for (request, error) in [
        (
            code(&|request| request.response_type = None),
            "invalid_request",
        ),
        (
            code(&|request| request.response_type = text("token")),
            "unsupported_response_type",
        ),
        (
            code(&|request| request.response_type = text("code token")),
            "unsupported_response_type",
        ),
        (
            code(&|request| request.scope = text("posts:delete")),
            "invalid_scope",
        ),
        (code(&|request| request.scope = text("*")), "invalid_scope"),
        (
            code(&|request| request.resource = text("https://other.example")),
            "invalid_target",
        ),
        (
            code(&|request| request.resource = text("https://api.example.com/x")),
            "invalid_target",
        ),
        (
            code(&|request| request.resource = text("https://api.example.com.evil")),
            "invalid_target",
        ),
    ] {
        assert_eq!(refused(&world, &request).await, Ok(error), "{request:?}");
    }
    for resource in [BASE, "https://api.example.com/"] {
        let request = code(&|request| request.resource = text(resource));
        world.oauth.check_authorize(&request).await.unwrap();
    }
}

#[tokio::test]
async fn pkce_is_asked_for_and_is_s256() {
    let world = World::new().await;
    let text = |text: &str| Some(text.to_owned());
    for (challenge, method) in [
        (None, None),
        (None, text("S256")),
        (text(""), text("S256")),
        (text(CHALLENGE), None),
        (text(CHALLENGE), text("plain")),
        (text(CHALLENGE), text("s256")),
        (text(CHALLENGE), text("S512")),
        (text(&CHALLENGE[1..]), text("S256")),
        (text(&format!("{CHALLENGE}A")), text("S256")),
        (text(&format!("{CHALLENGE}=")), text("S256")),
        (text(&CHALLENGE.replace('-', "+")), text("S256")),
    ] {
        let request = AuthorizeRequest {
            code_challenge: challenge,
            code_challenge_method: method,
            ..request()
        };
        assert_eq!(
            refused(&world, &request).await,
            Ok("invalid_request"),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_state_that_a_form_would_change_is_refused_and_not_sent_back() {
    let world = World::new().await;
    let with = |state: &str| AuthorizeRequest {
        state: Some(state.to_owned()),
        ..request()
    };
    let longest = "s".repeat(2_048);
    world.oauth.check_authorize(&with(&longest)).await.unwrap();
    for state in [
        format!("{longest}s"),
        "a\nb".into(),
        "a\rb".into(),
        "a\0b".into(),
    ] {
        let request = with(&state);
        let Err(AuthorizeError::Redirect { error, to }) =
            world.oauth.check_authorize(&request).await
        else {
            panic!("not told to the client: {state:?}");
        };
        assert_eq!(error, "invalid_request");
        assert_eq!(parameter(&to, "state"), None);
    }
}

#[tokio::test]
async fn a_page_is_for_one_request_one_person_and_one_sign_in() {
    let world = World::new().await;
    let (ada, bob) = (world.page_user(ADA).await, world.page_user(BOB).await);
    let elsewhere = world.page_user(ADA).await;
    let consent = world.oauth.authorize(&request(), &ada).await.unwrap();
    let adas = Decision::Approve(world.org(ADA, "default").await.id);
    let bobs = Decision::Approve(world.org(BOB, "bobs").await.id);
    let decide = async |request: &AuthorizeRequest, user, decision| {
        let decided = world
            .oauth
            .decide_authorize(request, &consent.handle, user, decision, None);
        decided.await.map(drop)
    };
    for (user, decision) in [(&bob, &bobs), (&bob, &adas), (&elsewhere, &adas)] {
        let refused = decide(&request(), user, decision).await;
        assert!(matches!(refused, Err(AuthorizeError::Ended)), "{refused:?}");
    }
    let refused = decide(&request(), &ada, &bobs).await;
    assert!(
        matches!(refused, Err(AuthorizeError::NoSuchOrg)),
        "{refused:?}"
    );
    let other = |change: &dyn Fn(&mut AuthorizeRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    for request in [
        other(&|request| request.scope = Some("posts:write audit:read".into())),
        other(&|request| request.state = Some("other".into())),
        other(&|request| request.state = None),
        other(&|request| request.code_challenge = Some("A".repeat(43))),
        other(&|request| request.redirect_uri = Some("http://localhost:8000/callback".into())),
    ] {
        let refused = decide(&request, &ada, &adas).await;
        assert!(matches!(refused, Err(AuthorizeError::Ended)), "{request:?}");
    }
    decide(&request(), &ada, &adas).await.unwrap();
}

#[tokio::test]
async fn a_page_ends_after_ten_minutes_and_a_sign_in_is_fresh_for_an_hour() {
    let world = World::new().await;
    let user = world.page_user(ADA).await;
    let (request, deny) = (request(), Decision::Deny);
    let consent = world.oauth.authorize(&request, &user).await.unwrap();
    world.clock.advance(10 * MINUTE);
    let late = world
        .oauth
        .decide_authorize(&request, &consent.handle, &user, &deny, None);
    assert!(matches!(late.await, Err(AuthorizeError::Ended)));
    // Nor does it help to say that it was shown later.
    let (shown_at, seal) = consent.handle.split_once('.').unwrap();
    let later = format!("{}.{seal}", shown_at.parse::<i64>().unwrap() + 60);
    let late = world
        .oauth
        .decide_authorize(&request, &later, &user, &deny, None);
    assert!(matches!(late.await, Err(AuthorizeError::Ended)));
    world.clock.advance(HOUR - 10 * MINUTE - SECOND);
    let consent = world.oauth.authorize(&request, &user).await.unwrap();
    world.clock.advance(SECOND);
    let again = world.oauth.authorize(&request, &user).await;
    assert!(matches!(again, Err(AuthorizeError::SignInAgain)));
    let again = world
        .oauth
        .decide_authorize(&request, &consent.handle, &user, &deny, None);
    assert!(matches!(again.await, Err(AuthorizeError::SignInAgain)));
}

#[tokio::test]
async fn a_role_that_has_grown_is_to_be_shown_first() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    let auditor = Some(Role::Auditor);
    world.set_role(ADA, &org, None, auditor).await;
    let user = world.page_user(ADA).await;
    let request = AuthorizeRequest {
        scope: None,
        ..request()
    };
    let consent = world.oauth.authorize(&request, &user).await.unwrap();
    world.set_role(ADA, &org, auditor, Some(Role::Member)).await;
    let approve = Decision::Approve(org);
    let refused = world
        .oauth
        .decide_authorize(&request, &consent.handle, &user, &approve, None);
    assert!(matches!(refused.await, Err(AuthorizeError::Ended)));
}
