//! The demo's own tables in SQLite.

use std::{path::Path, sync::Arc, time::Duration};

use portcullis::core::CredentialId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Rows, Transaction, TransactionBehavior};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::ResourceError;

/// What brings the tables from each version to the next.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE social_brands (
        seq INTEGER PRIMARY KEY,
        owner TEXT NOT NULL,
        slug TEXT NOT NULL,
        position INTEGER NOT NULL,
        record TEXT NOT NULL,
        UNIQUE (owner, slug)
    ) STRICT;
    CREATE TABLE social_posts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        brand_slug TEXT,
        status TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX social_posts_of_owner ON social_posts (owner, seq);
",
    "
    CREATE TABLE social_documents (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL,
        kind TEXT NOT NULL,
        whole TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX social_documents_of_owner ON social_documents (owner, kind, whole, seq);
",
    // What is summed up of posts is read from the index alone, however long they are.
    "
    ALTER TABLE social_posts ADD COLUMN day TEXT;
    ALTER TABLE social_posts ADD COLUMN source TEXT;
    UPDATE social_posts SET
        day = substr(json_extract(record, '$.post.createdAt'), 1, 10),
        source = json_extract(record, '$.post.source')
        WHERE json_valid(record);
    CREATE INDEX social_posts_by_day ON social_posts (owner, day, source, status);
",
];

/// The demo's tables, on a connection of their own.
///
/// Clones share the connection, which works for one caller at a time and never on an async thread.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

/// Why the demo's tables can't be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// They were made by a later version of this program.
    #[error("the demo's tables are of version {found}, this program knows up to {known}")]
    Newer {
        /// The version of the tables.
        found: usize,
        /// The last version known here.
        known: usize,
    },
    /// SQLite failed.
    #[error("the demo's tables can't be opened")]
    Sqlite(#[from] rusqlite::Error),
}

impl Database {
    /// Opens the tables in the file of the store, which has to exist; makes them if need be.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::on(Connection::open_with_flags(path, flags)?)
    }

    /// Makes tables that are gone when the last clone is.
    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        Self::on(Connection::open_in_memory()?)
    }

    fn on(mut connection: Connection) -> Result<Self, OpenError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Works in a transaction that sees one state and changes nothing.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, ResourceError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, ResourceError> + Send + 'static,
    {
        self.run(TransactionBehavior::Deferred, work).await
    }

    /// Works in a transaction that is durable when this returns, or has changed nothing if it fails.
    ///
    /// Once begun it is not broken off by a caller that goes away.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, ResourceError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, ResourceError> + Send + 'static,
    {
        self.run(TransactionBehavior::Immediate, work).await
    }

    async fn run<T, F>(&self, behavior: TransactionBehavior, work: F) -> Result<T, ResourceError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, ResourceError> + Send + 'static,
    {
        // Waiting here keeps those who wait off the blocking threads.
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        let worked = tokio::task::spawn_blocking(move || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        worked.await?
    }
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS social_schema (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            version INTEGER NOT NULL
        ) STRICT",
    )?;
    let version = "SELECT version FROM social_schema";
    let found: Option<u32> = transaction
        .query_row(version, [], |row| row.get(0))
        .optional()?;
    let found = usize::try_from(found.unwrap_or(0)).unwrap_or(usize::MAX);
    let known = MIGRATIONS.len();
    let Some(missing) = MIGRATIONS.get(found..) else {
        return Err(OpenError::Newer { found, known });
    };
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    let store = "INSERT INTO social_schema (one, version) VALUES (1, ?1)
        ON CONFLICT (one) DO UPDATE SET version = excluded.version";
    transaction.execute(store, [i64::try_from(known).unwrap_or(i64::MAX)])?;
    Ok(transaction.commit()?)
}

/// The records of a query for names and records.
///
/// One that can't be read is logged and left out: the others are still there to be listed.
pub(super) fn records<T: DeserializeOwned>(mut rows: Rows<'_>) -> Result<Vec<T>, rusqlite::Error> {
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        match serde_json::from_slice(row.get_ref(1)?.as_bytes()?) {
            Ok(record) => records.push(record),
            Err(error) => {
                let name = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?);
                tracing::error!(%name, %error, "a stored record can't be read and is left out");
            }
        }
    }
    Ok(records)
}

/// A new id: the prefix and 16 characters of base62, 95 bits from the operating system.
pub(super) fn random_id(prefix: &str) -> Result<String, getrandom::Error> {
    loop {
        let mut bytes = [0; 16];
        // 96 bits, of which 6 draws in 10 are below 62^16; the others are thrown away.
        let (_, drawn) = bytes.split_at_mut(4);
        getrandom::fill(drawn)?;
        if let Some(id) = CredentialId::from_value(u128::from_be_bytes(bytes)) {
            return Ok(format!("{prefix}{id}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use portcullis::axum::ApiError;

    use super::*;

    async fn count(database: &Database) -> i64 {
        let counted = database.read(|tables| {
            let query = "SELECT count(*) FROM social_brands";
            Ok(tables.query_row(query, [], |row| row.get(0))?)
        });
        counted.await.unwrap()
    }

    fn insert(tables: &Transaction<'_>) -> Result<(), ResourceError> {
        let row = "INSERT INTO social_brands (owner, slug, position, record)
            VALUES ('acme', 'a', 0, '{}')";
        tables.execute(row, [])?;
        Ok(())
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.db");
        assert!(Database::open(&path).is_err(), "the store makes the file");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE other (a)")
            .unwrap();
        let database = Database::open(&path).unwrap();
        database.write(insert).await.unwrap();
        drop(database);
        let database = Database::open(&path).unwrap();
        assert_eq!(count(&database).await, 1);
        let modes = database.read(|tables| {
            let mode = |name| tables.pragma_query_value(None, name, |row| row.get(0));
            let synchronous: i64 =
                tables.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            Ok((mode("journal_mode")?, synchronous))
        });
        assert_eq!(modes.await.unwrap(), (String::from("wal"), 2));
    }

    #[tokio::test]
    async fn a_refusal_or_a_panic_changes_nothing_and_the_next_caller_works() {
        let database = Database::in_memory().unwrap();
        let refused = database.write(|tables| {
            insert(tables)?;
            Err::<(), _>(ApiError::conflict("no").into())
        });
        assert!(matches!(refused.await, Err(ResourceError::Refused(_))));
        let panicked = database.write(|tables| -> Result<(), ResourceError> {
            insert(tables)?;
            panic!("a bug");
        });
        assert!(matches!(panicked.await, Err(ResourceError::Broken(_))));
        assert_eq!(count(&database).await, 0);
        database.write(insert).await.unwrap();
        assert_eq!(count(&database).await, 1);
    }

    #[test]
    fn tables_of_a_newer_version_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.db");
        drop(Connection::open(&path).unwrap());
        let made = Connection::open(&path).unwrap();
        made.execute_batch("CREATE TABLE social_schema (one INTEGER PRIMARY KEY, version INTEGER)")
            .unwrap();
        made.execute_batch("INSERT INTO social_schema VALUES (1, 99)")
            .unwrap();
        let refused = Database::open(&path).unwrap_err();
        assert!(matches!(
            refused,
            OpenError::Newer {
                found: 99,
                known: 3
            }
        ));
    }

    #[tokio::test]
    async fn posts_of_the_version_before_get_their_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.db");
        let made = Connection::open(&path).unwrap();
        for migration in MIGRATIONS.iter().take(2) {
            made.execute_batch(migration).unwrap();
        }
        made.execute_batch(
            r#"
            CREATE TABLE social_schema (one INTEGER PRIMARY KEY, version INTEGER);
            INSERT INTO social_schema VALUES (1, 2);
            INSERT INTO social_posts (owner, id, status, record) VALUES
                ('acme', 'post_1', 'draft',
                    '{"post":{"createdAt":"2026-01-01T10:00:00Z","source":"mcp"}}'),
                ('acme', 'post_2', 'draft', '{');
            "#,
        )
        .unwrap();
        drop(made);
        let database = Database::open(&path).unwrap();
        let days = database.read(|tables| {
            let mut query = tables.prepare("SELECT day, source FROM social_posts ORDER BY seq")?;
            let days = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(days.collect::<Result<Vec<(Option<String>, Option<String>)>, _>>()?)
        });
        let known = (Some("2026-01-01".into()), Some("mcp".into()));
        assert_eq!(days.await.unwrap(), [known, (None, None)]);
    }

    #[test]
    fn ids_are_16_characters_of_base62_and_differ() {
        let ids: HashSet<String> = (0..1_000).map(|_| random_id("post_").unwrap()).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            let characters = id.strip_prefix("post_").unwrap();
            assert_eq!(characters.len(), 16);
            assert!(characters.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }
}
