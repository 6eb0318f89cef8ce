//! Logging in, and what comes after it.

mod bootstrap;
mod error;
mod members;
mod membership;
mod orgs;
mod profile;
mod service;
mod session;
mod sessions;
mod signup;

pub use bootstrap::{Bootstrap, BootstrapError};
pub use error::{LoginError, SetupError, Unavailable};
pub use orgs::OrgError;
pub use profile::{AuthType, Profile};
pub use service::Login;
pub(crate) use service::at;
pub use session::LoggedIn;
pub use signup::{NewUser, SignupError};
