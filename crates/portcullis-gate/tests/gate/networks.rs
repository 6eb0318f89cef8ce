//! A credential with allowed networks is of use from these alone.

use std::net::IpAddr;

use portcullis_error::{Cause, Denial};
use portcullis_gate::{Guard, Verdict};
use portcullis_registry::{KeyChange, NewKey};

use crate::bed::{Bed, READ, acme, ada, bearer, bed, request, unnamed};

/// A key of 203.0.113.0/24.
async fn key(bed: &Bed) -> String {
    let new = NewKey::new(acme(), "key", [READ]);
    let new = new.with_networks("203.0.113.0/24".parse().unwrap());
    let issued = bed.registry.issue_key(&ada(), new).await.unwrap();
    issued.token.expose().to_owned()
}

async fn from(guard: &Guard, token: &str, ip: Option<&str>) -> Verdict {
    let ip: Option<IpAddr> = ip.map(|ip| ip.parse().unwrap());
    guard.check(&bearer(token), ip).await
}

#[tokio::test]
async fn from_elsewhere_the_answer_is_the_401_of_any_wrong_credential() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = key(&bed).await;
    let expected = Denial::new(Cause::InvalidToken);
    // Cold, and then from memory.
    for _ in 0..2 {
        for elsewhere in [Some("203.0.114.1"), Some("2001:db8::1"), None] {
            let denial = unnamed(from(&guard, &token, elsewhere).await.unwrap_err());
            assert_eq!(denial, expected);
            let response = guard.refuse(&denial, &bearer(&token).headers);
            assert_eq!(response.body(), expected.to_response().body());
            assert_eq!(response.headers(), expected.to_response().headers());
        }
        for inside in ["203.0.113.1", "::ffff:203.0.113.254"] {
            assert!(from(&guard, &token, Some(inside)).await.is_ok());
        }
    }
}

#[tokio::test]
async fn it_counts_as_a_failure_of_the_address() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = key(&bed).await;
    for _ in 0..20 {
        let denial = from(&guard, &token, Some("198.51.100.1")).await;
        assert_eq!(denial.unwrap_err().code(), "invalid_token");
    }
    let denial = from(&guard, &token, Some("198.51.100.1")).await;
    assert_eq!(denial.unwrap_err().code(), "rate_limited");
    assert!(from(&guard, &token, Some("203.0.113.1")).await.is_ok());
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_forwarded_address_counts() {
    let bed = bed().await;
    let token = key(&bed).await;
    let authorization = format!("Bearer {token}");
    let parts = request(&[
        ("authorization", &authorization),
        ("x-forwarded-for", "203.0.113.9"),
    ]);
    let proxy: Option<IpAddr> = "10.0.0.1".parse().ok();
    let guard = bed.gate().with_trusted_hops(1).guard(READ).unwrap();
    assert!(guard.check(&parts, proxy).await.is_ok());
    assert!(bed.guard(READ).check(&parts, proxy).await.is_err());
}

#[tokio::test]
async fn networks_that_are_narrowed_hold_at_the_next_check() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let key = bed.issue(&[READ]).await;
    let token = key.token.expose();
    assert!(from(&guard, token, Some("203.0.113.1")).await.is_ok());
    let elsewhere = KeyChange::new().accept_from("198.51.100.0/24".parse().unwrap());
    let (actor, id) = (ada(), key.token.id());
    let changed = bed.registry.change_key(&actor, id, elsewhere);
    changed.await.unwrap();
    assert!(from(&guard, token, Some("203.0.113.1")).await.is_err());
    assert!(from(&guard, token, Some("198.51.100.1")).await.is_ok());
}
