//! Sessions: started at login, refreshed, changed with the role, ended.

mod end;
mod refresh;
mod role;
mod start;

pub use refresh::{RefreshError, Refreshable};
pub use start::{IssuedSession, NewSession, SessionTerms};
