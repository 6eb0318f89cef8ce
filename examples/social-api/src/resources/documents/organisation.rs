//! The organisation of the caller, and its documents.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use portcullis::{
    axum::{Caller, Refusal},
    core::Timestamp,
    registry::Principal,
};

use super::Rows;
use crate::resources::{Demo, ResourceError, owner, uploads::Uploads};

/// The organisation that the caller speaks for.
///
/// Documents are reached through this alone, so no handler can name another organisation.
#[derive(Debug)]
pub(in crate::resources) struct Organisation {
    demo: Demo,
    who: Principal,
}

impl FromRequestParts<Demo> for Organisation {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, demo: &Demo) -> Result<Self, Refusal> {
        let Caller(who) = Caller::from_request_parts(parts, demo).await?;
        let demo = demo.clone();
        Ok(Self { demo, who })
    }
}

impl Organisation {
    /// Who speaks for it.
    pub(in crate::resources) const fn caller(&self) -> &Principal {
        &self.who
    }

    pub(in crate::resources) const fn uploads(&self) -> &Uploads {
        &self.demo.uploads
    }

    pub(in crate::resources) fn now(&self) -> Timestamp {
        self.demo.clock.now()
    }

    /// Looks at its documents, which are all of one moment.
    pub(in crate::resources) async fn read<T, F>(&self, work: F) -> Result<T, ResourceError>
    where
        T: Send + 'static,
        F: FnOnce(&Rows<'_>) -> Result<T, ResourceError> + Send + 'static,
    {
        let (owner, now) = (owner(&self.who), self.now());
        let database = &self.demo.database;
        database
            .read(move |tables| work(&Rows::of(tables, &owner, now)))
            .await
    }

    /// Changes its documents: durable when this returns, and nothing is changed if it fails.
    ///
    /// Once begun it is not broken off by a caller that goes away.
    pub(in crate::resources) async fn write<T, F>(&self, work: F) -> Result<T, ResourceError>
    where
        T: Send + 'static,
        F: FnOnce(&Rows<'_>) -> Result<T, ResourceError> + Send + 'static,
    {
        let (owner, now) = (owner(&self.who), self.now());
        let database = &self.demo.database;
        database
            .write(move |tables| work(&Rows::of(tables, &owner, now)))
            .await
    }
}
