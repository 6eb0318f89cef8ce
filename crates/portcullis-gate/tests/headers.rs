//! The golden cases of the testkit, against the pure functions.
#![cfg(test)]

use http::{HeaderMap, HeaderName, HeaderValue, Request, request::Parts};
use portcullis_error::{Cause, Denial, InvalidRequest, Rendering};
use portcullis_gate::Guard;
use portcullis_testkit::{Chain, HeaderCase, HeaderWorld, Over};
use portcullis_token::{CredentialHeaders, Presented, read_credentials};

/// The request, unless a value can't be one of a header.
fn request(case: &HeaderCase) -> Option<Parts> {
    let mut headers = HeaderMap::new();
    for (name, value) in &case.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    let request = Request::builder().method(&case.method).uri(&case.target);
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    parts.headers = headers;
    Some(parts)
}

/// The answer to bytes that no request can have, read all the same.
fn unseen(case: &HeaderCase) -> Denial {
    let lines = |wanted: &'static str| {
        let lines = case.headers.iter();
        let lines = lines.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        lines.map(|(_, value)| value.as_slice())
    };
    let query = case
        .target
        .split_once('?')
        .map(|(_, query)| query.as_bytes());
    let headers = CredentialHeaders::default();
    match read_credentials(&headers, lines("authorization"), lines("x-api-key"), query) {
        // Which of the reasons it is does not show in the status.
        Presented::Refused(_) => Cause::InvalidRequest(InvalidRequest::Grammar { at: 0 }).into(),
        Presented::None => Cause::Unauthenticated.into(),
        Presented::One(..) => panic!("{case}: it is read as a credential"),
    }
}

async fn disagreements(guard: &Guard, cases: &[HeaderCase]) -> Vec<String> {
    let mut disagreements = Vec::new();
    for case in cases {
        let response = match request(case) {
            None => Some(Rendering::default().response(&unseen(case), None)),
            Some(parts) => match guard.check(&parts, None).await {
                Ok(_) => None,
                Err(denial) => Some(guard.refuse(&denial, &parts.headers)),
            },
        };
        let disagreement = match response {
            None => case.disagreement(200, None, b""),
            Some(response) => case.disagreement(
                response.status().as_u16(),
                response
                    .headers()
                    .get("www-authenticate")
                    .map(HeaderValue::as_bytes),
                response.body(),
            ),
        };
        disagreements.extend(disagreement);
    }
    disagreements
}

#[tokio::test]
async fn each_case_is_answered_as_it_must_be() {
    let world = HeaderWorld::new().await;
    for chain in [Chain::Own, Chain::WithJwt] {
        let guard = world.gate(chain).guard(HeaderWorld::SCOPE).unwrap();
        let cases = world.cases(Over::Function, chain);
        assert!(cases.len() > 400, "{}", cases.len());
        // From the store, and then from memory.
        for _ in 0..2 {
            let disagreements = disagreements(&guard, &cases).await;
            assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
        }
    }
}
