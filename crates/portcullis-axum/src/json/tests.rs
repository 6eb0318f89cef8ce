use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Request},
    routing::post,
};
use http::{
    Method,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;

use super::{JsonBody, MAX_JSON_BYTES, OptionalJsonBody, strict::from_slice};
use crate::{ApiError, Data};

#[derive(Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Order {
    name: String,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(default)]
    paid_with: Option<Means>,
}

#[derive(Debug, Deserialize, Eq, PartialEq)]
struct Line {
    count: u8,
}

#[derive(Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Means {
    Cash,
    Card { last: String },
}

fn problem(body: &str) -> String {
    from_slice::<Order>(body.as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn reads_what_is_right() {
    let body =
        br#"{"name":"a","lines":[{"count":255,"note":1.5e3}],"paidWith":{"card":{"last":"1"}}}"#;
    let expected = Order {
        name: "a".into(),
        lines: vec![Line { count: 255 }],
        paid_with: Some(Means::Card { last: "1".into() }),
    };
    assert_eq!(from_slice::<Order>(body).unwrap(), expected);
    let body = br#"{"name":"a","paidWith":"cash"}"#;
    assert_eq!(
        from_slice::<Order>(body).unwrap().paid_with,
        Some(Means::Cash)
    );
    let value: serde_json::Value = from_slice(b"[1,-1,1.5,null,{\"a\":\"b\"}]").unwrap();
    assert_eq!(value, serde_json::json!([1, -1, 1.5, null, {"a": "b"}]));
}

#[test]
fn malformed_json_is_told_by_its_position() {
    let message = problem("{\n  \"name\": \"hunter2\",,\n}");
    assert!(message.starts_with("malformed JSON: ") && message.ends_with("at line 2 column 21"));
    assert!(!message.contains("hunter2"));
    assert!(problem("{\"name\":\"a\"} x").contains("line 1 column 14"));
    assert!(problem(&"[".repeat(1_000)).contains("nested deeper than 64 levels"));
    let broken = from_slice::<Order>(b"{\"name\":\"\xff\"}")
        .unwrap_err()
        .to_string();
    assert!(broken.starts_with("malformed JSON: "), "{broken}");
}

#[test]
fn the_wrong_member_is_named_and_its_value_is_not() {
    for (body, message) in [
        (r#"{"name":7}"#, "`name`: expected a string, not a number"),
        (
            r#"{"name":"a","lines":"secret"}"#,
            "`lines`: expected an array, not a string",
        ),
        (
            r#"{"name":"a","lines":[{"count":1},{"count":300}]}"#,
            "`lines[1].count`: expected a whole number from 0 to 255",
        ),
        (
            r#"{"name":"a","lines":[{}]}"#,
            "missing member `lines[0].count`",
        ),
        (
            r#"{"name":"a","lines":[[1]]}"#,
            "`lines[0]`: expected an object, not an array",
        ),
        (
            r#"{"name":"a","paidWith":"secret"}"#,
            "`paidWith`: not one of `cash`, `card`",
        ),
        (
            r#"{"name":"a","paidWith":1}"#,
            "`paidWith`: expected a string, not a number",
        ),
        ("{}", "missing member `name`"),
        (r#"["a"]"#, "the body: expected an object, not an array"),
        ("null", "the body: expected an object, not null"),
        (r#"{"name":"a","extra":1}"#, "unknown member `extra`"),
        (
            r#"{"name":"a","name":"b"}"#,
            "member `name` stands twice at line 1 column 18",
        ),
    ] {
        assert_eq!(problem(body), message, "{body}");
    }
}

#[test]
fn names_of_members_are_escaped_and_cut() {
    assert_eq!(
        problem(r#"{"a`\n\u202e.b":1}"#),
        r"unknown member `a\`\n\u{202e}\.b`"
    );
    let long = problem(&format!(r#"{{"{}":1}}"#, "x".repeat(5_000)));
    assert_eq!(long, format!("unknown member `{}…`", "x".repeat(200)));
}

fn request(content_type: Option<&str>, body: impl Into<Body>) -> Request {
    let mut request = Request::new(body.into());
    if let Some(content_type) = content_type {
        request
            .headers_mut()
            .insert(CONTENT_TYPE, content_type.parse().unwrap());
    }
    request
}

async fn required(request: Request) -> Result<Order, (&'static str, String)> {
    let read = JsonBody::from_request(request, &()).await;
    read.map(|JsonBody(order)| order)
        .map_err(|error| told(&error))
}

async fn optional(request: Request) -> Result<Order, (&'static str, String)> {
    let read = OptionalJsonBody::from_request(request, &()).await;
    read.map(|OptionalJsonBody(order)| order)
        .map_err(|error| told(&error))
}

fn told(error: &ApiError) -> (&'static str, String) {
    (error.code().as_str(), error.message().to_owned())
}

const RIGHT: &str = r#"{"name":"a"}"#;

#[tokio::test]
async fn takes_every_spelling_of_a_json_type_and_no_other_type() {
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
    ] {
        assert!(
            required(request(Some(content_type), RIGHT)).await.is_ok(),
            "{content_type}"
        );
    }
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/jsonl"),
        Some("text/json"),
        Some("application/+json"),
        Some("json"),
        Some(""),
    ] {
        let refused = required(request(content_type, RIGHT)).await.unwrap_err();
        assert_eq!(refused.0, "unsupported_media_type", "{content_type:?}");
        let refused = optional(request(content_type, RIGHT)).await.unwrap_err();
        assert_eq!(refused.0, "unsupported_media_type", "{content_type:?}");
    }
    let mut coded = request(Some("application/json"), RIGHT);
    coded
        .headers_mut()
        .insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(
        required(coded).await.unwrap_err().0,
        "unsupported_media_type"
    );
    let mut twice = request(Some("application/json"), RIGHT);
    twice
        .headers_mut()
        .append(CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(
        required(twice).await.unwrap_err().0,
        "unsupported_media_type"
    );
}

#[tokio::test]
async fn an_empty_body_is_the_default_where_it_may_be() {
    assert_eq!(optional(request(None, "")).await, Ok(Order::default()));
    let form = Some("application/x-www-form-urlencoded");
    assert_eq!(optional(request(form, "")).await, Ok(Order::default()));
    let refused = required(request(None, "")).await.unwrap_err();
    assert_eq!(refused, ("invalid_request", "a JSON body is needed".into()));
    let refused = required(request(Some("application/json"), ""))
        .await
        .unwrap_err();
    assert!(refused.1.starts_with("malformed JSON: EOF"), "{refused:?}");
}

#[tokio::test]
async fn bodies_over_the_limit_are_too_large_announced_or_not() {
    let json = Some("application/json");
    let fitting = format!("{RIGHT}{}", " ".repeat(MAX_JSON_BYTES - RIGHT.len()));
    let larger = format!("{fitting} ");
    // Mapped frames have no length that is known beforehand.
    let chunked = |text: &str| Body::new(text.to_owned().map_frame(|frame| frame));
    assert!(required(request(json, fitting.clone())).await.is_ok());
    assert!(required(request(json, chunked(&fitting))).await.is_ok());
    assert_eq!(
        required(request(json, larger.clone())).await.unwrap_err().0,
        "too_large"
    );
    assert_eq!(
        required(request(json, chunked(&larger)))
            .await
            .unwrap_err()
            .0,
        "too_large"
    );
    assert_eq!(
        optional(request(None, larger)).await.unwrap_err().0,
        "too_large"
    );
}

#[tokio::test]
async fn a_smaller_limit_of_the_router_holds() {
    let take = |JsonBody(order): JsonBody<Order>| async move { Data(order.name) };
    let router = Router::new()
        .route("/", post(take))
        .layer(DefaultBodyLimit::max(RIGHT.len()));
    for (body, status) in [(RIGHT.to_owned(), 200), (format!("{RIGHT} "), 413)] {
        let mut request = request(Some("application/json"), body);
        *request.method_mut() = Method::POST;
        assert_eq!(
            router.clone().oneshot(request).await.unwrap().status(),
            status
        );
    }
}

#[test]
fn nesting_has_an_end_that_no_reserved_name_goes_round() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let any = |body: &str| from_slice::<serde_json::Value>(body.as_bytes());
    assert!(any(&nested(64)).is_ok());
    for body in [nested(65), nested(100), nested(10_000)] {
        let told = any(&body).unwrap_err().to_string();
        assert!(
            told.contains("nested deeper") || told.contains("recursion limit"),
            "{told}"
        );
    }
    for name in ["RawValue", "Number", ""] {
        let body = format!(r#"{{"$serde_json::private::{name}":"[[1]]"}}"#);
        let told = any(&body).unwrap_err().to_string();
        assert!(told.contains("reserved name"), "{told}");
        let escaped = format!(r#"{{"a":[{{"\u0024serde_json::private::{name}":"1"}}]}}"#);
        assert!(
            any(&escaped)
                .unwrap_err()
                .to_string()
                .contains("reserved name")
        );
    }
}
