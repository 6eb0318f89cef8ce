//! The parameters of the list of keys, and of their review.

use http::request::Parts;
use portcullis_core::Timestamp;
use portcullis_registry::{Filter, Listing, ReviewTerms};

use crate::{
    ApiError,
    query::{age, bad, limit, offset, parameters},
};

/// The longest text to look for, in characters.
const MAX_TEXT: usize = 100;

const LISTING: [&str; 5] = ["limit", "offset", "cursor", "olderThan", "q"];
const REVIEW: [&str; 5] = ["limit", "offset", "cursor", "olderThan", "unusedFor"];

/// Reads the parameters of a list.
pub(super) async fn listing(parts: &mut Parts, now: Timestamp) -> Result<Listing, ApiError> {
    let mut listing = Listing::default();
    for (name, value) in parameters(parts, &LISTING, "this list").await? {
        match name {
            "olderThan" => {
                let age = age(name, &value)?;
                listing.filter.created_before = Some(now.saturating_sub(age));
            }
            "q" => listing.filter = text(listing.filter, value)?,
            name => place(&mut listing, name, &value)?,
        }
    }
    Ok(listing)
}

/// Reads the parameters of a review: which keys to look at, and from when on something is worth a
/// look.
pub(super) async fn review(parts: &mut Parts) -> Result<(ReviewTerms, Listing), ApiError> {
    let (mut terms, mut listing) = (ReviewTerms::new(), Listing::default());
    for (name, value) in parameters(parts, &REVIEW, "this review").await? {
        match name {
            "olderThan" => terms.old = age(name, &value)?,
            "unusedFor" => terms.unused = age(name, &value)?,
            name => place(&mut listing, name, &value)?,
        }
    }
    Ok((terms, listing))
}

fn place(listing: &mut Listing, name: &str, value: &str) -> Result<(), ApiError> {
    match name {
        "limit" => listing.limit = limit(value)?,
        "offset" => listing.offset = offset(value)?,
        _ => {
            let cursor = value.parse();
            let cursor = cursor.map_err(|_| bad("`cursor` is one that `X-Next-Cursor` gave"))?;
            listing.after = Some(cursor);
        }
    }
    Ok(())
}

fn text(mut filter: Filter, value: String) -> Result<Filter, ApiError> {
    if value.chars().count() > MAX_TEXT {
        return Err(bad("`q` has at most 100 characters"));
    }
    filter.text = Some(value).filter(|text| !text.is_empty());
    Ok(filter)
}
