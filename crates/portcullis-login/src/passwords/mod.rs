//! Passwords: how they are hashed, and where.

mod error;
mod hash;
mod memory;
mod params;
mod peppered;
mod pool;

pub use error::PasswordError;
pub use hash::{ParsePasswordHashError, PasswordHash};
pub use params::{PasswordParams, PasswordParamsError};
pub use pool::{PasswordVerdict, Passwords};
