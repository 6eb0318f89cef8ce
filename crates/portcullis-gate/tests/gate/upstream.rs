//! What a gateway tells the service behind it, and what it keeps from it.

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_registry::NewKey;
use portcullis_token::CredentialHeaders;

use crate::bed::{READ, WRITE, bearer, bed, pass};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

#[tokio::test]
async fn the_credential_and_forged_identities_go_and_ours_come() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let session = bed.start_session(&[WRITE]).await;
    let pass = pass(&guard, session.token.expose()).await;
    let mut sent = headers(&[
        ("authorization", "Bearer secret"),
        ("x-api-key", "secret"),
        ("x-portcullis-owner", "forged"),
        ("x-portcullis-owner", "forged again"),
        ("x-portcullis-user", "forged"),
        ("x-portcullis-scopes", "forged"),
        ("x-portcullis-credential", "forged"),
        ("x-portcullis-anything", "forged"),
        ("x-request-id", "the caller's"),
        ("accept", "text/html"),
        ("cookie", "theme=dark"),
    ]);
    pass.upstream_headers(&mut sent);
    // What the answer will call the request, whatever the caller called it.
    let id = pass.request_id().unwrap().to_string();
    let credential = format!("ses_{}", session.token.id());
    let expected = headers(&[
        ("accept", "text/html"),
        ("cookie", "theme=dark"),
        ("x-portcullis-credential", &credential),
        ("x-portcullis-owner", "acme"),
        ("x-portcullis-user", "ada"),
        ("x-portcullis-scopes", "posts:read posts:write"),
        ("x-request-id", &id),
    ]);
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_key_without_a_user_sends_none_and_no_forged_one() {
    let bed = bed().await;
    let system = portcullis_registry::Actor::dangerous_system();
    let new = NewKey::new("Zoë & co".parse().unwrap(), "key", [READ]);
    let issued = bed.registry.issue_key(&system, new).await.unwrap();
    let pass = pass(&bed.guard(READ), issued.token.expose()).await;
    let mut sent = headers(&[("x-portcullis-user", "forged")]);
    pass.upstream_headers(&mut sent);
    assert!(!sent.contains_key("x-portcullis-user"));
    assert_eq!(sent["x-portcullis-owner"], "Zo%C3%AB%20&%20co");
    let credential = format!("key_{}", issued.token.id());
    assert_eq!(sent["x-portcullis-credential"], credential);
}

#[tokio::test]
async fn a_preflight_is_passed_on_without_credentials_and_identities() {
    let bed = bed().await;
    let mut parts = bearer("whatever");
    parts.method = http::Method::OPTIONS;
    let extra = headers(&[
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
        ("x-portcullis-owner", "forged"),
    ]);
    parts.headers.extend(extra);
    let pass = bed.guard(READ).check(&parts, None).await.unwrap();
    pass.upstream_headers(&mut parts.headers);
    let mut names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["access-control-request-method", "origin"]);
}

#[tokio::test]
async fn credentials_of_other_headers_are_removed_too() {
    let bed = bed().await;
    let names = CredentialHeaders::default()
        .with_api_key_header("x-acme-key")
        .unwrap();
    let names = names.with_authorization_header("x-acme-auth").unwrap();
    let gate = bed.gate().with_credential_headers(names);
    let token = bed.key(&[READ]).await;
    let parts = crate::bed::request(&[("x-acme-key", &token)]);
    let pass = gate.guard(READ).unwrap().check(&parts, None).await.unwrap();
    let mut sent = headers(&[("x-acme-key", "secret"), ("x-acme-auth", "Bearer secret")]);
    pass.upstream_headers(&mut sent);
    assert!(!sent.contains_key("x-acme-key") && !sent.contains_key("x-acme-auth"));
}

#[tokio::test]
async fn credentials_are_marked_so_that_logs_leave_them_out() {
    let bed = bed().await;
    let mut sent = headers(&[
        ("authorization", "Bearer secret"),
        ("authorization", "Bearer other"),
        ("x-api-key", "secret"),
        ("accept", "text/html"),
    ]);
    bed.gate().mark_sensitive(&mut sent);
    let authorization = sent.get_all("authorization").iter();
    assert!(
        authorization
            .chain(&sent.get("x-api-key").cloned())
            .all(HeaderValue::is_sensitive)
    );
    assert!(!sent["accept"].is_sensitive());
}

#[tokio::test]
async fn names_that_a_service_may_read_as_ours_go_too() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let pass = pass(&guard, &bed.key(&[READ]).await).await;
    let mut sent = headers(&[
        ("x_portcullis_owner", "forged"),
        ("x-portcullis_user", "forged"),
        ("x_api_key", "secret"),
    ]);
    pass.upstream_headers(&mut sent);
    let kept = |value: &HeaderValue| value == "forged" || value == "secret";
    assert!(!sent.values().any(kept), "{sent:?}");
}

#[tokio::test]
async fn what_is_for_the_callers_connection_alone_goes() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let pass = pass(&guard, &bed.key(&[READ]).await).await;
    let mut sent = headers(&[
        ("connection", "close, X-Portcullis-Owner"),
        ("connection", "x-hop"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade", "foo"),
        ("x-hop", "1"),
        ("x-end", "2"),
    ]);
    pass.upstream_headers(&mut sent);
    for name in ["connection", "keep-alive", "te", "upgrade", "x-hop"] {
        assert!(!sent.contains_key(name), "{name}");
    }
    assert_eq!(sent["x-end"], "2");
    assert_eq!(sent["x-portcullis-owner"], "acme");
}
