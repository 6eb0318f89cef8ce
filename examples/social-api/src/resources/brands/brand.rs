//! A brand, and what may become of it.

use portcullis::{axum::ApiError, core::Timestamp};
use serde::{Deserialize, Serialize};

use crate::resources::{
    kept::{Kept, Own},
    texts,
};

/// The most characters of a name.
const MAX_NAME: usize = 100;
/// The most characters of a slug.
const MAX_SLUG: usize = 64;
/// The members of a brand that a client can't add.
const OWN: [Own; 4] = [
    Own::text("slug"),
    Own::text("name"),
    Own::text("createdAt"),
    Own::text("updatedAt"),
];

/// A brand, as it is shown and stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Brand {
    pub(super) slug: String,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    kept: Kept,
}

/// The body that makes a brand.
#[derive(Debug, Deserialize)]
pub(in crate::resources) struct NewBrand {
    name: String,
    #[serde(flatten)]
    kept: Kept,
}

/// The body that changes a brand: of the kept members, `null` removes.
#[derive(Debug, Deserialize)]
pub(in crate::resources) struct BrandChange {
    name: Option<String>,
    #[serde(flatten)]
    kept: Kept,
}

impl Brand {
    /// A brand whose slug is made from its name.
    pub(super) fn new(body: NewBrand, now: Timestamp) -> Result<Self, ApiError> {
        let name = checked_name(body.name)?;
        let slug = slug_of(&name);
        if slug.is_empty() {
            let message = "`name`: needs a letter or digit of ASCII, to make a slug from";
            return Err(ApiError::invalid_request(message));
        }
        let kept = body.kept.without(&OWN)?;
        Ok(Self {
            slug,
            name,
            created_at: now,
            updated_at: now,
            kept,
        })
    }

    /// Takes the members of a body that are there.
    pub(super) fn change(&mut self, change: BrandChange, now: Timestamp) -> Result<(), ApiError> {
        if let Some(name) = change.name {
            self.name = checked_name(name)?;
        }
        let kept = std::mem::take(&mut self.kept);
        self.kept = kept.merged(change.kept.without(&OWN)?)?;
        self.updated_at = now;
        Ok(())
    }
}

fn checked_name(name: String) -> Result<String, ApiError> {
    texts::line("name", name, MAX_NAME)
}

/// Letters and digits of ASCII in lower case, with one hyphen for what is between them.
fn slug_of(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug: String = words
        .collect::<Vec<_>>()
        .join("-")
        .chars()
        .take(MAX_SLUG)
        .collect();
    slug.trim_end_matches('-').to_owned()
}
