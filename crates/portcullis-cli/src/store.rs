//! Backups of a store, what is made of them, and the journal.

use std::{fmt::Write, path::Path};

use portcullis_registry::PepperFile;
use portcullis_sqlite::{MissingPeppers, RestoreError, SqliteStore};

use crate::{Done, Failed, arguments::InFile};

pub(crate) fn backup(store: &Path, to: &Path) -> Done {
    let backup = portcullis_sqlite::backup(store, to)?;
    Ok(format!(
        "backed up to `{}`, up to change {}; the peppers and the journal are not in it",
        to.display(),
        backup.head.0,
    ))
}

pub(crate) fn restore(
    backup: &Path,
    journal: &Path,
    store: &Path,
    file: &InFile,
    missing: MissingPeppers,
) -> Done {
    let peppers = PepperFile::at(&file.peppers);
    peppers.check_apart_from(store)?;
    let ring = peppers.read()?;
    let restored = portcullis_sqlite::restore(backup, journal, store, &ring, missing);
    let restored = restored.map_err(|error| {
        let is_missing = matches!(error, RestoreError::PeppersMissing { .. });
        let Failed(line) = error.into();
        Failed(match is_missing {
            true => format!("{line} (--revoke-missing)"),
            false => line,
        })
    })?;
    let mut done = format!(
        "restored to `{}`: {} changes of the journal made again, {} sessions and refresh tokens ended",
        store.display(),
        restored.changes,
        restored.sessions,
    );
    if missing == MissingPeppers::Revoke {
        write!(
            done,
            "; {} credentials under missing peppers revoked",
            restored.revoked
        )?;
    }
    if restored.passwords > 0 {
        write!(
            done,
            "; {} passwords were under them and need to be set anew",
            restored.passwords
        )?;
    }
    Ok(done)
}

pub(crate) fn forget_journal(store: &Path) -> Done {
    check_exists(store)?;
    SqliteStore::dangerous_forget_journal(store)?;
    Ok(format!(
        "the store `{}` has no journal any more; once it has a new one, backups from before that \
         can't be restored",
        store.display()
    ))
}

/// A store is not made here by a wrong path.
pub(crate) fn check_exists(store: &Path) -> Result<(), Failed> {
    match store.metadata() {
        Ok(found) if !found.is_file() || found.len() > 0 => Ok(()),
        _ => Err(Failed(format!("there is no store `{}`", store.display()))),
    }
}
