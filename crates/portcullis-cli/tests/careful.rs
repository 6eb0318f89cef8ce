//! What the program refuses to do, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod common;

use std::{fs, path::Path, process::Command};

use common::{Places, done, paths, refused, run};

/// A store with a key and a password under pepper 1, backed up; then pepper 1 is retired.
fn backed_up_and_retired(places: &Places, copy: &Path) {
    done(&places.pepper(&["new"]));
    places.issue();
    places.sign_up();
    let backup = paths("backup", &[("--store", &places.store), ("--to", copy)]);
    done(&run(backup));
    done(&places.pepper(&["add"]));
    done(&places.pepper(&["promote", "2"]));
    let journal = places.journal.to_str().unwrap();
    let retire = ["retire", "1", "--store", places.store_argument()];
    let rest = ["--journal", journal, "--revoke-rest"];
    done(&places.pepper(&[&retire[..], &rest].concat()));
}

#[test]
fn a_backup_from_before_a_pepper_was_retired_is_restored_only_when_told_to_revoke() {
    let places = Places::new();
    let copy = places.folder.path().join("backup.db");
    backed_up_and_retired(&places, &copy);
    fs::remove_file(&places.store).unwrap();
    let files = [
        ("--backup", &*copy),
        ("--journal", &*places.journal),
        ("--store", &*places.store),
        ("--peppers", &*places.peppers),
    ];
    let arguments = paths("restore", &files);
    let line = refused(&run(&arguments));
    assert!(
        line.contains("peppers that are not given: 1;") && line.ends_with("(--revoke-missing)"),
        "{line}"
    );
    assert!(!places.store.exists());
    let told = arguments.into_iter().chain(["--revoke-missing".into()]);
    let restored = done(&run(told));
    // The key is revoked by the journal already.
    assert!(
        restored.contains("; 0 credentials under missing peppers revoked")
            && restored.contains("; 1 passwords were under them"),
        "{restored}"
    );
    places.serve(async |_| {});
}

#[test]
fn a_pepper_that_is_not_in_the_file_is_not_retired() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.issue();
    let journal = places.journal.to_str().unwrap();
    let retire = |version| {
        let store = places.store_argument();
        places.pepper(&["retire", version, "--store", store, "--journal", journal])
    };
    let line = refused(&retire("99"));
    assert!(line.contains("pepper 99 is neither in"), "{line}");
    done(&places.pepper(&["add"]));
    done(&places.pepper(&["promote", "2"]));
    // Taken out by hand, too early.
    let both = fs::read_to_string(&places.peppers).unwrap();
    let second = both.trim().split(',').find(|one| one.starts_with('2'));
    fs::write(&places.peppers, second.unwrap()).unwrap();
    let line = refused(&retire("1"));
    assert!(line.contains("the store still has it"), "{line}");
    let listed = done(&places.pepper(&["list", "--store", places.store_argument()]));
    let last = listed.lines().last().unwrap();
    assert!(
        last.ends_with(", not in the file, 1 credentials, 0 passwords"),
        "{listed}"
    );
}

#[test]
fn a_retirement_that_was_cut_short_before_the_file_was_written_is_finished_by_another() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.issue();
    done(&places.pepper(&["add"]));
    done(&places.pepper(&["promote", "2"]));
    let journal = places.journal.to_str().unwrap();
    let retire = |version| {
        let store = places.store_argument();
        let rest = ["--journal", journal, "--revoke-rest"];
        places.pepper(&[&["retire", version, "--store", store][..], &rest].concat())
    };
    let both = fs::read_to_string(&places.peppers).unwrap();
    done(&retire("1"));
    let second = fs::read_to_string(&places.peppers).unwrap();
    // As it was when the store had forgotten the pepper.
    fs::write(&places.peppers, both).unwrap();
    let retired = done(&retire("1"));
    assert!(retired.contains("pepper 1 is retired"), "{retired}");
    assert_eq!(fs::read_to_string(&places.peppers).unwrap(), second);
    // The current one is never left out.
    refused(&retire("2"));
    assert_eq!(fs::read_to_string(&places.peppers).unwrap(), second);
}

#[test]
fn peppers_and_a_journal_in_the_folder_of_the_store_are_refused() {
    let mut places = Places::new();
    done(&places.pepper(&["new"]));
    places.issue();
    let copy = places.folder.path().join("backup.db");
    done(&run(paths(
        "backup",
        &[("--store", &places.store), ("--to", &copy)],
    )));
    let beside = places.store.with_file_name("peppers");
    fs::copy(&places.peppers, &beside).unwrap();
    let apart = std::mem::replace(&mut places.peppers, beside);
    let store = places.store_argument();
    let journal = places.journal.to_str().unwrap();
    for arguments in [
        &["list", "--store", store][..],
        &["retire", "1", "--store", store, "--journal", journal],
    ] {
        let line = refused(&places.pepper(arguments));
        assert!(line.contains("in the folder of the store"), "{line}");
    }
    let to = places.store.with_extension("2");
    let beside = places.store.with_file_name("journal");
    fs::copy(&places.journal, &beside).unwrap();
    for (peppers, journal) in [(&places.peppers, &places.journal), (&apart, &beside)] {
        let files = [
            ("--backup", &*copy),
            ("--journal", journal),
            ("--store", &to),
            ("--peppers", peppers),
        ];
        let line = refused(&run(paths("restore", &files)));
        assert!(line.contains("in the folder of the store"), "{line}");
        assert!(!to.exists());
    }
}

#[test]
fn listing_peppers_changes_no_store() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    let list = || places.pepper(&["list", "--store", places.store_argument()]);
    fs::write(&places.store, "").unwrap();
    assert!(refused(&list()).contains("is not a store"));
    assert_eq!(fs::metadata(&places.store).unwrap().len(), 0);
    places.issue();
    done(&places.pepper(&["add"]));
    let before = fs::read(&places.store).unwrap();
    let listed = done(&list());
    assert!(
        listed.ends_with(", 0 credentials, 0 passwords\n"),
        "{listed}"
    );
    assert!(fs::read(&places.store).unwrap() == before);
    let names = fs::read_dir(places.store.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 2, "the store and its lock");
}

#[test]
fn a_store_is_opened_without_its_journal_only_after_that_was_given_up() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.issue();
    done(&places.pepper(&["add"]));
    let retire = || places.pepper(&["retire", "2", "--store", places.store_argument()]);
    assert!(refused(&retire()).ends_with("(--journal)"));
    let wrong = places.folder.path().join("jornal");
    let journal = ["--journal", wrong.to_str().unwrap()];
    let store = places.store_argument();
    let line =
        refused(&places.pepper(&[&["retire", "2", "--store", store][..], &journal].concat()));
    assert!(line.contains("there is no journal"), "{line}");
    assert!(!wrong.exists());
    let forget = paths("dangerous-forget-journal", &[("--store", &places.store)]);
    done(&run(forget));
    done(&retire());
}

#[cfg(target_os = "linux")]
#[test]
fn a_restored_store_is_its_owners_alone_from_its_creation_on() {
    use std::os::unix::fs::PermissionsExt;
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.issue();
    let copy = places.folder.path().join("backup.db");
    let backup = paths("backup", &[("--store", &places.store), ("--to", &copy)]);
    done(&run(backup));
    fs::remove_file(&places.store).unwrap();
    // As it comes off a tape.
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    let files = [
        ("--backup", &*copy),
        ("--journal", &*places.journal),
        ("--store", &*places.store),
        ("--peppers", &*places.peppers),
    ];
    let trace = places.folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=openat", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_portcullis"))
        .args(paths("restore", &files))
        .output();
    done(&traced.expect("this test needs strace: apt-get install strace"));
    let trace = fs::read_to_string(&trace).unwrap();
    let made = trace.lines().filter(|line| {
        line.contains("O_CREAT") && line.contains(".unfinished\"") && !line.contains("= -1")
    });
    let made: Vec<_> = made.collect();
    assert!(!made.is_empty(), "{trace}");
    for line in made {
        assert!(line.contains(", 0600)"), "{line}");
    }
    let mode = fs::metadata(&places.store).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
