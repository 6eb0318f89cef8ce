//! The table of posts.

use portcullis::{axum::ApiError, registry::Day};
use rusqlite::{Connection, OptionalExtension, params};

use super::post::{Record, Status};
use crate::resources::{ResourceError, database::records, request::Page};

/// The most posts of an organisation.
const MAX_POSTS: u32 = 10_000;

/// Which posts a list has.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) brand_slug: Option<String>,
    pub(super) status: Option<Status>,
    pub(super) page: Page,
}

/// The posts of an owner that can be read, newest first.
pub(super) fn list(
    tables: &Connection,
    owner: &str,
    filter: &Filter,
) -> Result<Vec<Record>, ResourceError> {
    let mut query = tables.prepare(
        "SELECT id, record FROM social_posts
         WHERE owner = ?1 AND (?2 IS NULL OR brand_slug = ?2) AND (?3 IS NULL OR status = ?3)
         ORDER BY seq DESC LIMIT ?4 OFFSET ?5",
    )?;
    let status = filter.status.map(Status::name);
    let Page { limit, offset } = filter.page;
    let rows = query.query(params![owner, filter.brand_slug, status, limit, offset])?;
    Ok(records(rows)?)
}

/// One post, if it is the owner's.
pub(super) fn find(
    tables: &Connection,
    owner: &str,
    id: &str,
) -> Result<Option<Record>, ResourceError> {
    let query = "SELECT record FROM social_posts WHERE id = ?1 AND owner = ?2";
    let record: Option<String> = tables
        .query_row(query, [id, owner], |row| row.get(0))
        .optional()?;
    Ok(record
        .map(|record| serde_json::from_str(&record))
        .transpose()?)
}

/// Adds a post.
pub(super) fn insert(
    tables: &Connection,
    owner: &str,
    record: &Record,
) -> Result<(), ResourceError> {
    let query = "SELECT count(*) FROM social_posts WHERE owner = ?1";
    let count: u32 = tables.query_row(query, [owner], |row| row.get(0))?;
    if count >= MAX_POSTS {
        let message = format!("an organisation has at most {MAX_POSTS} posts");
        return Err(ApiError::conflict(message).into());
    }
    let statement = "INSERT INTO social_posts
        (owner, id, brand_slug, status, record, day, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let post = &record.post;
    let row = params![
        owner,
        post.id,
        post.brand_slug,
        post.status.name(),
        serde_json::to_string(record)?,
        Day::of(post.created_at).to_string(),
        post.source.name(),
    ];
    tables.execute(statement, row)?;
    Ok(())
}

/// Writes a post that is there.
pub(super) fn update(
    tables: &Connection,
    owner: &str,
    record: &Record,
) -> Result<(), ResourceError> {
    let statement = "UPDATE social_posts
        SET brand_slug = ?3, status = ?4, record = ?5, source = ?6 WHERE owner = ?1 AND id = ?2";
    let post = &record.post;
    let row = params![
        owner,
        post.id,
        post.brand_slug,
        post.status.name(),
        serde_json::to_string(record)?,
        post.source.name(),
    ];
    tables.execute(statement, row)?;
    Ok(())
}

/// Removes a post; says whether it was there.
pub(super) fn delete(tables: &Connection, owner: &str, id: &str) -> Result<bool, ResourceError> {
    let statement = "DELETE FROM social_posts WHERE id = ?1 AND owner = ?2";
    Ok(tables.execute(statement, [id, owner])? > 0)
}

/// Takes a brand that is deleted from the posts of its owner; a record that is no JSON stays.
pub(in crate::resources) fn forget_brand(
    tables: &Connection,
    owner: &str,
    slug: &str,
) -> Result<(), ResourceError> {
    let statement = "UPDATE social_posts
         SET brand_slug = NULL, record = iif(
             json_valid(record), json_set(record, '$.post.brandSlug', NULL), record
         )
         WHERE owner = ?1 AND brand_slug = ?2";
    tables.execute(statement, [owner, slug])?;
    Ok(())
}
