//! How often somebody may try, and who can't be locked out.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_login::LoginError;

use crate::world::{EMAIL, PASSWORD, World, secret};

pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

pub(crate) fn home() -> Option<IpAddr> {
    ip("192.0.2.1")
}

/// A stranger's address.
pub(crate) fn stranger(number: u8) -> Option<IpAddr> {
    Some(IpAddr::from([203, 0, 113, number]))
}

pub(crate) async fn fails(world: &World, email: &str, from: Option<IpAddr>) {
    let refused = world.try_login(email, "wrong", from).await.unwrap_err();
    assert!(
        matches!(refused, LoginError::InvalidCredentials),
        "{refused:?}"
    );
}

/// The wait that is asked for; nothing may be looked at before it is over.
pub(crate) async fn waits(
    world: &World,
    email: &str,
    password: &str,
    from: Option<IpAddr>,
) -> Duration {
    let before = world.login.passwords().computed();
    let refused = world.try_login(email, password, from).await.unwrap_err();
    assert_eq!(world.login.passwords().computed(), before);
    match refused {
        LoginError::RateLimited { retry_after } => retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_may_log_in_ten_times_a_minute() {
    let world = World::new().await;
    for number in 0..9 {
        fails(&world, &format!("nobody{number}@example.com"), home()).await;
    }
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    let wait = waits(&world, EMAIL, PASSWORD, home()).await;
    assert!((1..=62).contains(&wait.as_secs()), "{wait:?}");
    world.try_login(EMAIL, PASSWORD, stranger(1)).await.unwrap();
    world.try_login(EMAIL, PASSWORD, None).await.unwrap();

    world.clock.advance(wait - Duration::from_micros(1));
    waits(&world, EMAIL, PASSWORD, home()).await;
    world.clock.advance(Duration::from_micros(1));
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
}

#[tokio::test]
async fn an_ipv6_network_is_one_address() {
    let world = World::new().await;
    for number in 0..10 {
        let from = ip(&format!("2001:db8::{number}"));
        fails(&world, &format!("nobody{number}@example.com"), from).await;
    }
    waits(&world, "nobody@example.com", "wrong", ip("2001:db8::ffff")).await;
    fails(&world, "nobody@example.com", ip("2001:db8:0:1::1")).await;
}

#[tokio::test]
async fn an_account_may_fail_five_times_over_all_addresses_that_it_does_not_know() {
    let world = World::new().await;
    for number in 0..5 {
        fails(&world, EMAIL, stranger(number)).await;
    }
    let wait = waits(&world, EMAIL, PASSWORD, stranger(9)).await;
    assert!((800..=930).contains(&wait.as_secs()), "{wait:?}");
    waits(&world, "ADA@EXAMPLE.COM", PASSWORD, stranger(9)).await;
    waits(&world, EMAIL, PASSWORD, None).await;
    // Whether there is such an account makes no difference.
    for number in 0..5 {
        fails(&world, "nobody@example.com", stranger(number)).await;
    }
    waits(&world, "nobody@example.com", PASSWORD, stranger(9)).await;
    fails(&world, "someone@example.com", stranger(9)).await;

    world.clock.advance(wait);
    world.try_login(EMAIL, PASSWORD, stranger(9)).await.unwrap();
}

#[tokio::test]
async fn a_stranger_can_not_lock_out_an_address_with_an_earlier_success() {
    let world = World::new().await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    for number in 0..5 {
        fails(&world, EMAIL, stranger(number)).await;
    }
    waits(&world, EMAIL, PASSWORD, stranger(9)).await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    // Nor has that freed the stranger.
    waits(&world, EMAIL, PASSWORD, stranger(9)).await;
}

#[tokio::test]
async fn a_known_address_has_failures_of_its_own_which_a_success_clears() {
    let world = World::new().await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    for _ in 0..4 {
        fails(&world, EMAIL, home()).await;
    }
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    world.clock.advance(Duration::from_secs(70));
    for _ in 0..5 {
        fails(&world, EMAIL, home()).await;
    }
    waits(&world, EMAIL, PASSWORD, home()).await;
    // They are not counted against the addresses that are not known.
    world.try_login(EMAIL, PASSWORD, stranger(1)).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_by_the_account_is_not_charged_to_the_address() {
    let world = World::new().await;
    for _ in 0..5 {
        fails(&world, EMAIL, stranger(1)).await;
    }
    for _ in 0..20 {
        waits(&world, EMAIL, PASSWORD, stranger(1)).await;
    }
    for number in 0..5 {
        fails(&world, &format!("nobody{number}@example.com"), stranger(1)).await;
    }
    waits(&world, "nobody@example.com", "wrong", stranger(1)).await;
}

#[tokio::test]
async fn a_refresh_makes_its_address_known() {
    let world = World::new().await;
    let logged_in = world.try_login(EMAIL, PASSWORD, None).await.unwrap();
    let token = secret(logged_in.issued.refresh.expose());
    world.login.refresh(&token, home()).await.unwrap();
    for number in 0..5 {
        fails(&world, EMAIL, stranger(number)).await;
    }
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
}

#[tokio::test]
async fn an_address_with_refused_refresh_tokens_has_to_wait() {
    let world = World::new().await;
    let logged_in = world.logged_in().await;
    let good = secret(logged_in.issued.refresh.expose());
    for _ in 0..20 {
        let refused = world.login.refresh(&secret("nonsense"), stranger(1)).await;
        assert!(matches!(refused, Err(LoginError::Rejected)), "{refused:?}");
    }
    let refused = world.login.refresh(&good, stranger(1)).await.unwrap_err();
    let LoginError::RateLimited { retry_after } = refused else {
        panic!("{refused:?}");
    };
    world.clock.advance(retry_after);
    world.login.refresh(&good, stranger(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_attempts_at_once_are_no_more_than_so_many_failures() {
    let world = Arc::new(World::new().await);
    let tasks: Vec<_> = (0..40_u8)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let outcome = world.try_login(EMAIL, "wrong", stranger(number)).await;
                matches!(outcome, Err(LoginError::InvalidCredentials))
            })
        })
        .collect();
    let mut looked_at = 0;
    for task in tasks {
        looked_at += u32::from(task.await.unwrap());
    }
    assert_eq!(looked_at, 5);
}
