//! `kill -9` while a credential is used: its counters lose no more than what was not yet written,
//! and never count a use twice.
#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use portcullis_registry::{Actor, Hot, KeyUsage, NewKey, Refusal, Registry};
use portcullis_scope::{Catalogue, Scope};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, Pepper, PepperRing, PepperVersion, TokenFormat};

/// Tells the child process the file of the store and the token of a key.
const CHILD: &str = "PORTCULLIS_USAGE_TEST";
const ROUNDS: u64 = 20;
/// How many uses are written at a time.
const A_FLUSH: u64 = 50;
const READ: Scope = Scope::from_static("posts:read");

fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .build()
        .unwrap()
}

async fn open(path: &Path) -> Registry {
    let store = SqliteStore::open(path).unwrap();
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let pepper = Pepper::from_bytes([7; 32]);
    let peppers = PepperRing::new(PepperVersion::new(1).unwrap(), pepper);
    let opened = Registry::open(store, format, catalogue(), peppers).await;
    opened.unwrap().0
}

/// The child: uses the key and is refused in turn, and says how many uses were written.
#[tokio::test]
async fn child_that_uses_a_key_until_it_is_killed() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let (token, path) = arguments.split_once(' ').unwrap();
    let registry = open(Path::new(path)).await;
    let token = registry.format().recognize(token.as_bytes()).unwrap();
    assert!(registry.load(token.id()).await.unwrap());
    let all = registry.catalogue().all();
    let mut out = std::io::stdout();
    for flush in 1.. {
        for _ in 0..A_FLUSH {
            let visited = registry.visit(&token, Some([203, 0, 113, 7].into()), |visit| {
                visit.note_passed();
                visit.note_used(&all);
                visit.note_refused(Refusal::Scope);
            });
            assert_eq!(visited, Hot::Known(()));
        }
        registry.flush().await.unwrap();
        writeln!(out, "flushed {flush}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn counters_lose_one_flush_at_most_and_gain_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let registry = open(&path).await;
    let system = Actor::dangerous_system();
    let new = NewKey::new("acme".parse().unwrap(), "key", [READ]);
    let issued = registry.issue_key(&system, new).await.unwrap();
    let id = issued.key.credential();
    drop(registry);
    let mut counted = 0;
    for round in 0..ROUNDS {
        let arguments = format!("{} {}", issued.token.expose(), path.display());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "child_that_uses_a_key_until_it_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut flushes = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while flushes <= round % 5 {
            let line = lines.next().unwrap().unwrap();
            flushes += u64::from(line.starts_with("flushed "));
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died.
        flushes += u64::try_from(
            lines
                .filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("flushed ")))
                .count(),
        )
        .unwrap();

        let registry = open(&path).await;
        let KeyUsage {
            requests,
            denied,
            details,
            days,
            ..
        } = registry.key_usage(&system, id).await.unwrap();
        let least = counted + flushes * A_FLUSH;
        // The one whose acknowledgement was under way.
        assert!(
            (least..=least + A_FLUSH).contains(&requests),
            "{requests}, said {least}"
        );
        assert_eq!(requests % A_FLUSH, 0, "a flush is written whole");
        assert_eq!(denied, requests);
        assert_eq!(details.refusals[Refusal::Scope], requests);
        assert_eq!(days.iter().map(|day| day.requests).sum::<u64>(), requests);
        assert_eq!(details.scopes.to_string(), "posts:read");
        assert_eq!(details.networks.len(), 1);
        counted = requests;
    }
}
