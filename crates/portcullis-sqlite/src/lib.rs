#![doc = include_str!("../README.md")]

mod attempt;
mod cells;
mod commit;
mod credits;
#[cfg(feature = "login")]
mod directory;
mod error;
mod fetch;
mod file;
mod migrate;
mod reader;
mod store;
mod writer;

pub use error::OpenError;
pub use store::SqliteStore;
