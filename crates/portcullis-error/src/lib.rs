#![doc = include_str!("../README.md")]

mod accept;
mod body;
mod cause;
mod challenge;
mod code;
mod denial;
mod invalid_request;
mod rate;
mod rendering;

pub use body::{ErrorBody, ErrorFormat, error_response};
pub use cause::Cause;
pub use code::ErrorCode;
pub use denial::Denial;
pub use invalid_request::InvalidRequest;
pub use rate::{Rate, RateNames};
pub use rendering::Rendering;
