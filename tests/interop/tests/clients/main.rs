//! OAuth clients that others wrote, as they are published, against the example `social-api` on a
//! real socket.
//!
//! | language | libraries | where |
//! |---|---|---|
//! | Rust | `oauth2` | `rust.rs` |
//! | Python | `oauthlib`, `requests-oauthlib` | `python.rs`, `../../python/client.py` |
//! | Node | `openid-client`, `oauth4webapi` | `node.rs`, `../../node/client.mjs`, `newcomer.mjs` |
//!
//! The versions are pinned, and nothing in the libraries is replaced. Where one insists on https it is
//! told that loopback will do, in the way that it offers for that.
//!
//! What a person does is done here, by the pages, as a browser would: [`person::Person`].
#![cfg(test)]

mod node;
mod page;
mod person;
mod program;
mod python;
mod rust;
mod script;
mod server;

/// The client that is built in to `social-api`: device logins, and codes at a loopback address.
const CLIENT: &str = "social-cli";
/// Where it gets codes. Nobody listens there: the person stops where the browser would be sent.
const REDIRECT: &str = "http://127.0.0.1:51004/callback";
