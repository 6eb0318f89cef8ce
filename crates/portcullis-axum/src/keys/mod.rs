//! Ready-made routes by which the holders of an application manage API keys.

mod bodies;
mod handlers;
mod leak;
mod mount;
mod query;
mod usage;

pub use mount::{router, router_with};
