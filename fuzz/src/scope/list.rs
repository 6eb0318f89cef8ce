//! Lists of names, as one text and as many.

use std::collections::BTreeSet;

use portcullis_scope::{Catalogue, Grant, GrantName, ParseGrantError};

use super::{
    drawing::{drawn, suggested},
    grammar::Grammar,
};

/// Reads a text as a grant: exactly if each of its words is a name.
///
/// # Panics
/// If that is not so, or what is read or refused is not what it should be.
pub(super) fn read(text: &str, catalogue: Option<&Catalogue>) -> Option<Grant> {
    let words = words(text);
    let fault = words.iter().position(|(_, word)| !Grammar::Name.has(word));
    let listed = Grant::parse(words.iter().map(|(_, word)| word));
    let grant = match text.parse::<Grant>() {
        Ok(grant) => grant,
        Err(error) => {
            assert_eq!(Some(error.index()), fault, "{text:?}");
            refused(text, &words, error, catalogue);
            // The same of a list, whose places are those in the one name.
            let span = error.cause().span();
            let listed = listed.map_err(|error| (error.index(), error.span(), error.cause()));
            assert_eq!(listed, Err((error.index(), span, error.cause())));
            return None;
        }
    };
    assert_eq!(fault, None, "{text:?}");
    assert_eq!(listed.as_ref(), Ok(&grant));
    as_written(
        &grant,
        &words.iter().map(|(_, word)| word.as_str()).collect(),
    );
    Some(grant)
}

/// What stands between spaces, and where it begins.
fn words(text: &str) -> Vec<(usize, String)> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut words = Vec::new();
    let (mut start, mut word) = (0, String::new());
    for (at, character) in text.char_indices() {
        if character == ' ' {
            words.push((start, std::mem::take(&mut word)));
            start = at + 1;
        } else {
            word.push(character);
        }
    }
    words.push((start, word));
    words
}

fn refused(
    text: &str,
    words: &[(usize, String)],
    error: ParseGrantError,
    catalogue: Option<&Catalogue>,
) {
    let Some((start, word)) = words.get(error.index()) else {
        return;
    };
    Grammar::Name.check(word, Some(error.cause()));
    let cause = error.cause().span();
    assert_eq!(error.span(), start + cause.start..start + cause.end);
    drawn(text, error.span(), &error);
    if let Some(catalogue) = catalogue {
        suggested(text, error.span(), word, &error, catalogue);
    }
}

fn as_written(grant: &Grant, written: &BTreeSet<&str>) {
    let names: Vec<&str> = grant.names().collect();
    assert_eq!(names, written.iter().copied().collect::<Vec<_>>());
    assert_eq!(
        (grant.len(), grant.is_empty()),
        (names.len(), names.is_empty())
    );
    assert!(names.iter().all(|name| grant.has_name(name)));
    let text = grant.to_string();
    assert_eq!(text, names.join(" "));
    assert_eq!(text.parse().as_ref(), Ok(grant));
    assert_eq!(&grant.union(grant), grant);

    let json = serde_json::to_string(grant).unwrap_or_default();
    assert!(serde_json::to_string(&names).is_ok_and(|names| names == json));
    assert!(serde_json::from_str::<Grant>(&json).is_ok_and(|read| read == *grant));

    for one in grant.entries().take(4) {
        for other in grant.entries().take(4) {
            includes_what_it_means(one, other);
        }
    }
}

/// One name includes another if it means whatever scope the other does.
fn includes_what_it_means(one: &GrantName, other: &GrantName) {
    let names = [one.as_str(), other.as_str()];
    let parts = names.map(|name| name.trim_end_matches("@live").split_once(':'));
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let resources = parts.iter().map(|(resource, _)| *resource);
    let mut means_all = true;
    // Of the parts of both, and of some that neither has.
    for resource in resources.chain(["unheard-of", "never-heard-of"]) {
        let actions = parts.iter().map(|(_, action)| *action);
        for action in actions.chain(["do", "undo"]) {
            let Ok(scope) = format!("{resource}:{action}").parse() else {
                continue;
            };
            means_all &= one.matches(&scope) || !other.matches(&scope);
        }
    }
    assert_eq!(one.includes(other), means_all, "{one} {other}");
}
