//! A name is read exactly if it is one, and refused where it stops being one.

use portcullis_scope::{Grant, GrantName, ParseScopeError, Scope, diagnose};

use super::{
    drawing::drawn,
    grammar::{Grammar, is_wildcard},
};

/// More columns than a format can be told to fill.
const LONG: usize = 0x1_0000;

/// The bytes are a text; what of them is not UTF-8 is replaced by a character that no name has.
///
/// - It is a scope, or a name of a grant, exactly if the plain grammar has it.
/// - What is read is shown as it was written, and no look-alike of it is read.
/// - What is refused is refused where the text stops being the beginning of a name, and what is
///   said to be expected there could stand there.
/// - The error is drawn under the character to blame, however far to the right (`~` alone).
/// - In JSON the same texts are read and refused.
///
/// # Panics
/// If one of them doesn't hold.
pub fn scope_parse(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let refused = text.parse::<Scope>().err();
    checked(Grammar::Scope, text, refused);
    let refused = text.parse::<GrantName>().err();
    checked(Grammar::Name, text, refused);
    if let Ok(scope) = text.parse::<Scope>() {
        scope_as_written(&scope, text);
    }
    if let Ok(name) = text.parse::<GrantName>() {
        name_as_written(&name, text);
    }
    let live = Grant::live(text);
    assert_eq!(live.is_ok(), is_wildcard(text));
    if let Ok(live) = live {
        let body = text.strip_suffix("@live").unwrap_or(text);
        assert_eq!(live.to_string(), format!("{body}@live"));
    }
    json(data, text);

    if text == "~" {
        let long = " ".repeat(LONG) + text;
        drawn(&long, LONG..LONG + 1, &"fault");
    }
    // A drawing is for any place, also one that is within a character or outside the text.
    if let [start, end, ..] = data {
        let span = usize::from(*start)..usize::from(*end);
        let diagnostic = diagnose(text, span, &"fault").to_string();
        assert_eq!(diagnostic.lines().count(), 3);
    }
}

fn checked(grammar: Grammar, text: &str, refused: Option<ParseScopeError>) {
    grammar.check(text, refused);
    if let Some(error) = refused {
        drawn(text, error.span(), &error);
    }
}

fn scope_as_written(scope: &Scope, text: &str) {
    assert_eq!(scope.to_string(), text);
    assert_eq!(scope.as_str(), text);
    assert_eq!(format!("{}:{}", scope.resource(), scope.action()), text);
    assert_eq!(String::from(scope.clone()), text);
    assert_eq!(GrantName::from(scope).scope().as_ref(), Some(scope));
}

fn name_as_written(name: &GrantName, text: &str) {
    assert_eq!(name.to_string(), text);
    assert_eq!(name.as_str().parse().as_ref(), Ok(name));
    assert_eq!(name.is_wildcard(), is_wildcard(text));
    assert_eq!(name.is_live(), text.ends_with("@live"));
    assert_eq!(name.scope(), text.parse().ok());
    let mark = text.find('@').unwrap_or(text.len());
    for (at, character) in text.char_indices() {
        let (before, rest) = text.split_at(at);
        let after = rest.get(1..).unwrap_or_default();
        for other in look_alikes(character) {
            let forged = format!("{before}{other}{after}");
            let refused = forged.parse::<GrantName>().err();
            let place = refused.map(|error| error.span().start);
            assert_eq!(place, Some(at.min(mark)), "{forged:?}");
            assert!(forged.parse::<Scope>().is_err(), "{forged:?}");
        }
    }
}

/// What looks or folds like a character and is another.
fn look_alikes(character: char) -> impl Iterator<Item = char> {
    let fullwidth = char::from_u32(u32::from(character) + 0xfee0);
    let other = match character {
        'k' => Some('\u{212a}'),
        's' => Some('\u{17f}'),
        'a' => Some('\u{430}'),
        'i' => Some('\u{131}'),
        ':' => Some('\u{a789}'),
        '-' => Some('\u{2010}'),
        '*' => Some('\u{2217}'),
        _ => None,
    };
    let upper = character.to_ascii_uppercase();
    let upper = (upper != character).then_some(upper);
    fullwidth.into_iter().chain(other).chain(upper)
}

fn json(data: &[u8], text: &str) {
    let written = serde_json::from_slice::<String>(data).ok();
    let scope = written.filter(|text| Grammar::Scope.has(text));
    let read = serde_json::from_slice::<Scope>(data).ok();
    assert_eq!(read.map(String::from), scope);

    let quoted = serde_json::to_string(text).unwrap_or_default();
    let read = serde_json::from_str::<Scope>(&quoted).ok();
    assert_eq!(read, text.parse().ok());
    if let Some(scope) = read {
        assert!(serde_json::to_string(&scope).is_ok_and(|json| json == quoted));
    }
}
