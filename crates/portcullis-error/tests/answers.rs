//! Status, headers and body of every denial, by hand from the design and the RFCs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use portcullis_core::{RequestId, Timestamp};
use portcullis_error::{
    Cause, Denial, ErrorBody, ErrorCode, ErrorFormat, InvalidRequest, Rate, RateNames, Rendering,
    error_response,
};
use serde_json::json;

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn json(response: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

fn every_cause() -> Vec<(Cause, u16, &'static str)> {
    let wait = Some(Duration::from_secs(3));
    vec![
        (
            Cause::InvalidRequest(InvalidRequest::Disagree),
            400,
            "invalid_request",
        ),
        (
            Cause::InvalidRequest(InvalidRequest::Grammar { at: 7 }),
            400,
            "invalid_request",
        ),
        (
            Cause::InvalidRequest(InvalidRequest::InQuery),
            400,
            "invalid_request",
        ),
        (
            Cause::InvalidRequest(InvalidRequest::TooLong),
            400,
            "invalid_request",
        ),
        (
            Cause::InvalidRequest(InvalidRequest::TwoApiKeys),
            400,
            "invalid_request",
        ),
        (
            Cause::InvalidRequest(InvalidRequest::TwoAuthorization),
            400,
            "invalid_request",
        ),
        (Cause::Unauthenticated, 401, "unauthorized"),
        (Cause::InvalidToken, 401, "invalid_token"),
        (Cause::InsufficientCredits, 402, "insufficient_credits"),
        (
            Cause::insufficient_scope("posts:write", ["posts:write"], ["posts:write"]),
            403,
            "insufficient_scope",
        ),
        (
            Cause::excess_scope(["posts:write"]),
            403,
            "insufficient_scope",
        ),
        (Cause::SessionRequired, 403, "session_required"),
        (Cause::KeyRequired, 403, "key_required"),
        (Cause::BillingSuspended, 403, "billing_suspended"),
        (
            Cause::RateLimited { retry_after: wait },
            429,
            "rate_limited",
        ),
        (
            Cause::RateLimited { retry_after: None },
            429,
            "rate_limited",
        ),
        (Cause::Unavailable { retry_after: wait }, 503, "unavailable"),
        (Cause::Unavailable { retry_after: None }, 503, "unavailable"),
    ]
}

#[test]
fn every_cause_has_its_status_and_the_envelope() {
    for (cause, status, code) in every_cause() {
        let denial = Denial::from(cause);
        let response = denial.to_response();
        assert_eq!(response.status().as_u16(), status, "{denial:?}");
        assert_eq!(denial.status().as_u16(), status);
        assert_eq!(denial.code(), code);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let message = denial.message();
        assert_eq!(denial.to_string(), message);
        assert_eq!(
            json(&response),
            json!({"success": false, "error": code, "code": code, "message": message}),
        );
    }
}

#[test]
fn the_members_of_the_envelope_stand_in_their_order() {
    let body = Denial::new(Cause::InsufficientCredits)
        .to_response()
        .into_body();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.starts_with(
        r#"{"success":false,"error":"insufficient_credits","code":"insufficient_credits","message":""#
    ));
}

#[test]
fn messages_are_one_line_of_lower_case_without_a_full_stop() {
    for (cause, ..) in every_cause() {
        let message = cause.message();
        let first = message.chars().next().unwrap();
        assert!(first.is_lowercase(), "{message}");
        assert!(
            !message.ends_with('.') && !message.contains('\n'),
            "{message}"
        );
        assert!(!message.contains("  "), "{message}");
        assert!(message.len() <= 120, "{message}");
    }
}

#[test]
fn equal_denials_have_equal_bytes() {
    for accept in [None, Some(b"application/problem+json".as_slice())] {
        for (cause, ..) in every_cause() {
            let (one, other) = (Denial::new(cause.clone()), Denial::new(cause));
            let rendering = Rendering::new();
            let (one, other) = (
                rendering.response(&one, accept),
                rendering.response(&other, accept),
            );
            assert_eq!(one.body(), other.body());
            assert_eq!(one.headers(), other.headers());
        }
    }
}

#[test]
fn a_lack_of_scope_names_what_is_missing_and_what_would_do() {
    let text = |missing: &[&str], sufficient: &[&str]| {
        Cause::insufficient_scope(
            "a:r b:r",
            missing.iter().copied(),
            sufficient.iter().copied(),
        )
        .message()
        .into_owned()
    };
    assert_eq!(
        text(&["a:r"], &["a:r"]),
        "the credential lacks the scope `a:r`"
    );
    assert_eq!(text(&["a:r"], &[]), "the credential lacks the scope `a:r`");
    assert_eq!(
        text(&["a:r", "b:r"], &["a:r", "b:r"]),
        "the credential lacks the scopes `a:r`, `b:r`"
    );
    assert_eq!(
        text(&["a:r", "b:r"], &["b:r"]),
        "the credential lacks the scopes `a:r`, `b:r`; enough would be `b:r`"
    );
    assert_eq!(
        text(&[], &[]),
        "the credential lacks what this request needs: `a:r`, `b:r`"
    );
    assert_eq!(
        Cause::excess_scope(["a:w", "b:w"]).message(),
        "a credential can't hand on what it lacks: `a:w`, `b:w`"
    );
}

/// RFC 9110 §10.2.3: whole seconds.
#[test]
fn retry_after_is_rounded_up_and_at_least_one() {
    let cases = [
        (Duration::ZERO, "1"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_millis(900), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::new(1, 1), "2"),
        (Duration::from_secs(59), "59"),
        (Duration::new(59, 999_999_999), "60"),
        (Duration::MAX, "18446744073709551615"),
    ];
    for (wait, expected) in cases {
        let retry_after = Some(wait);
        for cause in [
            Cause::RateLimited { retry_after },
            Cause::Unavailable { retry_after },
        ] {
            let response = Denial::new(cause).to_response();
            assert_eq!(header(&response, "retry-after"), Some(expected), "{wait:?}");
        }
    }
}

#[test]
fn nothing_else_says_when_to_retry() {
    for (cause, ..) in every_cause() {
        let expected = match cause {
            Cause::RateLimited {
                retry_after: Some(_),
            }
            | Cause::Unavailable {
                retry_after: Some(_),
            } => Some("3"),
            _ => None,
        };
        let response = Denial::new(cause).to_response();
        assert_eq!(header(&response, "retry-after"), expected);
    }
}

#[test]
fn rate_headers_stand_on_every_denial_of_a_verified_credential() {
    let rate = Rate {
        limit: 600,
        remaining: 0,
        reset: 1_767_225_660,
    };
    let names = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    for (cause, status, _) in every_cause() {
        let response = Denial::new(cause.clone()).with_rate(rate).to_response();
        let shown = names.map(|name| header(&response, name));
        if status == 400 || status == 401 {
            assert_eq!(shown, [None; 3], "{cause:?}");
        } else {
            assert_eq!(
                shown,
                [Some("600"), Some("0"), Some("1767225660")],
                "{cause:?}"
            );
        }
        let without = Denial::new(cause).to_response();
        assert_eq!(names.map(|name| header(&without, name)), [None; 3]);
    }
}

#[test]
fn rate_headers_have_the_names_that_are_configured_and_replace_what_is_there() {
    let names = RateNames::default()
        .with_limit(HeaderName::from_static("quota"))
        .with_remaining(HeaderName::from_static("left"))
        .with_reset(HeaderName::from_static("free-at"));
    assert_eq!(
        names.all().map(HeaderName::as_str),
        ["quota", "left", "free-at"]
    );
    let rate = Rate {
        limit: u32::MAX,
        remaining: 10,
        reset: u64::MAX,
    };
    let rendering = Rendering::new().with_rate_names(names);
    let denial = Denial::new(Cause::SessionRequired).with_rate(rate);
    let mut response = rendering.response(&denial, None);
    rate.write_to(response.headers_mut(), rendering.rate_names());
    assert_eq!(header(&response, "quota"), Some("4294967295"));
    assert_eq!(header(&response, "left"), Some("10"));
    assert_eq!(header(&response, "free-at"), Some("18446744073709551615"));
    assert_eq!(response.headers().get_all("left").iter().count(), 1);
    assert_eq!(header(&response, "x-ratelimit-limit"), None);
}

#[test]
fn the_reset_is_rounded_up_to_a_second() {
    let now = Timestamp::from_unix_micros(1_767_225_600_400_000);
    let reset = |wait| Rate::new(10, 5, now, wait).reset;
    assert_eq!(reset(Duration::ZERO), 1_767_225_601);
    assert_eq!(reset(Duration::from_millis(600)), 1_767_225_601);
    assert_eq!(reset(Duration::from_micros(600_001)), 1_767_225_602);
    let before_1970 = Timestamp::from_unix_seconds(-5);
    assert_eq!(Rate::new(1, 1, before_1970, Duration::ZERO).reset, 0);
}

/// RFC 9457 §3.1 and §4.2.1.
#[test]
fn a_problem_document_has_the_members_of_the_envelope_too() {
    let denial = Denial::new(Cause::InvalidToken);
    let accept = Some(b"application/problem+json".as_slice());
    let response = Rendering::new().response(&denial, accept);
    assert_eq!(response.status(), 401);
    assert_eq!(
        header(&response, "content-type"),
        Some("application/problem+json")
    );
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert!(response.headers().contains_key("www-authenticate"));
    assert_eq!(
        json(&response),
        json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": denial.message(),
            "success": false,
            "error": "invalid_token",
            "code": "invalid_token",
            "message": denial.message(),
        }),
    );
    let typed = Rendering::new().with_problem_types("https://example.com/errors/");
    assert_eq!(
        json(&typed.response(&denial, accept))["type"],
        "https://example.com/errors/invalid_token"
    );
    assert_eq!(
        header(&typed.response(&denial, Some(b"*/*")), "content-type"),
        Some("application/json")
    );
}

#[derive(Debug)]
struct PlainText;

impl ErrorFormat for PlainText {
    fn render(
        &self,
        status: StatusCode,
        error: &ErrorBody<'_>,
        accept: Option<&[u8]>,
    ) -> Option<(HeaderValue, Bytes)> {
        (accept == Some(b"text/plain")).then(|| {
            let text = format!("{}: {}", status.as_u16(), error.code);
            (HeaderValue::from_static("text/plain"), text.into())
        })
    }
}

#[test]
fn an_application_may_bring_bodies_of_its_own() {
    let rendering = Rendering::new().with_format(Arc::new(PlainText));
    let denial = Denial::new(Cause::Unauthenticated);
    let response = rendering.response(&denial, Some(b"text/plain"));
    assert_eq!(header(&response, "content-type"), Some("text/plain"));
    assert_eq!(response.body(), "401: unauthorized");
    assert!(response.headers().contains_key("www-authenticate"));
    let response = rendering.response(&denial, None);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
}

#[test]
fn an_error_of_the_application_has_the_same_envelope() {
    let response = error_response(StatusCode::NOT_FOUND, "not_found", "no post \"\u{e9}\"\n");
    assert_eq!(response.status(), 404);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(
        json(&response),
        json!({
            "success": false,
            "error": "not_found",
            "code": "not_found",
            "message": "no post \"\u{e9}\"\n",
        }),
    );
    assert_eq!(
        error_response(StatusCode::CONFLICT, ErrorCode::Conflict, "taken").body(),
        ErrorCode::Conflict.response("taken").body(),
    );
}

/// A `Result` of it stays cheap to move.
#[test]
fn a_denial_is_small() {
    assert!(size_of::<Denial>() <= 104, "{}", size_of::<Denial>());
}

#[test]
fn the_id_of_a_request_is_in_a_header_and_never_in_the_body() {
    let denial = Denial::new(Cause::InvalidToken);
    let id = RequestId::from_value(7);
    let named = denial.clone().with_request_id(id).to_response();
    assert_eq!(named.headers()["x-request-id"], format!("{:031}7", 0));
    assert_eq!(named.body(), denial.to_response().body());
    assert!(!denial.to_response().headers().contains_key("x-request-id"));

    let other = HeaderName::from_static("trace");
    let rendering = Rendering::new().with_request_id_header(Some(other));
    let answer = rendering.response(&denial.clone().with_request_id(id), None);
    assert!(answer.headers().contains_key("trace"));
    let without = Rendering::new().with_request_id_header(None);
    let answer = without.response(&denial.with_request_id(id), None);
    assert!(!answer.headers().contains_key("x-request-id"));
}
