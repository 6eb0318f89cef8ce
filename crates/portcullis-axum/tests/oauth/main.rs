//! What clients of OAuth see over a real socket, with the clock in the hands of the test. The
//! expectations are written by hand from RFC 6749, 7009, 7591, 7662, 8414, 8628, 8707 and 9728.

#![cfg(test)]

mod away;
mod cli;
#[expect(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../server/client.rs"]
mod client;
mod codes;
mod devices;
mod forms;
mod introspection;
mod metadata;
mod refreshing;
mod registering;
mod revoking;
mod sessions;
mod world;
