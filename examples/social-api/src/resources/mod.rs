//! The demo's resources: what there is to have access to.
//!
//! They are kept in tables of their own beside the store. Each row belongs to an organisation, and
//! to any other it doesn't exist. Nothing ever leaves the machine.

mod brands;
mod database;
mod error;
mod kept;
mod posts;
mod request;
mod summary;

use std::sync::Arc;

use portcullis::{Access, Guarded, Registry, core::Clock, registry::Principal};

pub(crate) use self::{database::Database, error::ResourceError};
use crate::catalogue::Social;

/// What the handlers of the resources share.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl Demo {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

/// Mounts the routes of the resources, each with what it asks for.
pub(crate) fn routes(api: Guarded<Demo>, registry: Registry) -> Guarded<Demo> {
    let publish = Access::scope(Social::POSTS_WRITE).with_price(1);
    let rewrite = Access::scope(Social::POSTS_WRITE).with_price(2);
    api.get("/posts", Social::POSTS_READ, posts::list)
        .post("/posts", Social::POSTS_WRITE, posts::create)
        .get("/posts/{id}", Social::POSTS_READ, posts::one)
        .put("/posts/{id}", Social::POSTS_WRITE, posts::replace)
        .delete("/posts/{id}", Social::POSTS_WRITE, posts::delete)
        .get("/posts/{id}/results", Social::POSTS_READ, posts::results)
        .post("/posts/{id}/publish", publish, posts::publish)
        .put("/posts/{id}/schedule", Social::POSTS_WRITE, posts::schedule)
        .post("/posts/{id}/retry", Social::POSTS_WRITE, posts::retry)
        .post("/posts/{id}/rewrite", rewrite, posts::rewrite)
        .post("/posts/{id}/score", Social::POSTS_WRITE, posts::score)
        .get("/brands", Social::BRANDS_READ, brands::list)
        .post("/brands", Social::BRANDS_WRITE, brands::create)
        .put("/brands/order", Social::BRANDS_WRITE, brands::order)
        .get("/brands/{slug}", Social::BRANDS_READ, brands::one)
        .patch("/brands/{slug}", Social::BRANDS_WRITE, brands::update)
        .delete("/brands/{slug}", Social::BRANDS_WRITE, brands::delete)
        .get(
            "/brands/{slug}/auth/status",
            Social::BRANDS_READ,
            brands::auth_status,
        )
        .get(
            "/usage/summary",
            Access::any(),
            async move |demo, permit| summary::summary(demo, permit, registry).await,
        )
}

/// The organisation that a caller speaks for.
fn owner(who: &Principal) -> String {
    who.owner().as_str().to_owned()
}
