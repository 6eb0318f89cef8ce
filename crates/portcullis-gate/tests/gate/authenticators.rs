//! The chain of authenticators: whose a credential is, and how its bearer is checked then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portcullis_core::Clock;
use portcullis_gate::{Access, Authentication, Authenticator, Gate, Holder, Progress};
use portcullis_registry::{Actor, Identity, Listing, NewKey, Owner, Suspension};
use portcullis_token::{ApiKey, Environment, TokenFormat};

use crate::bed::{
    BRANDS, Bed, PEER, READ, WRITE, acme, at_once, bearer, bed, check, code, denial, pass, request,
};

/// Says the same of all that begins with a prefix, and counts how often it was asked.
#[derive(Clone, Debug)]
struct Own {
    prefix: &'static str,
    says: Says,
    asked: Arc<AtomicU32>,
}

#[derive(Clone, Copy, Debug)]
enum Says {
    Accepted(&'static str),
    Rejected,
    Unavailable,
    /// The same, once it was awaited.
    Later(&'static str),
    LaterNotMine,
}

fn ada(grant: &str) -> Authentication {
    let grant = grant.parse().unwrap();
    let ada = Identity::new(acme(), "ada".parse().unwrap(), grant);
    Authentication::Accepted(Arc::new(ada))
}

impl Authenticator for Own {
    fn authenticate(&self, credential: &[u8]) -> Authentication {
        if !credential.starts_with(self.prefix.as_bytes()) {
            return Authentication::NotMine;
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.says {
            Says::Accepted(grant) => ada(grant),
            Says::Rejected => Authentication::Rejected,
            Says::Unavailable => Authentication::Unavailable {
                retry_after: Some(Duration::from_secs(7)),
            },
            Says::Later(grant) => Authentication::Later(Box::pin(async move { ada(grant) })),
            Says::LaterNotMine => {
                Authentication::Later(Box::pin(async { Authentication::NotMine }))
            }
        }
    }
}

fn own(prefix: &'static str, says: Says) -> Own {
    let asked = Arc::default();
    Own {
        prefix,
        says,
        asked,
    }
}

const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

impl Bed {
    fn with(&self, authenticators: impl IntoIterator<Item = Own>) -> Gate {
        let gate = self.gate();
        authenticators
            .into_iter()
            .fold(gate, |gate, own| gate.with_authenticator(own))
    }
}

#[tokio::test]
async fn what_nobody_owns_is_the_401_of_any_wrong_credential() {
    let bed = bed().await;
    let nobody = bed.guard(READ);
    let asked = own("xyz", Says::Accepted("posts:read"));
    let guard = bed.with([asked.clone()]).guard(READ).unwrap();
    for guard in [&nobody, &guard] {
        assert_eq!(code(guard, JWT).await, "invalid_token");
    }
    assert_eq!(asked.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_owner_of_a_credential_says_for_whom_it_speaks_at_once_and_without_the_store() {
    let bed = bed().await;
    let guard = bed
        .with([
            own("xyz", Says::Rejected),
            own("eyJ", Says::Accepted("posts:write nope:read")),
        ])
        .guard(READ)
        .unwrap();
    // Whether the owner is suspended is read once.
    assert_eq!(code(&guard, JWT).await, "passed");
    let before = bed.store.accesses();
    let pass = at_once(guard.check(&bearer(JWT), Some(PEER))).unwrap();
    let principal = pass.principal().unwrap();
    assert_eq!(principal.owner(), &acme());
    assert_eq!(
        principal.user().map(ToString::to_string),
        Some("ada".into())
    );
    // What is implied too, and a name that the catalogue doesn't know is nothing.
    let scopes = bed.registry.catalogue().set(["posts:write"]).unwrap();
    assert_eq!(principal.scopes(), &scopes);
    assert_eq!((principal.credential(), principal.id()), (None, None));
    assert_eq!(bed.store.accesses(), before);
}

#[tokio::test]
async fn ours_are_never_shown_to_an_authenticator() {
    let bed = bed().await;
    let asked = own("", Says::Accepted("posts:read"));
    let guard = bed.with([asked.clone()]).guard(READ).unwrap();
    let key = bed.key(&[READ]).await;
    let session = bed.start_session(&[READ]).await;
    let revoked = bed.issue(&[READ]).await;
    let _everywhere = bed
        .registry
        .revoke_key(&Actor::dangerous_system(), revoked.token.id())
        .await
        .unwrap();
    let tested = TokenFormat::new("ap", Environment::Test).unwrap();
    let tested = tested.mint::<ApiKey>().unwrap();
    for (token, expected) in [
        (&*key, "passed"),
        (tested.expose(), "invalid_token"),
        (session.token.expose(), "passed"),
        (revoked.token.expose(), "invalid_token"),
        (session.refresh.expose(), "invalid_token"),
    ] {
        for _ in 0..2 {
            assert_eq!(code(&guard, token).await, expected);
        }
    }
    assert_eq!(asked.asked.load(Ordering::SeqCst), 0);
    // Of no known id and with a wrong checksum it is no token of ours, whatever it looks like.
    let alike = key.replacen(key.get(8..12).unwrap(), "zzzz", 1);
    assert_eq!(code(&guard, &alike).await, "passed");
    assert_eq!(asked.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_rejection_a_failure_and_a_late_answer_are_what_they_are() {
    let bed = bed().await;
    let cases = [
        (
            vec![own("eyJ", Says::Rejected), own("eyJ", Says::Accepted("*"))],
            "invalid_token",
        ),
        (
            vec![
                own("eyJ", Says::Unavailable),
                own("eyJ", Says::Accepted("*")),
            ],
            "unavailable",
        ),
        (vec![own("eyJ", Says::Later("posts:read"))], "passed"),
        (
            vec![own("eyJ", Says::Later("brands:read"))],
            "insufficient_scope",
        ),
        (
            vec![
                own("eyJ", Says::LaterNotMine),
                own("eyJ", Says::Accepted("*")),
            ],
            "passed",
        ),
        (
            vec![
                own("eyJ", Says::LaterNotMine),
                own("eyJ", Says::LaterNotMine),
            ],
            "invalid_token",
        ),
        (
            vec![own("eyJ", Says::LaterNotMine), own("eyJ", Says::Rejected)],
            "invalid_token",
        ),
    ];
    for (chain, expected) in cases {
        let guard = bed.with(chain.clone()).guard(READ).unwrap();
        assert_eq!(code(&guard, JWT).await, expected, "{chain:?}");
    }
    let guard = bed
        .with([own("eyJ", Says::Unavailable)])
        .guard(READ)
        .unwrap();
    let response = denial(&guard, JWT).await.to_response();
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn such_a_user_counts_as_a_session() {
    let bed = bed().await;
    let gate = bed.with([own("eyJ", Says::Accepted("posts:read"))]);
    let guard = |access: Access| gate.guard(access).unwrap();
    assert_eq!(code(&guard(Access::session()), JWT).await, "passed");
    let for_keys = Access::any().with_holder(Holder::Key);
    assert_eq!(code(&guard(for_keys), JWT).await, "key_required");
    assert_eq!(code(&guard(BRANDS.into()), JWT).await, "insufficient_scope");
    let denied = denial(&guard(WRITE.into()), JWT).await;
    assert_eq!(
        denied.message(),
        "the credential lacks the scope `posts:write`"
    );
}

#[tokio::test]
async fn such_a_user_is_limited_with_whatever_token_and_apart_from_others() {
    let bed = bed().await;
    let gate = bed
        .with([own("eyJ", Says::Accepted("posts:read"))])
        .with_session_limit("3/60s".parse().unwrap());
    let (read, write) = (gate.guard(READ).unwrap(), gate.guard(WRITE).unwrap());
    for (left, text) in [(2, JWT), (1, "eyJ.another"), (0, JWT)] {
        let passed = pass(&read, text).await;
        assert_eq!(passed.rate().map(|rate| rate.remaining), Some(left));
    }
    let denied = denial(&read, JWT).await;
    assert_eq!(
        (denied.code(), denied.rate.unwrap().remaining),
        ("rate_limited", 0)
    );
    // Our own session of the same person has a window of its own.
    assert_eq!(code(&read, &bed.session(&[READ]).await).await, "passed");
    // Denials are free but not endless: as many as the quota.
    for _ in 0..3 {
        assert_eq!(code(&write, JWT).await, "insufficient_scope");
    }
    assert_eq!(code(&write, JWT).await, "rate_limited");
    bed.clock.advance(Duration::from_secs(60));
    assert_eq!(code(&read, JWT).await, "passed");
    assert_eq!(code(&write, JWT).await, "insufficient_scope");
}

#[tokio::test]
async fn such_a_user_pays_from_the_owners_balance() {
    let bed = bed().await;
    bed.credits(5).await;
    let gate = bed.with([
        own("eyJ", Says::Accepted("posts:read")),
        own("abc", Says::Later("*")),
    ]);
    let guard = gate.guard(Access::scope(READ).with_price(2)).unwrap();
    for (text, left) in [(JWT, 3), ("abc", 1)] {
        let passed = pass(&guard, text).await;
        passed.finish(&mut http::Response::new(())).await;
        assert_eq!(bed.balance().await, left);
    }
    assert_eq!(code(&guard, JWT).await, "insufficient_credits");
}

#[tokio::test]
async fn wrong_ones_count_as_failures_and_a_client_with_many_is_not_looked_up() {
    let bed = bed().await;
    let (rejects, later) = (
        own("bad", Says::Rejected),
        own("ask", Says::Later("posts:read")),
    );
    let gate = bed
        .with([
            rejects,
            later.clone(),
            own("eyJ", Says::Accepted("posts:read")),
        ])
        .with_failure_limit("3/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    assert_eq!(code(&guard, "ask").await, "passed");
    for _ in 0..3 {
        assert_eq!(code(&guard, "bad").await, "invalid_token");
    }
    assert_eq!(code(&guard, "bad").await, "rate_limited");
    // The future is made, and never awaited; who is verified at once still passes.
    assert_eq!(code(&guard, "ask").await, "rate_limited");
    assert_eq!(code(&guard, JWT).await, "passed");
    let elsewhere = Some("203.0.113.9".parse().unwrap());
    assert!(guard.check(&bearer("ask"), elsewhere).await.is_ok());
    // A credential that is in memory is never refused for its address.
    let key = bed.key(&[READ]).await;
    bed.warm(&key).await;
    assert!(check(&guard, &key).await.is_ok());
}

#[tokio::test]
async fn an_api_key_header_is_asked_about_as_well_and_two_that_differ_are_a_400() {
    let bed = bed().await;
    let guard = bed
        .with([own("eyJ", Says::Accepted("posts:read"))])
        .guard(READ)
        .unwrap();
    let by_header = || guard.check(&request(&[("x-api-key", JWT)]), Some(PEER));
    assert!(by_header().await.is_ok());
    assert!(matches!(by_header(), Progress::Done(Ok(_))));
    let both = [
        ("x-api-key", "other"),
        ("authorization", &*format!("Bearer {JWT}")),
    ];
    let refused = guard.check(&request(&both), Some(PEER)).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_request");
}

#[tokio::test]
async fn such_a_user_manages_keys_as_a_person_does() {
    let bed = bed().await;
    let guard = bed
        .with([own("eyJ", Says::Accepted("posts:read"))])
        .guard(READ)
        .unwrap();
    let passed = pass(&guard, JWT).await;
    let actor = passed.permit().unwrap().actor();
    let new = |scopes: &[portcullis_scope::Scope]| NewKey::new(acme(), "ci", scopes.to_vec());
    let issued = bed.registry.issue_key(&actor, new(&[READ])).await.unwrap();
    assert_eq!(
        issued.key.user().map(ToString::to_string),
        Some("ada".into())
    );
    assert!(bed.registry.issue_key(&actor, new(&[WRITE])).await.is_err());
    let audit = bed.store.memory().audit();
    let line = audit.last().unwrap();
    assert_eq!((&*line.actor, line.ip), ("user:ada", Some(PEER)));
}

#[tokio::test]
async fn a_stream_of_such_a_user_ends_with_what_the_authenticator_said() {
    #[derive(Debug)]
    struct Ending(Arc<Identity>);
    impl Authenticator for Ending {
        fn authenticate(&self, _: &[u8]) -> Authentication {
            Authentication::Accepted(Arc::clone(&self.0))
        }
    }
    let bed = bed().await;
    let end = bed.clock.now().saturating_add(Duration::from_secs(60));
    let grant = "posts:read".parse().unwrap();
    let ada = Identity::new(acme(), "ada".parse().unwrap(), grant).with_expiry(end);
    let gate = bed.gate().with_authenticator(Ending(Arc::new(ada)));
    let passed = pass(&gate.guard(READ).unwrap(), JWT).await;
    let permit = passed.permit().unwrap();
    bed.clock.advance(Duration::from_secs(59));
    assert_eq!(permit.recheck().await, Ok(()));
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(permit.recheck().await.unwrap_err().code(), "invalid_token");
}

#[tokio::test]
async fn the_suspension_of_the_owner_holds_for_such_users_at_once() {
    let bed = bed().await;
    bed.credits(1).await;
    let gate = bed.with([
        own("eyJ", Says::Accepted("posts:read")),
        own("abc", Says::Later("*")),
    ]);
    let guard = gate.guard(READ).unwrap();
    let passed = pass(&guard, JWT).await;
    bed.suspend(Suspension::Suspended).await;
    for text in [JWT, "abc"] {
        assert_eq!(code(&guard, text).await, "billing_suspended");
    }
    let permit = passed.permit().unwrap();
    assert_eq!(
        permit.recheck().await.unwrap_err().code(),
        "billing_suspended"
    );
    bed.suspend(Suspension::Lifted).await;
    assert_eq!(code(&guard, JWT).await, "passed");
    assert_eq!(permit.recheck().await, Ok(()));
    // What can't be read now is neither.
    bed.suspend(Suspension::Suspended).await;
    bed.store.break_down();
    assert_eq!(code(&guard, JWT).await, "unavailable");
}

#[tokio::test]
async fn such_a_user_is_nobody_of_ours_of_the_same_name() {
    let bed = bed().await;
    let ours = bed.session(&[READ]).await;
    let other: Owner = "other".parse().unwrap();
    let identity = Identity::new(other.clone(), "ada".parse().unwrap(), "*".parse().unwrap());
    #[derive(Debug)]
    struct Says(Arc<Identity>);
    impl Authenticator for Says {
        fn authenticate(&self, _: &[u8]) -> Authentication {
            Authentication::Accepted(Arc::clone(&self.0))
        }
    }
    let gate = bed.gate().with_authenticator(Says(Arc::new(identity)));
    let passed = pass(&gate.guard(READ).unwrap(), JWT).await;
    let actor = passed.permit().unwrap().actor();
    let ada = "ada".parse().unwrap();
    let seen = bed
        .registry
        .sessions(&actor, &ada, Listing::default())
        .await;
    assert!(seen.unwrap().sessions.is_empty());
    assert_eq!(bed.registry.end_sessions_of(&actor, &ada).await.unwrap(), 0);
    assert_eq!(bed.registry.revoke_user(&actor, &ada).await.unwrap(), 0);
    assert_eq!(code(&bed.guard(READ), &ours).await, "passed");
}
