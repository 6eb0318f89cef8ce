//! Sessions: started at login, refreshed, changed with the role, moved to another owner, ended.

mod end;
mod list;
mod refresh;
mod role;
mod start;
mod switch;

pub use list::{SessionInfo, SessionList};
pub use refresh::{RefreshError, Refreshable};
pub use start::{IssuedSession, NewSession, SessionTerms};
