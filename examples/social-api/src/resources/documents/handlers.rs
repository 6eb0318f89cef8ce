//! What the routes of all documents have in common.

use portcullis::axum::{ApiError, Created, Data, JsonBody};
use portcullis::core::Timestamp;
use serde::Serialize;

use super::{Alter, Document, Listed, New, Organisation, Resource};
use crate::resources::{
    ResourceError,
    kept::Kept,
    request::{Named, Nothing, Page, Parameters},
};

/// `?limit&offset`, newest first: an array.
pub(in crate::resources) async fn array<T: Resource>(
    organisation: Organisation,
    parameters: Parameters,
) -> Result<Data<Vec<Document<T>>>, ResourceError> {
    let page = parameters.page()?;
    let listed = organisation.read(move |rows| rows.list("", page)).await?;
    Ok(Data(listed.documents))
}

/// Part of a list, with its place.
#[derive(Debug, Serialize)]
#[serde(bound = "T: Resource")]
pub(in crate::resources) struct Items<T> {
    items: Vec<Document<T>>,
    total: u32,
    limit: u32,
    offset: u32,
}

/// The same as `{items, total, limit, offset}`.
pub(in crate::resources) async fn items<T: Resource>(
    organisation: Organisation,
    parameters: Parameters,
) -> Result<Data<Items<T>>, ResourceError> {
    let page = parameters.page()?;
    let listed = organisation.read(move |rows| rows.list("", page)).await?;
    let Listed {
        documents,
        total,
        page: Page { limit, offset },
    } = listed;
    Ok(Data(Items {
        items: documents,
        total,
        limit,
        offset,
    }))
}

/// What belongs to one of them, `?limit&offset`, newest first: an array.
pub(in crate::resources) async fn parts<W: Resource, T: Resource>(
    organisation: Organisation,
    Named(whole): Named,
    parameters: Parameters,
) -> Result<Data<Vec<Document<T>>>, ResourceError> {
    let page = parameters.page()?;
    let listed = organisation.read(move |rows| {
        rows.require::<W>(&whole)?;
        rows.list(&whole, page)
    });
    Ok(Data(listed.await?.documents))
}

/// One of them.
pub(in crate::resources) async fn one<T: Resource>(
    organisation: Organisation,
    Named(id): Named,
) -> Result<Data<Document<T>>, ResourceError> {
    organisation
        .read(move |rows| rows.find(&id))
        .await
        .map(Data)
}

/// A new one.
pub(in crate::resources) async fn create<T: New>(
    organisation: Organisation,
    JsonBody(body): JsonBody<T::Body>,
) -> Result<Created<Document<T>>, ResourceError> {
    let created = organisation.write(move |rows| {
        let (own, kept) = T::new(rows, body)?;
        rows.add(own, kept)
    });
    created.await.map(Created)
}

/// Takes the members of a body that are there.
pub(in crate::resources) async fn change<T: Alter>(
    organisation: Organisation,
    Named(id): Named,
    JsonBody(body): JsonBody<T::Body>,
) -> Result<Data<Document<T>>, ResourceError> {
    let changed = organisation.write(move |rows| {
        let mut document = rows.find::<T>(&id)?;
        let kept = document.own.alter(body)?;
        document.keep(kept)?;
        rows.update(&mut document)?;
        Ok(document)
    });
    changed.await.map(Data)
}

/// Removes one; again: 404.
pub(in crate::resources) async fn delete<T: Resource>(
    organisation: Organisation,
    Named(id): Named,
) -> Result<Data<Nothing>, ResourceError> {
    let deleted = organisation.write(move |rows| rows.delete::<T>("", &id));
    deleted.await?;
    Ok(Data(Nothing {}))
}

/// Does something with one and keeps what the body has, as one.
pub(in crate::resources) async fn act<T: Resource, F>(
    organisation: Organisation,
    id: String,
    kept: Kept,
    action: F,
) -> Result<Data<Document<T>>, ResourceError>
where
    F: FnOnce(&mut Document<T>, Timestamp) -> Result<(), ApiError> + Send + 'static,
{
    let acted = organisation.write(move |rows| {
        let mut document = rows.find(&id)?;
        action(&mut document, rows.now())?;
        document.keep(kept)?;
        rows.update(&mut document)?;
        Ok(document)
    });
    acted.await.map(Data)
}
