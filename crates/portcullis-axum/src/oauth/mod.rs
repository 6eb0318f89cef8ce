//! Ready-made routes by which programs are let in: device logins (RFC 8628), codes with PKCE (RFC
//! 6749, RFC 7636) and what belongs to them. They answer as these say, without the envelope.
//!
//! The pages on which people decide are `pages`.

mod answers;
mod cli;
mod endpoint;
mod failed;
mod form;
mod mount;
mod register;

pub(crate) use endpoint::Endpoint;
pub(crate) use failed::seconds;
pub(crate) use form::Form;
