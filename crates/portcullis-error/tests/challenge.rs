//! Challenges, read back by a parser written from RFC 9110 §11.6.1 and §5.6.4 alone.

use http::HeaderValue;
use portcullis_error::{Cause, Denial, ErrorCode, Rendering};
use proptest::prelude::*;

/// Names and values, in their order.
type Parameters = Vec<(String, Vec<u8>)>;

/// Reads one challenge: a scheme and its parameters, in their order. Anything left over, a second
/// scheme, an unquoted value or a name twice is an error.
fn parse(value: &[u8]) -> Result<(String, Parameters), &'static str> {
    let mut rest = value;
    let scheme = token(&mut rest)?;
    let mut parameters = Parameters::new();
    let mut separator: &[u8] = b" ";
    while !rest.is_empty() {
        rest = rest.strip_prefix(separator).ok_or("no separator")?;
        separator = b", ";
        let name = token(&mut rest)?;
        if parameters.iter().any(|(other, _)| *other == name) {
            return Err("a parameter twice");
        }
        rest = rest.strip_prefix(b"=\"").ok_or("not a quoted-string")?;
        parameters.push((name, quoted_rest(&mut rest)?));
    }
    Ok((scheme, parameters))
}

fn token(rest: &mut &[u8]) -> Result<String, &'static str> {
    let end = rest
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)))
        .unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    *rest = after;
    if text.is_empty() {
        return Err("no token");
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn quoted_rest(rest: &mut &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut text = Vec::new();
    loop {
        let (&byte, after) = rest.split_first().ok_or("no closing quote")?;
        *rest = after;
        match byte {
            b'"' => return Ok(text),
            b'\\' => {
                let (&escaped, after) = rest.split_first().ok_or("nothing escaped")?;
                *rest = after;
                if !matches!(escaped, b'\t' | b' '..=b'~' | 0x80..) {
                    return Err("not in a quoted-pair");
                }
                text.push(escaped);
            }
            b'\t' | b' '..=b'~' | 0x80.. => text.push(byte),
            _ => return Err("not in a quoted-string"),
        }
    }
}

/// What is to come out: the text itself, with a space for what a header can't hold.
fn readable(text: &str) -> Vec<u8> {
    text.bytes()
        .map(|byte| match byte {
            0..=8 | 10..=31 | 127 => b' ',
            byte => byte,
        })
        .collect()
}

fn parameters(value: &HeaderValue) -> Result<Parameters, &'static str> {
    let (scheme, parameters) = parse(value.as_bytes())?;
    (scheme == "Bearer")
        .then_some(parameters)
        .ok_or("another scheme")
}

/// Any text, with much of what could end a string or a header.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\"\\\\,= \r\n\t\\x00a-c\u{e9}\u{7f}\u{85}]{0,24}",
        Just(String::from("x\", Basic realm=\"y")),
        Just(String::from("x\r\nSet-Cookie: a=b")),
        Just(String::from("\\")),
    ]
}

proptest! {
    #[test]
    fn no_text_can_leave_its_quotes(realm in hostile(), scope in hostile(), url in hostile()) {
        let rendering = Rendering::new()
            .with_realm(realm.clone())
            .with_resource_metadata(url.clone());
        let denial = Denial::new(Cause::insufficient_scope(scope.as_str(), ["a:b"], ["a:b"]));
        let mut expected = vec![
            (String::from("realm"), readable(&realm)),
            (String::from("error"), b"insufficient_scope".to_vec()),
        ];
        if !scope.is_empty() {
            expected.push((String::from("scope"), readable(&scope)));
        }
        expected.push((String::from("resource_metadata"), readable(&url)));

        let challenge = rendering.challenge(&denial).unwrap();
        prop_assert_eq!(parameters(&challenge), Ok(expected.clone()));
        let response = rendering.response(&denial, None);
        prop_assert_eq!(&response.headers()["www-authenticate"], &challenge);
        prop_assert_eq!(response.headers().get_all("www-authenticate").iter().count(), 1);

        expected.pop();
        prop_assert_eq!(parameters(&denial.challenge(&realm).unwrap()), Ok(expected));
    }
}

/// By hand from RFC 6750 §3 and §3.1.
#[test]
fn only_a_401_and_a_lack_of_scope_have_a_challenge() {
    let scope =
        Cause::insufficient_scope("posts:read posts:write", ["posts:write"], ["posts:write"]);
    let cases = [
        (Cause::Unauthenticated, Some(r#"Bearer realm="api""#)),
        (
            Cause::InvalidToken,
            Some(r#"Bearer realm="api", error="invalid_token""#),
        ),
        (
            scope,
            Some(
                r#"Bearer realm="api", error="insufficient_scope", scope="posts:read posts:write""#,
            ),
        ),
        (
            Cause::excess_scope(["posts:write", "brands:write"]),
            Some(
                r#"Bearer realm="api", error="insufficient_scope", scope="posts:write brands:write""#,
            ),
        ),
        (Cause::SessionRequired, None),
        (Cause::KeyRequired, None),
        (Cause::BillingSuspended, None),
        (Cause::InsufficientCredits, None),
        (Cause::RateLimited { retry_after: None }, None),
        (Cause::Unavailable { retry_after: None }, None),
        (
            Cause::InvalidRequest(portcullis_error::InvalidRequest::InQuery),
            None,
        ),
    ];
    for (cause, expected) in cases {
        let denial = Denial::new(cause);
        let response = denial.to_response();
        let header = response.headers().get("www-authenticate");
        assert_eq!(
            header.map(|value| value.to_str().unwrap()),
            expected,
            "{denial:?}"
        );
        assert_eq!(denial.challenge("api").as_ref(), header, "{denial:?}");
    }
}

#[test]
fn an_error_of_the_application_has_a_challenge_where_its_status_demands_one() {
    for (code, expected) in [
        (ErrorCode::InvalidCredentials, Some(r#"Bearer realm="api""#)),
        (ErrorCode::Unauthorized, Some(r#"Bearer realm="api""#)),
        (
            ErrorCode::InvalidToken,
            Some(r#"Bearer realm="api", error="invalid_token""#),
        ),
        (
            ErrorCode::InsufficientScope,
            Some(r#"Bearer realm="api", error="insufficient_scope""#),
        ),
        (ErrorCode::SessionRequired, None),
        (ErrorCode::NotFound, None),
    ] {
        let response = code.response("no");
        let header = response.headers().get("www-authenticate");
        assert_eq!(
            header.map(|value| value.to_str().unwrap()),
            expected,
            "{code}"
        );
    }
}

proptest! {
    /// By a parser that others wrote (the crate `http-auth`), which reads text alone.
    #[test]
    fn another_parser_reads_the_same(realm in hostile(), scope in hostile(), url in hostile()) {
        let rendering = Rendering::new()
            .with_realm(realm)
            .with_resource_metadata(url);
        let denial = Denial::new(Cause::insufficient_scope(scope.as_str(), ["a:b"], ["a:b"]));
        let challenge = rendering.challenge(&denial).unwrap();
        let Ok(text) = challenge.to_str() else {
            return Ok(());
        };
        let challenges = http_auth::parse_challenges(text);
        let challenges = challenges.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(challenges.len(), 1, "{}", text);
        prop_assert_eq!(challenges[0].scheme, "Bearer");
        let read: Vec<_> = challenges[0]
            .params
            .iter()
            .map(|(name, value)| (String::from(*name), value.to_unescaped().into_bytes()))
            .collect();
        prop_assert_eq!(Ok(read), parameters(&challenge));
    }
}
