#![doc = include_str!("../README.md")]

mod bed;
pub mod conformance;
mod vectors;

pub use bed::TestBed;
pub use vectors::FROZEN_TOKENS;
