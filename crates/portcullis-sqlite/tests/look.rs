//! Looking at the peppers of a store changes nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[expect(dead_code, reason = "shared with tests that need more")]
mod records;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use portcullis_registry::{Batch, CredentialRecord, PepperRecord, State, Store};
use portcullis_sqlite::{LookError, SqliteStore, backup, look_at_peppers};
use portcullis_token::PepperVersion;
use records::key;

/// The files of a folder with their bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn peppers_are_counted_while_the_store_is_open_and_when_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("por#t?cu%llis.db");
    let store = SqliteStore::open(&path).unwrap();
    let second = PepperVersion::new(2).unwrap();
    let noted = |version, byte| PepperRecord {
        version,
        fingerprint: [byte; 8],
    };
    let revoked = CredentialRecord {
        state: State::Revoked,
        ..key(3)
    };
    let under_second = CredentialRecord {
        pepper: second,
        ..key(4)
    };
    let batch = Batch {
        credentials: vec![key(1), key(2), revoked, under_second],
        peppers: vec![noted(second, 2), noted(PepperVersion::FIRST, 1)],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let user = "INSERT INTO users VALUES ('u', 'a@b.example', 'a', '2$argon2', 0), \
         ('v', 'b@b.example', 'b', '22$argon2', 0)";
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute(user, []).unwrap();
    drop(file);
    let look = || {
        let known = look_at_peppers(&path).unwrap();
        let counts = known.into_iter().map(|one| {
            (
                one.version.number(),
                one.fingerprint[0],
                one.credentials,
                one.passwords,
            )
        });
        counts.collect::<Vec<_>>()
    };
    assert_eq!(look(), [(1, 1, 2, 0), (2, 2, 1, 1)]);
    #[cfg(unix)]
    {
        // By a link from elsewhere it is in use as well: what is committed is not in the file yet.
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(look_at_peppers(&link).unwrap()[0].credentials, 2);
    }
    drop(store);
    let before = contents(folder.path());
    assert_eq!(look(), [(1, 1, 2, 0), (2, 2, 1, 1)]);
    // A backup leaves nothing there either.
    let copies = tempfile::tempdir().unwrap();
    backup(&path, &copies.path().join("backup.db")).unwrap();
    assert!(contents(folder.path()) == before, "the folder was changed");
}

#[test]
fn a_store_of_an_earlier_version_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    fs::write(&path, include_bytes!("data/v2.db")).unwrap();
    let before = contents(folder.path());
    let known = look_at_peppers(&path).unwrap();
    assert_eq!((known.len(), known[0].passwords), (1, 1));
    assert!(contents(folder.path()) == before, "the folder was changed");
}

#[test]
fn what_is_no_store_does_not_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    assert!(matches!(look_at_peppers(&path), Err(LookError::Missing(_))));
    for bytes in [&b""[..], b"just a text, of which there is a little more"] {
        fs::write(&path, bytes).unwrap();
        let refused = look_at_peppers(&path);
        assert!(
            matches!(refused, Err(LookError::NotAStore(_))),
            "{refused:?}"
        );
    }
    assert_eq!(contents(folder.path()).len(), 1);
}
