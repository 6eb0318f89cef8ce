//! `oauth2`, with the `reqwest` that it brings.
//!
//! It has no discovery: the addresses are taken from the metadata here. It checks no `iss` either.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenType};
use oauth2::reqwest::{blocking::Client as Http, redirect::Policy};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, DeviceAuthorizationUrl,
    DeviceCodeErrorResponseType, EndpointSet, HttpRequest, IntrospectionUrl, PkceCodeChallenge,
    RedirectUrl, RequestTokenError, RevocationUrl, Scope, StandardDeviceAuthorizationResponse,
    StandardRevocableToken, SyncHttpClient, TokenIntrospectionResponse, TokenResponse, TokenUrl,
};
use reqwest::Url;
use serde_json::{Value, json};

use super::person::{Decision, Person};
use super::server::{Server, http};
use super::{CLIENT, REDIRECT};

type Client = BasicClient<EndpointSet, EndpointSet, EndpointSet, EndpointSet, EndpointSet>;

/// The client, as it follows from the metadata of a server.
fn client(server: &Server) -> Client {
    let at = format!("{}/.well-known/oauth-authorization-server", server.base());
    let metadata: Value = http().get(at).send().unwrap().json().unwrap();
    assert_eq!(metadata["issuer"], server.base());
    let url = |name: &str| metadata[name].as_str().unwrap().to_owned();
    // The library revokes over https alone; see `revoke`.
    let revocation = url("revocation_endpoint").replace("http://", "https://");
    BasicClient::new(ClientId::new(CLIENT.to_owned()))
        .set_auth_uri(AuthUrl::new(url("authorization_endpoint")).unwrap())
        .set_token_uri(TokenUrl::new(url("token_endpoint")).unwrap())
        .set_device_authorization_url(
            DeviceAuthorizationUrl::new(url("device_authorization_endpoint")).unwrap(),
        )
        .set_introspection_url(IntrospectionUrl::new(url("introspection_endpoint")).unwrap())
        .set_revocation_url(RevocationUrl::new(revocation).unwrap())
        .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap())
}

/// The library's own client for HTTP.
fn library_http() -> Http {
    let http = Http::builder().no_proxy().redirect(Policy::none());
    http.build().unwrap()
}

/// The status of a request for a guarded route with this token.
fn status(server: &Server, method: &str, path: &str, token: &impl TokenResponse) -> u16 {
    let at = format!("{}{path}", server.base());
    let request = match method {
        "GET" => http().get(at),
        _ => http().post(at).json(&json!({"text": "Hello"})),
    };
    let token = token.access_token().secret();
    request.bearer_auth(token).send().unwrap().status().as_u16()
}

fn begun(client: &Client, scope: &str) -> StandardDeviceAuthorizationResponse {
    let asked = client.exchange_device_code();
    let asked = asked.add_scope(Scope::new(scope.to_owned()));
    asked.request(&library_http()).unwrap()
}

/// What the library does before it asks again must not come to pass.
fn never_waits(_: Duration) {
    panic!("it was decided before the first question");
}

fn scopes(token: &impl TokenResponse) -> Vec<&str> {
    let scopes = token.scopes().expect("no scope was told");
    scopes.iter().map(|scope| scope.as_str()).collect()
}

#[test]
fn a_device_waits_is_slowed_down_and_let_in() {
    let server = Server::start(&[]);
    let client = client(&server);
    let begun = begun(&client, "posts:read");
    assert_eq!(begun.interval(), Duration::from_secs(5));
    let person = RefCell::new(Person::at(&server));
    let waits = RefCell::new(Vec::new());
    let wait = |told: Duration| {
        waits.borrow_mut().push(told.as_secs());
        // At first it doesn't wait at all, and so is slowed down.
        if waits.borrow().len() > 1 {
            let code = begun.user_code().secret();
            person.borrow_mut().decide_device(code, Decision::Approve);
            thread::sleep(told);
        }
    };
    let asked = client.exchange_device_access_token(&begun);
    let token = asked.request(&library_http(), wait, None).unwrap();
    // `authorization_pending`, then `slow_down`; and ten seconds are enough for the server too.
    assert_eq!(*waits.borrow(), [5, 10]);
    assert_eq!(token.token_type(), &BasicTokenType::Bearer);
    assert_eq!(scopes(&token), ["posts:read"]);
    // Twelve hours, of which whole seconds are told.
    let left = token.expires_in().unwrap().as_secs();
    assert!((43_190..=43_200).contains(&left), "{left}");
    assert_eq!(status(&server, "GET", "/posts", &token), 200);
    assert_eq!(status(&server, "POST", "/posts", &token), 403);
    assert_eq!(status(&server, "GET", "/brands", &token), 403);
}

#[test]
fn a_device_is_refused() {
    let server = Server::start(&[]);
    let client = client(&server);
    let begun = begun(&client, "posts:read");
    let code = begun.user_code().secret();
    Person::at(&server).decide_device(code, Decision::Deny);
    let asked = client.exchange_device_access_token(&begun);
    let refused = asked.request(&library_http(), never_waits, None);
    match refused.unwrap_err() {
        RequestTokenError::ServerResponse(answer) => {
            assert_eq!(answer.error(), &DeviceCodeErrorResponseType::AccessDenied);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_is_looked_up_refreshed_and_ended_by_a_token_that_comes_again() {
    let server = Server::start(&[]);
    let client = client(&server);
    let begun = begun(&client, "posts:read brands:read");
    let code = begun.user_code().secret();
    Person::at(&server).decide_device(code, Decision::Approve);
    let asked = client.exchange_device_access_token(&begun);
    let first = asked.request(&library_http(), never_waits, None).unwrap();

    let key = server.key(&["tokens:introspect"]);
    // Who looks tokens up is not the client: that the library leaves to whoever sends the request.
    let with_key = |mut request: HttpRequest| {
        let key = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", key);
        library_http().call(request)
    };
    let found = client.introspect(first.access_token());
    let found = found.request(&with_key).unwrap();
    assert!(found.active());
    assert_eq!(found.client_id().map(|id| id.as_str()), Some(CLIENT));
    assert_eq!(found.token_type(), Some(&BasicTokenType::Bearer));
    assert_eq!(found.iss(), Some(server.base()));
    assert!(found.exp().is_some() && found.sub().is_some() && found.jti().is_some());
    let told = found.scopes().unwrap().iter();
    let mut told: Vec<_> = told.map(|scope| scope.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["brands:read", "posts:read"]);

    let refresh = |token: &oauth2::basic::BasicTokenResponse| {
        let token = token.refresh_token().unwrap();
        client
            .exchange_refresh_token(token)
            .request(&library_http())
    };
    let second = refresh(&first).unwrap();
    assert_ne!(
        second.access_token().secret(),
        first.access_token().secret()
    );
    assert_eq!(status(&server, "GET", "/posts", &second), 200);
    let third = refresh(&second).unwrap();
    assert_eq!(status(&server, "GET", "/brands", &third), 200);
    // The first has come and has been followed by one that was used: somebody else has it too.
    match refresh(&first).unwrap_err() {
        RequestTokenError::ServerResponse(answer) => {
            assert_eq!(answer.error(), &BasicErrorResponseType::InvalidGrant);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(status(&server, "GET", "/posts", &third), 401);
    let found = client.introspect(third.access_token());
    assert!(!found.request(&with_key).unwrap().active());
}

#[test]
fn a_code_with_pkce_is_exchanged_and_its_token_revoked() {
    let server = Server::start(&[]);
    let client = client(&server);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("posts:read".to_owned()))
        .set_pkce_challenge(challenge)
        .add_extra_param("resource", server.base())
        .url();
    let mut person = Person::at(&server);
    let sent = person.decide_client(address.as_str(), Decision::Approve);
    assert!(sent.starts_with(&format!("{REDIRECT}?")), "{sent}");
    assert_eq!(
        parameter(&sent, "state").as_deref(),
        Some(&**state.secret())
    );
    assert_eq!(parameter(&sent, "iss").as_deref(), Some(server.base()));
    let code = AuthorizationCode::new(parameter(&sent, "code").unwrap());
    let asked = client.exchange_code(code).set_pkce_verifier(verifier);
    let asked = asked.add_extra_param("resource", server.base());
    let token = asked.request(&library_http()).unwrap();
    assert_eq!(scopes(&token), ["posts:read"]);
    assert_eq!(status(&server, "GET", "/posts", &token), 200);
    assert_eq!(status(&server, "POST", "/posts", &token), 403);

    revoke(&client, token.access_token().clone());
    assert_eq!(status(&server, "GET", "/posts", &token), 401);
    // A second time is no error (RFC 7009, section 2.2).
    revoke(&client, token.access_token().clone());
}

#[test]
fn a_code_is_refused_and_a_verifier_of_another_is_not_taken() {
    let server = Server::start(&[]);
    let client = client(&server);
    let mut person = Person::at(&server);
    let mut asked = |decision| {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let asked = client.authorize_url(CsrfToken::new_random);
        let asked = asked.set_pkce_challenge(challenge);
        let (address, state) = asked.add_scope(Scope::new("posts:read".to_owned())).url();
        let sent = person.decide_client(address.as_str(), decision);
        assert_eq!(
            parameter(&sent, "state").as_deref(),
            Some(&**state.secret())
        );
        assert_eq!(parameter(&sent, "iss").as_deref(), Some(server.base()));
        (sent, verifier)
    };
    let (sent, another) = asked(Decision::Deny);
    assert_eq!(parameter(&sent, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&sent, "code"), None);
    let (sent, _own) = asked(Decision::Approve);
    let code = AuthorizationCode::new(parameter(&sent, "code").unwrap());
    let asked = client.exchange_code(code).set_pkce_verifier(another);
    match asked.request(&library_http()).unwrap_err() {
        RequestTokenError::ServerResponse(answer) => {
            assert_eq!(answer.error(), &BasicErrorResponseType::InvalidGrant);
        }
        other => panic!("{other:?}"),
    }
}

/// Revokes a token. The library insists on https, and the server speaks http behind something that
/// ends TLS: here that is the request's way through this function.
fn revoke(client: &Client, token: impl Into<StandardRevocableToken>) {
    let without_tls = |mut request: HttpRequest| {
        let address = request.uri().to_string().replace("https://", "http://");
        *request.uri_mut() = address.parse().unwrap();
        library_http().call(request)
    };
    let asked = client.revoke_token(token.into()).unwrap();
    asked.request(&without_tls).unwrap();
}

fn parameter(address: &str, name: &str) -> Option<String> {
    let address: Url = address.parse().unwrap();
    let mut found = address.query_pairs().filter(|(given, _)| given == name);
    let value = found.next().map(|(_, value)| value.into_owned());
    assert!(found.next().is_none(), "`{name}` twice in {address}");
    value
}
