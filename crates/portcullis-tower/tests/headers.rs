//! The golden cases of the testkit, through the layer.
#![cfg(test)]

use std::convert::Infallible;

use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use portcullis_testkit::{Chain, HeaderCase, HeaderWorld, Over};
use portcullis_tower::GateLayer;
use tower::{Layer, ServiceExt, service_fn};

/// The request, unless a value can't be one of a header.
fn request(case: &HeaderCase) -> Option<Request<()>> {
    let request = Request::builder().method(&case.method).uri(&case.target);
    let mut request = request.body(()).unwrap();
    for (name, value) in &case.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

#[tokio::test]
async fn each_case_is_answered_as_it_must_be() {
    let world = HeaderWorld::new().await;
    for chain in [Chain::Own, Chain::WithJwt] {
        let guard = world.gate(chain).guard(HeaderWorld::SCOPE).unwrap();
        let handler = service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(String::from("notes")))
        });
        let service = GateLayer::new(guard).layer(handler);
        let mut disagreements = Vec::new();
        let mut seen = 0;
        for case in world.cases(Over::Function, chain) {
            let Some(request) = request(&case) else {
                continue;
            };
            let response = service.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let challenge = parts
                .headers
                .get("www-authenticate")
                .map(HeaderValue::as_bytes);
            disagreements.extend(case.disagreement(parts.status.as_u16(), challenge, &body));
            seen += 1;
        }
        assert!(seen > 400, "{seen}");
        assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    }
}
