//! Scopes, grants and catalogues as JSON and TOML.

#![cfg(feature = "serde")]

use portcullis_scope::{Catalogue, Grant, Scope};
use serde_json::json;

const JSON: &str = r#"{
    "scopes": [
        {"scope": "posts:read", "description": "List posts"},
        {"scope": "posts:write", "description": "Create posts", "implies": ["posts:read"]}
    ],
    "retired": ["posts:purge"],
    "renamed": {"posts:edit": "posts:write"}
}"#;

const TOML: &str = r#"
retired = ["posts:purge"]
renamed = { "posts:edit" = "posts:write" }

[[scopes]]
scope = "posts:read"
description = "List posts"

[[scopes]]
scope = "posts:write"
description = "Create posts"
implies = ["posts:read"]
"#;

#[test]
fn a_catalogue_reads_the_same_from_json_and_toml_and_is_written_back() {
    let from_json: Catalogue = serde_json::from_str(JSON).unwrap();
    let from_toml: Catalogue = toml::from_str(TOML).unwrap();
    let built = Catalogue::builder()
        .scope("posts:read", "List posts")
        .scope_implying("posts:write", ["posts:read"], "Create posts")
        .retired("posts:purge")
        .renamed("posts:edit", "posts:write")
        .build()
        .unwrap();
    assert_eq!(from_json, built);
    assert_eq!(from_toml, built);
    let expected: serde_json::Value = serde_json::from_str(JSON).unwrap();
    assert_eq!(serde_json::to_value(&from_toml).unwrap(), expected);
}

#[test]
fn a_faulty_catalogue_is_refused_with_its_place() {
    for (json, message) in [
        (
            json!({"scopes": [{"scope": "a:x", "description": "", "implies": ["b:x"]}]}),
            "name 0 that scope 0 implies is not declared",
        ),
        (
            json!({"scopes": [{"scope": "a", "description": ""}]}),
            "scope 0 is not well-formed: the text ends at byte 1, expected one of `a-z`, `0-9`, \
             `_`, `-`, `:`",
        ),
        (
            json!({"scopes": [{"scope": "a:x", "description": "", "impleis": []}]}),
            "unknown field `impleis`, expected one of `scope`, `description`, `implies`",
        ),
        (
            json!({"scopes": [{"scope": "a:x", "description": ""}], "retired": ["a:x"]}),
            "scope 0 has a name that was given up",
        ),
    ] {
        let refused = serde_json::from_value::<Catalogue>(json).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}

#[test]
fn a_name_given_up_twice_in_a_text_is_refused_and_not_overwritten() {
    let text = |renamed: &str| {
        let scopes =
            r#"[{"scope": "b:x", "description": ""}, {"scope": "c:x", "description": ""}]"#;
        format!(r#"{{"scopes": {scopes}, "renamed": {{{renamed}}}}}"#)
    };
    let twice = text(r#""z:x": "c:x", "a:x": "b:x", "z:x": "b:x""#);
    let refused = serde_json::from_str::<Catalogue>(&twice).unwrap_err();
    assert!(
        refused.to_string().starts_with("renamed name 2 is"),
        "{refused}"
    );
    let once = serde_json::from_str::<Catalogue>(&text(r#""z:x": "c:x", "a:x": "b:x""#)).unwrap();
    let renamed: Vec<_> = once
        .renamed()
        .map(|(old, new)| (old.as_str(), new.as_str()))
        .collect();
    assert_eq!(renamed, [("a:x", "b:x"), ("z:x", "c:x")]);
    let list = text("").replace("{}", "[]");
    let refused = serde_json::from_str::<Catalogue>(&list).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("a map of old names to new ones")
    );
}

#[test]
fn a_text_of_257_scopes_is_refused() {
    let of = |count: usize| {
        let scopes: Vec<_> = (0..count)
            .map(|at| json!({"scope": format!("r{at}:use"), "description": ""}))
            .collect();
        serde_json::from_value::<Catalogue>(json!({ "scopes": scopes }))
    };
    assert_eq!(of(256).unwrap().len(), 256);
    assert_eq!(of(257).unwrap_err().to_string(), "more than 256 scopes");
    assert!(of(0).unwrap().is_empty());
}

#[test]
fn grants_are_arrays_of_names_each_once_and_in_order() {
    let grant: Grant = serde_json::from_value(json!([
        "posts:write",
        "*:read",
        "posts:write",
        "vanished:name"
    ]))
    .unwrap();
    assert_eq!(
        serde_json::to_value(&grant).unwrap(),
        json!(["*:read", "posts:write", "vanished:name"])
    );
    let live = serde_json::to_string(&Grant::live("posts:*").unwrap()).unwrap();
    assert_eq!(live, r#"["posts:*@live"]"#);
    assert_eq!(
        serde_json::from_str::<Grant>(&live).unwrap(),
        Grant::live("posts:*").unwrap()
    );
    assert_eq!(serde_json::from_str::<Grant>("[]").unwrap(), Grant::none());
    // Escapes of JSON are no other names.
    let escaped: Grant = serde_json::from_str(r#"["\u0070osts:read"]"#).unwrap();
    assert!(escaped.has_name("posts:read"));
}

#[test]
fn a_refused_name_is_told_by_index_and_not_repeated() {
    let refused = serde_json::from_value::<Grant>(json!(["posts:read", "hunter2"])).unwrap_err();
    let message = "name 1: the text ends at byte 7, expected one of `a-z`, `0-9`, `_`, `-`, `:`";
    assert_eq!(refused.to_string(), message);
    for other in [
        json!("posts:read"),
        json!([1]),
        json!([null]),
        json!({"posts:read": true}),
    ] {
        assert!(serde_json::from_value::<Grant>(other).is_err());
    }
}

#[test]
fn a_scope_is_a_string() {
    let scope = Scope::from_static("posts:read");
    assert_eq!(serde_json::to_value(&scope).unwrap(), json!("posts:read"));
    assert_eq!(
        serde_json::from_value::<Scope>(json!("posts:read")).unwrap(),
        scope
    );
    assert!(serde_json::from_value::<Scope>(json!("posts:*")).is_err());
}
