//! What a service finds in a restored store: keys of other systems, and today's peppers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{fs, path::PathBuf};

use portcullis_core::CredentialId;
use portcullis_registry::{
    Actor, Expiry, Hot, ImportError, KeyChange, NewImport, NewKey, Options, Owner, Registry,
    Retirement,
};
use portcullis_scope::{Catalogue, Grant};
use portcullis_sqlite::{
    JournalError, MissingPeppers, OpenError, RestoreError, Restored, SqliteStore, backup,
    look_at_peppers, restore,
};
use portcullis_token::{
    Environment, ImportedScheme, Pepper, PepperRing, PepperVersion, TokenFormat,
};

const FOREIGN: &str = "sk-social-0123456789abcdefghijklmnop";

struct Places {
    folder: tempfile::TempDir,
    store: PathBuf,
    journal: PathBuf,
    backup: PathBuf,
}

impl Places {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "elsewhere", "restored"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            store: folder.path().join("data/portcullis.db"),
            journal: folder.path().join("elsewhere/journal"),
            backup: folder.path().join("elsewhere/backup.db"),
            folder,
        }
    }

    fn restored(&self) -> PathBuf {
        self.folder.path().join("restored/portcullis.db")
    }

    /// Restores in the place of the store, which is lost.
    fn restore(
        &self,
        peppers: &PepperRing,
        missing: MissingPeppers,
    ) -> Result<Restored, RestoreError> {
        let to = self.restored();
        restore(&self.backup, &self.journal, &to, peppers, missing)
    }

    async fn open(&self, path: &PathBuf, peppers: &PepperRing) -> Registry {
        let store = SqliteStore::open_with_journal(path, &self.journal).unwrap();
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
        let catalogue = catalogue.build().unwrap();
        let options = Options::new().with_imported([scheme()]);
        let opened = Registry::open_with(store, format, catalogue, peppers.clone(), options);
        opened.await.unwrap().0
    }
}

fn scheme() -> ImportedScheme {
    ImportedScheme::new("sk-social-").unwrap()
}

fn owner() -> Owner {
    "acme".parse().unwrap()
}

fn grant() -> Grant {
    "posts:read".parse().unwrap()
}

/// Imports the foreign key, and says how many were there already.
async fn import(registry: &Registry) -> u64 {
    let digest = scheme().digest(FOREIGN.as_bytes()).unwrap();
    let new = NewImport::new(&scheme(), digest, owner(), "old", grant());
    let imports = registry.import(&Actor::dangerous_system(), [new]).await;
    imports.unwrap().already_there
}

async fn is_accepted(registry: &Registry) -> bool {
    let known = registry.load_imported(FOREIGN.as_bytes()).await.unwrap();
    let visited = registry.visit_imported(FOREIGN.as_bytes(), None, |_| ());
    known && matches!(visited, Hot::Known(()))
}

async fn issue(registry: &Registry) -> CredentialId {
    let new = NewKey::with_grant(owner(), "ci", grant());
    let issued = registry.issue_key(&Actor::dangerous_system(), new).await;
    issued.unwrap().key.credential()
}

async fn is_there(registry: &Registry, id: CredentialId) -> bool {
    let found = registry.key(&Actor::dangerous_system(), id).await;
    found.is_ok()
}

#[tokio::test]
async fn a_foreign_key_imported_and_revoked_since_the_backup_is_not_imported_again() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    drop(places.open(&places.store, &peppers).await);
    backup(&places.store, &places.backup).unwrap();
    let registry = places.open(&places.store, &peppers).await;
    assert_eq!(import(&registry).await, 0);
    assert!(is_accepted(&registry).await);
    let keys = registry.keys(&system, &owner(), Default::default()).await;
    let id = keys.unwrap().keys[0].credential();
    let _ = registry.revoke_key(&system, id).await.unwrap();
    drop(registry);

    let restored = places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    assert_eq!(restored.changes, 1);
    let registry = places.open(&places.restored(), &peppers).await;
    assert_eq!(import(&registry).await, 1);
    assert!(!is_accepted(&registry).await);
    assert!(!is_there(&registry, id).await);
    drop(registry);
    // By `sha256sum`: the plain digest is not in the journal.
    let digest = "fc649b6b12d1f3da577f5229c0173f6de86f5f76b48926f5d85f8e80997e8483";
    let journal = fs::read_to_string(&places.journal).unwrap();
    assert!(journal.contains("sk-social-"), "{journal}");
    assert!(!journal.contains(digest));
}

#[tokio::test]
async fn a_backup_from_before_a_pepper_was_retired_is_restored_only_when_told_to_revoke() {
    let places = Places::new();
    let one = PepperRing::generate().unwrap();
    let two = PepperVersion::new(2).unwrap();
    let both = one.clone().with(two, Pepper::generate().unwrap());
    let both = both.with_current(two).unwrap();
    let system = Actor::dangerous_system();
    let registry = places.open(&places.store, &one).await;
    let old = issue(&registry).await;
    drop(registry);
    let registry = places.open(&places.store, &both).await;
    let new = issue(&registry).await;
    drop(registry);
    backup(&places.store, &places.backup).unwrap();
    let registry = places.open(&places.store, &both).await;
    let retired = registry.retire_pepper(&system, PepperVersion::FIRST, Retirement::RevokeRest);
    retired.await.unwrap();
    drop(registry);

    let today = both.clone().without(PepperVersion::FIRST).unwrap();
    match places.restore(&today, MissingPeppers::Refuse).unwrap_err() {
        RestoreError::PeppersMissing { missing, .. } => {
            assert_eq!(missing, [PepperVersion::FIRST]);
        }
        other => panic!("{other:?}"),
    }
    // Another pepper of the same version is a wrong file, whatever is said.
    let wrong = both.clone().with(two, Pepper::generate().unwrap());
    for missing in [MissingPeppers::Refuse, MissingPeppers::Revoke] {
        match places.restore(&wrong, missing).unwrap_err() {
            RestoreError::PeppersDiffer { different, .. } => assert_eq!(different, [two]),
            other => panic!("{other:?}"),
        }
    }
    let names = fs::read_dir(places.restored().parent().unwrap()).unwrap();
    assert_eq!(names.count(), 0, "something was written");

    let restored = places.restore(&today, MissingPeppers::Revoke).unwrap();
    // The journal has it revoked already.
    assert_eq!((restored.changes, restored.revoked), (1, 0));
    let registry = places.open(&places.restored(), &today).await;
    assert!(!is_there(&registry, old).await);
    assert!(is_there(&registry, new).await);
}

#[tokio::test]
async fn what_is_revoked_with_its_pepper_takes_along_what_it_made_and_is_in_the_journal() {
    let places = Places::new();
    let one = PepperRing::generate().unwrap();
    let two = PepperVersion::new(2).unwrap();
    let both = one.clone().with(two, Pepper::generate().unwrap());
    let both = both.with_current(two).unwrap();
    let registry = places.open(&places.store, &one).await;
    let maker = issue(&registry).await;
    drop(registry);
    let registry = places.open(&places.store, &both).await;
    let (made, other) = (issue(&registry).await, issue(&registry).await);
    registry.close().await.unwrap();
    drop(registry);
    // As if the first had made the second, under the newer pepper.
    let file = rusqlite::Connection::open(&places.store).unwrap();
    let statement = "UPDATE credentials SET created_by_credential = \
         (SELECT id FROM credentials WHERE pepper = 1) WHERE id = ?1";
    let [_, _, _, _, id @ ..] = made.value().to_be_bytes();
    assert_eq!(file.execute(statement, [id]).unwrap(), 1);
    drop(file);
    backup(&places.store, &places.backup).unwrap();

    let today = both.clone().without(PepperVersion::FIRST).unwrap();
    let restored = places.restore(&today, MissingPeppers::Revoke).unwrap();
    assert_eq!((restored.changes, restored.revoked), (0, 2));
    let registry = places.open(&places.restored(), &today).await;
    assert!(!is_there(&registry, maker).await);
    assert!(!is_there(&registry, made).await);
    assert!(is_there(&registry, other).await);
    drop(registry);
    let known = look_at_peppers(&places.restored()).unwrap();
    let known: Vec<_> = known
        .iter()
        .map(|one| (one.version, one.credentials))
        .collect();
    assert_eq!(known, [(two, 1)]);

    // A later restore, with all peppers at hand, brings neither back.
    fs::remove_file(places.restored()).unwrap();
    let restored = places.restore(&both, MissingPeppers::Refuse).unwrap();
    assert_eq!((restored.changes, restored.revoked), (2, 0));
    let registry = places.open(&places.restored(), &both).await;
    assert!(!is_there(&registry, maker).await && !is_there(&registry, made).await);
}

#[tokio::test]
async fn a_restored_store_is_not_opened_without_its_journal_nor_is_a_backup() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    drop(places.open(&places.store, &peppers).await);
    backup(&places.store, &places.backup).unwrap();
    places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    for path in [&places.restored(), &places.backup] {
        let opened = SqliteStore::open(path);
        assert!(matches!(opened, Err(OpenError::JournalNeeded { .. })));
    }
    let beside = places.journal.with_file_name("restored.db");
    let missing = MissingPeppers::Refuse;
    let refused = restore(&places.backup, &places.journal, &beside, &peppers, missing);
    assert!(matches!(
        refused,
        Err(RestoreError::Journal {
            source: JournalError::BesideStore,
            ..
        })
    ));
}

fn journal_refuses(opened: Result<SqliteStore, OpenError>) -> JournalError {
    match opened {
        Err(OpenError::Journal { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// A ring of the first pepper, and one of it and a second, which is current.
fn two_peppers() -> (PepperRing, PepperRing) {
    let first = PepperRing::generate().unwrap();
    let two = PepperVersion::new(2).unwrap();
    let both = first.clone().with(two, Pepper::generate().unwrap());
    (first, both.with_current(two).unwrap())
}

#[tokio::test]
async fn a_store_that_still_has_the_journal_keeps_it_from_being_restored_with() {
    let places = Places::new();
    let (first, both) = two_peppers();
    let system = Actor::dangerous_system();
    let registry = places.open(&places.store, &first).await;
    issue(&registry).await;
    drop(registry);
    let registry = places.open(&places.store, &both).await;
    let leaked = issue(&registry).await;
    backup(&places.store, &places.backup).unwrap();

    let rest = both.clone().without(PepperVersion::FIRST).unwrap();
    let before = fs::read(&places.journal).unwrap();
    // Its next change would have the number of the one that the restore makes.
    match places.restore(&rest, MissingPeppers::Revoke).unwrap_err() {
        RestoreError::Journal { source, .. } => assert!(matches!(source, JournalError::InUse)),
        other => panic!("{other:?}"),
    }
    assert!(!places.restored().exists());
    assert_eq!(fs::read(&places.journal).unwrap(), before);
    let _ = registry.revoke_key(&system, leaked).await.unwrap();
    drop(registry);
    let restored = places.restore(&rest, MissingPeppers::Revoke).unwrap();
    assert_eq!((restored.changes, restored.revoked), (1, 1));
    let registry = places.open(&places.restored(), &rest).await;
    assert!(!is_there(&registry, leaked).await);
}

#[tokio::test]
async fn only_the_restored_store_goes_on_with_the_journal_and_older_backups_are_restored_again() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    let registry = places.open(&places.store, &peppers).await;
    let keys = [issue(&registry).await, issue(&registry).await];
    let kept = issue(&registry).await;
    backup(&places.store, &places.backup).unwrap();
    let _ = registry.revoke_key(&system, keys[0]).await.unwrap();
    drop(registry);
    places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    let copy = places.folder.path().join("data/copy.db");
    fs::copy(&places.backup, &copy).unwrap();
    for older in [&places.store, &copy] {
        let source = journal_refuses(SqliteStore::open_with_journal(older, &places.journal));
        assert!(matches!(source, JournalError::Superseded), "{source:?}");
    }
    // As if it had been killed before the store got its name: it is run again.
    fs::remove_file(places.restored()).unwrap();
    let again = places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    assert_eq!(again.changes, 1);
    let registry = places.open(&places.restored(), &peppers).await;
    let _ = registry.revoke_key(&system, keys[1]).await.unwrap();
    drop(registry);

    fs::remove_file(places.restored()).unwrap();
    let again = places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    assert_eq!(again.changes, 2);
    let registry = places.open(&places.restored(), &peppers).await;
    for key in keys {
        assert!(!is_there(&registry, key).await);
    }
    assert!(is_there(&registry, kept).await);
}

#[tokio::test]
async fn what_the_store_before_numbered_behind_its_end_hides_no_revocation() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    let registry = places.open(&places.store, &peppers).await;
    let (other, leaked) = (issue(&registry).await, issue(&registry).await);
    backup(&places.store, &places.backup).unwrap();
    drop(registry);
    // It was committed and never came to the journal, so nobody was told; and then backed up.
    let journal = fs::read(&places.journal).unwrap();
    let registry = places.open(&places.store, &peppers).await;
    let _ = registry.revoke_key(&system, other).await.unwrap();
    drop(registry);
    let later = places.backup.with_extension("later");
    backup(&places.store, &later).unwrap();
    fs::write(&places.journal, journal).unwrap();

    places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    let registry = places.open(&places.restored(), &peppers).await;
    let _ = registry.revoke_key(&system, leaked).await.unwrap();
    drop(registry);
    let again = places.folder.path().join("restored/again.db");
    let missing = MissingPeppers::Refuse;
    restore(&later, &places.journal, &again, &peppers, missing).unwrap();
    let registry = places.open(&again, &peppers).await;
    assert!(!is_there(&registry, leaked).await);
}

#[tokio::test]
async fn an_older_copy_of_the_journal_is_refused_after_a_restore() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    let registry = places.open(&places.store, &peppers).await;
    let leaked = issue(&registry).await;
    backup(&places.store, &places.backup).unwrap();
    let older = fs::read(&places.journal).unwrap();
    let _ = registry.revoke_key(&system, leaked).await.unwrap();
    drop(registry);
    places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    let newest = fs::read(&places.journal).unwrap();
    fs::write(&places.journal, &older).unwrap();
    let open = || SqliteStore::open_with_journal(places.restored(), &places.journal);
    assert!(matches!(journal_refuses(open()), JournalError::OtherStore));
    // Also if its first line is the newest one: the store can't fill the hole.
    let first = newest
        .split_inclusive(|byte| *byte == b'\n')
        .next()
        .unwrap();
    fs::write(&places.journal, first).unwrap();
    match journal_refuses(open()) {
        JournalError::Gap { from, to } => assert_eq!((from, to), (0, 1)),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&places.journal).unwrap(), first);
    fs::write(&places.journal, newest).unwrap();
    assert!(open().is_ok());
}

#[tokio::test]
async fn a_foreign_key_imported_and_changed_since_the_backup_is_as_it_was() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    drop(places.open(&places.store, &peppers).await);
    backup(&places.store, &places.backup).unwrap();
    let registry = places.open(&places.store, &peppers).await;
    let digest = scheme().digest(FOREIGN.as_bytes()).unwrap();
    let new = NewImport::new(&scheme(), digest, owner(), "old", grant());
    let new = new.with_quota("5/60s".parse().unwrap());
    registry.import(&system, [new]).await.unwrap();
    let keys = registry.keys(&system, &owner(), Default::default()).await;
    let id = keys.unwrap().keys[0].credential();
    let narrow = KeyChange::new()
        .accept_from("203.0.113.0/24".parse().unwrap())
        .expire(Expiry::At("2100-01-01T00:00:00Z".parse().unwrap()))
        .disable();
    let _ = registry.change_key(&system, id, narrow).await.unwrap();
    drop(registry);

    let restored = places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    assert_eq!(restored.changes, 1);
    let registry = places.open(&places.restored(), &peppers).await;
    assert_eq!(import(&registry).await, 1);
    assert!(!is_accepted(&registry).await);
    let key = registry.key(&system, id).await.unwrap();
    assert_eq!(key.name(), "old");
    assert_eq!(key.quota(), "5/60s".parse().ok());
    assert_eq!(*key.networks(), "203.0.113.0/24".parse().unwrap());
    assert_eq!(key.expires_at(), "2100-01-01T00:00:00Z".parse().ok());
    assert!(!key.is_enabled());
}

#[tokio::test]
async fn a_foreign_key_that_was_rotated_since_the_backup_is_not_accepted_by_another_import() {
    let places = Places::new();
    let peppers = PepperRing::generate().unwrap();
    let system = Actor::dangerous_system();
    drop(places.open(&places.store, &peppers).await);
    backup(&places.store, &places.backup).unwrap();
    let registry = places.open(&places.store, &peppers).await;
    assert_eq!(import(&registry).await, 0);
    let keys = registry.keys(&system, &owner(), Default::default()).await;
    let id = keys.unwrap().keys[0].credential();
    let overlap = std::time::Duration::from_micros(1);
    registry.rotate_key(&system, id, overlap).await.unwrap();
    assert!(!is_accepted(&registry).await);
    drop(registry);
    places.restore(&peppers, MissingPeppers::Refuse).unwrap();
    let registry = places.open(&places.restored(), &peppers).await;
    assert_eq!(import(&registry).await, 1);
    assert!(!is_accepted(&registry).await);
}

#[tokio::test]
async fn a_foreign_key_under_a_pepper_that_neither_the_backup_nor_the_ring_has_is_revoked() {
    let places = Places::new();
    let (first, both) = two_peppers();
    let system = Actor::dangerous_system();
    drop(places.open(&places.store, &first).await);
    backup(&places.store, &places.backup).unwrap();
    let registry = places.open(&places.store, &both).await;
    assert_eq!(import(&registry).await, 0);
    let keys = registry.keys(&system, &owner(), Default::default()).await;
    let id = keys.unwrap().keys[0].credential();
    let office = KeyChange::new().accept_from("203.0.113.0/24".parse().unwrap());
    let _ = registry.change_key(&system, id, office).await.unwrap();
    drop(registry);
    let restored = places.restore(&first, MissingPeppers::Refuse).unwrap();
    assert_eq!((restored.changes, restored.revoked), (1, 1));
    // So the store is opened, and says that it can't tell which keys were revoked.
    let registry = places.open(&places.restored(), &first).await;
    let digest = scheme().digest(FOREIGN.as_bytes()).unwrap();
    let new = NewImport::new(&scheme(), digest, owner(), "old", grant());
    let refused = registry.import(&system, [new]).await;
    assert!(matches!(refused, Err(ImportError::Untold { keys: 1 })));
}

#[test]
fn an_application_may_have_a_table_named_journal_in_a_store_from_before() {
    let places = Places::new();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v3.db");
    fs::copy(data, &places.store).unwrap();
    let file = rusqlite::Connection::open(&places.store).unwrap();
    file.execute_batch("CREATE TABLE journal (entry TEXT)")
        .unwrap();
    drop(file);
    drop(SqliteStore::open(&places.store).unwrap());
    drop(SqliteStore::open_with_journal(&places.store, &places.journal).unwrap());
}
