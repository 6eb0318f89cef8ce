//! The routes of posts.

use std::collections::BTreeMap;

use axum::extract::State;
use portcullis::{
    axum::{ApiError, Caller, Created, Data, JsonBody, OptionalJsonBody},
    core::Timestamp,
    registry::Principal,
    token::TokenKind,
};
use rusqlite::Connection;
use serde::Serialize;

use super::{
    post::{Draft, Outcome, Platform, Post, Record, Schedule, Source, Status},
    table::{self, Filter},
};
use crate::resources::{
    Demo, ResourceError, brands,
    database::random_id,
    documents::Rows,
    kept::Kept,
    owner,
    request::{Change, Named, Nothing, Parameters},
};

/// `GET /posts?brandSlug&status&limit&offset`: newest first.
pub(in crate::resources) async fn list(
    State(demo): State<Demo>,
    Caller(who): Caller,
    parameters: Parameters,
) -> Result<Data<Vec<Post>>, ResourceError> {
    let filter = filter(&parameters)?;
    let owner = owner(&who);
    let found = demo
        .database
        .read(move |tables| table::list(tables, &owner, &filter));
    Ok(Data(
        found.await?.into_iter().map(|record| record.post).collect(),
    ))
}

/// `POST /posts`
pub(in crate::resources) async fn create(
    State(demo): State<Demo>,
    Caller(who): Caller,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<Created<Post>, ResourceError> {
    let owner = owner(&who);
    let source = source(&who);
    let now = demo.clock.now();
    let created = demo.database.write(move |tables| {
        checked_brand(tables, &owner, &draft)?;
        let record = Record::new(random_id("post_")?, draft, source, now)?;
        table::insert(tables, &owner, &record)?;
        Ok(record.post)
    });
    created.await.map(Created)
}

/// Adds a draft that is made of something else.
pub(in crate::resources) fn add_draft(
    rows: &Rows<'_>,
    who: &Principal,
    text: &str,
    brand_slug: Option<String>,
    kept: Kept,
) -> Result<Post, ResourceError> {
    let (tables, owner) = rows.tables();
    let draft = Draft::of(text, brand_slug, kept);
    let record = Record::new(random_id("post_")?, draft, source(who), rows.now())?;
    table::insert(tables, owner, &record)?;
    Ok(record.post)
}

/// `GET /posts/{id}`
pub(in crate::resources) async fn one(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
) -> Result<Data<Post>, ResourceError> {
    Ok(Data(found(&demo, &who, id).await?.post))
}

/// `PUT /posts/{id}`
pub(in crate::resources) async fn replace(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<Data<Post>, ResourceError> {
    let owner = owner(&who);
    let now = demo.clock.now();
    let replaced = demo.database.write(move |tables| {
        let mut record = existing(tables, &owner, &id)?;
        checked_brand(tables, &owner, &draft)?;
        record.replace(draft, now)?;
        table::update(tables, &owner, &record)?;
        Ok(record.post)
    });
    replaced.await.map(Data)
}

/// `DELETE /posts/{id}`
pub(in crate::resources) async fn delete(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
) -> Result<Data<Nothing>, ResourceError> {
    let owner = owner(&who);
    let deleted = demo
        .database
        .write(move |tables| table::delete(tables, &owner, &id));
    if deleted.await? {
        Ok(Data(Nothing {}))
    } else {
        Err(unknown().into())
    }
}

/// `GET /posts/{id}/results`
pub(in crate::resources) async fn results(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
) -> Result<Data<BTreeMap<Platform, Outcome>>, ResourceError> {
    Ok(Data(found(&demo, &who, id).await?.results))
}

/// `POST /posts/{id}/publish`
pub(in crate::resources) async fn publish(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Post>, ResourceError> {
    act(&demo, &who, id, kept, Record::publish).await
}

/// `PUT /posts/{id}/schedule`
pub(in crate::resources) async fn schedule(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    JsonBody(wanted): JsonBody<Schedule>,
) -> Result<Data<Post>, ResourceError> {
    change(&demo, &who, id, |record, now| record.schedule(wanted, now)).await
}

/// `POST /posts/{id}/retry`
pub(in crate::resources) async fn retry(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Post>, ResourceError> {
    act(&demo, &who, id, kept, Record::retry).await
}

/// `POST /posts/{id}/rewrite`
pub(in crate::resources) async fn rewrite(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Post>, ResourceError> {
    act(&demo, &who, id, kept, Record::rewrite).await
}

/// The answer of [`score`].
#[derive(Debug, Serialize)]
pub(in crate::resources) struct Score {
    score: u32,
}

/// `POST /posts/{id}/score`: a body is read as by the other actions, and forgotten.
pub(in crate::resources) async fn score(
    State(demo): State<Demo>,
    Caller(who): Caller,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Score>, ResourceError> {
    let mut record = found(&demo, &who, id).await?;
    record.keep(kept)?;
    let score = record.score();
    Ok(Data(Score { score }))
}

/// Does something with a post and keeps what the body has, as one.
async fn act(
    demo: &Demo,
    who: &Principal,
    id: String,
    kept: Kept,
    action: fn(&mut Record, Timestamp) -> Result<(), ApiError>,
) -> Result<Data<Post>, ResourceError> {
    change(demo, who, id, move |record, now| {
        action(record, now)?;
        record.keep(kept)
    })
    .await
}

/// Changes a post and writes it, as one.
async fn change<F>(
    demo: &Demo,
    who: &Principal,
    id: String,
    change: F,
) -> Result<Data<Post>, ResourceError>
where
    F: FnOnce(&mut Record, Timestamp) -> Result<(), ApiError> + Send + 'static,
{
    let owner = owner(who);
    let now = demo.clock.now();
    let changed = demo.database.write(move |tables| {
        let mut record = existing(tables, &owner, &id)?;
        change(&mut record, now)?;
        table::update(tables, &owner, &record)?;
        Ok(record.post)
    });
    changed.await.map(Data)
}

async fn found(demo: &Demo, who: &Principal, id: String) -> Result<Record, ResourceError> {
    let owner = owner(who);
    demo.database
        .read(move |tables| existing(tables, &owner, &id))
        .await
}

fn existing(tables: &Connection, owner: &str, id: &str) -> Result<Record, ResourceError> {
    table::find(tables, owner, id)?.ok_or_else(|| unknown().into())
}

fn unknown() -> ApiError {
    ApiError::not_found("post")
}

fn checked_brand(tables: &Connection, owner: &str, draft: &Draft) -> Result<(), ResourceError> {
    match &draft.brand_slug {
        Change::Set(slug) => brands::exists(tables, owner, slug)?
            .then_some(())
            .ok_or_else(|| ApiError::not_found("brand as `brandSlug` names").into()),
        Change::Keep | Change::Clear => Ok(()),
    }
}

/// Where a post is taken to be written, unless its body says otherwise.
fn source(who: &Principal) -> Source {
    match who.kind() {
        TokenKind::Session => Source::Dashboard,
        TokenKind::ApiKey | TokenKind::Refresh | TokenKind::Device => Source::Api,
    }
}

fn filter(parameters: &Parameters) -> Result<Filter, ApiError> {
    let status = match parameters.value("status")? {
        None => None,
        Some(name) => Some(Status::named(name).ok_or_else(|| {
            let message = "parameter `status`: `draft`, `scheduled`, `published` or `failed`";
            ApiError::invalid_request(message)
        })?),
    };
    Ok(Filter {
        brand_slug: parameters.value("brandSlug")?.map(str::to_owned),
        status,
        page: parameters.page()?,
    })
}
