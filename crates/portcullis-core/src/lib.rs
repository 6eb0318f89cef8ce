#![doc = include_str!("../README.md")]

mod clock;
mod id;
#[cfg(feature = "manual-clock")]
mod manual;
mod request_id;
mod secret;
mod tick;
mod timestamp;

use std::{future::Future, pin::Pin};

pub use clock::Clock;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use clock::SystemClock;
pub use id::{CredentialId, ParseIdError};
#[cfg(feature = "manual-clock")]
pub use manual::ManualClock;
pub use request_id::{ParseRequestIdError, RequestId};
pub use secret::Secret;
pub use tick::Tick;
#[cfg(feature = "rfc3339")]
pub use timestamp::ParseTimestampError;
pub use timestamp::Timestamp;

/// A boxed future, for the object-safe traits of the stores.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
