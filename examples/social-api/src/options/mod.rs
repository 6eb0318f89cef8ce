//! What the server is started with: options, `PORTCULLIS_…` variables, a TOML file.
//!
//! An option comes before its variable, that before the file, and that before the default. Secrets
//! come from variables, or from the files that their `…_FILE` variables name, and nowhere else.

mod arguments;
mod clients;
mod error;
mod settings;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use clients::SOCIAL_CLI;
pub(crate) use settings::{Limits, Peppers, Registration, Settings, Signup, Store};
