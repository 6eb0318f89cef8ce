//! Making a store of a backup, without what was revoked since.

mod error;
mod making;
mod peppers;
mod replay;

pub use error::RestoreError;
pub use making::{Restored, restore};
pub use peppers::MissingPeppers;
