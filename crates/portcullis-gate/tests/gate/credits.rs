//! Credits are reserved before the handler, settled by its answer, and never lost in between.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::Response;
use portcullis_gate::{Access, ActualPrice, Guard, Pass, Progress};

use crate::bed::{Bed, PEER, READ, acme, bearer, bed, code, pass};

/// An owner with 10 credits, a route of 3, and a key in memory.
async fn three_of_ten() -> (Bed, Guard, String) {
    let bed = bed().await;
    bed.credits(10).await;
    let guard = bed.guard(Access::scope(READ).with_price(3));
    let token = bed.key(&[READ]).await;
    bed.warm(&token).await;
    (bed, guard, token)
}

fn answer(status: u16) -> Response<()> {
    Response::builder().status(status).body(()).unwrap()
}

#[tokio::test]
async fn credits_are_set_aside_while_the_handler_runs() {
    let (bed, guard, token) = three_of_ten().await;
    let passes = [
        pass(&guard, &token).await,
        pass(&guard, &token).await,
        pass(&guard, &token).await,
    ];
    assert_eq!(bed.balance().await, 1);
    assert_eq!(code(&guard, &token).await, "insufficient_credits");
    for pass in passes {
        pass.fail().await;
    }
    assert_eq!(bed.balance().await, 10);
}

#[tokio::test]
async fn below_400_the_price_is_charged_and_from_400_on_it_is_given_back() {
    for (status, balance) in [
        (200, 7),
        (204, 7),
        (302, 7),
        (399, 7),
        (400, 10),
        (404, 10),
        (429, 10),
        (500, 10),
        (599, 10),
    ] {
        let (bed, guard, token) = three_of_ten().await;
        pass(&guard, &token).await.finish(&mut answer(status)).await;
        assert_eq!(
            bed.balance().await,
            balance,
            "{status}: durable once it is awaited"
        );
        bed.registry.flush().await.unwrap();
        assert_eq!(bed.balance().await, balance, "{status}: and only once");
    }
}

#[tokio::test]
async fn a_grpc_call_that_failed_is_given_back_and_one_that_did_not_is_charged() {
    for (status, balance) in [("0", 7), ("13", 10), ("16", 10)] {
        let (bed, guard, token) = three_of_ten().await;
        let answer = Response::builder().header("grpc-status", status);
        let mut answer = answer.body(()).unwrap();
        pass(&guard, &token).await.finish(&mut answer).await;
        assert_eq!(bed.balance().await, balance, "{status}");
    }
}

#[tokio::test]
async fn a_handler_may_say_what_it_really_cost_but_not_more_than_the_price() {
    for (status, actual, balance) in [(200, 1, 9), (200, 0, 10), (200, 99, 7), (500, 3, 10)] {
        let (bed, guard, token) = three_of_ten().await;
        let mut response = answer(status);
        response.extensions_mut().insert(ActualPrice(actual));
        pass(&guard, &token).await.finish(&mut response).await;
        assert_eq!(bed.balance().await, balance, "{status} {actual}");
    }
}

#[tokio::test]
async fn finishing_writes_the_rate_headers_over_those_of_the_answer() {
    let (_bed, guard, token) = three_of_ten().await;
    let mut response = answer(200);
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-remaining", "7".parse().unwrap());
    pass(&guard, &token).await.finish(&mut response).await;
    let headers = response.headers();
    assert_eq!(headers["x-ratelimit-limit"], "100");
    assert_eq!(headers["x-ratelimit-remaining"], "99");
    assert_eq!(headers.get_all("x-ratelimit-remaining").iter().count(), 1);
    assert_eq!(headers["x-ratelimit-reset"], "1767225660");
}

/// What is left after the driver has had its turn.
async fn balance_after(bed: &Bed, end: impl FnOnce(Pass), pass: Pass) -> i64 {
    end(pass);
    bed.registry.flush().await.unwrap();
    bed.balance().await
}

#[tokio::test]
async fn a_pass_that_is_dropped_is_a_client_that_went_away_and_is_charged() {
    let (bed, guard, token) = three_of_ten().await;
    let pass = pass(&guard, &token).await;
    assert_eq!(balance_after(&bed, drop, pass).await, 7);
    assert_eq!(
        bed.store.memory().ledger(&acme()).last().unwrap().amount,
        -3
    );
}

#[tokio::test]
async fn a_settlement_that_is_dropped_is_made_by_the_driver() {
    let (bed, guard, token) = three_of_ten().await;
    let passed = pass(&guard, &token).await;
    let charged = balance_after(&bed, |pass| drop(pass.finish(&mut answer(200))), passed).await;
    assert_eq!(charged, 7);
    let passed = pass(&guard, &token).await;
    let released = balance_after(&bed, |pass| drop(pass.finish(&mut answer(500))), passed).await;
    assert_eq!(released, 7);
    let passed = pass(&guard, &token).await;
    assert_eq!(
        balance_after(&bed, |pass| drop(pass.fail()), passed).await,
        7
    );
}

#[tokio::test]
async fn a_panicking_thread_gives_its_credits_back() {
    let (bed, guard, token) = three_of_ten().await;
    let pass = pass(&guard, &token).await;
    let handler = |pass: Pass| {
        let thread = std::thread::spawn(move || {
            let _pass = pass;
            panic!("the handler panics, as it should in this test");
        });
        assert!(thread.join().is_err());
    };
    assert_eq!(balance_after(&bed, handler, pass).await, 10);
}

#[tokio::test]
async fn a_settlement_that_the_store_refuses_is_made_when_it_is_back() {
    let (bed, guard, token) = three_of_ten().await;
    let pass = pass(&guard, &token).await;
    bed.store.break_down();
    pass.finish(&mut answer(200)).await;
    assert!(bed.registry.flush().await.is_err());
    bed.store.mend();
    assert_eq!(bed.balance().await, 7);
    bed.registry.flush().await.unwrap();
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.balance().await, 7);
    assert_eq!(
        bed.store.memory().ledger(&acme()).len(),
        2,
        "the first credits, and one charge"
    );
}

/// Polls a check so many times and drops it; whether it was done by then.
fn abandon_after(polls: usize, progress: Progress) -> bool {
    let Progress::Pending(rest) = progress else {
        panic!("there is a price to reserve");
    };
    let mut rest = pin!(rest);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if let Poll::Ready(verdict) = rest.as_mut().poll(&mut context) {
            drop(verdict.unwrap().fail());
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_check_that_is_dropped_at_any_point_leaves_nothing_reserved() {
    let mut was_done = false;
    let mut polls = 0;
    while !was_done {
        for is_warm in [true, false] {
            let (bed, guard, mut token) = three_of_ten().await;
            if !is_warm {
                token = bed.key(&[READ]).await;
            }
            was_done = abandon_after(polls, guard.check(&bearer(&token), Some(PEER)));
            bed.registry.flush().await.unwrap();
            assert_eq!(bed.balance().await, 10, "{polls} polls, warm: {is_warm}");
            assert_eq!(bed.store.memory().ledger(&acme()).len(), 1);
        }
        polls += 1;
    }
    assert!(polls >= 3, "it was dropped on the way at least twice");
}

#[tokio::test]
async fn the_ledger_says_what_for_without_the_query() {
    let (bed, guard, token) = three_of_ten().await;
    let authorization = format!("Bearer {token}");
    let parts = crate::bed::request_to(
        "/posts/7/publish?draft=secret",
        &[("authorization", &authorization)],
    );
    let pass = guard.check(&parts, None).await.unwrap();
    pass.finish(&mut answer(200)).await;
    let ledger = bed.store.memory().ledger(&acme());
    let line = ledger.last().unwrap();
    assert_eq!(
        (line.amount, line.note.as_str()),
        (-3, "GET /posts/7/publish")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_for_the_last_credits_and_the_last_unit_one_passes() {
    for _ in 0..50 {
        let (bed, _, token) = three_of_ten().await;
        let last = bed.gate().with_limit("1/60s".parse().unwrap());
        let racing = |guard: Guard| {
            let token = token.clone();
            tokio::spawn(async move { code(&guard, &token).await })
        };
        // Of the credits: there are 10, and each asks for 6. A rate unit is spent by both.
        let guard = bed.guard(Access::scope(READ).with_price(6));
        let (one, other) = (racing(guard.clone()), racing(guard));
        let mut codes = [one.await.unwrap(), other.await.unwrap()];
        codes.sort_unstable();
        assert_eq!(codes, ["insufficient_credits", "passed"]);
        bed.registry.flush().await.unwrap();
        assert_eq!(bed.balance().await, 4);

        // Of the rate: both are over the limit of one by now, so another minute begins.
        bed.clock.advance(std::time::Duration::from_secs(60));
        let guard = last.guard(READ).unwrap();
        let (one, other) = (racing(guard.clone()), racing(guard));
        let mut codes = [one.await.unwrap(), other.await.unwrap()];
        codes.sort_unstable();
        assert_eq!(codes, ["passed", "rate_limited"]);
    }
}

/// The units of the quota of 100 that are used, and the credits of 10 that are left, after a
/// request that ended so.
async fn spent(end: &str) -> (u32, i64) {
    let (bed, guard, token) = three_of_ten().await;
    let system = portcullis_registry::Actor::dangerous_system();
    let id = bed
        .registry
        .format()
        .recognize(token.as_bytes())
        .unwrap()
        .id();
    let dear = bed.guard(Access::scope(READ).with_price(11));
    let other_scope = bed.guard(Access::scope(crate::bed::WRITE).with_price(3));
    let for_people = bed.guard(Access::session().with_price(3));
    match end {
        "400" => {
            let two = crate::bed::request(&[("x-api-key", &token), ("x-api-key", &token)]);
            assert_eq!(
                guard.check(&two, Some(PEER)).await.unwrap_err().status(),
                400
            );
        }
        "401" => {
            let none = crate::bed::request(&[]);
            assert_eq!(
                guard.check(&none, Some(PEER)).await.unwrap_err().status(),
                401
            );
        }
        "401 disabled" => {
            let disable = portcullis_registry::KeyChange::new().disable();
            bed.registry.change_key(&system, id, disable).await.unwrap();
            assert_eq!(code(&guard, &token).await, "invalid_token");
            let enable = portcullis_registry::KeyChange::new().enable();
            bed.registry.change_key(&system, id, enable).await.unwrap();
        }
        "402" => assert_eq!(code(&dear, &token).await, "insufficient_credits"),
        "403 scope" => assert_eq!(code(&other_scope, &token).await, "insufficient_scope"),
        "403 holder" => assert_eq!(code(&for_people, &token).await, "session_required"),
        "403 suspended" => {
            bed.suspend(portcullis_registry::Suspension::Suspended)
                .await;
            assert_eq!(code(&guard, &token).await, "billing_suspended");
            bed.suspend(portcullis_registry::Suspension::Lifted).await;
        }
        "503" => {
            bed.store.break_down();
            assert_eq!(code(&guard, &token).await, "unavailable");
            bed.store.mend();
        }
        "fails" => pass(&guard, &token).await.fail().await,
        "goes away" => drop(pass(&guard, &token).await),
        "never asked" => drop(guard.check(&bearer(&token), Some(PEER))),
        answered => {
            let status = answered.strip_prefix("answered ").unwrap();
            let mut answer = answer(status.parse().unwrap());
            pass(&guard, &token).await.finish(&mut answer).await;
        }
    }
    bed.registry.flush().await.unwrap();
    let shown = pass(&bed.guard(READ), &token).await;
    (99 - shown.rate().unwrap().remaining, bed.balance().await)
}

/// By hand from the design: what each end of a request costs in rate units and credits.
#[tokio::test]
async fn each_end_of_a_request_costs_what_it_must() {
    let table = [
        ("400", 0, 10),
        ("401", 0, 10),
        ("401 disabled", 0, 10),
        ("403 scope", 0, 10),
        ("403 holder", 0, 10),
        ("403 suspended", 0, 10),
        ("402", 1, 10),
        ("503", 1, 10),
        ("answered 200", 1, 7),
        ("answered 201", 1, 7),
        ("answered 304", 1, 7),
        ("answered 400", 1, 10),
        ("answered 401", 1, 10),
        ("answered 404", 1, 10),
        ("answered 500", 1, 10),
        ("answered 503", 1, 10),
        ("fails", 1, 10),
        ("goes away", 1, 7),
        ("never asked", 1, 10),
    ];
    for (end, units, credits) in table {
        assert_eq!(spent(end).await, (units, credits), "{end}");
    }
}
