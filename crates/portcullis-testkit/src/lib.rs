#![doc = include_str!("../README.md")]

mod bed;
pub mod conformance;

pub use bed::TestBed;
