//! What the routes are and ask for, told by the service itself.

mod mount;
mod openapi;

pub(crate) use mount::Description;
