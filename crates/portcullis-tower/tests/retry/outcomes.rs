//! What is sent again, and what is not.

use http::Method;
use portcullis_tower::{Repeat, RetryPolicy};

use crate::script::{Line, request, script, send};

const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
const OTHERS: [&str; 4] = ["POST", "PATCH", "CONNECT", "PURGE"];
const FOR_NOW: [u16; 5] = [0, 429, 502, 503, 504];

/// Whether a request of this method that ends so once is sent again.
async fn repeats(policy: RetryPolicy, method: &str, status: u16) -> bool {
    let server = script([status]);
    let end = send(policy, &server, request(method)).await;
    match server.calls() {
        1 => assert_eq!(end, status, "{method} {status}"),
        2 => assert_eq!(end, 200, "{method} {status}"),
        calls => panic!("{calls} calls"),
    }
    server.calls() == 2
}

/// All that a server may answer, and the error.
fn statuses() -> impl Iterator<Item = u16> {
    [0].into_iter().chain(200..600)
}

#[tokio::test(start_paused = true)]
async fn idempotent_requests_are_repeated_after_what_is_for_now_and_no_others() {
    for status in statuses() {
        for method in IDEMPOTENT {
            let repeated = repeats(RetryPolicy::new(), method, status).await;
            assert_eq!(repeated, FOR_NOW.contains(&status), "{method} {status}");
        }
        for method in OTHERS {
            assert!(!repeats(RetryPolicy::new(), method, status).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_method_is_repeated_after_429_alone_where_that_is_said_to_be_safe() {
    for status in statuses() {
        for method in OTHERS {
            let policy = RetryPolicy::new().with_any_method_on_429();
            let repeated = repeats(policy, method, status).await;
            assert_eq!(repeated, status == 429, "{method} {status}");
        }
    }
    let policy = RetryPolicy::new().with_any_method_on_429();
    assert!(repeats(policy, "GET", 502).await);
}

#[tokio::test(start_paused = true)]
async fn any_method_at_all_is_dangerous_and_still_not_after_what_stays_so() {
    for status in statuses() {
        for method in OTHERS {
            let policy = RetryPolicy::new().dangerous_with_any_method();
            let repeated = repeats(policy, method, status).await;
            assert_eq!(repeated, FOR_NOW.contains(&status), "{method} {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_returned_where_that_is_wished() {
    for method in IDEMPOTENT {
        assert!(!repeats(RetryPolicy::new().without_errors(), method, 0).await);
        assert!(repeats(RetryPolicy::new().without_errors(), method, 503).await);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_may_say_that_it_may_be_repeated_or_not() {
    for (method, repeat, calls) in [
        ("POST", Repeat::Allow, 2),
        ("GET", Repeat::Allow, 2),
        ("GET", Repeat::Never, 1),
        ("POST", Repeat::Never, 1),
    ] {
        for status in FOR_NOW {
            let server = script([status]);
            let mut request = request(method);
            request.extensions_mut().insert(repeat);
            let policy = RetryPolicy::new();
            let policy = match repeat {
                Repeat::Allow => policy,
                Repeat::Never => policy.dangerous_with_any_method(),
            };
            send(policy, &server, request).await;
            assert_eq!(server.calls(), calls, "{method} {repeat:?} {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_idempotency_key_counts() {
    for (keys, calls) in [
        (&["8e03978e-40d5"][..], 2),
        (&["\"8e03978e-40d5\""], 2),
        (&[""], 1),
        (&[" "], 1),
        (&["a", "b"], 1),
        (&["a", "a"], 1),
        (&["", "a"], 1),
    ] {
        let server = script([503]);
        let mut request = request("POST");
        for key in keys {
            let headers = request.headers_mut();
            headers.append("idempotency-key", key.parse().unwrap());
        }
        send(RetryPolicy::new(), &server, request).await;
        assert_eq!(server.calls(), calls, "{keys:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_try_is_the_same_request() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mark(u8);

    let server = script([429, 0, 503]);
    let mut request = request("PUT");
    request.extensions_mut().insert(Mark(7));
    request.headers_mut().append("x-one", "1".parse().unwrap());
    request.headers_mut().append("x-one", "2".parse().unwrap());
    *request.version_mut() = http::Version::HTTP_2;
    let headers = request.headers().clone();
    assert_eq!(send(RetryPolicy::new(), &server, request).await, 200);
    assert_eq!(server.calls(), 4);
    for (_, asked) in server.asked.lock().unwrap().iter() {
        assert_eq!(asked.method(), Method::PUT);
        assert_eq!(asked.uri(), "/notes");
        assert_eq!(asked.version(), http::Version::HTTP_2);
        assert_eq!(asked.headers(), &headers);
        assert_eq!(asked.extensions().get(), Some(&Mark(7)));
        assert_eq!(asked.body(), "a note");
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_so_many_retries_and_the_last_answer_is_the_callers() {
    for (retries, calls, end) in [
        (0, 1, 429),
        (1, 2, 503),
        (2, 3, 0),
        (3, 4, 502),
        (4, 5, 200),
    ] {
        let server = script([429, 503, 0, 502]);
        let policy = RetryPolicy::new().with_retries(retries);
        assert_eq!(send(policy, &server, request("GET")).await, end);
        assert_eq!(server.calls(), calls);
    }
    let server = script([503; 9]);
    send(RetryPolicy::new(), &server, request("GET")).await;
    assert_eq!(server.calls(), 4, "three retries unless set otherwise");
}

#[tokio::test(start_paused = true)]
async fn what_ends_a_series_ends_it() {
    for status in [200, 401, 402, 403, 500] {
        let server = script([Line::from(503), status.into(), 503.into()]);
        assert_eq!(
            send(RetryPolicy::new(), &server, request("GET")).await,
            status
        );
        assert_eq!(server.calls(), 2);
    }
}
