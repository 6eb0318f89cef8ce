//! How long it waits: never too short, and never longer than said.

use std::{sync::Arc, time::Duration};

use portcullis_core::{ManualClock, Timestamp};
use portcullis_tower::RetryPolicy;
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, retry::RetryLayer};

use crate::script::{Line, after, request, script, send};

const SECOND: Duration = Duration::from_secs(1);
/// The timer's grain.
const GRAIN: Duration = Duration::from_millis(1);
/// `Sun, 06 Nov 1994 08:49:37 GMT`, the example of RFC 9110, section 5.6.7.
const EXAMPLE: i64 = 784_111_777;
const DATES: [&str; 3] = [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
];

fn at(unix_seconds: i64) -> RetryPolicy {
    let clock = ManualClock::new();
    clock.set_now(Timestamp::from_unix_seconds(unix_seconds));
    RetryPolicy::new().with_clock(clock)
}

/// The wait between two tries, if there was a second.
async fn wait(policy: RetryPolicy, line: impl Into<Line>) -> Option<Duration> {
    let server = script([line.into()]);
    send(policy, &server, request("GET")).await;
    server.gaps().first().copied()
}

/// At least `seconds`, and a jitter of at most a quarter of the back-off, here of 1 s.
#[track_caller]
fn assert_first_wait(wait: Option<Duration>, seconds: u32, what: &str) {
    let (wait, least) = (wait.unwrap(), SECOND * seconds);
    assert!(wait >= least, "{what}: {wait:?} is too short");
    assert!(
        wait <= least + SECOND / 4 + GRAIN,
        "{what}: {wait:?} is too long"
    );
}

#[tokio::test(start_paused = true)]
async fn the_back_off_doubles_and_jitter_only_lengthens() {
    let server = script([503; 8]);
    let policy = RetryPolicy::new()
        .with_retries(8)
        .with_deadline(Duration::MAX);
    send(policy, &server, request("GET")).await;
    let gaps = server.gaps();
    assert_eq!(gaps.len(), 8);
    for (gap, seconds) in gaps.into_iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let least = SECOND * seconds;
        assert!(gap >= least && gap <= least * 5 / 4 + GRAIN, "{gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_requests_wait_alike() {
    let policy = RetryPolicy::new();
    let mut waits = Vec::new();
    for _ in 0..20 {
        waits.push(wait(policy.clone(), 503).await.unwrap());
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 10, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_and_in_each_form_of_a_date() {
    for status in [429, 502, 503, 504] {
        for seconds in [2_u32, 30, 60] {
            let text = seconds.to_string();
            let waited = wait(RetryPolicy::new(), after(status, &text)).await;
            assert_first_wait(waited, seconds, &text);
            for date in DATES {
                let policy = at(EXAMPLE - i64::from(seconds));
                assert_first_wait(wait(policy, after(status, date)).await, seconds, date);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_less_than_the_back_off_waits_for_the_back_off() {
    for text in [
        "0", "1", "", "soon", "-5", "7.5", "30 s", "1e3", "0x20", "\u{e9}",
    ] {
        assert_first_wait(wait(RetryPolicy::new(), after(503, text)).await, 1, text);
    }
    for date in DATES {
        for now in [EXAMPLE, EXAMPLE + 1, EXAMPLE + 1_000_000_000] {
            assert_first_wait(wait(at(now), after(503, date)).await, 1, date);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_the_longest_counts() {
    for (texts, seconds) in [
        (&["5", "9"][..], 9),
        (&["9", "5"], 9),
        (&["soon", "5", ""], 5),
        (&[DATES[0], "5"], 20),
        (&["25", DATES[1]], 25),
    ] {
        let headers = texts.iter().map(|text| ("retry-after", (*text).to_owned()));
        let line = Line(429, headers.collect());
        assert_first_wait(
            wait(at(EXAMPLE - 20), line).await,
            seconds,
            &format!("{texts:?}"),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_reset_counts_on_a_429_without_retry_after() {
    const NOW: i64 = 1_793_500_000;
    let reset = (NOW + 8).to_string();
    let with = |status, retry_after: Option<&str>| {
        let mut headers = vec![("x-ratelimit-reset", reset.clone())];
        headers.extend(retry_after.map(|text| ("retry-after", text.to_owned())));
        Line(status, headers)
    };
    for (line, seconds) in [
        (with(429, None), 8),
        (with(429, Some("soon")), 8),
        (with(429, Some("3")), 3),
        (with(429, Some("0")), 1),
        (with(503, None), 1),
        (with(503, Some("3")), 3),
    ] {
        let what = format!("{line:?}");
        assert_first_wait(wait(at(NOW), line).await, seconds, &what);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_to_wait_too_long_gets_the_answer_at_once() {
    let far = "Sun, 06 Nov 2094 08:49:37 GMT";
    for text in ["61", "3600", "99999999999999999999999", far] {
        assert_eq!(wait(at(EXAMPLE), after(429, text)).await, None, "{text}");
    }
    let short = RetryPolicy::new().with_longest_wait(SECOND * 5);
    assert_first_wait(wait(short.clone(), after(429, &5)).await, 5, "5");
    assert_eq!(wait(short.clone(), after(429, &6)).await, None);
    assert_eq!(wait(short.with_longest_wait(GRAIN), 503).await, None);
}

#[tokio::test(start_paused = true)]
async fn no_try_begins_after_the_deadline() {
    // 1, 2, 4, 8 seconds and jitter: the third retry begins after 7 to 8.75, the fourth not.
    let server = script([503; 9]);
    let policy = RetryPolicy::new().with_retries(9);
    let begun = tokio::time::Instant::now();
    let end = send(policy.with_deadline(SECOND * 10), &server, request("GET")).await;
    assert_eq!((end, server.calls()), (503, 4));
    assert!(begun.elapsed() < SECOND * 9, "it does not wait for nothing");

    let policy = RetryPolicy::new().with_deadline(SECOND * 20);
    assert_eq!(wait(policy.clone(), after(429, &21)).await, None);
    assert_first_wait(wait(policy, after(429, &19)).await, 19, "19");
}

#[tokio::test(start_paused = true)]
async fn each_request_of_one_client_has_a_deadline_of_its_own() {
    let policy = RetryPolicy::new().with_deadline(SECOND * 2);
    let server = script([503, 200].repeat(5));
    let mut client = RetryLayer::new(policy).layer(server.clone());
    for _ in 0..5 {
        let answer = client.ready().await.unwrap().call(request("GET")).await;
        assert_eq!(answer.unwrap().status(), 200);
        tokio::time::advance(SECOND * 60).await;
    }
    assert_eq!(server.calls(), 10);
}

/// What is waited for between the tries, by the prose of the documentation alone.
fn oracle(asked: &[Option<u64>], retries: usize, longest: u64) -> Vec<u64> {
    let mut waits = Vec::new();
    let mut own = 1;
    for asked in asked {
        let wait = match asked {
            Some(seconds) if *seconds > own => *seconds,
            _ => own,
        };
        if waits.len() == retries || wait > longest {
            break;
        }
        waits.push(wait);
        own = if own * 2 > 60 { 60 } else { own * 2 };
    }
    waits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn waits_are_those_of_the_oracle(
        asked in prop::collection::vec(prop::option::of(0_u64..90), 0..9),
        statuses in prop::collection::vec(prop::sample::select(vec![429_u16, 502, 503, 504]), 9),
        as_dates in any::<bool>(),
        retries in 0_usize..10,
        longest in 0_u64..100,
    ) {
        let expected = oracle(&asked, retries, longest);
        // The wall clock stands still, so a date is as far away at each try.
        let line = |(asked, status): (&Option<u64>, &u16)| match asked {
            None => Line::from(*status),
            Some(seconds) if as_dates => after(*status, &date(*seconds)),
            Some(seconds) => after(*status, seconds),
        };
        let server = script(asked.iter().zip(&statuses).map(line));
        let policy = at(EXAMPLE)
            .with_retries(u32::try_from(retries).unwrap())
            .with_longest_wait(Duration::from_secs(longest))
            .with_deadline(Duration::MAX)
            .with_budget(Arc::new(crate::budget::Endless));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(send(policy, &server, request("GET")));
        let gaps = server.gaps();
        prop_assert_eq!(gaps.len(), expected.len(), "{:?} {:?}", gaps, expected);
        let mut own = SECOND;
        for (gap, seconds) in gaps.into_iter().zip(expected) {
            let least = Duration::from_secs(seconds);
            prop_assert!(gap >= least && gap <= least + own / 4 + GRAIN, "{:?} {:?}", gap, least);
            own = (own * 2).min(SECOND * 60);
        }
    }
}

/// The example's date, so many seconds later: at most 90, so within the hour.
fn date(later: u64) -> String {
    let second = 49 * 60 + 37 + later;
    format!(
        "Sun, 06 Nov 1994 08:{:02}:{:02} GMT",
        second / 60,
        second % 60
    )
}
