//! Sessions: started at login, refreshed, ended.

mod refresh;
mod start;

pub use refresh::{RefreshError, Refreshable};
pub use start::{IssuedSession, NewSession, SessionTerms};
