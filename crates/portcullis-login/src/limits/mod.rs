//! How often somebody may try to log in.

mod attempts;
mod known;

pub(crate) use attempts::Attempts;
