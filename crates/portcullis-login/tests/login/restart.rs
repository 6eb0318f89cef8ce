//! What is known of addresses outlives the process, and costs little.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::Clock;
use portcullis_login::{Directory, LoginError};
use portcullis_registry::MemoryStore;

use crate::{
    limits::{fails, home, ip, stranger, waits},
    people::Call,
    world::{EMAIL, PASSWORD, World, secret},
};

/// A new process over the same people.
async fn restarted(world: &World) -> World {
    let directory = Arc::clone(&world.directory);
    let restarted = World::over(MemoryStore::new(), directory, world.peppers.clone()).await;
    // The clock began anew; wall time did not.
    let passed = world.clock.now().saturating_since(restarted.clock.now());
    restarted.clock.advance(passed + Duration::from_secs(1));
    restarted
}

async fn five_strangers_fail(world: &World) {
    for number in 0..5 {
        fails(world, EMAIL, stranger(number)).await;
    }
    waits(world, EMAIL, PASSWORD, stranger(9)).await;
}

async fn networks(world: &World) -> Vec<String> {
    let networks = world.directory.known_networks(EMAIL.parse().unwrap()).await;
    let networks = networks.unwrap();
    networks
        .iter()
        .map(|known| known.network.to_string())
        .collect()
}

#[tokio::test]
async fn after_a_restart_a_stranger_can_not_lock_out_an_address_with_an_earlier_success() {
    let world = World::new().await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    let world = restarted(&world).await;
    five_strangers_fail(&world).await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    waits(&world, EMAIL, PASSWORD, stranger(9)).await;

    // Whatever the case in which the address is typed.
    let world = restarted(&world).await;
    for number in 0..5 {
        fails(&world, "ADA@example.com", stranger(number)).await;
    }
    world
        .try_login("Ada@Example.com", PASSWORD, home())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_network_of_ipv6_is_known_after_a_restart() {
    let world = World::new().await;
    let (one, other) = (ip("2001:db8:0:7::1"), ip("2001:db8:0:7:ffff::2"));
    world.try_login(EMAIL, PASSWORD, one).await.unwrap();
    let world = restarted(&world).await;
    five_strangers_fail(&world).await;
    waits(&world, EMAIL, PASSWORD, ip("2001:db8:0:8::1")).await;
    world.try_login(EMAIL, PASSWORD, other).await.unwrap();
}

#[tokio::test]
async fn a_refreshed_address_is_known_after_a_restart() {
    let world = World::new().await;
    let logged_in = world.try_login(EMAIL, PASSWORD, None).await.unwrap();
    let token = secret(logged_in.issued.refresh.expose());
    world.login.refresh(&token, home()).await.unwrap();
    let world = restarted(&world).await;
    five_strangers_fail(&world).await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
}

#[tokio::test]
async fn a_known_address_still_has_five_failures_after_a_restart() {
    let world = World::new().await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    let world = restarted(&world).await;
    for _ in 0..5 {
        fails(&world, EMAIL, home()).await;
    }
    waits(&world, EMAIL, PASSWORD, home()).await;
    // They were charged to that address alone.
    world.try_login(EMAIL, PASSWORD, stranger(1)).await.unwrap();
}

#[tokio::test]
async fn a_network_is_written_when_it_is_new_and_then_once_an_hour() {
    let world = World::new().await;
    let written = |world: &World| world.directory.calls(Call::NoteNetwork);
    for _ in 0..3 {
        world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    }
    assert_eq!(written(&world), 1);
    let world = restarted(&world).await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    assert_eq!(written(&world), 1, "it is read and not written again");
    fails(&world, EMAIL, stranger(1)).await;
    world.try_login(EMAIL, PASSWORD, None).await.unwrap();
    assert_eq!(written(&world), 1);
    world.try_login(EMAIL, PASSWORD, stranger(1)).await.unwrap();
    assert_eq!(written(&world), 2);
    assert_eq!(networks(&world).await, ["203.0.113.1", "192.0.2.1"]);

    world.clock.advance(Duration::from_secs(60 * 60));
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    assert_eq!(written(&world), 3);
    assert_eq!(networks(&world).await, ["192.0.2.1", "203.0.113.1"]);
}

#[tokio::test]
async fn the_address_in_use_is_not_pushed_out_by_eight_others() {
    let world = World::new().await;
    for number in 0..8 {
        world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
        world
            .try_login(EMAIL, PASSWORD, stranger(number))
            .await
            .unwrap();
        world.clock.advance(Duration::from_secs(2 * 60 * 60));
    }
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    assert_eq!(networks(&world).await.len(), 8);
    let world = restarted(&world).await;
    for number in 100..105 {
        fails(&world, EMAIL, stranger(number)).await;
    }
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    world.try_login(EMAIL, PASSWORD, stranger(7)).await.unwrap();
    waits(&world, EMAIL, PASSWORD, stranger(0)).await;
}

#[tokio::test]
async fn the_unknown_cost_the_directory_as_much_as_the_known() {
    let world = World::new().await;
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    let mut costs = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let world = restarted(&world).await;
        let calls = || {
            [Call::AccountByEmail, Call::KnownNetworks, Call::NoteNetwork]
                .map(|call| world.directory.calls(call))
        };
        let mut before = calls();
        let mut cost = || {
            let now = calls();
            let cost: Vec<_> = now.iter().zip(before).map(|(now, old)| now - old).collect();
            before = now;
            cost
        };
        for number in 0..5 {
            fails(&world, email, stranger(number)).await;
            costs.push(cost());
        }
        for seconds in [0, 30, 40, 0] {
            world.clock.advance(Duration::from_secs(seconds));
            waits(&world, email, "wrong", stranger(9)).await;
            costs.push(cost());
        }
    }
    let (known, unknown) = costs.split_at(9);
    assert_eq!(known, unknown);
    let networks_read: Vec<_> = known.iter().map(|cost| cost[1]).collect();
    assert_eq!(networks_read, [1, 0, 0, 0, 0, 0, 0, 1, 0], "once a minute");
}

#[tokio::test]
async fn an_address_that_another_process_noted_is_known_within_a_minute() {
    let world = World::new().await;
    let other = restarted(&world).await;
    five_strangers_fail(&world).await;
    other.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    world.clock.advance(Duration::from_secs(61));
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
}

#[tokio::test]
async fn a_login_over_the_limit_of_its_address_does_not_ask_the_directory() {
    let world = World::new().await;
    for number in 0..10 {
        fails(&world, &format!("nobody{number}@example.com"), home()).await;
    }
    let before = world.directory.calls(Call::KnownNetworks);
    waits(&world, "another@example.com", "wrong", home()).await;
    assert_eq!(world.directory.calls(Call::KnownNetworks), before);
}

#[tokio::test]
async fn networks_that_can_not_be_read_are_a_failure_that_is_not_counted() {
    let world = World::new().await;
    world.directory.set_failing(Some(Call::KnownNetworks));
    for number in 0..6_u8 {
        let from = Some(IpAddr::from([203, 0, 113, number]));
        let before = world.login.passwords().computed();
        let refused = world.try_login(EMAIL, PASSWORD, from).await.unwrap_err();
        let LoginError::Unavailable(why) = &refused else {
            panic!("{refused:?}");
        };
        assert!(why.is_transient());
        assert_eq!(world.login.passwords().computed(), before);
    }
    world.directory.set_failing(None);
    world.try_login(EMAIL, PASSWORD, stranger(9)).await.unwrap();
}

#[tokio::test]
async fn a_network_that_can_not_be_written_is_written_at_the_next_login() {
    let world = World::new().await;
    world.directory.set_failing(Some(Call::NoteNetwork));
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    assert!(networks(&world).await.is_empty());
    // This process knows it all the same.
    five_strangers_fail(&world).await;
    world.directory.set_failing(None);
    world.try_login(EMAIL, PASSWORD, home()).await.unwrap();
    assert_eq!(networks(&world).await, ["192.0.2.1"]);
}
