//! What is counted of checks: each once, under labels that no caller has a say in.

#![cfg(test)]
#![cfg(feature = "metrics")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use http::{Request, request::Parts};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use portcullis_core::ManualClock;
use portcullis_gate::{Access, Authentication, Authenticator, Gate, Guard};
use portcullis_registry::Identity;
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;

const READ: Scope = Scope::from_static("posts:read");
const WRITE: Scope = Scope::from_static("posts:write");
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn catalogue() -> Catalogue {
    let read = Catalogue::builder().scope("posts:read", "Read posts");
    let both = read.scope("posts:write", "Write posts");
    both.build().unwrap()
}

fn request(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::get("/posts");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn bearer(token: &str) -> Parts {
    request(&[("authorization", &format!("Bearer {token}"))])
}

/// Name and labels of a series, and what it has come to; histograms by the number of their values.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.map(|(key, _, _, value)| {
        let labels = key.key().labels();
        let labels: BTreeSet<String> = labels
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let labels = labels.into_iter().collect::<Vec<_>>().join(",");
        let count = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Histogram(values) => u64::try_from(values.len()).unwrap(),
            DebugValue::Gauge(_) => 0,
        };
        (format!("{}{{{labels}}}", key.key().name()), count)
    })
    .collect()
}

/// Those that are not 0, of the gate's alone.
fn moved(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let ours = [
        "portcullis_requests_total",
        "portcullis_address_refusals_total",
        "portcullis_check_wait_seconds",
    ];
    let mut all = counted(snapshotter);
    all.retain(|name, count| *count > 0 && ours.iter().any(|ours| name.starts_with(ours)));
    all
}

fn expected(series: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let owned = series.iter().map(|(name, count)| ((*name).into(), *count));
    owned.collect()
}

async fn code(guard: &Guard, parts: &Parts) -> &'static str {
    match guard.check(parts, Some(PEER)).await {
        Ok(_) => "passed",
        Err(denial) => denial.code(),
    }
}

#[tokio::test]
async fn every_check_is_counted_once_by_what_came_of_it_and_what_was_presented() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = TestBed::new(catalogue()).await;
    let owner = TestBed::OWNER.parse().unwrap();
    bed.registry().ensure_owner(&owner, 1).await.unwrap();
    let gate = bed.gate().with_limit("3/60s".parse().unwrap());
    let read = gate.guard(READ).unwrap();
    let write = gate.guard(WRITE).unwrap();
    let publish = gate.guard(Access::scope(READ).with_price(1)).unwrap();
    let (key, session) = (bed.key([READ]).await, bed.session([READ]).await);
    let poor = bed.key_of("poor", [READ]).await;

    for (guard, parts, came) in [
        (&read, bearer(&key), "passed"),
        (&read, bearer(&key), "passed"),
        (&write, bearer(&key), "insufficient_scope"),
        (&publish, bearer(&key), "passed"),
        (&read, bearer(&key), "rate_limited"),
        (&read, bearer(&session), "passed"),
        (&publish, bearer(&poor), "insufficient_credits"),
        (&read, request(&[]), "unauthorized"),
        (&read, bearer("gibberish"), "invalid_token"),
        (
            &read,
            request(&[("authorization", "Basic YTpi"), ("x-api-key", "")]),
            "invalid_request",
        ),
    ] {
        assert_eq!(code(guard, &parts).await, came);
    }
    let mut preflight = request(&[
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
    ]);
    preflight.method = http::Method::OPTIONS;
    assert_eq!(code(&read, &preflight).await, "passed");

    let expected = expected(&[
        ("portcullis_requests_total{kind=api_key,outcome=passed}", 3),
        (
            "portcullis_requests_total{kind=api_key,outcome=insufficient_scope}",
            1,
        ),
        (
            "portcullis_requests_total{kind=api_key,outcome=rate_limited}",
            1,
        ),
        (
            "portcullis_requests_total{kind=api_key,outcome=insufficient_credits}",
            1,
        ),
        ("portcullis_requests_total{kind=session,outcome=passed}", 1),
        (
            "portcullis_requests_total{kind=none,outcome=unauthorized}",
            1,
        ),
        (
            "portcullis_requests_total{kind=none,outcome=invalid_request}",
            1,
        ),
        (
            "portcullis_requests_total{kind=external,outcome=invalid_token}",
            1,
        ),
        ("portcullis_requests_total{kind=none,outcome=preflight}", 1),
        // The key, the session and the poor key were each read once, the last with a price.
        ("portcullis_check_wait_seconds{for=credential}", 3),
        ("portcullis_check_wait_seconds{for=credits}", 1),
    ]);
    assert_eq!(moved(&snapshotter), expected);
}

#[tokio::test]
async fn addresses_that_fail_too_often_are_told_from_quotas() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = TestBed::new(catalogue()).await;
    let gate = bed.gate().with_failure_limit("2/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    for came in ["invalid_token", "invalid_token", "rate_limited"] {
        assert_eq!(code(&guard, &bearer("gibberish")).await, came);
    }
    let expected = expected(&[
        (
            "portcullis_requests_total{kind=external,outcome=invalid_token}",
            2,
        ),
        (
            "portcullis_requests_total{kind=external,outcome=rate_limited}",
            1,
        ),
        ("portcullis_address_refusals_total{}", 1),
    ]);
    assert_eq!(moved(&snapshotter), expected);
}

/// Knows one text, and thinks about it.
#[derive(Debug)]
struct Thoughtful;

impl Authenticator for Thoughtful {
    fn authenticate(&self, text: &[u8]) -> Authentication {
        if text != b"adas-token" {
            return Authentication::NotMine;
        }
        let scopes = [READ].into_iter().collect();
        let (owner, user) = ("acme".parse().unwrap(), "ada".parse().unwrap());
        let identity = Arc::new(Identity::new(owner, user, scopes));
        Authentication::Later(Box::pin(async {
            std::future::ready(()).await;
            Authentication::Accepted(identity)
        }))
    }
}

#[tokio::test]
async fn users_of_the_applications_own_are_external_and_waits_are_named_by_the_first() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = TestBed::new(catalogue()).await;
    let gate = bed.gate().with_authenticator(Thoughtful);
    let guard = gate.guard(READ).unwrap();
    assert_eq!(code(&guard, &bearer("adas-token")).await, "passed");
    let expected = expected(&[
        ("portcullis_requests_total{kind=external,outcome=passed}", 1),
        ("portcullis_check_wait_seconds{for=authenticator}", 1),
    ]);
    assert_eq!(moved(&snapshotter), expected);
}

/// Takes a second and a half, and then has no answer yet.
#[derive(Debug)]
struct Slow(Arc<ManualClock>);

impl Authenticator for Slow {
    fn authenticate(&self, _: &[u8]) -> Authentication {
        let clock = Arc::clone(&self.0);
        Authentication::Later(Box::pin(async move {
            clock.advance(Duration::from_millis(1_500));
            std::future::pending().await
        }))
    }
}

#[tokio::test]
async fn a_wait_is_measured_by_the_registrys_clock_also_if_the_client_goes_away() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = TestBed::new(catalogue()).await;
    let gate: Gate = bed.gate();
    let guard = gate.guard(READ).unwrap();
    let key = bed.key([READ]).await;
    let clock = Arc::clone(bed.clock());
    let slow = gate.with_authenticator(Slow(clock)).guard(READ).unwrap();
    let mut waiting = Box::pin(slow.check(&bearer("theirs"), None).into_future());
    let once = std::future::poll_fn(|cx| {
        let poll = waiting.as_mut().poll(cx);
        std::task::Poll::Ready(poll.is_pending())
    });
    assert!(once.await, "it is not answered");
    drop(waiting);
    assert_eq!(code(&guard, &bearer(&key)).await, "passed");

    let all = snapshotter.snapshot().into_vec();
    let waited = |what: &str| {
        let series = all.iter().find(|(key, _, _, _)| {
            key.key().name() == "portcullis_check_wait_seconds"
                && key.key().labels().any(|label| label.value() == what)
        });
        match &series.unwrap().3 {
            DebugValue::Histogram(values) => {
                values.iter().map(|value| value.0).collect::<Vec<f64>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(waited("authenticator"), [1.5]);
    assert_eq!(waited("credential"), [0.0]);
}

#[tokio::test]
async fn whatever_is_presented_the_series_stay_the_same() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let bed = TestBed::new(catalogue()).await;
    let gate = bed.gate().with_failure_limit("1000/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    let before: BTreeSet<String> = counted(&snapshotter).into_keys().collect();
    assert!(!before.is_empty());
    for number in 0..200 {
        let key = bed.key_of(&format!("owner-{number}"), [READ]).await;
        assert_eq!(code(&guard, &bearer(&key)).await, "passed");
        let text = format!("tb_live_{number}");
        let _any = code(&guard, &bearer(&text)).await;
    }
    let after: BTreeSet<String> = counted(&snapshotter).into_keys().collect();
    assert_eq!(after, before);
}
