//! A store with its files, and the program as it is run.

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

pub(crate) struct Places {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: PathBuf,
    pub(crate) peppers: PathBuf,
    pub(crate) journal: PathBuf,
}

impl Places {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn pepper(&self, arguments: &[&str]) -> Output {
        let peppers = [OsStr::new("--peppers"), self.peppers.as_os_str()];
        let arguments = arguments.iter().map(OsStr::new);
        run([OsStr::new("pepper")]
            .into_iter()
            .chain(arguments)
            .chain(peppers))
    }

    pub(crate) fn store_argument(&self) -> &str {
        self.store.to_str().unwrap()
    }

    /// Opens the store as a service does, and lets it work.
    pub(crate) fn serve(&self, work: impl AsyncFnOnce(&Registry)) {
        self.serve_from(async |registry, _| work(registry).await);
    }

    pub(crate) fn serve_from(&self, work: impl AsyncFnOnce(&Registry, Arc<SqliteStore>)) {
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
    pub(crate) fn sign_up(&self) {
        self.at_login(async |login| {
            let email = "ada@example.com".parse().unwrap();
            let made = login.bootstrap(&email, &password(), 0).await;
            assert_eq!(made.unwrap(), Bootstrap::Created);
        });
    }

    /// Logs in, which brings the password under the current pepper.
    pub(crate) fn log_in(&self) {
        self.at_login(async |login| {
            let logged_in = login.login("ada@example.com", &password(), None).await;
            logged_in.unwrap();
        });
    }

    pub(crate) fn at_login(&self, work: impl AsyncFnOnce(&Login)) {
        self.serve_from(async |registry, store| {
            let roles = Roles::new(registry.catalogue(), |_| Grant::everything()).unwrap();
            let login = Login::new(registry.clone(), store, roles).unwrap();
            work(&login).await;
        });
    }

    pub(crate) fn issue(&self) -> String {
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

pub(crate) fn password() -> Secret<String> {
    Secret::new("correct horse battery staple".into())
}

pub(crate) fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .output()
        .unwrap()
}

pub(crate) fn done(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line that says why it was not done.
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.trim_end().to_owned()
}

pub(crate) fn paths(word: &str, places: &[(&str, &Path)]) -> Vec<OsString> {
    let places = places
        .iter()
        .flat_map(|(name, path)| [OsString::from(name), path.into()]);
    std::iter::once(word.into()).chain(places).collect()
}
