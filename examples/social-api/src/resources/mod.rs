//! The demo's resources: what there is to have access to.
//!
//! They are kept in tables of their own beside the store. Each row belongs to an organisation, and
//! to any other it doesn't exist. Nothing ever leaves the machine.

mod agents;
mod brands;
mod carousels;
mod clips;
mod database;
mod documents;
mod error;
mod kbs;
mod kept;
mod posts;
mod request;
mod routes;
mod summary;
mod texts;
mod uploads;
mod webhooks;

use std::{io, path::Path, sync::Arc};

use portcullis::{core::Clock, registry::Principal};

pub(crate) use self::routes::routes;
use self::{
    database::{Database, OpenError},
    error::ResourceError,
    uploads::Uploads,
};

/// What the handlers of the resources share.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    database: Database,
    uploads: Uploads,
    clock: Arc<dyn Clock>,
}

/// Why the resources can't be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// Their tables can't.
    #[error(transparent)]
    Tables(#[from] OpenError),
    /// There is no place for uploads.
    #[error("no folder for uploads")]
    Uploads(#[from] io::Error),
}

impl Demo {
    /// Kept in the file of the store, which has to exist, and in a folder beside it.
    pub(crate) fn open(store: &Path, clock: Arc<dyn Clock>) -> Result<Self, DemoError> {
        Ok(Self {
            database: Database::open(store)?,
            uploads: Uploads::beside(store),
            clock,
        })
    }

    /// Gone when the last clone is.
    pub(crate) fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, DemoError> {
        Ok(Self {
            database: Database::in_memory()?,
            uploads: Uploads::temporary()?,
            clock,
        })
    }
}

/// The organisation that a caller speaks for.
fn owner(who: &Principal) -> String {
    who.owner().as_str().to_owned()
}
