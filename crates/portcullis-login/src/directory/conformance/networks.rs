//! From where accounts have logged in.

use std::{net::IpAddr, sync::Arc};

use portcullis_core::Timestamp;
use portcullis_limit::IpPartition;

use super::{
    Outcome,
    accounts::{account, create, email, ensure_is_there},
    ensure, failed,
};
use crate::{Directory, KnownNetwork, NewAccount};

fn network(address: &str, seconds: i64) -> Result<KnownNetwork, String> {
    let address: IpAddr = address.parse().map_err(failed)?;
    Ok(KnownNetwork {
        network: IpPartition::from(address),
        noted_at: Timestamp::from_unix_micros(seconds * 1_000_000 + 1),
    })
}

async fn note(directory: &dyn Directory, who: &NewAccount, known: KnownNetwork) -> Outcome {
    let noted = directory.note_network(who.account.id.clone(), known);
    noted.await.map_err(failed)
}

async fn ensure_networks(
    directory: &dyn Directory,
    address: &str,
    expected: &[KnownNetwork],
) -> Outcome {
    let networks = directory.known_networks(email(address)?).await;
    let networks = networks.map_err(failed)?;
    ensure(networks == expected, &networks)
}

pub(super) async fn networks_are_those_of_one_account_the_newest_first(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    let v4 = network("192.0.2.1", 2)?;
    let v6 = network("2001:db8:1:2:3:4:5:6", 3)?;
    let before_1970 = network("198.51.100.7", -3)?;
    for known in [v4, before_1970, v6] {
        note(&*directory, &ada, known).await?;
    }
    note(&*directory, &bob, network("192.0.2.1", 9)?).await?;
    let newest_first = [v6, v4, before_1970];
    ensure_networks(&*directory, "ada@example.com", &newest_first).await?;
    ensure_networks(&*directory, "ADA@Example.COM", &newest_first).await?;
    ensure_networks(&*directory, "bob@example.com", &[network("192.0.2.1", 9)?]).await?;
    ensure_networks(&*directory, "eve@example.com", &[]).await
}

pub(super) async fn a_network_that_is_noted_again_is_one_with_the_later_instant(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    for (address, seconds) in [
        ("2001:db8::1", 1),
        ("192.0.2.1", 2),
        ("2001:db8::2", 3),
        ("192.0.2.1", 1),
    ] {
        note(&*directory, &ada, network(address, seconds)?).await?;
    }
    let expected = [network("2001:db8::3", 3)?, network("192.0.2.1", 2)?];
    ensure_networks(&*directory, "ada@example.com", &expected).await
}

pub(super) async fn the_newest_networks_are_kept(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    let of_bob = network("198.51.100.1", 0)?;
    note(&*directory, &bob, of_bob).await?;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let known = network(&format!("192.0.2.{number}"), number)?;
        let (directory, ada) = (Arc::clone(&directory), ada.clone());
        tasks.push(tokio::spawn(
            async move { note(&*directory, &ada, known).await },
        ));
    }
    for task in tasks {
        task.await.map_err(failed)??;
    }
    let newest = (0..20).rev().take(KnownNetwork::MOST);
    let newest = newest.map(|number| network(&format!("192.0.2.{number}"), number));
    let newest: Vec<_> = newest.collect::<Result<_, _>>()?;
    ensure_networks(&*directory, "ada@example.com", &newest).await?;
    note(&*directory, &ada, network("203.0.113.1", -1)?).await?;
    ensure_networks(&*directory, "ada@example.com", &newest).await?;
    ensure_networks(&*directory, "bob@example.com", &[of_bob]).await
}

pub(super) async fn networks_of_nobody_are_not_kept(directory: Arc<dyn Directory>) -> Outcome {
    let absent = account("ada@example.com", "ada")?;
    note(&*directory, &absent, network("192.0.2.1", 1)?).await?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    directory.create(absent.clone()).await.map_err(failed)?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    ensure_is_there(&*directory, &absent).await
}
