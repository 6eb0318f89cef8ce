//! Errors drawn under the text that caused them.

use std::{fmt, ops::Range};

use crate::{catalogue::Catalogue, scope::Scope};

/// Draws an error under the text it came from.
///
/// The text shows all that is not printable ASCII as an escape, so that look-alikes are seen and
/// carets stand where they should. It is for whoever wrote the text, such as the reader of a
/// configuration file; errors themselves never hold it. With a catalogue,
/// [`Diagnostic::suggesting`] adds the nearest declared scope.
///
/// # Examples
/// ```
/// use portcullis_scope::{Catalogue, Grant, diagnose};
///
/// let catalogue = Catalogue::builder().scope("posts:write", "Create and publish posts").build()?;
/// let text = "posts:wriTe";
/// let error = text.parse::<Grant>().unwrap_err();
/// assert_eq!(
///     diagnose(text, error.span(), &error).suggesting(&catalogue).to_string(),
///     "name 0: unexpected character at byte 9, expected one of `a-z`, `0-9`, `_`, `-`, or the end
///   | posts:wriTe
///   |          ^
///   = did you mean `posts:write`?"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diagnose<'a>(
    text: &'a str,
    span: Range<usize>,
    error: &'a dyn fmt::Display,
) -> Diagnostic<'a> {
    Diagnostic {
        text,
        span,
        error,
        suggestion: None,
    }
}

/// An error with its place in a text; made by [`diagnose`], shown by `Display` on several lines.
#[must_use = "a diagnostic is for showing"]
pub struct Diagnostic<'a> {
    text: &'a str,
    span: Range<usize>,
    error: &'a dyn fmt::Display,
    suggestion: Option<&'a Scope>,
}

impl<'a> Diagnostic<'a> {
    /// Adds the declared scope that is nearest to the word at the error, if one is near.
    pub fn suggesting(mut self, catalogue: &'a Catalogue) -> Self {
        let before = self.text.get(..self.span.start).unwrap_or(self.text);
        let start = before.rfind(' ').map_or(0, |space| space + 1);
        let word = self
            .text
            .get(start..)
            .and_then(|rest| rest.split(' ').next());
        self.suggestion = word.and_then(|word| catalogue.nearest(word));
        self
    }
}

impl fmt::Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut column, mut width) = (0, 0);
        let mut shown = String::new();
        for (at, character) in self.text.char_indices() {
            let from = shown.len();
            match character {
                ' '..='~' => shown.push(character),
                _ => shown.extend(character.escape_unicode()),
            }
            if at < self.span.start && at + character.len_utf8() <= self.span.start {
                column = shown.len();
            } else if at < self.span.end {
                width += shown.len() - from;
            }
        }
        writeln!(f, "{}", self.error)?;
        writeln!(f, "  | {shown}")?;
        // Not by a width of the format, which panics beyond 65,535.
        let (indent, carets) = (" ".repeat(column), "^".repeat(width.max(1)));
        write!(f, "  | {indent}{carets}")?;
        match self.suggestion {
            Some(scope) => write!(f, "\n  = did you mean `{scope}`?"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Diagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostic")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// Longer words are not looked at: no scope is as long.
const WORD_MAX: usize = 128;

impl Catalogue {
    /// The declared scope that differs least from a text: by at most a third of its characters,
    /// upper case counting as lower. The earliest declared of equals.
    ///
    /// # Examples
    /// ```
    /// use portcullis_scope::Catalogue;
    ///
    /// let catalogue = Catalogue::builder().scope("posts:write", "Create posts").build()?;
    /// assert_eq!(catalogue.nearest("post:wirte").map(|scope| scope.as_str()), Some("posts:write"));
    /// assert_eq!(catalogue.nearest("billing"), None);
    /// # Ok::<(), portcullis_scope::CatalogueError>(())
    /// ```
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<&Scope> {
        if text.len() > WORD_MAX {
            return None;
        }
        let word: Vec<char> = text
            .chars()
            .map(|character| character.to_ascii_lowercase())
            .collect();
        let distances = self
            .scopes()
            .map(|entry| (distance(&word, entry.scope.as_str()), entry.scope));
        let (nearest, scope) = distances.min_by_key(|(distance, _)| *distance)?;
        (nearest * 3 <= word.len()).then_some(scope)
    }
}

/// How many characters to insert, remove, change, or swap with their neighbour (optimal string
/// alignment).
fn distance(word: &[char], scope: &str) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=word.len()).collect();
    let mut previous_letter = None;
    for (row, letter) in scope.chars().enumerate() {
        let mut current = Vec::with_capacity(last.len());
        let mut left = row + 1;
        current.push(left);
        let mut previous_typed = None;
        let diagonals = last.iter().zip(last.iter().skip(1));
        for (column, (&typed, (&diagonal, &above))) in word.iter().zip(diagonals).enumerate() {
            let mut least = (diagonal + usize::from(typed != letter))
                .min(above + 1)
                .min(left + 1);
            if previous_letter == Some(typed) && previous_typed == Some(letter) {
                let swapped = column.checked_sub(1).and_then(|column| before.get(column));
                least = swapped.map_or(least, |&swapped| least.min(swapped + 1));
            }
            current.push(least);
            left = least;
            previous_typed = Some(typed);
        }
        previous_letter = Some(letter);
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}
