//! Logging in, and what comes after it.

mod bootstrap;
mod error;
mod membership;
mod profile;
mod service;
mod session;

pub use bootstrap::{Bootstrap, BootstrapError};
pub use error::{LoginError, SetupError, Unavailable};
pub use profile::{AuthType, Profile};
pub use service::Login;
pub use session::LoggedIn;
