//! What a diagnostic looks like.

use std::{fmt::Display, ops::Range};

use portcullis_scope::{Catalogue, diagnose};

/// An error is drawn under its text, with carets as wide as the characters to blame.
///
/// # Panics
/// If it isn't.
pub(super) fn drawn(text: &str, span: Range<usize>, error: &dyn Display) {
    let (mut shown, mut carets) = (String::new(), String::new());
    for (at, character) in text.char_indices() {
        let drawn = match character {
            ' ' => ' '.to_string(),
            _ if character.is_ascii_graphic() => character.to_string(),
            _ => format!("\\u{{{:x}}}", u32::from(character)),
        };
        let mark = match at {
            _ if at < span.start => " ",
            _ if at < span.end => "^",
            _ => "",
        };
        carets += &mark.repeat(drawn.len());
        shown += &drawn;
    }
    if span.is_empty() {
        carets.push('^');
    }
    let diagnostic = diagnose(text, span, error).to_string();
    assert_eq!(diagnostic, format!("{error}\n  | {shown}\n  | {carets}"));
}

/// The nearest declared scope is suggested for a word.
///
/// # Panics
/// If it isn't.
pub(super) fn suggested(
    text: &str,
    span: Range<usize>,
    word: &str,
    error: &dyn Display,
    catalogue: &Catalogue,
) {
    // Longer words are not looked at.
    if word.len() > 128 {
        return;
    }
    let alone = diagnose(text, span.clone(), error).to_string();
    let diagnostic = diagnose(text, span, error).suggesting(catalogue);
    let letters: Vec<char> = word.to_ascii_lowercase().chars().collect();
    let scopes = catalogue.scopes().map(|entry| entry.scope);
    let nearest = scopes
        .map(|scope| {
            (
                distance(&letters, &scope.as_str().chars().collect::<Vec<_>>()),
                scope,
            )
        })
        .filter(|(distance, _)| distance * 3 <= letters.len())
        .min_by_key(|(distance, _)| *distance);
    let expected = match nearest {
        Some((_, scope)) => format!("{alone}\n  = did you mean `{scope}`?"),
        None => alone,
    };
    assert_eq!(diagnostic.to_string(), expected);
}

/// The distance of every beginning of one from every beginning of the other, cell by cell.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for down in 0..=one.len() {
        let mut row: Vec<usize> = Vec::new();
        for right in 0..=other.len() {
            let cell = |up: usize, left: usize| {
                let row = match up {
                    0 => Some(&row),
                    _ => rows.get(down.checked_sub(up)?),
                };
                row?.get(right.checked_sub(left)?).copied()
            };
            let typed = |back: usize| one.get(down.checked_sub(back)?);
            let letter = |back: usize| other.get(right.checked_sub(back)?);
            let is_swap = typed(1) == letter(2) && typed(2) == letter(1);
            let steps = [
                cell(1, 0).map(|before| before + 1),
                cell(0, 1).map(|before| before + 1),
                cell(1, 1).map(|before| before + usize::from(typed(1) != letter(1))),
                cell(2, 2).filter(|_| is_swap).map(|before| before + 1),
            ];
            row.push(steps.into_iter().flatten().min().unwrap_or(0));
        }
        rows.push(row);
    }
    let last = rows.last().and_then(|row| row.last());
    last.copied().unwrap_or(0)
}
