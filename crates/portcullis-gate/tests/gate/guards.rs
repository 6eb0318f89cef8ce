//! What can't be guarded is told when the guard is built.

use portcullis_gate::{Access, GuardError, Holder};
use portcullis_scope::{Requirement, Scope};

use crate::bed::{READ, bed};

const UNKNOWN: Scope = Scope::from_static("posts:vanish");

#[tokio::test]
async fn scopes_that_the_catalogue_does_not_declare_are_refused() {
    let bed = bed().await;
    for access in [
        Access::scope(UNKNOWN),
        Access::requirement(Requirement::any_of([READ, UNKNOWN])),
        Access::requirement(Requirement::all_of::<Scope>([])),
    ] {
        let error = bed.gate().guard(access).unwrap_err();
        assert!(matches!(error, GuardError::Requirement(_)), "{error}");
    }
    let error = bed.gate().guard(UNKNOWN).unwrap_err().to_string();
    assert!(error.contains("posts:vanish"), "{error}");
}

#[tokio::test]
async fn a_cost_that_would_never_pass_is_refused() {
    let bed = bed().await;
    let fitting = Access::scope(READ).with_cost(100);
    assert!(bed.gate().guard(fitting.clone()).is_ok());
    let error = bed.gate().guard(fitting.with_cost(101)).unwrap_err();
    assert!(
        matches!(
            error,
            GuardError::NeverFits {
                cost: 101,
                limit: 100
            }
        ),
        "{error}"
    );
    let smaller = bed.gate().with_session_limit("5/60s".parse().unwrap());
    let error = smaller.guard(Access::any().with_cost(6)).unwrap_err();
    assert!(
        matches!(error, GuardError::NeverFits { cost: 6, limit: 5 }),
        "{error}"
    );
    let unlimited = portcullis_gate::Gate::new(bed.registry);
    assert!(unlimited.guard(Access::any().with_cost(u32::MAX)).is_ok());
}

#[tokio::test]
async fn a_guard_tells_what_it_asks_for() {
    let bed = bed().await;
    let access = Access::session().with_cost(2).with_price(7);
    let guard = bed.gate().guard(access).unwrap();
    let access = guard.access();
    assert_eq!(
        (access.holder(), access.cost(), access.price()),
        (Holder::Session, 2, 7)
    );
    assert!(access.scopes().is_none());
    let scope = bed.guard(READ);
    assert_eq!(scope.access().scopes(), Some(&Requirement::scope(READ)));
    assert_eq!((scope.access().cost(), scope.access().price()), (1, 0));
}

#[tokio::test]
async fn nothing_secret_is_in_what_is_printed_for_debugging() {
    let bed = bed().await;
    let guard = bed.guard(Access::scope(READ).with_price(1));
    bed.credits(1).await;
    let token = bed.key(&[READ]).await;
    let pass = crate::bed::pass(&guard, &token).await;
    // The 32 characters of the secret stand before the version and the checksum.
    let (start, _) = token.split_at(token.len() - 7);
    let (_, secret) = start.split_at(start.len() - 32);
    let printed = format!("{:?} {guard:?} {pass:?} {:?}", guard.gate(), bed.registry);
    assert!(!printed.contains(secret), "{printed}");
}

#[tokio::test]
async fn a_cost_is_measured_by_the_quotas_of_those_who_may_call() {
    let bed = bed().await;
    let gate = bed.gate().with_session_limit("5/60s".parse().unwrap());
    let for_keys = Access::any().with_holder(Holder::Key).with_cost(50);
    assert!(gate.guard(for_keys).is_ok());
    let for_sessions = Access::session().with_cost(50);
    assert!(gate.guard(for_sessions).is_err());
    assert!(gate.guard(Access::any().with_cost(50)).is_err());
}

#[tokio::test]
async fn lines_of_accept_are_one_list() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let request = http::Request::get("/")
        .header("accept", "text/html")
        .header("accept", "application/problem+json");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let denial = guard.check(&parts, None).await.unwrap_err();
    let answer = guard.refuse(&denial, &parts.headers);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}
