//! Failed verifications are counted by the client's address, and nobody is locked out by another.

use std::{net::IpAddr, time::Duration};

use portcullis_gate::Guard;
use portcullis_token::ApiKey;

use crate::bed::{Bed, PEER, READ, WRITE, bearer, bed, mistyped, request};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What a client at this address is answered.
async fn from(guard: &Guard, address: Option<IpAddr>, token: &str) -> &'static str {
    match guard.check(&bearer(token), address).await {
        Ok(_) => "passed",
        Err(denial) => denial.code(),
    }
}

async fn fail(guard: &Guard, address: &str, times: usize) {
    for _ in 0..times {
        let code = from(guard, Some(ip(address)), "guess").await;
        assert_eq!(code, "invalid_token", "{address}");
    }
}

fn unknown(bed: &Bed) -> String {
    let minted = bed.registry.format().mint::<ApiKey>().unwrap();
    minted.expose().to_owned()
}

#[tokio::test]
async fn the_twenty_first_failure_is_a_429_whatever_kind_it_is() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let (key, cached) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    bed.warm(&cached).await;
    let wrong = {
        let id = bed
            .registry
            .format()
            .parse::<ApiKey>(cached.as_str())
            .unwrap()
            .id();
        let format = bed.registry.format();
        format
            .dangerous_from_parts::<ApiKey>(portcullis_token::Environment::Live, id, [b'x'; 32])
            .unwrap()
    };
    for token in [&*unknown(&bed), wrong.expose(), "no-token", &mistyped(&key)] {
        for _ in 0..5 {
            assert_eq!(from(&guard, Some(PEER), token).await, "invalid_token");
        }
    }
    for token in [&*unknown(&bed), wrong.expose(), "no-token"] {
        assert_eq!(from(&guard, Some(PEER), token).await, "rate_limited");
    }
}

#[tokio::test]
async fn over_the_limit_a_key_from_memory_passes_and_one_to_be_looked_up_waits() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let (cached, cold) = (bed.key(&[READ]).await, bed.key(&[READ]).await);
    bed.warm(&cached).await;
    fail(&guard, "192.0.2.7", 20).await;
    let before = bed.store.accesses();
    assert_eq!(from(&guard, Some(PEER), &cached).await, "passed");
    assert_eq!(from(&guard, Some(PEER), &cold).await, "rate_limited");
    assert_eq!(bed.store.accesses(), before, "it was not looked up");
    assert_eq!(from(&guard, Some(ip("192.0.2.8")), &cold).await, "passed");
    assert_eq!(
        from(&guard, Some(PEER), &cold).await,
        "passed",
        "it is in memory now"
    );
}

#[tokio::test]
async fn a_429_for_an_address_says_when_and_shows_no_rate() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    fail(&guard, "192.0.2.7", 20).await;
    let denial = guard.check(&bearer("guess"), Some(PEER)).await.unwrap_err();
    assert_eq!(denial.rate, None);
    let wait = denial.cause.retry_after().unwrap();
    assert_eq!(wait, Duration::from_secs(60));
    bed.clock.advance(wait - Duration::from_micros(1));
    assert_eq!(from(&guard, Some(PEER), "guess").await, "rate_limited");
    bed.clock.advance(Duration::from_micros(1));
    assert_eq!(from(&guard, Some(PEER), "guess").await, "invalid_token");
}

#[tokio::test]
async fn without_an_address_failures_are_not_limited() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    for _ in 0..50 {
        assert_eq!(from(&guard, None, "guess").await, "invalid_token");
    }
}

#[tokio::test]
async fn what_is_no_failed_verification_does_not_count() {
    let bed = bed().await;
    let guard = bed.guard(WRITE);
    let reader = bed.key(&[READ]).await;
    for _ in 0..30 {
        assert_eq!(
            from(&guard, Some(PEER), &reader).await,
            "insufficient_scope"
        );
        assert!(guard.check(&request(&[]), Some(PEER)).await.is_err());
        assert_eq!(from(&guard, Some(PEER), "a b").await, "invalid_request");
    }
    fail(&guard, "192.0.2.7", 20).await;
}

#[tokio::test]
async fn a_store_out_of_reach_is_no_failure_of_the_client() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let key = bed.key(&[READ]).await;
    let cold = bed.key(&[READ]).await;
    let at_once: Vec<_> = (0..25)
        .map(|_| guard.check(&bearer(&cold), Some(PEER)))
        .collect();
    for check in at_once {
        assert!(check.await.is_ok());
    }
    for _ in 0..30 {
        drop(guard.check(&bearer(&unknown(&bed)), Some(PEER)));
    }
    bed.store.break_down();
    for _ in 0..30 {
        assert_eq!(from(&guard, Some(PEER), &key).await, "unavailable");
    }
    bed.store.mend();
    assert_eq!(from(&guard, Some(PEER), &key).await, "passed");
}

#[tokio::test]
async fn one_client_is_one_address_however_it_is_written() {
    for (one, other) in [
        ("192.0.2.9", "::ffff:192.0.2.9"),
        ("192.0.2.9", "64:ff9b::c000:209"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
    ] {
        let bed = bed().await;
        let guard = bed.guard(READ);
        fail(&guard, one, 20).await;
        assert_eq!(
            from(&guard, Some(ip(other)), "guess").await,
            "rate_limited",
            "{other}"
        );
    }
    let bed = bed().await;
    let guard = bed.guard(READ);
    fail(&guard, "2001:db8:1:2::1", 20).await;
    fail(&guard, "2001:db8:1:3::1", 1).await;
}

#[tokio::test]
async fn the_limit_may_be_another() {
    let bed = bed().await;
    let gate = bed.gate().with_failure_limit("2/60s".parse().unwrap());
    let guard = gate.guard(READ).unwrap();
    fail(&guard, "192.0.2.7", 2).await;
    assert_eq!(from(&guard, Some(PEER), "guess").await, "rate_limited");
}

#[tokio::test]
async fn forwarded_addresses_are_believed_as_far_as_proxies_are_trusted() {
    let bed = bed().await;
    // The client wrote the first entry, each proxy in turn the next.
    let one_line = request(&[("x-forwarded-for", "203.0.113.1, 203.0.113.2, 203.0.113.3")]);
    let lines = request(&[
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-for", "203.0.113.2, 203.0.113.3"),
    ]);
    let broken = request(&[("x-forwarded-for", "203.0.113.1, nonsense, 203.0.113.3")]);
    for (hops, parts, expected) in [
        (0, &one_line, "192.0.2.7"),
        (1, &one_line, "203.0.113.3"),
        (2, &one_line, "203.0.113.2"),
        (2, &lines, "203.0.113.2"),
        (3, &lines, "203.0.113.1"),
        (9, &lines, "203.0.113.1"),
        (3, &broken, "203.0.113.3"),
        (2, &request(&[]), "192.0.2.7"),
    ] {
        let gate = bed.gate().with_trusted_hops(hops);
        let found = gate.client_ip(&parts.headers, Some(PEER));
        assert_eq!(found, Some(ip(expected)), "{hops} {:?}", parts.headers);
        assert_eq!(gate.client_ip(&parts.headers, None), None);
    }
}

#[tokio::test]
async fn a_forged_forwarded_address_gives_no_fresh_failures() {
    let bed = bed().await;
    for hops in [0, 1] {
        let guard = bed.gate().with_trusted_hops(hops).guard(READ).unwrap();
        let mut codes = Vec::new();
        for guess in 0..21 {
            let forwarded = format!("203.0.113.{guess}, 198.51.100.1");
            let parts = request(&[
                ("authorization", "Bearer guess"),
                ("x-forwarded-for", &forwarded),
            ]);
            codes.push(guard.check(&parts, Some(PEER)).await.unwrap_err().code());
        }
        assert_eq!(codes[19..], ["invalid_token", "rate_limited"], "{hops}");
    }
}

#[tokio::test]
async fn many_guesses_at_once_reach_the_store_no_more_often_than_one_after_another() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let before = bed.store.accesses().0;
    let checks: Vec<_> = (0..200)
        .map(|_| guard.check(&bearer(&unknown(&bed)), Some(PEER)))
        .collect();
    for check in checks {
        assert!(check.await.is_err());
    }
    assert_eq!(bed.store.accesses().0 - before, 20);
}

#[tokio::test]
async fn a_refused_look_up_says_when_the_next_one_is_admitted() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    let cold = bed.key(&[READ]).await;
    for _ in 0..20 {
        fail(&guard, "192.0.2.7", 1).await;
        bed.clock.advance(Duration::from_secs(2));
    }
    // The first of the 20 is 40 s old, and its slot is as wide as 60 s / 32.
    let refused = guard.check(&bearer(&cold), Some(ip("192.0.2.7"))).await;
    let wait = refused.unwrap_err().cause.retry_after().unwrap();
    assert!(
        wait >= Duration::from_secs(20) && wait <= Duration::from_millis(21_876),
        "{wait:?}"
    );
    bed.clock.advance(wait - Duration::from_micros(50));
    assert_eq!(
        from(&guard, Some(ip("192.0.2.7")), &cold).await,
        "rate_limited"
    );
    bed.clock.advance(Duration::from_micros(50));
    assert_eq!(from(&guard, Some(ip("192.0.2.7")), &cold).await, "passed");
}

#[tokio::test]
async fn what_is_right_or_can_not_be_read_is_no_failure() {
    let bed = bed().await;
    let guard = bed.guard(READ);
    for _ in 0..30 {
        let cold = bed.key(&[READ]).await;
        assert_eq!(from(&guard, Some(PEER), &cold).await, "passed");
    }
    let cold = bed.key(&[READ]).await;
    let at_once: Vec<_> = (0..25)
        .map(|_| guard.check(&bearer(&cold), Some(PEER)))
        .collect();
    for check in at_once {
        assert!(check.await.is_ok());
    }
    for _ in 0..30 {
        drop(guard.check(&bearer(&unknown(&bed)), Some(PEER)));
    }
    bed.store.break_down();
    for _ in 0..30 {
        assert_eq!(
            from(&guard, Some(PEER), &unknown(&bed)).await,
            "unavailable"
        );
    }
}

#[tokio::test]
async fn the_wider_networks_of_ipv6_may_fail_4_and_16_times_as_often() {
    for (distinct, expected) in [(0x1_u32, 80), (0x100, 320)] {
        let bed = bed().await;
        let guard = bed.guard(READ);
        let mut failed = 0;
        for network in 0..400_u32 {
            // Each /64 differs; the /56 stays, or differs too.
            let address = format!("2001:db8:1:{:x}::1", (network * distinct) & 0xffff);
            let address = if distinct == 1 {
                format!("2001:db8:1:{:x}::1", network % 256)
            } else {
                address
            };
            failed += u32::from(from(&guard, Some(ip(&address)), "guess").await == "invalid_token");
        }
        assert_eq!(failed, expected, "{distinct:x}");
    }
}
