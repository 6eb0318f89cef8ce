#![doc = include_str!("../README.md")]

mod access;
mod authenticator;
mod credential;
mod decide;
mod externals;
mod failures;
mod gate;
mod guard;
mod leak;
mod metrics;
mod names;
mod pass;
mod permit;
mod progress;
mod request_ids;
mod upstream;
mod waiting;

pub use access::{Access, Holder};
pub use authenticator::{Authentication, Authenticator};
pub use gate::{Gate, GuardError};
pub use guard::{Guard, UriOf};
pub use pass::{ActualPrice, Pass};
pub use permit::Permit;
pub use portcullis_registry::Settlement;
pub use progress::{Pending, Progress, Verdict};
