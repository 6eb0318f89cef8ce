#![doc = include_str!("../README.md")]

mod access;
mod credential;
mod failures;
mod gate;
mod guard;
mod pass;
mod progress;
mod upstream;

pub use access::{Access, Holder};
pub use gate::{Gate, GuardError};
pub use guard::Guard;
pub use pass::{ActualPrice, Pass};
pub use portcullis_registry::Settlement;
pub use progress::{Pending, Progress, Verdict};
