//! What was wrong with the headers of a request.

/// Why the credential of a request can't even be read: a 400, before anything is looked up.
///
/// Only the grammar of headers and the place of a credential are judged here. A text that is
/// well-formed as a header but is no credential is an [`InvalidToken`](crate::Cause::InvalidToken).
/// The rejected text itself is never kept.
///
/// # Examples
/// ```
/// use portcullis_error::InvalidRequest;
///
/// assert_eq!(
///     InvalidRequest::Grammar { at: 9 }.to_string(),
///     "the credential's header is malformed at byte 9",
/// );
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum InvalidRequest {
    /// The bearer credential and the API key header differ.
    #[error("the Authorization header and the API key header hold different credentials, send one")]
    Disagree,
    /// A header's value that breaks its grammar (RFC 6750 §2.1, RFC 9110 §11.6.2).
    #[error("the credential's header is malformed at byte {at}")]
    Grammar {
        /// The first byte of the value that doesn't fit, counted from 0.
        at: usize,
    },
    /// A credential in the query of the URL, where logs and histories keep it.
    #[error("a credential must not be in the query of the URL, send it in a header")]
    InQuery,
    /// A credential longer than any that is read.
    #[error("the credential's header is too long")]
    TooLong,
    /// Two API key headers, even if they are equal.
    #[error("more than one API key header, send one")]
    TwoApiKeys,
    /// Two Authorization headers, even if they are equal.
    #[error("more than one Authorization header, send one")]
    TwoAuthorization,
}
