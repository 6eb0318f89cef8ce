//! What a plan or a key's own quota makes of the gate's limit.

use portcullis_gate::{Gate, Pass};
use portcullis_registry::{Actor, NewKey, Plan};

use crate::bed::{Bed, READ, WRITE, acme, bed, code, denial, pass};

async fn put(bed: &Bed, quota: &str, owner_quota: Option<&str>) {
    let mut plan = Plan::new("pro".parse().unwrap()).with_quota(quota.parse().unwrap());
    if let Some(quota) = owner_quota {
        plan = plan.with_owner_quota(quota.parse().unwrap());
    }
    bed.credits(0).await;
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), Some(plan))
        .await
        .unwrap();
}

/// `X-RateLimit-Limit` and `-Remaining` of the answer.
fn headers(pass: Pass) -> (String, String) {
    let mut response = http::Response::new(());
    drop(pass.finish(&mut response));
    let header = |name| response.headers()[name].to_str().unwrap().to_owned();
    (header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
}

fn shown(limit: &str, remaining: &str) -> (String, String) {
    (limit.to_owned(), remaining.to_owned())
}

#[tokio::test]
async fn a_plans_quota_replaces_the_gates_for_keys_and_sessions_and_a_keys_own_replaces_both() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    put(&bed, "7/60s", None).await;
    let (key, session) = (bed.key(&[READ]).await, bed.session(&[READ]).await);
    let own = NewKey::new(acme(), "own", [READ]).with_quota("5/60s".parse().unwrap());
    let system = Actor::dangerous_system();
    let own = bed.registry.issue_key(&system, own).await.unwrap();
    for (token, limit, remaining) in [
        (&*key, "7", "6"),
        (&*session, "7", "6"),
        (own.token.expose(), "5", "4"),
    ] {
        let shows = headers(pass(&guard, token).await);
        assert_eq!(shows, shown(limit, remaining));
    }
}

#[tokio::test]
async fn headers_speak_of_the_limit_with_the_least_remaining() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    put(&bed, "3/60s", Some("4/60s")).await;
    let (one, other) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    assert_eq!(headers(pass(&guard, &one).await), shown("3", "2"));
    assert_eq!(headers(pass(&guard, &one).await), shown("3", "1"));
    assert_eq!(headers(pass(&guard, &other).await), shown("4", "1"));
    assert_eq!(headers(pass(&guard, &other).await), shown("4", "0"));

    let refused = denial(&guard, &one).await;
    assert_eq!(refused.code(), "rate_limited");
    let rate = refused.rate.unwrap();
    assert_eq!((rate.limit, rate.remaining), (4, 0));
    // On a 403 it is a peek.
    let forbidden = denial(&bed.guard(WRITE), &one).await;
    assert_eq!(forbidden.code(), "insufficient_scope");
    assert_eq!(forbidden.rate.unwrap().limit, 4);
}

#[tokio::test]
async fn a_changed_plan_goes_for_the_next_request_and_what_was_used_counts() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    put(&bed, "2/60s", None).await;
    let token = bed.key(&[READ]).await;
    for _ in 0..2 {
        drop(pass(&guard, &token).await);
    }
    assert_eq!(code(&guard, &token).await, "rate_limited");
    put(&bed, "3/60s", None).await;
    assert_eq!(headers(pass(&guard, &token).await), shown("3", "0"));
    assert_eq!(code(&guard, &token).await, "rate_limited");
    bed.registry
        .set_plan(&Actor::dangerous_system(), &acme(), None)
        .await
        .unwrap();
    assert_eq!(headers(pass(&guard, &token).await), shown("100", "96"));
}

#[tokio::test]
async fn a_plan_limits_also_behind_a_gate_without_a_limit() {
    let bed = bed().await;
    let guard = Gate::new(bed.registry.clone()).guard(READ).unwrap();
    put(&bed, "1/60s", None).await;
    let token = bed.key(&[READ]).await;
    assert_eq!(headers(pass(&guard, &token).await), shown("1", "0"));
    assert_eq!(code(&guard, &token).await, "rate_limited");
}

#[tokio::test]
async fn a_cost_above_a_plans_quota_is_a_429_without_a_time() {
    let bed = bed().await;
    let guard = bed.guard(portcullis_gate::Access::scope(READ).with_cost(5));
    put(&bed, "4/60s", None).await;
    let token = bed.key(&[READ]).await;
    let denial = denial(&guard, &token).await;
    assert_eq!(
        denial.cause,
        portcullis_error::Cause::RateLimited { retry_after: None }
    );
    assert_eq!(denial.rate.unwrap().remaining, 4);
}
