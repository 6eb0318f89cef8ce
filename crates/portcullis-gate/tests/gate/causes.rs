//! Status, code, challenge and headers of every cause, by hand from the design and RFC 6750.

use std::sync::Arc;

use http::Response;
use portcullis_core::ManualClock;
use portcullis_gate::{Access, Guard, Holder};
use portcullis_registry::{NewKey, Registry, Suspension};
use portcullis_scope::Requirement;
use portcullis_token::{Pepper, PepperVersion};

use crate::bed::{BRANDS, PEER, READ, WRITE, acme, ada, bearer, bed, catalogue, request_to};

/// What a client sees: status, code, challenge, Retry-After and the rate that remains.
type Seen<'r> = (
    u16,
    &'r str,
    Option<&'r str>,
    Option<&'r str>,
    Option<&'r str>,
);

async fn answer(guard: &Guard, parts: &http::request::Parts) -> Response<bytes::Bytes> {
    let denial = guard.check(parts, Some(PEER)).await.unwrap_err();
    guard.refuse(&denial, &parts.headers)
}

fn seen(response: &Response<bytes::Bytes>) -> Seen<'_> {
    let header = |name| Some(response.headers().get(name)?.to_str().unwrap());
    let body = std::str::from_utf8(response.body()).unwrap();
    let start = "{\"success\":false,\"error\":\"";
    let code = body.strip_prefix(start).unwrap().split('"').next().unwrap();
    assert!(body.contains(&format!("\"code\":\"{code}\",\"message\":\"")));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("cache-control"), Some("no-store"));
    (
        response.status().as_u16(),
        code,
        header("www-authenticate"),
        header("retry-after"),
        header("x-ratelimit-remaining"),
    )
}

#[tokio::test]
async fn headers_that_are_no_credential_are_a_400_and_never_a_401() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = bed.key(&[READ]).await;
    let bearer = format!("Bearer {token}");
    let long = format!("Bearer {}", "a".repeat(600));
    let (other, bearer) = (bed.key(&[READ]).await, bearer.as_str());
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("/", &[("authorization", bearer), ("authorization", bearer)]),
        ("/", &[("x-api-key", &token), ("x-api-key", &token)]),
        ("/", &[("authorization", bearer), ("x-api-key", &other)]),
        (
            "/",
            &[("authorization", "Basic YTpi"), ("x-api-key", &token)],
        ),
        ("/", &[("authorization", "Bearer")]),
        ("/", &[("authorization", "Bearer a b")]),
        ("/", &[("authorization", "Bearer a,b")]),
        ("/", &[("authorization", "")]),
        ("/", &[("authorization", &long)]),
        ("/", &[("x-api-key", "")]),
        ("/", &[("x-api-key", "a,b")]),
        ("/?access_token=x", &[]),
        ("/?a=1&api_key=x", &[("authorization", bearer)]),
        ("/?token", &[]),
        ("/?k%65y=x", &[]),
    ];
    let before = bed.store.accesses().0;
    for (uri, headers) in cases {
        let response = answer(&guard, &request_to(uri, headers)).await;
        let expected = (400, "invalid_request", None, None, None);
        assert_eq!(seen(&response), expected, "{uri} {headers:?}");
    }
    assert_eq!(bed.store.accesses().0, before, "nothing is looked up");
}

#[tokio::test]
async fn without_a_credential_the_challenge_names_no_error() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    for headers in [[].as_slice(), &[("authorization", "Basic YTpi")]] {
        let response = answer(&guard, &request_to("/", headers)).await;
        let challenge = Some("Bearer realm=\"api\"");
        assert_eq!(
            seen(&response),
            (401, "unauthorized", challenge, None, None)
        );
    }
}

#[tokio::test]
async fn an_unknown_credential_is_an_invalid_token() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let unknown = bed.registry.format().mint::<portcullis_token::ApiKey>();
    let response = answer(&guard, &bearer(unknown.unwrap().expose())).await;
    let challenge = Some("Bearer realm=\"api\", error=\"invalid_token\"");
    assert_eq!(
        seen(&response),
        (401, "invalid_token", challenge, None, None)
    );
}

#[tokio::test]
async fn a_missing_scope_is_a_403_that_names_every_scope_of_the_route() {
    let bed = bed().await;
    let token = bed.key(&[READ]).await;
    for (requirement, scopes) in [
        (Requirement::scope(WRITE), "posts:write"),
        (
            Requirement::all_of([READ, BRANDS]),
            "posts:read brands:read",
        ),
        (
            Requirement::any_of([BRANDS, WRITE]),
            "posts:write brands:read",
        ),
    ] {
        let guard = bed.guard(requirement);
        let response = answer(&guard, &bearer(&token)).await;
        let challenge =
            format!("Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"{scopes}\"");
        let expected = (
            403,
            "insufficient_scope",
            Some(&*challenge),
            None,
            Some("100"),
        );
        assert_eq!(seen(&response), expected);
    }
}

#[tokio::test]
async fn the_wrong_holder_is_a_403_without_a_challenge() {
    let bed = bed().await;
    let (key, session) = (bed.key(&[READ]).await, bed.session(&[READ]).await);
    let response = answer(&bed.guard(Access::session()), &bearer(&key)).await;
    assert_eq!(
        seen(&response),
        (403, "session_required", None, None, Some("100"))
    );
    let keys_alone = bed.guard(Access::any().with_holder(Holder::Key));
    let response = answer(&keys_alone, &bearer(&session)).await;
    assert_eq!(
        seen(&response),
        (403, "key_required", None, None, Some("100"))
    );
}

#[tokio::test]
async fn a_suspended_owner_is_a_403_without_a_challenge_until_it_is_lifted() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = bed.key(&[READ]).await;
    bed.warm(&token).await;
    bed.credits(0).await;
    bed.suspend(Suspension::Suspended).await;
    let response = answer(&guard, &bearer(&token)).await;
    assert_eq!(
        seen(&response),
        (403, "billing_suspended", None, None, Some("100"))
    );
    bed.suspend(Suspension::Lifted).await;
    assert!(guard.check(&bearer(&token), None).await.is_ok());
}

#[tokio::test]
async fn over_the_limit_is_a_429_that_says_when_and_how_much() {
    let bed = bed().await;
    let gate = bed.gate().with_limit("2/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let token = bed.key(&[READ]).await;
    for _ in 0..2 {
        assert!(guard.check(&bearer(&token), None).await.is_ok());
    }
    let response = answer(&guard, &bearer(&token)).await;
    assert_eq!(
        seen(&response),
        (429, "rate_limited", None, Some("60"), Some("0"))
    );
    assert_eq!(response.headers()["x-ratelimit-limit"], "2");
    // The clock starts at 2026-01-01T00:00:00Z.
    assert_eq!(response.headers()["x-ratelimit-reset"], "1767225660");
}

#[tokio::test]
async fn too_few_credits_are_a_402_after_which_the_rate_unit_is_spent() {
    let bed = bed().await;
    bed.credits(2).await;
    let guard = bed.guard(Access::scope(READ).with_price(3));
    let token = bed.key(&[READ]).await;
    let response = answer(&guard, &bearer(&token)).await;
    assert_eq!(
        seen(&response),
        (402, "insufficient_credits", None, None, Some("99"))
    );
    assert_eq!(bed.balance().await, 2);
}

#[tokio::test]
async fn an_owner_without_any_account_has_no_credits() {
    let bed = bed().await;
    let guard = bed.guard(Access::scope(READ).with_price(1));
    let token = bed.key(&[READ]).await;
    assert_eq!(seen(&answer(&guard, &bearer(&token)).await).0, 402);
}

#[tokio::test]
async fn a_store_out_of_reach_is_a_503_and_never_a_401_403_or_429() {
    let bed = bed().await;
    let (guard, priced) = (
        bed.guard(READ),
        bed.guard(Access::scope(READ).with_price(1)),
    );
    bed.credits(5).await;
    let (cold, warm) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    bed.warm(&warm).await;
    bed.store.break_down();
    let unavailable = (503, "unavailable", None, Some("1"), None);
    assert_eq!(seen(&answer(&guard, &bearer(&cold)).await), unavailable);
    // The credential is known and its unit is spent; only its credits are out of reach.
    let unavailable = (503, "unavailable", None, Some("1"), Some("99"));
    assert_eq!(seen(&answer(&priced, &bearer(&warm)).await), unavailable);
    assert!(
        guard.check(&bearer(&warm), None).await.is_ok(),
        "from memory"
    );

    bed.store.mend();
    assert!(guard.check(&bearer(&cold), None).await.is_ok());
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 5);
}

#[tokio::test]
async fn a_client_that_prefers_a_problem_document_gets_one() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let parts = request_to("/", &[("accept", "application/problem+json")]);
    let response = answer(&guard, &parts).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let body = std::str::from_utf8(response.body()).unwrap();
    assert!(body.contains("\"status\":401") && body.contains("\"code\":\"unauthorized\""));
}

#[tokio::test]
async fn a_pepper_that_another_node_has_already_is_a_503_and_never_a_401() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let (version, pepper) = (PepperVersion::new(2).unwrap(), Pepper::generate().unwrap());
    let newer = bed.registry.peppers().clone().with(version, pepper);
    let (node, _driver) = Registry::open_with_clock(
        Arc::clone(&bed.store),
        *bed.registry.format(),
        catalogue(),
        newer.with_current(version).unwrap(),
        Arc::<ManualClock>::clone(&bed.clock),
    )
    .await
    .unwrap();
    let new = NewKey::new(acme(), "key", [READ]);
    let issued = node.issue_key(&ada(), new).await.unwrap();
    for _ in 0..2 {
        let response = answer(&guard, &bearer(issued.token.expose())).await;
        let unavailable = (503, "unavailable", None, Some("1"), None);
        assert_eq!(seen(&response), unavailable);
    }
}
