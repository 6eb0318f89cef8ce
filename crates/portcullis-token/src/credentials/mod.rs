//! Finding the credential in a request, from header values and a query as bytes.

mod headers;
mod read;

pub use headers::{CredentialHeaders, HeaderNameError};
pub use read::{HeaderError, Presented, Via, read_credentials};
