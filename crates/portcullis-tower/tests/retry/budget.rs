//! A budget that clones share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis_tower::RetryPolicy;
use tokio::task::JoinSet;
use tower::retry::budget::{Budget, TpsBudget};

use crate::script::{after, request, script, send};

#[derive(Debug)]
pub(crate) struct Endless;

impl Budget for Endless {
    fn deposit(&self) {}

    fn withdraw(&self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
struct Counting {
    deposits: AtomicUsize,
    withdrawals: AtomicUsize,
}

impl Counting {
    fn counts(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (read(&self.deposits), read(&self.withdrawals))
    }
}

impl Budget for Counting {
    fn deposit(&self) {
        self.deposits.fetch_add(1, Ordering::SeqCst);
    }

    fn withdraw(&self) -> bool {
        self.withdrawals.fetch_add(1, Ordering::SeqCst);
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_gets_no_more_retries_than_the_budget_has() {
    // 30 at once; each of 1,000 requests would otherwise be sent 4 times.
    let budget = TpsBudget::new(Duration::from_secs(10), 3, 0.0);
    let policy = RetryPolicy::new().with_budget(Arc::new(budget));
    let server = script(vec![503; 10_000]);
    let mut requests = JoinSet::new();
    for _ in 0..1_000 {
        let (policy, server) = (policy.clone(), server.clone());
        requests.spawn(async move { send(policy, &server, request("GET")).await });
    }
    while let Some(end) = requests.join_next().await {
        assert_eq!(end.unwrap(), 503);
    }
    let retries = server.calls() - 1_000;
    assert!((30..=60).contains(&retries), "{retries}");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_the_answer_comes_at_once() {
    let budget = TpsBudget::new(Duration::from_secs(10), 0, 1.0);
    let policy = RetryPolicy::new().with_budget(Arc::new(budget));
    let begun = tokio::time::Instant::now();
    assert_eq!(
        send(policy.clone(), &script([503]), request("GET")).await,
        503
    );
    assert_eq!(begun.elapsed(), Duration::ZERO);

    // One success is worth one retry.
    assert_eq!(
        send(policy.clone(), &script([200]), request("GET")).await,
        200
    );
    assert_eq!(
        send(policy.clone(), &script([503]), request("GET")).await,
        200
    );
    let server = script([503, 503]);
    assert_eq!(send(policy, &server, request("GET")).await, 503);
    assert_eq!(server.calls(), 2, "by the success before it");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_drawn_for_a_retry_that_is_not_made() {
    let budget = Arc::new(Counting::default());
    let policy = RetryPolicy::new().with_budget(Arc::<Counting>::clone(&budget));
    send(policy.clone(), &script([after(429, &61)]), request("GET")).await;
    send(policy.clone(), &script([503]), request("POST")).await;
    let late = policy.clone().with_deadline(Duration::ZERO);
    send(late, &script([503]), request("GET")).await;
    send(policy.clone().with_retries(0), &script([0]), request("GET")).await;
    assert_eq!(budget.counts(), (0, 0));

    send(policy.clone(), &script([401]), request("GET")).await;
    assert_eq!(budget.counts(), (1, 0), "the server is there");
    send(policy, &script([429, 0]), request("GET")).await;
    assert_eq!(budget.counts(), (2, 2));
}
