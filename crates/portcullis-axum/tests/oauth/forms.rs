//! What a request has to look like before anything in it is looked at.

use crate::{
    client::Call,
    world::{World, assert_refused, form_of, refused},
};

const ENDPOINTS: [&str; 3] = [
    "/oauth/device_authorization",
    "/oauth/token",
    "/oauth/revoke",
];
/// Fits each of them, but for the token.
const FORM: &str = "client_id=cli&grant_type=refresh_token&refresh_token=x&token=x";

#[tokio::test(flavor = "multi_thread")]
async fn a_form_alone_is_read() {
    let world = World::new().await;
    for path in ENDPOINTS {
        let json = Call::new("POST", path).json(r#"{"client_id":"cli"}"#);
        assert_refused(&world.send(json).await, 415, "invalid_request");
        let none = Call::new("POST", path).body(FORM);
        assert_refused(&world.send(none).await, 415, "invalid_request");
        let coded = form_of(path, FORM).header("content-encoding", "gzip");
        assert_refused(&world.send(coded).await, 415, "invalid_request");
        for media_type in [
            "application/x-www-form-urlencoded;charset=UTF-8",
            "Application/X-WWW-Form-Urlencoded",
        ] {
            let call = Call::new("POST", path).header("content-type", media_type);
            let answer = world.send(call.body(FORM)).await;
            assert!([200, 400].contains(&answer.status), "{answer:?}");
            assert!(!answer.text.contains("invalid_request"), "{answer:?}");
        }
        let query = world.post(&format!("{path}?{FORM}"), "").await;
        assert_refused(&query, 400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_stands_twice_is_refused() {
    let world = World::new().await;
    for path in ENDPOINTS {
        for twice in [
            "client_id=cli",
            "client_id=",
            "%63lient_id=other",
            "a=1&a=2",
            "a&a",
        ] {
            let answer = world.post(path, &format!("{FORM}&{twice}")).await;
            assert_refused(&answer, 400, "invalid_request");
        }
        for broken in ["a=%", "a=%zz", "a=%ff"] {
            let answer = world.post(path, &format!("{FORM}&{broken}")).await;
            assert_refused(&answer, 400, "invalid_request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_or_empty_is_nothing() {
    let world = World::new().await;
    let form = "client_id=cli&scope=&unheard_of=1&client_secret=&resource=";
    world.start(form).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_64_kib_at_most() {
    let world = World::new().await;
    let fill = |length: usize| format!("client_id=cli&a={}", "x".repeat(length - 16));
    for path in ENDPOINTS {
        let answer = world.post(path, &fill(64 * 1024 + 1)).await;
        assert_refused(&answer, 413, "invalid_request");
        let answer = world.post(path, &fill(64 * 1024)).await;
        assert!([200, 400].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_shows_a_secret_is_told_that_none_has_one() {
    let world = World::new().await;
    for path in ENDPOINTS {
        for scheme in ["Basic", "bASIC"] {
            let credentials = format!("{scheme} Y2xpOnNlY3JldA==");
            let call = form_of(path, FORM).header("authorization", &credentials);
            let answer = world.send(call).await;
            assert_refused(&answer, 401, "invalid_client");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("Basic "), "{challenge}");
        }
        for secret in ["client_secret=x", "client_assertion=x"] {
            let answer = world.post(path, &format!("{FORM}&{secret}")).await;
            assert_refused(&answer, 400, "invalid_client");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_one_that_is_known() {
    let world = World::new().await;
    for grant in [
        "password",
        "client_credentials",
        "implicit",
        "Refresh_Token",
    ] {
        let answer = world
            .token(&format!("client_id=cli&grant_type={grant}"))
            .await;
        assert_refused(&answer, 400, "unsupported_grant_type");
    }
    for form in ["client_id=cli", "client_id=cli&grant_type="] {
        assert_refused(&world.token(form).await, 400, "invalid_request");
    }
    let device = "client_id=cli&grant_type=urn:ietf:params:oauth:grant-type:device_code";
    assert_refused(&world.token(device).await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_method_is_there_and_accept_changes_nothing() {
    let world = World::new().await;
    for path in ENDPOINTS {
        assert_eq!(world.get(path).await.status, 405);
        let call = form_of(path, "").header("accept", "application/problem+json");
        assert_eq!(refused(&world.send(call).await).0, 400);
    }
}
