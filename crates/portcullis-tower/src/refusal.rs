//! The answer to a request that was denied.

use bytes::Bytes;
use http::{HeaderMap, Response, header::CONTENT_TYPE};
use portcullis_error::Denial;
use portcullis_gate::Guard;

/// In the form that the client accepts; to gRPC without a text.
///
/// A gRPC client makes its status from that of HTTP, but some (tonic 0.14) read the text as a
/// message first, and report an internal error where it says 401.
pub(crate) fn refuse(guard: &Guard, denial: &Denial, request: &HeaderMap) -> Response<Bytes> {
    let mut response = guard.refuse(denial, request);
    if is_grpc(request) {
        response.headers_mut().remove(CONTENT_TYPE);
        *response.body_mut() = Bytes::new();
    }
    response
}

/// `application/grpc`, alone or with `+proto`, `;…` and the like (PROTOCOL-HTTP2 of gRPC).
fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let sent = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    sent.and_then(|sent| sent.split_at_checked(GRPC.len()))
        .is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(GRPC)
                && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
}
