//! Every route of the resources: what it asks for, what it costs, and who answers.

use axum::http::Method;
use portcullis::{Access, Guarded, Registry};

use super::{
    Demo, agents,
    agents::{Agent, Run},
    brands, carousels,
    carousels::Carousel,
    clips,
    clips::Clip,
    documents as docs, kbs,
    kbs::{Doc, Kb},
    posts, summary, webhooks,
    webhooks::Webhook,
};
use crate::catalogue::Social;

/// A route on each line: method, path, scope, price in credits, handler.
macro_rules! routes {
    ($api:expr; $($method:ident $path:literal $scope:ident $price:literal => $handler:expr;)*) => {
        $api$(.route(
            Method::$method,
            $path,
            Access::scope(Social::$scope).with_price($price),
            $handler,
        ))*
    };
}

/// Mounts the routes of the resources.
pub(crate) fn routes(api: Guarded<Demo>, registry: Registry) -> Guarded<Demo> {
    let api = api.get(
        "/usage/summary",
        Access::any(),
        async move |demo, permit| summary::summary(demo, permit, registry).await,
    );
    routes! { api;
        GET    "/posts"                         POSTS_READ      0 => posts::list;
        POST   "/posts"                         POSTS_WRITE     0 => posts::create;
        GET    "/posts/{id}"                    POSTS_READ      0 => posts::one;
        PUT    "/posts/{id}"                    POSTS_WRITE     0 => posts::replace;
        DELETE "/posts/{id}"                    POSTS_WRITE     0 => posts::delete;
        GET    "/posts/{id}/results"            POSTS_READ      0 => posts::results;
        POST   "/posts/{id}/publish"            POSTS_WRITE     1 => posts::publish;
        PUT    "/posts/{id}/schedule"           POSTS_WRITE     0 => posts::schedule;
        POST   "/posts/{id}/retry"              POSTS_WRITE     0 => posts::retry;
        POST   "/posts/{id}/rewrite"            POSTS_WRITE     2 => posts::rewrite;
        POST   "/posts/{id}/score"              POSTS_WRITE     0 => posts::score;

        GET    "/brands"                        BRANDS_READ     0 => brands::list;
        POST   "/brands"                        BRANDS_WRITE    0 => brands::create;
        PUT    "/brands/order"                  BRANDS_WRITE    0 => brands::order;
        GET    "/brands/{slug}"                 BRANDS_READ     0 => brands::one;
        PATCH  "/brands/{slug}"                 BRANDS_WRITE    0 => brands::update;
        DELETE "/brands/{slug}"                 BRANDS_WRITE    0 => brands::delete;
        GET    "/brands/{slug}/auth/status"     BRANDS_READ     0 => brands::auth_status;

        GET    "/clips"                         CLIPS_READ      0 => clips::list;
        POST   "/clips/import-url"              CLIPS_WRITE     0 => docs::create::<Clip>;
        POST   "/clips/upload"                  CLIPS_WRITE     0 => clips::upload;
        GET    "/clips/{id}"                    CLIPS_READ      0 => docs::one::<Clip>;
        DELETE "/clips/{id}"                    CLIPS_WRITE     0 => clips::delete;
        GET    "/clips/{id}/download"           CLIPS_READ      0 => clips::download;
        POST   "/clips/{id}/scenes"             CLIPS_WRITE     5 => clips::scenes;
        POST   "/clips/{id}/render"             CLIPS_WRITE     5 => clips::render;

        GET    "/carousels"                     CAROUSELS_READ  0 => docs::items::<Carousel>;
        POST   "/carousels"                     CAROUSELS_WRITE 0 => docs::create::<Carousel>;
        POST   "/carousels/generate"            CAROUSELS_WRITE 3 => carousels::generate;
        GET    "/carousels/{id}"                CAROUSELS_READ  0 => docs::one::<Carousel>;
        DELETE "/carousels/{id}"                CAROUSELS_WRITE 0 => docs::delete::<Carousel>;
        PUT    "/carousels/{id}/refine"         CAROUSELS_WRITE 1 => carousels::refine;
        POST   "/carousels/{id}/create-draft"   CAROUSELS_WRITE 0 => carousels::create_draft;
        POST   "/carousels/{id}/publish"        CAROUSELS_WRITE 1 => carousels::publish;

        GET    "/kbs"                           KB_READ         0 => docs::array::<Kb>;
        POST   "/kbs"                           KB_WRITE        0 => docs::create::<Kb>;
        GET    "/kbs/{id}"                      KB_READ         0 => docs::one::<Kb>;
        DELETE "/kbs/{id}"                      KB_WRITE        0 => docs::delete::<Kb>;
        POST   "/kbs/{id}/search"               KB_READ         0 => kbs::search;
        GET    "/kbs/{id}/docs"                 KB_READ         0 => docs::parts::<Kb, Doc>;
        POST   "/kbs/{id}/docs"                 KB_WRITE        0 => kbs::add_text;
        POST   "/kbs/{id}/docs/ingest-url"      KB_WRITE        0 => kbs::add_url;
        DELETE "/kbs/{id}/docs/{docId}"         KB_WRITE        0 => kbs::delete_doc;

        GET    "/agents"                        AGENTS_READ     0 => docs::items::<Agent>;
        POST   "/agents"                        AGENTS_WRITE    0 => docs::create::<Agent>;
        GET    "/agents/{id}"                   AGENTS_READ     0 => docs::one::<Agent>;
        PATCH  "/agents/{id}"                   AGENTS_WRITE    0 => docs::change::<Agent>;
        DELETE "/agents/{id}"                   AGENTS_WRITE    0 => docs::delete::<Agent>;
        POST   "/agents/{id}/run"               AGENTS_WRITE    0 => agents::run;
        POST   "/agents/{id}/toggle"            AGENTS_WRITE    0 => agents::toggle;
        GET    "/agents/{id}/runs"              AGENTS_READ     0 => docs::parts::<Agent, Run>;

        GET    "/webhooks"                      WEBHOOKS_READ   0 => docs::array::<Webhook>;
        POST   "/webhooks"                      WEBHOOKS_WRITE  0 => docs::create::<Webhook>;
        GET    "/webhooks/{id}"                 WEBHOOKS_READ   0 => docs::one::<Webhook>;
        PATCH  "/webhooks/{id}"                 WEBHOOKS_WRITE  0 => docs::change::<Webhook>;
        DELETE "/webhooks/{id}"                 WEBHOOKS_WRITE  0 => docs::delete::<Webhook>;
        POST   "/webhooks/{id}/test"            WEBHOOKS_WRITE  0 => webhooks::test;
    }
}
