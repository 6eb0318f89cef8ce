//! What people and their browsers see of the pages, and what other sites, other people and clients
//! can't do with them: over a real socket, with the clock in the hands of the test.
//!
//! The expectations are written by hand from `docs/HTTP.md`, RFC 6265, 6749, 8628, 9207 and 9700.

#![cfg(test)]

#[expect(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../server/client.rs"]
mod client;
mod consent;
mod credentials;
mod decisions;
mod devices;
mod forms;
mod headers;
mod html;
mod injection;
mod redirects;
mod sessions;
mod signing_in;
mod visitor;
mod world;
