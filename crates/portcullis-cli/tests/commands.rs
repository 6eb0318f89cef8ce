//! The program as it is run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use portcullis_core::Secret;
use portcullis_login::{Bootstrap, Login, Roles};
use portcullis_registry::{Actor, NewKey, PepperFile, Registry};
use portcullis_scope::{Catalogue, Grant};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, TokenFormat};

struct Places {
    folder: tempfile::TempDir,
    store: PathBuf,
    peppers: PathBuf,
    journal: PathBuf,
}

impl Places {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        Self {
            store: data.join("portcullis.db"),
            peppers: folder.path().join("peppers"),
            journal: folder.path().join("journal"),
            folder,
        }
    }

    fn pepper(&self, arguments: &[&str]) -> Output {
        let peppers = [OsStr::new("--peppers"), self.peppers.as_os_str()];
        let arguments = arguments.iter().map(OsStr::new);
        run([OsStr::new("pepper")]
            .into_iter()
            .chain(arguments)
            .chain(peppers))
    }

    fn store_argument(&self) -> &str {
        self.store.to_str().unwrap()
    }

    /// Opens the store as a service does, and lets it work.
    fn serve(&self, work: impl AsyncFnOnce(&Registry)) {
        self.serve_from(async |registry, _| work(registry).await);
    }

    fn serve_from(&self, work: impl AsyncFnOnce(&Registry, Arc<SqliteStore>)) {
        let store = SqliteStore::open_with_journal(&self.store, &self.journal).unwrap();
        let store = Arc::new(store);
        let ring = PepperFile::at(&self.peppers).read().unwrap();
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        let catalogue = Catalogue::builder().scope("posts:read", "Read").build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let opened = Registry::open(Arc::clone(&store), format, catalogue.unwrap(), ring).await;
            let (registry, driver) = opened.unwrap();
            drop(driver);
            work(&registry, store).await;
        });
    }

    /// Makes an account, its password under the current pepper.
    fn sign_up(&self) {
        self.at_login(async |login| {
            let email = "ada@example.com".parse().unwrap();
            let made = login.bootstrap(&email, &password(), 0).await;
            assert_eq!(made.unwrap(), Bootstrap::Created);
        });
    }

    /// Logs in, which brings the password under the current pepper.
    fn log_in(&self) {
        self.at_login(async |login| {
            let logged_in = login.login("ada@example.com", &password(), None).await;
            logged_in.unwrap();
        });
    }

    fn at_login(&self, work: impl AsyncFnOnce(&Login)) {
        self.serve_from(async |registry, store| {
            let roles = Roles::new(registry.catalogue(), |_| Grant::everything()).unwrap();
            let login = Login::new(registry.clone(), store, roles).unwrap();
            work(&login).await;
        });
    }

    fn issue(&self) -> String {
        let mut id = String::new();
        self.serve(async |registry| {
            let scopes = ["posts:read".parse().unwrap()];
            let key = NewKey::new("acme".parse().unwrap(), "laptop", scopes);
            let issued = registry.issue_key(&Actor::dangerous_system(), key).await;
            id = issued.unwrap().key.credential().to_string();
        });
        id
    }
}

fn password() -> Secret<String> {
    Secret::new("correct horse battery staple".into())
}

fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .output()
        .unwrap()
}

fn done(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line that says why it was not done.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.trim_end().to_owned()
}

fn paths(word: &str, places: &[(&str, &Path)]) -> Vec<OsString> {
    let places = places
        .iter()
        .flat_map(|(name, path)| [OsString::from(name), path.into()]);
    std::iter::once(word.into()).chain(places).collect()
}

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
    let retire = ["retire", "1", "--store", places.store_argument()];
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
    done(&places.pepper(&[
        "retire",
        "1",
        "--revoke-rest",
        "--store",
        places.store_argument(),
    ]));
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
        let listed = places.pepper(&["list", "--store", places.store_argument()]);
        assert!(refused(&listed).ends_with("is already open"));
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
