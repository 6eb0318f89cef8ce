//! Strict JSON bodies of requests.

mod body;
mod problem;
mod strict;
#[cfg(test)]
mod tests;

pub use body::{JsonBody, MAX_JSON_BYTES, OptionalJsonBody};
#[cfg(feature = "login")]
pub(crate) use body::{essence, is_json, parse, read};
