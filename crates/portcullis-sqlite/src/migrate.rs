//! The versions of the tables.

use rusqlite::Connection;

use crate::audit;

/// In the header of every store: `Ptcl`, so that no other program's file is taken for one.
pub(crate) const APPLICATION_ID: i32 = 0x5074_636c;

/// What makes version n + 1 of version n.
const MIGRATIONS: [&str; 10] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_directory.sql"),
    include_str!("../migrations/0003_networks_plans_imports.sql"),
    include_str!("../migrations/0004_journal.sql"),
    include_str!("../migrations/0005_audit.sql"),
    include_str!("../migrations/0006_credits.sql"),
    include_str!("../migrations/0007_usage.sql"),
    include_str!("../migrations/0008_ledger.sql"),
    include_str!("../migrations/0009_joined.sql"),
    include_str!("../migrations/0010_tickets.sql"),
];

/// The newest version that is known.
pub(crate) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// What a file is, by its header and its tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contents {
    /// Nothing yet.
    Empty,
    /// Another program's.
    Foreign,
    /// A store of this version.
    Store(u32),
}

/// Looks at a file without changing it.
pub(crate) fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let application = number("application_id")?;
    let version = number("user_version")?;
    let tables = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
    let used: bool = connection.query_row(tables, [], |row| row.get(0))?;
    Ok(match (application, version, used) {
        (0, 0, false) => Contents::Empty,
        (APPLICATION_ID, _, _) => u32::try_from(version).map_or(Contents::Foreign, Contents::Store),
        _ => Contents::Foreign,
    })
}

/// Brings the tables up to date from a version, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    for (version, step) in (1_u32..)
        .zip(MIGRATIONS)
        .skip_while(|(version, _)| *version <= from)
    {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        if version == audit::CHAINED_SINCE {
            audit::chain(&transaction)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
