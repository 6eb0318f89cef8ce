//! Brands: who posts are written for.

mod brand;
mod handlers;
mod table;
#[cfg(test)]
mod tests;

pub(super) use handlers::{auth_status, create, delete, list, one, order, update};
pub(super) use table::exists;
