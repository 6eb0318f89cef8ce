//! The table of brands.

use std::collections::HashSet;

use portcullis::axum::ApiError;
use rusqlite::{Connection, OptionalExtension, params};

use super::brand::Brand;
use crate::resources::{ResourceError, database::records};

/// The most brands of an organisation, since their list is not cut into pages.
const MAX_BRANDS: u32 = 1_000;
/// The slugs that paths have another meaning for.
const RESERVED: [&str; 1] = ["order"];

/// Whether the owner has such a brand.
pub(in crate::resources) fn exists(
    tables: &Connection,
    owner: &str,
    slug: &str,
) -> Result<bool, rusqlite::Error> {
    let query = "SELECT EXISTS (SELECT 1 FROM social_brands WHERE owner = ?1 AND slug = ?2)";
    tables.query_row(query, [owner, slug], |row| row.get(0))
}

/// One brand, if it is the owner's.
pub(super) fn find(
    tables: &Connection,
    owner: &str,
    slug: &str,
) -> Result<Option<Brand>, ResourceError> {
    let query = "SELECT record FROM social_brands WHERE owner = ?1 AND slug = ?2";
    let record: Option<String> = tables
        .query_row(query, [owner, slug], |row| row.get(0))
        .optional()?;
    Ok(record
        .map(|record| serde_json::from_str(&record))
        .transpose()?)
}

/// Writes a brand that is there.
pub(super) fn update(tables: &Connection, owner: &str, brand: &Brand) -> Result<(), ResourceError> {
    let statement = "UPDATE social_brands SET record = ?3 WHERE owner = ?1 AND slug = ?2";
    tables.execute(
        statement,
        params![owner, brand.slug, serde_json::to_string(brand)?],
    )?;
    Ok(())
}

/// Removes a brand; says whether it was there.
pub(super) fn delete(tables: &Connection, owner: &str, slug: &str) -> Result<bool, ResourceError> {
    let statement = "DELETE FROM social_brands WHERE owner = ?1 AND slug = ?2";
    Ok(tables.execute(statement, [owner, slug])? > 0)
}

/// The brands of an owner that can be read, in their order.
pub(super) fn all(tables: &Connection, owner: &str) -> Result<Vec<Brand>, ResourceError> {
    let mut query = tables.prepare(
        "SELECT slug, record FROM social_brands WHERE owner = ?1 ORDER BY position, seq",
    )?;
    Ok(records(query.query([owner])?)?)
}

/// The slugs of all brands of an owner, in their order.
fn all_slugs(tables: &Connection, owner: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut query =
        tables.prepare("SELECT slug FROM social_brands WHERE owner = ?1 ORDER BY position, seq")?;
    let slugs = query.query_map([owner], |row| row.get(0))?;
    slugs.collect()
}

/// Adds a brand as the last.
pub(super) fn insert(tables: &Connection, owner: &str, brand: &Brand) -> Result<(), ResourceError> {
    let slug = &brand.slug;
    if RESERVED.contains(&slug.as_str()) || exists(tables, owner, slug)? {
        return Err(ApiError::conflict(format!("the slug `{slug}` is taken")).into());
    }
    let query = "SELECT count(*), coalesce(max(position) + 1, 0) FROM social_brands
        WHERE owner = ?1";
    let (count, position): (u32, i64) =
        tables.query_row(query, [owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if count >= MAX_BRANDS {
        let message = format!("an organisation has at most {MAX_BRANDS} brands");
        return Err(ApiError::conflict(message).into());
    }
    let statement = "INSERT INTO social_brands (owner, slug, position, record)
        VALUES (?1, ?2, ?3, ?4)";
    tables.execute(
        statement,
        params![owner, slug, position, serde_json::to_string(brand)?],
    )?;
    Ok(())
}

/// Puts those that are named first, and the others after them in their order.
pub(super) fn reorder(
    tables: &Connection,
    owner: &str,
    slugs: &[String],
) -> Result<(), ResourceError> {
    let all = all_slugs(tables, owner)?;
    let known: HashSet<&str> = all.iter().map(String::as_str).collect();
    let mut named = HashSet::new();
    for (index, slug) in slugs.iter().enumerate() {
        if !known.contains(slug.as_str()) {
            return Err(
                ApiError::not_found(format_args!("brand as `slugs[{index}]` names")).into(),
            );
        }
        if !named.insert(slug.as_str()) {
            let message = format!("`slugs[{index}]`: `{slug}` stands twice");
            return Err(ApiError::invalid_request(message).into());
        }
    }
    let others = all.iter().map(String::as_str);
    let others = others.filter(|slug| !named.contains(slug));
    let mut statement =
        tables.prepare("UPDATE social_brands SET position = ?3 WHERE owner = ?1 AND slug = ?2")?;
    for (position, slug) in (0_i64..).zip(slugs.iter().map(String::as_str).chain(others)) {
        statement.execute(params![owner, slug, position])?;
    }
    Ok(())
}
