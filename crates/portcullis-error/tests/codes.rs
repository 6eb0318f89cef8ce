//! The table of codes, by hand from the wire contract.

use std::collections::BTreeSet;

use portcullis_error::ErrorCode;

const TABLE: [(&str, u16); 19] = [
    ("invalid_request", 400),
    ("unknown_scope", 400),
    ("unauthorized", 401),
    ("invalid_token", 401),
    ("invalid_credentials", 401),
    ("insufficient_credits", 402),
    ("insufficient_scope", 403),
    ("session_required", 403),
    ("billing_suspended", 403),
    ("signup_closed", 403),
    // Not of the contract: for routes that take API keys alone.
    ("key_required", 403),
    ("not_found", 404),
    ("method_not_allowed", 405),
    ("conflict", 409),
    ("too_large", 413),
    ("unsupported_media_type", 415),
    ("rate_limited", 429),
    ("internal", 500),
    ("unavailable", 503),
];

#[test]
fn every_code_of_the_contract_has_its_status() {
    for (text, status) in TABLE {
        let code = ErrorCode::named(text).unwrap_or_else(|| panic!("no code {text}"));
        assert_eq!(code.as_str(), text);
        assert_eq!(code.to_string(), text);
        assert_eq!(code.status().as_u16(), status, "{text}");
        assert_eq!(code.response("x").status().as_u16(), status, "{text}");
    }
}

#[test]
fn there_is_no_code_beside_the_table_and_none_twice() {
    let table: BTreeSet<&str> = TABLE.iter().map(|(text, _)| *text).collect();
    let all: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(all, table);
    assert_eq!(all.len(), ErrorCode::ALL.len());
}
