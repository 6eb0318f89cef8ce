//! A document, and what a resource says about its own.

use portcullis::{axum::ApiError, core::Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Rows;
use crate::resources::{
    ResourceError,
    kept::{Kept, Own},
};

/// The members of every document that a client can't add.
const OWN: [Own; 3] = [
    Own::text("id"),
    Own::text("createdAt"),
    Own::text("updatedAt"),
];

/// The members that a resource knows.
pub(in crate::resources) trait Resource:
    DeserializeOwned + Serialize + Send + 'static
{
    /// What it is called, in the table and in messages: `clip`.
    const NAME: &'static str;
    /// What its ids begin with: `clip_`.
    const PREFIX: &'static str;
    /// The most of an organisation.
    const MOST: u32 = 1_000;
    /// The name of what belongs to one of these and is deleted with it.
    const PARTS: Option<&'static str> = None;
    /// All of its members, which a client can't add where they are not asked for.
    ///
    /// One that is left out could stand in a document twice, which then can't be read.
    const OWN: &'static [Own];

    /// The id of what it belongs to; empty if it stands alone.
    fn whole(&self) -> &str {
        ""
    }
}

/// A resource that a body makes.
pub(in crate::resources) trait New: Resource {
    /// The body of the `POST`.
    type Body: DeserializeOwned + Send + 'static;

    /// What a body makes, and its members that are only kept.
    fn new(rows: &Rows<'_>, body: Self::Body) -> Result<(Self, Kept), ResourceError>;
}

/// A resource that a body changes.
pub(in crate::resources) trait Alter: Resource {
    /// The body of the `PATCH`.
    type Body: DeserializeOwned + Send + 'static;

    /// Takes the members of a body that are there; gives those that are only kept.
    fn alter(&mut self, body: Self::Body) -> Result<Kept, ApiError>;
}

/// A document, as it is shown and stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Document<T> {
    pub(in crate::resources) id: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(flatten)]
    pub(in crate::resources) own: T,
    #[serde(flatten)]
    kept: Kept,
}

impl<T: Resource> Document<T> {
    pub(super) fn new(id: String, own: T, kept: Kept, now: Timestamp) -> Result<Self, ApiError> {
        Ok(Self {
            id,
            created_at: now,
            updated_at: now,
            own,
            kept: only_kept::<T>(kept)?,
        })
    }

    /// Adds the members of a body that are only kept; of those, `null` removes.
    pub(in crate::resources) fn keep(&mut self, members: Kept) -> Result<(), ApiError> {
        let members = only_kept::<T>(members)?;
        self.kept = std::mem::take(&mut self.kept).merged(members)?;
        Ok(())
    }
}

fn only_kept<T: Resource>(members: Kept) -> Result<Kept, ApiError> {
    members.without(&OWN)?.without(T::OWN)
}
