//! The span that a service works in.

use portcullis_gate::{Pass, Permit};
use tracing::Span;

/// A span that tells which request this is and who calls: what the service logs meanwhile is found
/// by the id that its client has in `X-Request-Id`.
///
/// Nothing that came with the request is in it: no header, no query, no path. Of a preflight there
/// is nothing to tell.
pub(crate) fn span_of(pass: &Pass) -> Span {
    match pass.permit() {
        Some(permit) => span_of_permit(permit),
        None => Span::none(),
    }
}

fn span_of_permit(permit: &Permit) -> Span {
    tracing::info_span!(
        "request",
        request_id = %permit.request_id(),
        // Public: `key_…` or `ses_…`; absent for a user of the application's own.
        credential = permit.id().map(tracing::field::display),
        owner = permit.owner().as_str(),
    )
}
