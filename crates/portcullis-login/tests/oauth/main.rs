//! Letting programs in, over stores in memory, with the clock in the hands of the test: what RFC
//! 6749, 7009, 7591, 7636, 7662, 8252, 8414, 8628, 8707, 9207 and 9728 ask for, and attacks.

#![expect(
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod authorize;
mod codes;
mod device_pages;
mod devices;
mod limited;
mod older;
mod pages;
mod redirects;
mod refreshing;
mod registering;
mod tokens;
mod world;
