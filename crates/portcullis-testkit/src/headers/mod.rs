//! What each way of sending a credential must be answered with.

mod case;
mod world;

pub use case::{Chain, HeaderCase, Over};
pub use world::HeaderWorld;
