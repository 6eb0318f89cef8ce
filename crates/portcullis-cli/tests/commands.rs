//! The program as it is run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{Places, done, paths, refused, run};
use portcullis_registry::Actor;

#[test]
fn a_pepper_is_changed_in_two_phases_and_the_old_one_retired() {
    let places = Places::new();
    assert!(refused(&places.pepper(&["list"])).contains("does not exist"));
    done(&places.pepper(&["new"]));
    let before = fs::read_to_string(&places.peppers).unwrap();
    assert!(refused(&places.pepper(&["new"])).ends_with("is there already"));
    assert_eq!(fs::read_to_string(&places.peppers).unwrap(), before);
    places.issue();
    places.sign_up();

    assert!(done(&places.pepper(&["add"])).starts_with("added pepper 2; pepper 1 stays current"));
    assert!(
        fs::read_to_string(&places.peppers)
            .unwrap()
            .starts_with("1*:")
    );
    let store = places.store_argument();
    let without = refused(&places.pepper(&["retire", "1", "--store", store]));
    assert!(without.ends_with("(--journal)"), "{without}");
    let journal = places.journal.to_str().unwrap();
    let retire = ["retire", "1", "--store", store, "--journal", journal];
    assert!(refused(&places.pepper(&retire)).contains("pepper 1 is the current one"));
    assert!(refused(&places.pepper(&["promote", "3"])).contains('3'));
    done(&places.pepper(&["promote", "2"]));

    let listed = done(&places.pepper(&["list", "--store", places.store_argument()]));
    let [first, second] = listed.lines().collect::<Vec<_>>()[..] else {
        panic!("{listed}");
    };
    assert!(
        first.starts_with("pepper 1, ") && first.ends_with(", 1 credentials, 1 passwords"),
        "{first}"
    );
    let rest = ", current, 0 credentials, 0 passwords";
    assert!(second.ends_with(rest), "{second}");
    // Nothing of the peppers themselves is shown.
    let text = fs::read_to_string(&places.peppers).unwrap();
    for pepper in text.trim().split([',', ':']).filter(|part| part.len() > 40) {
        assert!(!listed.contains(pepper));
    }

    let in_use = refused(&places.pepper(&retire));
    assert!(
        in_use.contains("1 passwords are still under pepper 1"),
        "{in_use}"
    );
    places.log_in();
    let in_use = refused(&places.pepper(&retire));
    assert!(
        in_use.contains("1 credentials are still under pepper 1"),
        "{in_use}"
    );
    assert!(fs::read_to_string(&places.peppers).unwrap().contains("1:"));
    let revoking: Vec<_> = retire.into_iter().chain(["--revoke-rest"]).collect();
    done(&places.pepper(&revoking));
    // What it has revoked is in the journal before the service starts again.
    let written = fs::read_to_string(&places.journal).unwrap();
    assert!(written.contains("revoked"), "{written}");
    assert!(
        fs::read_to_string(&places.peppers)
            .unwrap()
            .starts_with("2:")
    );
    // The store asks for it no more.
    places.serve(async |registry| {
        let uses = registry.pepper_use().await.unwrap();
        assert_eq!(uses.len(), 1);
        // The session of the login, and what refreshes it.
        assert_eq!(uses.first().map(|one| one.credentials), Some(2));
    });
}

#[cfg(unix)]
#[test]
fn the_file_of_peppers_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let places = Places::new();
    let mode = || fs::metadata(&places.peppers).unwrap().permissions().mode() & 0o777;
    done(&places.pepper(&["new"]));
    assert_eq!(mode(), 0o600);
    done(&places.pepper(&["add"]));
    assert_eq!(mode(), 0o600);
    let names = fs::read_dir(places.folder.path()).unwrap();
    assert_eq!(names.count(), 2, "nothing unfinished is left");
}

#[test]
fn a_store_is_restored_without_the_key_that_was_revoked_since() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    let (kept, revoked) = (places.issue(), places.issue());
    let copy = places.folder.path().join("backup.db");
    let backup = paths("backup", &[("--store", &places.store), ("--to", &copy)]);
    // While it is in use.
    places.serve(async |_| {
        assert!(done(&run(&backup)).contains("up to change 0"));
    });
    assert!(refused(&run(&backup)).ends_with("is there already"));
    places.serve(async |registry| {
        let id = revoked.parse().unwrap();
        let revoked = registry.revoke_key(&Actor::dangerous_system(), id).await;
        let _ = revoked.unwrap();
    });

    fs::remove_file(&places.store).unwrap();
    let none = places.folder.path().join("none");
    let files = |journal| {
        [
            ("--backup", &*copy),
            ("--journal", journal),
            ("--store", &*places.store),
            ("--peppers", &*places.peppers),
        ]
    };
    let without = refused(&run(paths("restore", &files(&none))));
    assert!(without.contains("would come back"), "{without}");
    assert!(!places.store.exists());
    let restored = done(&run(paths("restore", &files(&places.journal))));
    assert!(
        restored.contains("1 changes of the journal made again"),
        "{restored}"
    );
    places.serve(async |registry| {
        let system = Actor::dangerous_system();
        assert!(registry.key(&system, kept.parse().unwrap()).await.is_ok());
        assert!(
            registry
                .key(&system, revoked.parse().unwrap())
                .await
                .is_err()
        );
    });
}

#[test]
fn a_service_that_has_the_store_open_is_not_disturbed() {
    let places = Places::new();
    done(&places.pepper(&["new"]));
    places.serve(async |_| {
        let listed = done(&places.pepper(&["list", "--store", places.store_argument()]));
        assert!(listed.ends_with(", current, 0 credentials, 0 passwords\n"));
        let retire = ["retire", "1", "--store", places.store_argument()];
        assert!(refused(&places.pepper(&retire)).ends_with("is already open"));
    });
    let none = places.folder.path().join("none.db");
    let listed = places.pepper(&["list", "--store", none.to_str().unwrap()]);
    assert!(refused(&listed).contains("there is no store"));
    assert!(!none.exists());
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for arguments in [
        &["burn"][..],
        &["backup"],
        &["pepper", "promote", "x", "--peppers", "p"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
