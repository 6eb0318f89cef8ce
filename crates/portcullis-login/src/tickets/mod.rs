//! What is waited for: codes that nobody guesses, and what is kept in their place.

mod codes;
mod kept;

pub(crate) use codes::{Codes, draw, read, text};
pub(crate) use kept::{Body, Kept, contended};
