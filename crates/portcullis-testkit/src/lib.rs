#![doc = include_str!("../README.md")]

mod bed;
pub mod conformance;
mod headers;
mod vectors;

pub use bed::TestBed;
pub use headers::{Chain, HeaderCase, HeaderWorld, Over};
pub use vectors::FROZEN_TOKENS;
