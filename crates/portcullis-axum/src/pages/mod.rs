//! Ready-made pages on which people sign in, let programs in, and end what they have let in.
//!
//! They are HTML without any script. Who is signed in says a cookie that no API accepts.

mod consent;
mod cookies;
mod device;
mod fault;
mod mount;
mod next;
mod page;
mod sessions;
mod sign_in;
mod site;
mod when;
