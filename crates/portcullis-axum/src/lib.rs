#![doc = include_str!("../README.md")]

mod answer;
mod audit;
mod body;
mod denials;
mod description;
mod extract;
mod guarded;
mod json;
pub mod keys;
#[cfg(feature = "login")]
pub mod login;
#[cfg(feature = "login")]
pub mod oauth;
#[cfg(feature = "login")]
pub mod pages;
mod query;

pub use answer::{
    ApiError, Created, Data, method_not_allowed_fallback, not_found_fallback, rendered,
};
pub use extract::{Caller, Permitted, Refusal};
pub use guarded::{Guarded, GuardedError, Refusals, Route};
pub use json::{JsonBody, MAX_JSON_BYTES, OptionalJsonBody};
