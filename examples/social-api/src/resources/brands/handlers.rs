//! The routes of brands.

use axum::extract::State;
use portcullis::axum::{ApiError, Caller, Created, Data, JsonBody};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    brand::{Brand, BrandChange, NewBrand},
    table,
};
use crate::resources::{
    Demo, ResourceError, documents, owner, posts,
    request::{Named, Nothing},
};

/// The body that puts brands in order.
#[derive(Debug, Deserialize)]
pub(in crate::resources) struct Order {
    slugs: Vec<String>,
}

/// Whether a brand may be published for on one platform.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Connected {
    platform: &'static str,
    connected: bool,
    platform_username: String,
    platform_user_id: String,
}

/// `GET /brands`: in their order.
pub(in crate::resources) async fn list(
    State(demo): State<Demo>,
    Caller(who): Caller,
) -> Result<Data<Vec<Brand>>, ResourceError> {
    let owner = owner(&who);
    demo.database
        .read(move |tables| table::all(tables, &owner))
        .await
        .map(Data)
}

/// `POST /brands`: a new one is the last.
pub(in crate::resources) async fn create(
    State(demo): State<Demo>,
    Caller(who): Caller,
    JsonBody(body): JsonBody<NewBrand>,
) -> Result<Created<Brand>, ResourceError> {
    let owner = owner(&who);
    let now = demo.clock.now();
    let brand = Brand::new(body, now)?;
    let created = demo.database.write(move |tables| {
        table::insert(tables, &owner, &brand)?;
        Ok(brand)
    });
    created.await.map(Created)
}

/// `GET /brands/{slug}`
pub(in crate::resources) async fn one(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(slug): Named,
) -> Result<Data<Brand>, ResourceError> {
    let owner = owner(&who);
    demo.database
        .read(move |tables| existing(tables, &owner, &slug))
        .await
        .map(Data)
}

/// `PATCH /brands/{slug}`: the slug stays, whatever the name becomes.
pub(in crate::resources) async fn update(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(slug): Named,
    JsonBody(change): JsonBody<BrandChange>,
) -> Result<Data<Brand>, ResourceError> {
    let owner = owner(&who);
    let now = demo.clock.now();
    let updated = demo.database.write(move |tables| {
        let mut brand = existing(tables, &owner, &slug)?;
        brand.change(change, now)?;
        table::update(tables, &owner, &brand)?;
        Ok(brand)
    });
    updated.await.map(Data)
}

/// `DELETE /brands/{slug}`: its posts and carousels stay, without a brand.
pub(in crate::resources) async fn delete(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(slug): Named,
) -> Result<Data<Nothing>, ResourceError> {
    let owner = owner(&who);
    let deleted = demo.database.write(move |tables| {
        if !table::delete(tables, &owner, &slug)? {
            return Err(unknown().into());
        }
        posts::forget_brand(tables, &owner, &slug)?;
        documents::forget_brand(tables, &owner, &slug)
    });
    deleted.await?;
    Ok(Data(Nothing {}))
}

/// `PUT /brands/order`: those that are named come first, the others keep their order after them.
pub(in crate::resources) async fn order(
    State(demo): State<Demo>,
    Caller(who): Caller,
    JsonBody(Order { slugs }): JsonBody<Order>,
) -> Result<Data<Vec<Brand>>, ResourceError> {
    let owner = owner(&who);
    let ordered = demo.database.write(move |tables| {
        table::reorder(tables, &owner, &slugs)?;
        table::all(tables, &owner)
    });
    ordered.await.map(Data)
}

/// `GET /brands/{slug}/auth/status`: in the demo every brand has one account each on two platforms.
pub(in crate::resources) async fn auth_status(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(slug): Named,
) -> Result<Data<[Connected; 2]>, ResourceError> {
    let owner = owner(&who);
    let brand = demo
        .database
        .read(move |tables| existing(tables, &owner, &slug))
        .await?;
    let account = |platform: &'static str| Connected {
        platform,
        connected: true,
        platform_username: brand.slug.clone(),
        platform_user_id: format!("{platform}-{}", brand.slug),
    };
    Ok(Data(["x", "linkedin"].map(account)))
}

fn existing(tables: &Connection, owner: &str, slug: &str) -> Result<Brand, ResourceError> {
    table::find(tables, owner, slug)?.ok_or_else(|| unknown().into())
}

fn unknown() -> ApiError {
    ApiError::not_found("brand")
}
