//! The revocation journal: where it is, who has it, what is in it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_registry::{Batch, CredentialRecord, State, Store, Version};
use portcullis_sqlite::{JournalError, OpenError, SqliteStore};
use portcullis_token::TokenKind;
use records::key;
use tempfile::TempDir;

/// A folder for the store, and one for its journal.
fn places() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    let store = folder.path().join("data/portcullis.db");
    let journal = folder.path().join("elsewhere/journal");
    (folder, store, journal)
}

fn refused(store: &Path, journal: &Path) -> JournalError {
    match SqliteStore::open_with_journal(store, journal) {
        Err(OpenError::Journal { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

async fn put(store: &SqliteStore, credentials: Vec<CredentialRecord>) {
    let batch = Batch {
        credentials,
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

fn at(number: u64, version: u64) -> CredentialRecord {
    CredentialRecord {
        version: Version(version),
        ..key(number)
    }
}

#[test]
fn a_journal_in_the_folder_of_the_store_is_refused_by_whatever_path() {
    let (folder, store, _) = places();
    let beside = store.with_file_name("journal");
    assert!(matches!(
        refused(&store, &beside),
        JournalError::BesideStore
    ));
    assert!(!beside.exists());
    #[cfg(unix)]
    {
        fs::write(&beside, "").unwrap();
        let link = folder.path().join("elsewhere/link");
        std::os::unix::fs::symlink(&beside, &link).unwrap();
        assert!(matches!(refused(&store, &link), JournalError::BesideStore));
        // What it names may be on a disk that is not there now.
        fs::remove_file(&beside).unwrap();
        assert!(matches!(refused(&store, &link), JournalError::Io(_)));
    }
    drop(folder);
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_behind_a_symbolic_link_stays_where_it_is() {
    let (folder, store, journal) = places();
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    // A journal of version 1 is written anew, by a rename.
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(
        &journal,
        text.replacen("portcullis-journal 3", "portcullis-journal 1", 1),
    )
    .unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&journal, &link).unwrap();
    drop(SqliteStore::open_with_journal(&store, &link).unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&journal).unwrap(), text);
}

#[test]
fn a_store_with_a_journal_is_not_opened_without_it_until_that_is_given_up() {
    let (_folder, store, journal) = places();
    drop(SqliteStore::open(&store).unwrap());
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    let error = SqliteStore::open(&store).unwrap_err();
    assert!(
        matches!(error, OpenError::JournalNeeded { .. }),
        "{error:?}"
    );
    let message = error.to_string();
    assert!(
        message.contains(&format!("`{}`", journal.display())),
        "{message}"
    );
    // A wrong path begins no other journal.
    let wrong = journal.with_file_name("jornal");
    assert!(matches!(refused(&store, &wrong), JournalError::Missing));
    assert!(!wrong.exists());
    SqliteStore::dangerous_forget_journal(&store).unwrap();
    drop(SqliteStore::open(&store).unwrap());
    drop(SqliteStore::open_with_journal(&store, &wrong).unwrap());
    assert!(SqliteStore::open(&store).is_err());
}

#[tokio::test]
async fn what_was_changed_without_a_journal_is_in_it_when_it_is_taken_up_again() {
    let (_folder, store, journal) = places();
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    SqliteStore::dangerous_forget_journal(&store).unwrap();
    let open = SqliteStore::open(&store).unwrap();
    put(&open, vec![key(1)]).await;
    let revoked = CredentialRecord {
        state: State::Revoked,
        ..at(1, 1)
    };
    put(&open, vec![revoked]).await;
    drop(open);
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.contains("\"state\":\"revoked\""), "{text}");
}

#[test]
fn a_copy_of_a_store_does_not_open_its_journal_at_the_same_time() {
    let (folder, store, journal) = places();
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let copy = copy.join("portcullis.db");
    fs::copy(&store, &copy).unwrap();
    let open = SqliteStore::open_with_journal(&store, &journal).unwrap();
    assert!(matches!(refused(&copy, &journal), JournalError::InUse));
    drop(open);
    drop(SqliteStore::open_with_journal(&copy, &journal).unwrap());
}

#[tokio::test]
async fn sessions_leave_one_short_line_for_each_commit_at_most() {
    let (_folder, store, journal) = places();
    let open = SqliteStore::open_with_journal(&store, &journal).unwrap();
    let session = |number, version| CredentialRecord {
        kind: TokenKind::Session,
        ..at(number, version)
    };
    let all = |version| (1..=50).map(|number| session(number, version)).collect();
    put(&open, all(0)).await;
    let before = fs::read_to_string(&journal).unwrap();
    put(&open, all(1)).await;
    let after = fs::read_to_string(&journal).unwrap();
    let added = after.strip_prefix(&before).unwrap();
    assert_eq!(added.matches('\n').count(), 1, "{added}");
    assert!(added.ends_with("{\"change\":50,\"synced\":0}\n"), "{added}");
}

#[tokio::test]
async fn a_journal_is_made_shorter_while_it_is_written() {
    let (_folder, store, journal) = places();
    let open = SqliteStore::open_with_journal(&store, &journal).unwrap();
    let all = |version| (1..=250).map(|number| at(number, version)).collect();
    put(&open, all(0)).await;
    let mut longest = 0;
    // 20,000 changes of 250 keys, of some 180 bytes each.
    for version in 1..=80 {
        put(&open, all(version)).await;
        longest = longest.max(fs::metadata(&journal).unwrap().len());
    }
    // Twice what is live, 1 MiB, and what one commit adds.
    let live = 250 * 200;
    assert!(longest < 2 * live + (1 << 20) + live, "{longest}");
    assert!(longest > 1 << 20, "it never was too long: {longest}");
    drop(open);
    // It is whole, and goes on.
    let open = SqliteStore::open_with_journal(&store, &journal).unwrap();
    put(&open, all(81)).await;
    let text = fs::read_to_string(&journal).unwrap();
    let last = text.lines().last().unwrap();
    assert!(last.contains("\"change\":20250,"), "{last}");
    let names = fs::read_dir(journal.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 2, "the journal and its lock");
}

#[tokio::test]
async fn several_lines_that_a_power_failure_has_lost_are_written_again() {
    let (_folder, store, journal) = places();
    let open = SqliteStore::open_with_journal(&store, &journal).unwrap();
    put(&open, (1..=4).map(|number| at(number, 0)).collect()).await;
    put(&open, vec![at(1, 1)]).await;
    let first = fs::read(&journal).unwrap().len();
    put(&open, (2..=4).map(|number| at(number, 1)).collect()).await;
    drop(open);
    let whole = fs::read(&journal).unwrap();
    // The pages of the last group came to the disk in part.
    let mut torn = whole.clone();
    torn[first..first + 200].fill(0);
    fs::write(&journal, &torn).unwrap();
    drop(SqliteStore::open_with_journal(&store, &journal).unwrap());
    assert_eq!(fs::read(&journal).unwrap(), whole);
    // What was synced before another group is no such line.
    let mut damaged = whole;
    damaged[first - 20] ^= 1;
    fs::write(&journal, &damaged).unwrap();
    assert!(matches!(
        refused(&store, &journal),
        JournalError::Damaged { line: 2 }
    ));
}
