//! The laws of the README, by number: exhaustively for the fourteen scopes of a posting service,
//! and on random catalogues against sets of strings.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fourteen;
mod oracle;
mod random;
mod requirements;
mod small;
