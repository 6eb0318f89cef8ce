//! Properties that hold for bytes of any kind, one function for each fuzz target.
//!
//! The crates that they are about run them too, on stable, over the files in `corpus/`: a file that
//! once failed is a test from then on.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod limit;
pub mod login;
pub mod registry;
pub mod scope;
pub mod token;
