//! Logging in over stores in memory, with the clock in the hands of the test.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod limits;
mod memberships;
mod orgs;
mod people;
mod refresh;
mod restart;
mod sessions;
mod world;
