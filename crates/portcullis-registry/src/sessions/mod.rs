//! Sessions: started at login, refreshed, ended.

mod refresh;
mod start;

pub use refresh::RefreshError;
pub use start::{IssuedSession, NewSession, SessionTerms};
