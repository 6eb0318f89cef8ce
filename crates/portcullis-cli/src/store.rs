//! Backups of a store, and what is made of them.

use std::path::Path;

use crate::Done;

pub(crate) fn backup(store: &Path, to: &Path) -> Done {
    let backup = portcullis_sqlite::backup(store, to)?;
    Ok(format!(
        "backed up to `{}`, up to change {}; the peppers and the journal are not in it",
        to.display(),
        backup.head.0,
    ))
}

pub(crate) fn restore(backup: &Path, journal: &Path, store: &Path) -> Done {
    let restored = portcullis_sqlite::restore(backup, journal, store)?;
    Ok(format!(
        "restored to `{}`: {} changes of the journal made again, {} sessions and refresh tokens ended",
        store.display(),
        restored.changes,
        restored.sessions,
    ))
}
