//! Whatever is wrong with a credential, the answer is the same, byte for byte.

use std::time::Duration;

use portcullis_core::Clock;
use portcullis_error::{Cause, Denial};
use portcullis_gate::Guard;
use portcullis_registry::{KeyChange, NewKey};
use portcullis_scope::Scope;
use portcullis_token::{ApiKey, Device, Environment, Kind, Minted, TokenFormat};

use crate::bed::{Bed, READ, acme, ada, bearer, bed, mistyped, pass, unnamed};

const SECRET: [u8; 32] = [b'7'; 32];

/// A token of the service's own format whose id is that of another and whose secret is made up.
fn with_id<K: Kind>(bed: &Bed, like: &Minted<K>) -> String {
    let format = bed.registry.format();
    let forged = format.dangerous_from_parts::<ApiKey>(Environment::Live, like.id(), SECRET);
    forged.unwrap().expose().to_owned()
}

async fn expiring(bed: &Bed) -> String {
    let at = bed.clock.now().saturating_add(Duration::from_secs(10));
    let new = NewKey::new(acme(), "short", [READ]).with_expiry(at);
    let issued = bed.registry.issue_key(&ada(), new).await.unwrap();
    issued.token.expose().to_owned()
}

/// Credentials that must all look alike, by what is wrong with them.
async fn rejects(bed: &Bed) -> Vec<(&'static str, String)> {
    let registry = &bed.registry;
    let scopes: &[Scope] = &[READ];
    let mut rejects = vec![
        ("no token at all", "hello".to_owned()),
        ("a JWT", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned()),
    ];
    let unknown = registry.format().mint::<ApiKey>().unwrap();
    rejects.push(("unknown", unknown.expose().to_owned()));
    rejects.push(("unknown and mistyped", mistyped(unknown.expose())));
    let device = registry.format().mint::<Device>().unwrap();
    rejects.push(("of another kind", device.expose().to_owned()));
    for (what, brand, environment) in [
        ("of the other environment", "ap", Environment::Test),
        ("of another brand", "zz", Environment::Live),
    ] {
        let format = TokenFormat::new(brand, environment).unwrap();
        let token = format.mint::<ApiKey>().unwrap().expose().to_owned();
        rejects.push((what, token));
    }

    let cold = bed.issue(scopes).await;
    rejects.push(("wrong, cold", with_id(bed, &cold.token)));
    let cold = bed.issue(scopes).await;
    rejects.push(("mistyped, cold", mistyped(cold.token.expose())));
    let warm = bed.issue(scopes).await;
    bed.warm(warm.token.expose()).await;
    rejects.push(("wrong, in memory", with_id(bed, &warm.token)));
    rejects.push(("mistyped, in memory", mistyped(warm.token.expose())));

    for (what, is_warm) in [("revoked, cold", false), ("revoked, in memory", true)] {
        let key = bed.issue(scopes).await;
        if is_warm {
            bed.warm(key.token.expose()).await;
        }
        let id = key.key.credential();
        let _ = registry.revoke_key(&ada(), id).await.unwrap();
        rejects.push((what, key.token.expose().to_owned()));
    }
    let disabled = bed.issue(scopes).await;
    let change = KeyChange::new().disable();
    let id = disabled.key.credential();
    registry.change_key(&ada(), id, change).await.unwrap();
    rejects.push(("disabled", disabled.token.expose().to_owned()));

    let session = bed.start_session(scopes).await;
    rejects.push(("a refresh token", session.refresh.expose().to_owned()));
    let passed = pass(&bed.guard(READ), session.token.expose()).await;
    let principal = passed.principal().unwrap();
    let _ = registry.end_session(&ada(), principal).await.unwrap();
    rejects.push((
        "a session that was ended",
        session.token.expose().to_owned(),
    ));

    let (cold, warm, idle) = (
        expiring(bed).await,
        expiring(bed).await,
        bed.session(scopes).await,
    );
    bed.warm(&warm).await;
    bed.clock.advance(Duration::from_secs(3_600));
    rejects.push(("expired, cold", cold));
    rejects.push(("expired, in memory", warm));
    rejects.push(("an idle session", idle));
    rejects
}

async fn refused(guard: &Guard, token: &str) -> Denial {
    guard.check(&bearer(token), None).await.unwrap_err()
}

#[tokio::test]
async fn every_reject_is_answered_with_the_same_bytes_the_first_time_and_the_second() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let expected = Denial::new(Cause::InvalidToken);
    let body = expected.to_response();
    for (what, token) in rejects(&bed).await {
        for _ in 0..2 {
            let denial = unnamed(refused(&guard, &token).await);
            assert_eq!(denial, expected, "{what}");
            let response = guard.refuse(&denial, &bearer(&token).headers);
            assert_eq!(response.body(), body.body(), "{what}");
            assert_eq!(response.headers(), body.headers(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_key_is_accepted_up_to_the_instant_of_its_expiry_and_not_at_it() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let token = expiring(&bed).await;
    assert!(guard.check(&bearer(&token), None).await.is_ok());
    bed.clock.advance(Duration::from_micros(9_999_999));
    assert!(guard.check(&bearer(&token), None).await.is_ok());
    bed.clock.advance(Duration::from_micros(1));
    assert_eq!(refused(&guard, &token).await.code(), "invalid_token");
}

#[tokio::test]
async fn a_key_that_is_enabled_again_is_accepted_again() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let key = bed.issue(&[READ]).await;
    let (token, id) = (key.token.expose(), key.key.credential());
    for (change, code) in [
        (KeyChange::new().disable(), Some("invalid_token")),
        (KeyChange::new().enable(), None),
    ] {
        bed.registry.change_key(&ada(), id, change).await.unwrap();
        let verdict = guard.check(&bearer(token), None).await;
        assert_eq!(verdict.err().map(|denial| denial.code()), code);
    }
}

#[tokio::test]
async fn what_is_narrowed_is_denied_at_the_next_check() {
    let bed = bed().await;
    let guard = bed.guard(crate::bed::WRITE);
    let key = bed.issue(&[crate::bed::WRITE]).await;
    drop(pass(&guard, key.token.expose()).await);
    let narrowed = KeyChange::new().regrant([READ].into_iter().collect());
    let changed = bed
        .registry
        .change_key(&ada(), key.key.credential(), narrowed)
        .await;
    changed.unwrap();
    let denial = refused(&guard, key.token.expose()).await;
    assert_eq!(denial.code(), "insufficient_scope");
}
