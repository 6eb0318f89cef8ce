//! Backups of a store in use, and restores that bring nothing back.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod records;

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_core::Timestamp;
use portcullis_registry::{
    Batch, CredentialRecord, Found, Key, Networks, OwnerRecord, Seq, State, Store, Version,
};
use portcullis_sqlite::{
    BackupError, JournalError, MissingPeppers, OpenError, RestoreError, Restored, SqliteStore,
    backup, restore,
};
use portcullis_token::{PepperRing, TokenKind};
use records::{id, key, owner, pair};
use rusqlite::{Connection, Row};

/// A folder for the store, one for what belongs elsewhere.
struct Places {
    store: PathBuf,
    journal: PathBuf,
    backup: PathBuf,
    restored: PathBuf,
    _folders: [tempfile::TempDir; 3],
}

impl Places {
    fn new() -> Self {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [one, other, another] = &folders;
        Self {
            store: one.path().join("portcullis.db"),
            journal: other.path().join("journal"),
            backup: other.path().join("backup.db"),
            restored: another.path().join("restored.db"),
            _folders: folders,
        }
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open_with_journal(&self.store, &self.journal).unwrap()
    }

    fn backup(&self) -> Seq {
        backup(&self.store, &self.backup).unwrap().head
    }

    fn restore(&self) -> Result<Restored, RestoreError> {
        restored_from(&self.backup, &self.journal, &self.restored)
    }
}

/// Peppers of the version that the records are under: none is noted that they could differ from.
fn peppers() -> PepperRing {
    PepperRing::generate().unwrap()
}

fn restored_from(backup: &Path, journal: &Path, to: &Path) -> Result<Restored, RestoreError> {
    restore(backup, journal, to, &peppers(), MissingPeppers::Refuse)
}

async fn put(store: &SqliteStore, record: CredentialRecord) -> Seq {
    let credentials = vec![record];
    store
        .commit(Batch {
            credentials,
            ..Batch::default()
        })
        .await
        .unwrap()
}

fn changed(number: u64, change: impl FnOnce(&mut CredentialRecord)) -> CredentialRecord {
    let mut record = key(number);
    record.version = Version(1);
    change(&mut record);
    record
}

async fn read(store: &SqliteStore, number: u64) -> Option<CredentialRecord> {
    match store.get(Key::Credential(id(number))).await.unwrap().found {
        Found::Credential { record, .. } => Some(*record),
        _ => None,
    }
}

#[tokio::test]
async fn what_was_taken_away_after_the_backup_stays_taken_away() {
    let places = Places::new();
    let store = places.open();
    for number in 1..=5 {
        put(&store, key(number)).await;
    }
    let session = CredentialRecord {
        kind: TokenKind::Session,
        ..key(6)
    };
    put(&store, session).await;
    let suspend = |version, suspended| Batch {
        owners: vec![OwnerRecord {
            version: Version(version),
            suspended,
            ..OwnerRecord::new(owner())
        }],
        ..Batch::default()
    };
    store.commit(suspend(0, false)).await.unwrap();
    assert_eq!(places.backup(), Seq(0));

    let office: Networks = "203.0.113.0/24".parse().unwrap();
    let soon = Timestamp::from_unix_seconds(1_800_000_000);
    put(&store, changed(1, |key| key.state = State::Revoked)).await;
    put(&store, changed(2, |key| key.state = State::Disabled)).await;
    put(&store, changed(3, |key| key.grant = "".parse().unwrap())).await;
    put(&store, changed(4, |key| key.expires_at = Some(soon))).await;
    put(&store, changed(5, |key| key.networks = office.clone())).await;
    store.commit(suspend(1, true)).await.unwrap();
    put(&store, key(7)).await;
    drop(store);

    let restored = places.restore().unwrap();
    assert_eq!((restored.changes, restored.sessions), (6, 1));
    let store = SqliteStore::open_with_journal(&places.restored, &places.journal).unwrap();
    assert_eq!(read(&store, 1).await.unwrap().state, State::Revoked);
    assert_eq!(read(&store, 2).await.unwrap().state, State::Disabled);
    assert!(read(&store, 3).await.unwrap().grant.is_empty());
    assert_eq!(read(&store, 4).await.unwrap().expires_at, Some(soon));
    assert_eq!(read(&store, 5).await.unwrap().networks, office);
    assert_eq!(read(&store, 6).await.unwrap().state, State::Revoked);
    let Found::Owner { record, .. } = store.get(Key::Owner(owner())).await.unwrap().found else {
        panic!("the owner is gone");
    };
    assert!(record.suspended);
    // What was made after the backup is not known: refused, not accepted by mistake.
    assert_eq!(read(&store, 7).await, None);

    // Numbers go on where the journal ended, and so does the journal.
    let version = read(&store, 4).await.unwrap().version;
    let revoked = CredentialRecord {
        version,
        ..changed(4, |key| key.state = State::Revoked)
    };
    assert_eq!(put(&store, revoked).await, Seq(7));
    drop(store);
    let again = restored_from(
        &places.backup,
        &places.journal,
        &places.store.with_extension("2"),
    );
    assert_eq!(again.unwrap().changes, 6);
    let path = places.store.with_extension("2");
    let store = SqliteStore::open_with_journal(path, &places.journal).unwrap();
    assert_eq!(read(&store, 4).await.unwrap().state, State::Revoked);
}

#[tokio::test]
async fn a_restore_wants_the_journal_of_that_store_and_all_of_it() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    let early = fs::read(&places.journal).unwrap();
    put(&store, changed(1, |key| key.name = "other".into())).await;
    places.backup();
    drop(store);

    let refused = |journal: &Path| match restored_from(&places.backup, journal, &places.restored) {
        Err(RestoreError::Journal { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    let folder = places.journal.parent().unwrap();
    assert!(matches!(refused(&folder.join("none")), JournalError::Io(_)));

    // One that ends before the backup: an old copy, which lacks what came since.
    let old = folder.join("old");
    fs::write(&old, early).unwrap();
    assert!(matches!(refused(&old), JournalError::Gap { .. }));

    // One that begins after the backup: it was lost and made anew.
    let moved = folder.join("moved");
    fs::rename(&places.journal, &moved).unwrap();
    SqliteStore::dangerous_forget_journal(&places.store).unwrap();
    let store = places.open();
    let again = CredentialRecord {
        version: Version(2),
        ..key(1)
    };
    put(&store, again).await;
    drop(store);
    let late = places.store.with_extension("late");
    fs::rename(&places.journal, &late).unwrap();
    SqliteStore::dangerous_forget_journal(&places.store).unwrap();
    let store = places.open();
    drop(store);
    assert!(matches!(refused(&places.journal), JournalError::Gap { .. }));

    // Another store's.
    let others = Places::new();
    drop(others.open());
    assert!(matches!(refused(&others.journal), JournalError::OtherStore));
    let opened = SqliteStore::open_with_journal(&places.store, &others.journal);
    assert!(matches!(
        opened,
        Err(OpenError::Journal {
            source: JournalError::OtherStore,
            ..
        })
    ));

    fs::write(&moved, "anything else\n").unwrap();
    assert!(matches!(refused(&moved), JournalError::Format));
    assert!(!places.restored.exists());
    fs::write(&places.restored, "").unwrap();
    assert!(matches!(places.restore(), Err(RestoreError::Exists(_))));
    let names = fs::read_dir(places.restored.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1, "nothing unfinished is left");
}

#[tokio::test]
async fn a_journal_that_missed_the_end_catches_up_when_the_store_is_opened() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    places.backup();
    let before = fs::read(&places.journal).unwrap();
    put(&store, changed(1, |key| key.state = State::Revoked)).await;
    let whole = fs::read(&places.journal).unwrap();
    drop(store);
    // As if the process had died after its commit: with nothing of the line, or half of it.
    for left in [before.len(), before.len() + 20, whole.len()] {
        fs::write(&places.journal, &whole[..left]).unwrap();
        drop(places.open());
        assert_eq!(fs::read(&places.journal).unwrap(), whole);
    }
    assert_eq!(places.restore().unwrap().changes, 1);
}

#[tokio::test]
async fn a_store_that_is_older_than_its_journal_is_not_opened() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    places.backup();
    put(&store, changed(1, |key| key.state = State::Revoked)).await;
    drop(store);
    fs::remove_file(&places.store).unwrap();
    fs::copy(&places.backup, &places.store).unwrap();
    let opened = SqliteStore::open_with_journal(&places.store, &places.journal);
    assert!(matches!(
        opened,
        Err(OpenError::Journal {
            source: JournalError::Gap { .. },
            ..
        })
    ));
}

#[tokio::test]
async fn what_an_earlier_store_has_left_is_not_applied_to_the_restored_one() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    places.backup();
    put(&store, changed(1, |key| key.state = State::Revoked)).await;
    drop(store);
    for end in ["-wal", "-shm", "-journal"] {
        let left = format!("{}{end}", places.restored.display());
        fs::write(&left, "").unwrap();
        let refused = places.restore().unwrap_err();
        assert!(matches!(refused, RestoreError::Leftovers(_)), "{refused:?}");
        assert!(refused.to_string().contains(&left), "{refused}");
        assert!(!places.restored.exists());
        fs::remove_file(left).unwrap();
    }
    let names = fs::read_dir(places.restored.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 0, "nothing unfinished is left");
    places.restore().unwrap();
}

#[tokio::test]
async fn what_a_restore_that_was_killed_has_left_is_not_applied_to_the_next_one() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    places.backup();
    drop(store);
    // A process of this number: in a container there is but one.
    let unfinished = format!(
        "{}.{}.unfinished",
        places.restored.display(),
        std::process::id()
    );
    fs::write(&unfinished, "half").unwrap();
    fs::write(format!("{unfinished}-journal"), "half").unwrap();
    places.restore().unwrap();
    let names = fs::read_dir(places.restored.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1, "nothing unfinished is left");
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_written_anew_and_a_new_lock_have_the_mode_that_it_had() {
    use std::os::unix::fs::PermissionsExt;
    let places = Places::new();
    drop(places.open());
    places.backup();
    let lock = places.journal.with_extension("lock");
    fs::remove_file(&lock).unwrap();
    fs::set_permissions(&places.journal, fs::Permissions::from_mode(0o640)).unwrap();
    places.restore().unwrap();
    for path in [&places.journal, &lock] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{}", path.display());
    }
}

#[tokio::test]
async fn an_owner_that_was_noted_after_the_backup_stays_suspended() {
    let places = Places::new();
    let store = places.open();
    put(&store, key(1)).await;
    places.backup();
    for (version, suspended) in [(0, false), (1, true)] {
        let record = OwnerRecord {
            version: Version(version),
            suspended,
            ..OwnerRecord::new(owner())
        };
        let owners = vec![record];
        let batch = Batch {
            owners,
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
    }
    drop(store);
    assert_eq!(places.restore().unwrap().changes, 1);
    let store = SqliteStore::open_with_journal(&places.restored, &places.journal).unwrap();
    let found = store.get(Key::Credential(id(1))).await.unwrap().found;
    let Found::Credential { owner, .. } = found else {
        panic!("the key is gone");
    };
    assert!(owner.unwrap().suspended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_store_that_is_being_written_is_one_state_of_it() {
    let places = Places::new();
    let store = std::sync::Arc::new(places.open());
    let writing = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move {
            for number in 0..600 {
                store.commit(pair(number)).await.unwrap();
            }
        }
    });
    let mut found = Vec::new();
    for round in 0..6 {
        let to = places.backup.with_extension(round.to_string());
        let from = places.store.clone();
        let copy = to.clone();
        tokio::task::spawn_blocking(move || backup(&from, &copy).unwrap())
            .await
            .unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&to).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let copied = Connection::open(&to).unwrap();
        let number = |statement: &str| -> i64 {
            let read = |row: &Row<'_>| row.get(0);
            copied.query_row(statement, [], read).unwrap()
        };
        let keys = number("SELECT count(*) FROM credentials");
        let balance = number("SELECT coalesce(sum(bought), 0) FROM accounts");
        // Each commit makes two keys and one credit.
        assert_eq!(keys, 2 * balance);
        found.push(balance);
    }
    writing.await.unwrap();
    assert!(found.is_sorted(), "{found:?}");
}

#[test]
fn a_backup_is_of_a_store_and_takes_nothings_place() {
    let places = Places::new();
    assert!(matches!(
        backup(&places.store, &places.backup),
        Err(BackupError::Missing(_))
    ));
    drop(places.open());
    fs::write(&places.backup, "precious").unwrap();
    assert!(matches!(
        backup(&places.store, &places.backup),
        Err(BackupError::Exists(_))
    ));
    assert_eq!(fs::read(&places.backup).unwrap(), b"precious");
    let refused = places.restore();
    assert!(
        matches!(refused, Err(RestoreError::NotABackup(_))),
        "{refused:?}"
    );
}
