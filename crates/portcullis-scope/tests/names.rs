//! Texts of scopes, wildcards and grants, and what is said of those outside the grammar.

use portcullis_scope::{Catalogue, Expected, Grant, GrantName, ParseScopeError, Scope, diagnose};
use proptest::prelude::*;

fn scope(text: &str) -> Result<Scope, ParseScopeError> {
    text.parse()
}

fn character(at: usize, expected: Expected) -> ParseScopeError {
    ParseScopeError::Character { at, expected }
}

#[test]
fn well_formed_scopes_have_a_resource_and_an_action() {
    let longest = format!("{0}:{0}", "a".repeat(32));
    for text in ["a:b", "posts:read", "api-keys:write", "a_1-:z9__", &longest] {
        let scope = scope(text).unwrap();
        assert_eq!(scope.as_str(), text);
        assert_eq!(format!("{}:{}", scope.resource(), scope.action()), text);
    }
}

#[test]
fn errors_point_at_the_byte_and_say_what_could_stand_there() {
    let too_long = "a".repeat(33);
    for (text, expected) in [
        ("Posts:read", character(0, Expected::Letter)),
        (" posts:read", character(0, Expected::Letter)),
        ("1posts:read", character(0, Expected::Letter)),
        (":read", character(0, Expected::Letter)),
        ("*", character(0, Expected::Letter)),
        ("posts.read", character(5, Expected::NameOrColon)),
        ("pos ts:read", character(3, Expected::NameOrColon)),
        ("posts:-read", character(6, Expected::Letter)),
        ("posts:*", character(6, Expected::Letter)),
        ("posts::read", character(6, Expected::Letter)),
        ("posts:read:own", character(10, Expected::NameOrEnd)),
        ("posts:read ", character(10, Expected::NameOrEnd)),
        ("posts:read\n", character(10, Expected::NameOrEnd)),
        ("posts:read\0", character(10, Expected::NameOrEnd)),
        (&format!("{too_long}:read"), character(32, Expected::Colon)),
        (&format!("posts:{too_long}"), character(38, Expected::End)),
    ] {
        assert_eq!(scope(text), Err(expected), "{text:?}");
    }
    for (text, at, expected) in [
        ("", 0, Expected::Letter),
        ("posts", 5, Expected::NameOrColon),
        ("posts:", 6, Expected::Letter),
        (&"a".repeat(32), 32, Expected::Colon),
    ] {
        assert_eq!(
            scope(text),
            Err(ParseScopeError::End { at, expected }),
            "{text:?}"
        );
    }
}

#[test]
fn look_alikes_from_beyond_ascii_are_refused() {
    for text in [
        "\u{212a}b:read",       // the Kelvin sign, which folds to k
        "post\u{455}:read",     // Cyrillic dze
        "posts\u{ff1a}read",    // fullwidth colon
        "posts\u{a789}read",    // modifier letter colon
        "posts:re\u{430}d",     // Cyrillic a
        "\u{ff50}osts:read",    // fullwidth p
        "posts:read\u{301}",    // a combining accent
        "posts:read\u{200b}",   // zero width space
        "\u{feff}posts:read",   // byte order mark
        "po\u{ad}sts:read",     // soft hyphen
        "posts:\u{202e}daer",   // right-to-left override
        "agents\u{2010}x:read", // the hyphen that isn't a minus
        "a\u{661}:read",        // Arabic-Indic one
        "\u{131}d:read",        // dotless i
    ] {
        assert!(scope(text).is_err(), "{text:?}");
        assert!(text.parse::<GrantName>().is_err(), "{text:?}");
        let catalogue = Catalogue::builder().scope(text, "").build();
        assert!(catalogue.is_err(), "{text:?}");
    }
}

#[test]
fn upper_case_is_another_text_and_no_scope() {
    for text in ["POSTS:READ", "posts:Read", "K:b"] {
        assert!(scope(text).is_err());
    }
}

#[test]
fn constants_and_texts_of_the_same_name_are_equal() {
    use std::collections::HashSet;
    const READ: Scope = Scope::from_static("posts:read");
    let read = scope("posts:read").unwrap();
    assert_eq!(read, READ);
    assert!(HashSet::from([READ]).contains(&read));
    assert!(HashSet::from([READ]).contains("posts:read"));
    assert_eq!(READ.cmp(&read), std::cmp::Ordering::Equal);
}

#[test]
fn wildcards_stand_for_a_resource_an_action_or_everything() {
    let name = |text: &str| text.parse::<GrantName>().unwrap();
    let read = scope("posts:read").unwrap();
    for (text, matches, live) in [
        ("posts:read", true, false),
        ("posts:*", true, false),
        ("*:read", true, false),
        ("*", true, false),
        ("posts:*@live", true, true),
        ("*:read@live", true, true),
        ("*@live", true, true),
        ("post:*", false, false),
        ("*:rea", false, false),
        ("posts:write", false, false),
    ] {
        assert_eq!(name(text).matches(&read), matches, "{text}");
        assert_eq!(name(text).is_live(), live, "{text}");
        assert_eq!(name(text).as_str(), text);
        assert_eq!(name(text).is_wildcard(), text.contains('*'));
    }
    assert!(name("*").includes(&name("*:read")));
    assert!(name("posts:*").includes(&name("posts:read")));
    assert!(!name("posts:*").includes(&name("*:read")));
    assert!(!name("posts:*").includes(&name("*")));
    assert!(name("posts:*").includes(&name("posts:*@live")));
    assert!(!name("posts:*").includes(&name("post:*")));
    assert!(name("*:read").includes(&name("posts:read")));
    assert!(!name("*:read").includes(&name("posts:write")));
    assert!(!name("*:read").includes(&name("posts:thread")));
    assert!(name("posts:read").includes(&name("posts:read")));
    assert!(!name("posts:read").includes(&name("posts:*")));
    assert!(!name("posts:read").includes(&name("posts:reader")));
}

#[test]
fn other_uses_of_the_star_are_refused() {
    for (text, at) in [
        ("**", 1),
        ("*:*", 2),
        ("posts:**", 7),
        ("posts:re*", 8),
        ("po*:read", 2),
        ("*posts", 1),
        ("*@liv", 1),
        ("*:read@alive", 6),
        ("posts:read@live", 10),
        ("*@live@live", 1),
        ("posts:*@LIVE", 7),
    ] {
        assert_eq!(
            text.parse::<GrantName>().unwrap_err().span(),
            at..at + 1,
            "{text}"
        );
    }
    assert_eq!("*:".parse::<GrantName>().unwrap_err().span(), 2..2);
    // A scope has no mark; where its action is full, nothing but the end could stand there.
    let expected = |text: &str| text.parse::<GrantName>().unwrap_err().expected();
    assert_eq!(expected("posts:read@live"), Expected::NameOrEnd);
    let full = format!("posts:{}@live", "a".repeat(32));
    assert_eq!(expected(&full), Expected::End);
    assert_eq!(expected("posts@live"), Expected::NameOrColon);
    assert!(Grant::live("posts:read").is_err());
    assert_eq!(Grant::live("*@live"), Grant::live("*"));
}

#[test]
fn scope_strings_have_one_space_between_names() {
    let grant: Grant = "posts:write brands:read * posts:write".parse().unwrap();
    assert_eq!(grant.to_string(), "* brands:read posts:write");
    assert_eq!(grant.len(), 3);
    assert_eq!("".parse::<Grant>(), Ok(Grant::none()));
    for (text, index, at) in [
        (" posts:read", 0, 0..0),
        ("posts:read ", 1, 11..11),
        ("posts:read  brands:read", 1, 11..11),
        ("posts:read\tbrands:read", 0, 10..11),
        ("posts:read,brands:read", 0, 10..11),
        ("posts:read brands:Read", 1, 18..19),
    ] {
        let error = text.parse::<Grant>().unwrap_err();
        assert_eq!((error.index(), error.span()), (index, at), "{text:?}");
    }
}

#[test]
fn lists_name_the_index_of_what_is_refused() {
    let error = Grant::parse(["posts:read", "brands", "!"]).unwrap_err();
    assert_eq!((error.index(), error.span()), (1, 6..6));
    assert_eq!(
        error.to_string(),
        "name 1: the text ends at byte 6, expected one of `a-z`, `0-9`, `_`, `-`, `:`"
    );
}

#[test]
fn a_diagnostic_escapes_what_cannot_be_seen_and_keeps_the_caret_in_place() {
    let text = "posts:read \u{212a}b:read";
    let error = text.parse::<Grant>().unwrap_err();
    assert_eq!(
        diagnose(text, error.span(), &error).to_string(),
        "name 1: unexpected character at byte 0, expected a letter of `a-z` or `*`\n  \
         | posts:read \\u{212a}b:read\n  \
         |            ^^^^^^^^"
    );
    let text = "posts:";
    let error = text.parse::<Scope>().unwrap_err();
    assert_eq!(
        diagnose(text, error.span(), &error).to_string(),
        "the text ends at byte 6, expected a letter of `a-z`\n  | posts:\n  |       ^"
    );
}

#[test]
fn a_diagnostic_suggests_the_nearest_scope_if_one_is_near() {
    let catalogue = Catalogue::builder()
        .scope("posts:read", "")
        .scope("posts:write", "")
        .scope("kb:read", "")
        .build()
        .unwrap();
    for (text, suggestion) in [
        ("Posts:Write", Some("posts:write")),
        ("kb:read posts.write", Some("posts:write")),
        ("kb.raed", Some("kb:read")),
        ("posts", None),
        ("", None),
        (&"x".repeat(10_000), None),
    ] {
        let Err(error) = text.parse::<Grant>() else {
            continue;
        };
        let shown = diagnose(text, error.span(), &error)
            .suggesting(&catalogue)
            .to_string();
        let expected = suggestion.map(|scope| format!("did you mean `{scope}`?"));
        assert_eq!(
            shown
                .lines()
                .nth(3)
                .map(|line| line.trim_start_matches("  = ")),
            expected.as_deref()
        );
    }
    for (word, nearest) in [
        ("post:read", Some("posts:read")),
        ("posts:raed", Some("posts:read")),
        ("posts:writes", Some("posts:write")),
        ("kb:rea", Some("kb:read")),
        ("agents:run", None),
    ] {
        assert_eq!(
            catalogue.nearest(word).map(Scope::as_str),
            nearest,
            "{word}"
        );
    }
}

proptest! {
    #[test]
    fn exactly_the_grammar_is_taken(text in "[a-cA \\-_0-9:*@é]{0,12}") {
        // The grammar once more, by splitting.
        let part = |part: &str| {
            part.len() <= 32
                && part.starts_with(|first: char| first.is_ascii_lowercase())
                && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
        };
        let parts: Vec<&str> = text.split(':').collect();
        let expected = parts.len() == 2 && parts.iter().all(|text| part(text));
        prop_assert_eq!(scope(&text).is_ok(), expected);
        if let Err(error) = scope(&text) {
            prop_assert!(text.is_char_boundary(error.span().start));
            prop_assert!(error.span().start <= text.len());
            // All before the error could go on to be a scope.
            let before = scope(text.split_at(error.span().start).0);
            let unfinished = matches!(before, Ok(_) | Err(ParseScopeError::End { at: _, expected: _ }));
            prop_assert!(unfinished);
        }
    }

    #[test]
    fn any_text_can_be_diagnosed(text in "\\PC{0,24}", start in 0_usize..30, width in 0_usize..4) {
        let shown = diagnose(&text, start..start + width, &"wrong").to_string();
        prop_assert!(shown.is_ascii() && shown.lines().count() == 3);
    }
}
