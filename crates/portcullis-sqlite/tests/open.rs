//! What can't be opened is told apart, and left as it is.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use portcullis_sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// A folder and a path in it at which there is nothing yet.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    (folder, path)
}

/// Opens what can't be opened, and checks that the message is one line that names the file and that
/// nothing in the folder was changed.
fn refused(path: &Path) -> OpenError {
    let before = contents(path.parent().unwrap());
    let error = SqliteStore::open(path).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(&format!("`{}`", path.display())),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
    assert!(
        contents(path.parent().unwrap()) == before,
        "the folder was changed: {message}"
    );
    error
}

/// The files of a folder by name, with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .map(|path| (path.clone(), fs::read(path).ok()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_missing_file_is_made_with_its_folder() {
    let (folder, _) = place();
    let path = folder.path().join("a/b/portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.path(), path);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("a")), 0o700);
        assert_eq!(mode(&folder.path().join("a/b")), 0o700);
        for (file, _) in contents(path.parent().unwrap()) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
}

#[test]
fn an_empty_file_and_an_empty_database_are_taken() {
    let (_folder, path) = place();
    fs::write(&path, "").unwrap();
    SqliteStore::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("VACUUM")
        .unwrap();
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_store_is_in_wal_mode_and_marked_as_ours() {
    let (_folder, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let text = |name: &str| -> String {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    let number = |name: &str| -> i32 {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(number("application_id").to_be_bytes(), *b"Ptcl");
    assert!(number("user_version") > 0);
}

#[test]
fn what_is_not_sqlite_is_refused() {
    let (_folder, path) = place();
    for bytes in [
        vec![b'x'],
        b"just a text\n".to_vec(),
        vec![0; 4_096],
        vec![0xff; 100_000],
    ] {
        fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::NotSqlite(_)), "{error:?}");
    }
}

#[test]
fn the_database_of_another_program_is_refused() {
    let (_folder, path) = place();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE theirs (a); PRAGMA user_version = 1")
        .unwrap();
    drop(other);
    assert!(matches!(refused(&path), OpenError::Foreign(_)));
    // Also if it only says so.
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA application_id = 7")
        .unwrap();
    assert!(matches!(refused(&path), OpenError::Foreign(_)));
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let (_folder, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    match refused(&path) {
        OpenError::Newer { found, known, .. } => assert!(found == 99 && known < found),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_directory_in_the_place_of_the_file_is_refused() {
    let (_folder, path) = place();
    fs::create_dir(&path).unwrap();
    assert!(matches!(refused(&path), OpenError::Directory(_)));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let (folder, _) = place();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in ["file/portcullis.db", "file/deeper/portcullis.db"] {
        let error = SqliteStore::open(folder.path().join(path)).unwrap_err();
        assert!(matches!(error, OpenError::Parent { .. }), "{error:?}");
    }
}

#[test]
fn a_second_open_is_refused_until_the_first_ends() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(OpenError::AlreadyOpen(_))
    ));
    drop(store);
    SqliteStore::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_second_open_by_a_symbolic_link_is_refused() {
    let (folder, path) = place();
    let _store = SqliteStore::open(&path).unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(
        SqliteStore::open(&link),
        Err(OpenError::AlreadyOpen(_))
    ));
}

/// Names the case and the file for [`child_without_privileges`].
#[cfg(unix)]
const CHILD: &str = "PORTCULLIS_OPEN_TEST";

/// The child: opens what its user may not write. A superuser may write everything, so this can't be
/// seen in its own process.
#[cfg(unix)]
#[test]
fn child_without_privileges() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let (case, path) = arguments.split_once(' ').unwrap();
    let error = SqliteStore::open(path).unwrap_err();
    match case {
        "read-only" => assert!(matches!(error, OpenError::ReadOnly(_)), "{error:?}"),
        _ => assert!(matches!(error, OpenError::Permission(_)), "{error:?}"),
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_written_is_refused() {
    use std::os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    };
    let (folder, _) = place();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o755);
    // A copy, since the folder of the tests may be closed to others.
    let test = folder.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    mode(&test, 0o755);
    let superuser = fs::metadata(folder.path()).unwrap().uid() == 0;
    let run = |case: &str, path: &Path| {
        let mut child = Command::new(&test);
        child.args(["--exact", "child_without_privileges"]);
        child.env(CHILD, format!("{case} {}", path.display()));
        if superuser {
            child.uid(65_534).gid(65_534);
        }
        let output = child.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    };

    let made = folder.path().join("made");
    drop(SqliteStore::open(made.join("portcullis.db")).unwrap());
    // A folder that can't be entered, then a file that can't be read, then one that can't be written.
    run("permission", &made.join("portcullis.db"));
    mode(&made, if superuser { 0o777 } else { 0o700 });
    mode(&made.join("portcullis.db"), 0o000);
    run("permission", &made.join("portcullis.db"));
    mode(&made.join("portcullis.db"), 0o444);
    run("read-only", &made.join("portcullis.db"));
    // A folder in which nothing can be made.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0o555);
    run("permission", &closed.join("portcullis.db"));
    run("permission", &closed.join("deeper/portcullis.db"));
}
