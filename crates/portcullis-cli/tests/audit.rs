//! The audit log by the command line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod common;

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use common::{Places, done, refused, run};
use portcullis_registry::{Actor, NewKey};
use tokio::task::JoinSet;

/// A store with three rows, of `acme`, `other` and `acme`, with addresses.
fn places() -> Places {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.serve(async |registry| {
        let actor = Actor::dangerous_system().with_ip([203, 0, 113, 9].into());
        for owner in ["acme", "other", "acme"] {
            let scopes = ["posts:read".parse().unwrap()];
            let key = NewKey::new(owner.parse().unwrap(), "laptop", scopes);
            registry.issue_key(&actor, key).await.unwrap();
        }
    });
    places
}

fn audit(places: &Places, arguments: &[&str]) -> std::process::Output {
    let store = ["--store", places.store_argument()];
    run(["audit"].iter().chain(arguments).chain(&store))
}

/// With the journal, for what writes.
fn keep(places: &Places, arguments: &[&str]) -> std::process::Output {
    let journal = ["--journal", places.journal.to_str().unwrap()];
    audit(places, &[arguments, &journal].concat())
}

fn check(export: &str, witness: &[&str]) -> std::process::Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["audit", "check"])
        .args(witness)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that has found a fault does not read on.
    drop(child.stdin.take().unwrap().write_all(export.as_bytes()));
    child.wait_with_output().unwrap()
}

#[test]
fn a_log_is_verified_and_exported_while_a_service_has_it_open() {
    let places = places();
    places.serve(async |_| {
        let head = done(&audit(&places, &["head"]));
        let head = head.trim_end();
        assert!(head.starts_with("3:"), "{head}");
        let verified = format!("3 rows are as they were written, up to {head}\n");
        assert_eq!(done(&audit(&places, &["verify"])), verified);
        let witnessed = audit(&places, &["verify", "--witness", head]);
        assert_eq!(done(&witnessed), verified);
        let export = done(&audit(&places, &["export"]));
        assert_eq!(export.lines().count(), 3);
        assert_eq!(done(&check(&export, &["--witness", head])), verified);
    });
}

#[test]
fn a_tampered_log_is_found_by_its_row() {
    let places = places();
    let head = done(&audit(&places, &["head"]));
    let export = done(&audit(&places, &["export"]));
    let tampered = export.replacen("\"owner\":\"other\"", "\"owner\":\"another\"", 1);
    let changed = "portcullis: row 2 is not what was written";
    assert_eq!(refused(&check(&tampered, &[])), changed);
    let file = places.folder.path().join("export");
    fs::write(&file, tampered).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(refused(&run(["audit", "check", file])), changed);
    let cut: String = export.split_inclusive('\n').take(2).collect();
    done(&check(&cut, &[]));
    let cut = refused(&check(&cut, &["--witness", head.trim_end()]));
    let expected = "portcullis: the log ends with row 2, before row 3 of the witness";
    assert_eq!(cut, expected);
    // What isn't hashed is read too, and believed as little.
    for (text, other, refusal) in [
        (
            "\"at\":\"2",
            "\"at\":\"1",
            "line 1: not as an export has it",
        ),
        (
            "{\"number\"",
            "{\"more\":1,\"number\"",
            "line 1: not as an export has it",
        ),
        (
            "\"previous\":\"0",
            "\"previous\":\"1",
            "row 1 does not follow",
        ),
    ] {
        let tampered = export.replacen(text, other, 1);
        assert_ne!(tampered, export);
        let found = refused(&check(&tampered, &[]));
        assert!(found.contains(refusal), "{found}");
    }
    let second = export.find("\n").unwrap();
    let at = second + export.split_at(second).1.find("\"previous\":\"").unwrap() + 12;
    let mut tampered = export;
    let other = if tampered.as_bytes()[at] == b'0' {
        "1"
    } else {
        "0"
    };
    tampered.replace_range(at..=at, other);
    assert_eq!(refused(&check(&tampered, &[])), changed);
    let no_rows = refused(&check("{}\n", &[]));
    assert_eq!(
        no_rows,
        "portcullis: line 1: `number` is missing, or not what it should be"
    );
    let wrong = run(["audit", "verify", "--store", "x", "--witness", "3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(refused(&run(["audit", "verify", "--store", "none.db"])).contains("no store"));
}

#[test]
fn an_export_says_so_if_rows_were_removed_meanwhile() {
    let places = places();
    places.serve(async |registry| {
        let system = Actor::dangerous_system();
        let mut issuing = JoinSet::new();
        // More than are read at a time, and more than a pipe holds.
        for _ in 0..1_500 {
            let (registry, system) = (registry.clone(), system.clone());
            let scopes = ["posts:read".parse().unwrap()];
            let key = NewKey::new("acme".parse().unwrap(), "laptop", scopes);
            issuing.spawn(async move { registry.issue_key(&system, key).await.map(drop) });
        }
        while let Some(issued) = issuing.join_next().await {
            issued.unwrap().unwrap();
        }
        let mut export = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["audit", "export", "--store", places.store_argument()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has read the first part, and waits.
        let mut first = [0];
        let mut out = export.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        let pruned = registry
            .prune_audit(&system, "9999-01-01T00:00:00Z".parse().unwrap())
            .await;
        assert_eq!(pruned.unwrap().rows, 1_504);
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.lines().count(), 1_000);
        let said = refused(&export.wait_with_output().unwrap());
        assert!(said.contains("after row 1000 were removed"), "{said}");
    });
}

#[test]
fn addresses_are_erased_and_old_rows_pruned_and_the_log_is_verified_as_before() {
    let places = places();
    let head = done(&audit(&places, &["head"]));
    let witness = ["verify", "--witness", head.trim_end()];
    let count = |text: &str| {
        let export = done(&audit(&places, &["export"]));
        export.matches(text).count()
    };
    assert_eq!(count("203.0.113.9"), 3);
    let nothing = done(&keep(&places, &["prune", "--before", "1d"]));
    assert!(nothing.starts_with("0 rows were removed, "), "{nothing}");
    let erased = done(&keep(&places, &["erase-ips", "--owner", "other"]));
    assert!(erased.starts_with("1 addresses were erased"), "{erased}");
    assert_eq!(count("203.0.113.9"), 2);
    let erased = done(&keep(
        &places,
        &["erase-ips", "--before", "9999-01-01T00:00:00Z"],
    ));
    assert!(erased.starts_with("2 addresses were erased"), "{erased}");
    assert_eq!(count("203.0.113.9"), 0);
    done(&audit(&places, &witness));
    let address = b"203.0.113.9".as_slice();
    for file in fs::read_dir(places.store.parent().unwrap()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(address.len()).any(|bytes| bytes == address));
    }

    let pruned = done(&keep(&places, &["prune", "--before", "0s"]));
    assert!(pruned.starts_with("5 rows were removed, "), "{pruned}");
    let verified = done(&audit(&places, &["verify"]));
    assert!(
        verified.starts_with("1 rows are as they were written, up to 6:"),
        "{verified}"
    );
    assert!(
        verified.ends_with("; the rows up to 5 were pruned\n"),
        "{verified}"
    );
    assert!(refused(&audit(&places, &witness)).contains("row 3 of the witness was pruned"));
    let export = done(&audit(&places, &["export"]));
    assert_eq!(done(&check(&export, &[])), verified);

    for wrong in ["", "5", "5w", "yesterday", "99999999999999999999d"] {
        let refused = keep(&places, &["prune", "--before", wrong]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
    }
    assert_eq!(keep(&places, &["erase-ips"]).status.code(), Some(2));
    let without = audit(&places, &["prune", "--before", "0s"]);
    assert!(refused(&without).contains("revocation journal"));
}
