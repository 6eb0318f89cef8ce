//! The limits of logins that clients ask for.

/// The limits and what was used of them.
#[derive(Debug)]
pub(super) struct Limits {}
