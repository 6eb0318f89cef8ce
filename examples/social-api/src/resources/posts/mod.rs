//! Posts: written, scheduled, published in name only.

mod handlers;
mod post;
mod table;
#[cfg(test)]
mod tests;

pub(super) use handlers::{
    add_draft, create, delete, list, one, publish, replace, results, retry, rewrite, schedule,
    score,
};
pub(super) use post::Post;
pub(super) use table::forget_brand;
