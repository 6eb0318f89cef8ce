//! Reading the credential of a request, by the rules of RFC 9110, RFC 6750 and the design.

use portcullis_token::{
    CredentialHeaders, HeaderError as E, HeaderNameError, Presented, Via, read_credentials,
};
use proptest::prelude::*;

fn read<'h>(
    headers: &CredentialHeaders,
    authorization: &'h [&'h [u8]],
    api_key: &'h [&'h [u8]],
    query: Option<&[u8]>,
) -> Presented<'h> {
    read_credentials(
        headers,
        authorization.iter().copied(),
        api_key.iter().copied(),
        query,
    )
}

const BEARER: Via = Via::Bearer;
const HEADER: Via = Via::ApiKeyHeader;

fn one(text: &[u8], via: Via) -> Presented<'_> {
    Presented::One(text, via)
}

const fn refused(error: E) -> Presented<'static> {
    Presented::Refused(error)
}

#[test]
fn authorization_alone() {
    let cases: &[(&[u8], Presented<'_>)] = &[
        // RFC 6750, section 2.1: its own example.
        (b"Bearer mF_9.B5f-4.1JqM", one(b"mF_9.B5f-4.1JqM", BEARER)),
        // RFC 9110, section 11.1: the scheme is case-insensitive.
        (b"bearer abc", one(b"abc", BEARER)),
        (b"BEARER abc", one(b"abc", BEARER)),
        (b"bEaReR abc", one(b"abc", BEARER)),
        // RFC 9110, section 11.4: 1*SP.
        (b"Bearer   abc", one(b"abc", BEARER)),
        // b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
        (b"Bearer aZ09-._~+/==", one(b"aZ09-._~+/==", BEARER)),
        (b"Bearer a=", one(b"a=", BEARER)),
        (b"Bearer", refused(E::Grammar { at: 6 })),
        (b"Bearer ", refused(E::Grammar { at: 7 })),
        (b"Bearer    ", refused(E::Grammar { at: 10 })),
        (b"Bearer =", refused(E::Grammar { at: 7 })),
        (b"Bearer a=b", refused(E::Grammar { at: 9 })),
        (b"Bearer a b c", refused(E::Grammar { at: 8 })),
        (b"Bearer abc ", refused(E::Grammar { at: 10 })),
        (b"Bearer abc, Bearer def", refused(E::Grammar { at: 10 })),
        (b"Bearer a,b", refused(E::Grammar { at: 8 })),
        (b"Bearer \"abc\"", refused(E::Grammar { at: 7 })),
        (b"Bearer realm=\"x\"", refused(E::Grammar { at: 13 })),
        (b"Bearer \tabc", refused(E::Grammar { at: 7 })),
        (b"Bearer\tabc", refused(E::Grammar { at: 6 })),
        (b"Bearer\xa0abc", refused(E::Grammar { at: 6 })),
        (b"Bearer a\0", refused(E::Grammar { at: 8 })),
        (b"Bearer caf\xc3\xa9", refused(E::Grammar { at: 10 })),
        (b"Bearer:abc", refused(E::Grammar { at: 6 })),
        (b"", refused(E::Grammar { at: 0 })),
        (b" Bearer abc", refused(E::Grammar { at: 0 })),
        (b"=abc", refused(E::Grammar { at: 0 })),
        (b"\"Bearer\" abc", refused(E::Grammar { at: 0 })),
        // Other schemes are none of ours, whatever follows them.
        (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Presented::None),
        (b"Digest username=\"Mufasa\", realm=\"x\"", Presented::None),
        (b"Negotiate", Presented::None),
        (b"Bearerx abc", Presented::None),
        (b"Bear er", Presented::None),
        (b"ap_live_0000", Presented::None),
    ];
    for (value, expected) in cases {
        let value = [*value];
        let read = read(&CredentialHeaders::default(), &value, &[], None);
        let shown = value[0].escape_ascii();
        assert_eq!(read, *expected, "{shown}");
    }
}

#[test]
fn api_key_header_alone() {
    let cases: &[(&[u8], Presented<'_>)] = &[
        (b"ap_live_0000", one(b"ap_live_0000", HEADER)),
        // Of the wrong format is a 401, and only broken grammar a 400.
        (b"nonsense", one(b"nonsense", HEADER)),
        (b"123:ABC=;\"", one(b"123:ABC=;\"", HEADER)),
        (b"", refused(E::ApiKeyGrammar { at: 0 })),
        (b" abc", refused(E::ApiKeyGrammar { at: 0 })),
        (b"abc ", refused(E::ApiKeyGrammar { at: 3 })),
        (b"Bearer abc", refused(E::ApiKeyGrammar { at: 6 })),
        (b"abc, abc", refused(E::ApiKeyGrammar { at: 3 })),
        (b"abc,abc", refused(E::ApiKeyGrammar { at: 3 })),
        (b"a\tb", refused(E::ApiKeyGrammar { at: 1 })),
        (b"a\0", refused(E::ApiKeyGrammar { at: 1 })),
        (b"caf\xc3\xa9", refused(E::ApiKeyGrammar { at: 3 })),
        (b"a\x7f", refused(E::ApiKeyGrammar { at: 1 })),
    ];
    for (value, expected) in cases {
        let value = [*value];
        let read = read(&CredentialHeaders::default(), &[], &value, None);
        let shown = value[0].escape_ascii();
        assert_eq!(read, *expected, "{shown}");
    }
}

type Lines = &'static [&'static [u8]];

#[test]
fn several_headers() {
    let cases: &[(Lines, Lines, Presented<'_>)] = &[
        (&[], &[], Presented::None),
        (&[b"Bearer abc"], &[b"abc"], one(b"abc", BEARER)),
        (&[b"Bearer abc"], &[b"abd"], refused(E::Disagree)),
        (&[b"Bearer abc"], &[b"ABC"], refused(E::Disagree)),
        (&[b"Bearer abc"], &[b"abcd"], refused(E::Disagree)),
        // Two lines of a header that is no list, equal or not (RFC 9110, section 5.3).
        (
            &[b"Bearer abc", b"Bearer abc"],
            &[],
            refused(E::TwoAuthorization),
        ),
        (
            &[b"Bearer abc", b"Basic abc"],
            &[],
            refused(E::TwoAuthorization),
        ),
        (
            &[b"Basic abc", b"Basic abc"],
            &[],
            refused(E::TwoAuthorization),
        ),
        (&[b"", b""], &[b"abc"], refused(E::TwoAuthorization)),
        (&[], &[b"abc", b"abc"], refused(E::TwoApiKeys)),
        (&[b"Bearer abc"], &[b"abc", b"abc"], refused(E::TwoApiKeys)),
        // Another scheme claims an identity for the same server.
        (&[b"Basic abc"], &[b"abc"], refused(E::ForeignScheme)),
        (&[b"Negotiate"], &[b"abc"], refused(E::ForeignScheme)),
        // Broken grammar is named before a disagreement.
        (&[b"Bearer a b"], &[b"abc"], refused(E::Grammar { at: 8 })),
        (
            &[b"Bearer abc"],
            &[b"a b"],
            refused(E::ApiKeyGrammar { at: 1 }),
        ),
        (
            &[b"Bearer abc"],
            &[b""],
            refused(E::ApiKeyGrammar { at: 0 }),
        ),
    ];
    for (authorization, api_key, expected) in cases {
        let read = read(&CredentialHeaders::default(), authorization, api_key, None);
        assert_eq!(read, *expected, "{authorization:?} {api_key:?}");
    }
}

#[test]
fn queries_are_refused_by_the_name_of_the_parameter() {
    let refuses = [
        "access_token=abc",
        "api_key=abc",
        "token=abc",
        "key=abc",
        "a=1&key=abc",
        "key=abc&a=1",
        "key",
        "key=",
        "api%5Fkey=abc",
        "%6b%65%79=abc",
        "%6B%65%79",
        "a&&key=1",
    ];
    let passes = [
        "", "a=1", "keys=1", "monkey=1", "key2=1", "KEY=1", "a=key", "a=key=1", "tokens",
        "ke%79%=1", "%", "%6", "ke%7", "+key=1",
    ];
    let headers = CredentialHeaders::default();
    for query in refuses {
        let read = read(&headers, &[b"Bearer abc"], &[], Some(query.as_bytes()));
        assert_eq!(read, refused(E::InQuery), "{query}");
    }
    for query in passes {
        let read = read(&headers, &[b"Bearer abc"], &[], Some(query.as_bytes()));
        assert_eq!(read, one(b"abc", BEARER), "{query}");
    }
    let headers = headers.with_query_parameters(["sig"]);
    assert_eq!(
        read(&headers, &[], &[], Some(b"sig=1")),
        refused(E::InQuery)
    );
    assert_eq!(read(&headers, &[], &[], Some(b"key=1")), Presented::None);
    let headers = headers.with_query_parameters::<String>([]);
    assert_eq!(read(&headers, &[], &[], Some(b"=1&sig=1")), Presented::None);
}

#[test]
fn at_512_bytes_a_credential_is_read_and_not_at_513() {
    let headers = CredentialHeaders::default();
    let bearer = |length: usize| [b"Bearer ".as_slice(), &vec![b'a'; length]].concat();
    let (longest, longer) = (bearer(512), bearer(513));
    assert_eq!(
        read(&headers, &[&longest], &[], None),
        one(&longest[7..], BEARER)
    );
    assert_eq!(read(&headers, &[&longer], &[], None), refused(E::TooLong));
    let (longest, longer) = (vec![b'a'; 512], vec![b'a'; 513]);
    assert_eq!(
        read(&headers, &[], &[&longest], None),
        one(&longest, HEADER)
    );
    assert_eq!(read(&headers, &[], &[&longer], None), refused(E::TooLong));

    // What is too long is not read: this one is malformed too.
    let spaces = [b"Bearer".as_slice(), &[b' '; 600]].concat();
    assert_eq!(read(&headers, &[&spaces], &[], None), refused(E::TooLong));
    assert_eq!(read(&headers, &[&[b'a'; 512]], &[], None), Presented::None);
    // A foreign scheme may have more to say; a scheme may not be that long itself.
    let negotiate = [b"Negotiate ".as_slice(), &[b'a'; 4_000]].concat();
    assert_eq!(read(&headers, &[&negotiate], &[], None), Presented::None);
    assert_eq!(
        read(&headers, &[&[b'a'; 513]], &[], None),
        refused(E::TooLong)
    );

    let headers = headers.with_max_length(2_048);
    let jwt = bearer(2_048);
    assert_eq!(read(&headers, &[&jwt], &[], None), one(&jwt[7..], BEARER));
    let limits = [0, 64, 16_384, usize::MAX].map(|bytes| {
        let headers = CredentialHeaders::default();
        headers.with_max_length(bytes).max_length()
    });
    assert_eq!(limits, [64, 64, 16_384, 16_384]);
}

#[test]
fn a_header_that_is_switched_off_is_not_looked_at() {
    let no_key = CredentialHeaders::default().without_api_key_header();
    assert_eq!(no_key.api_key_header(), None);
    let lines: [&[u8]; 2] = [b"abc", b"a b"];
    assert_eq!(
        read(&no_key, &[b"Bearer xyz"], &lines, None),
        one(b"xyz", BEARER)
    );
    let no_bearer = CredentialHeaders::default().without_authorization();
    assert_eq!(no_bearer.authorization_header(), None);
    assert_eq!(
        read(&no_bearer, &[b"Basic eHl6", b"\0"], &[b"abc"], None),
        one(b"abc", HEADER)
    );
}

#[test]
fn names_of_headers_are_checked_and_kept_in_lower_case() {
    let headers = CredentialHeaders::default();
    assert_eq!(headers.authorization_header(), Some("authorization"));
    assert_eq!(headers.api_key_header(), Some("x-api-key"));
    let named = headers.clone().with_api_key_header("X-Acme-Key").unwrap();
    assert_eq!(named.api_key_header(), Some("x-acme-key"));
    let named = named.with_authorization_header("X-Forwarded-Authorization");
    let named = named.unwrap();
    assert_eq!(
        named.authorization_header(),
        Some("x-forwarded-authorization")
    );
    for (name, error) in [
        ("", HeaderNameError::Empty),
        ("x api key", HeaderNameError::Character { at: 1 }),
        ("x-api-key:", HeaderNameError::Character { at: 9 }),
        ("clé", HeaderNameError::Character { at: 2 }),
        ("Cookie", HeaderNameError::Taken),
        ("Authorization", HeaderNameError::Taken),
        ("Proxy-Authorization", HeaderNameError::Taken),
    ] {
        let refused = headers.clone().with_api_key_header(name);
        assert_eq!(refused, Err(error), "{name}");
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(
        authorization in prop::collection::vec("(Bearer|bearer|Basic)?[ =a,\t]{0,3}.{0,4}", 0..3),
        api_key in prop::collection::vec(any::<Vec<u8>>(), 0..3),
        query in proptest::option::of(any::<Vec<u8>>()),
    ) {
        let authorization: Vec<_> = authorization.iter().map(String::as_bytes).collect();
        let api_key: Vec<_> = api_key.iter().map(Vec::as_slice).collect();
        let headers = CredentialHeaders::default();
        match read(&headers, &authorization, &api_key, query.as_deref()) {
            Presented::None => prop_assert!(api_key.is_empty()),
            Presented::One(text, Via::ApiKeyHeader) => prop_assert_eq!(&api_key, &[text]),
            Presented::One(text, Via::Bearer) => prop_assert!(authorization[0].ends_with(text)),
            Presented::Refused(E::Grammar { at }) => prop_assert!(at <= authorization[0].len()),
            Presented::Refused(E::ApiKeyGrammar { at }) => prop_assert!(at <= api_key[0].len()),
            Presented::Refused(_) => {}
        }
    }
}
