//! What a name is, said once more and as plainly as can be.

use portcullis_scope::{Expected, ParseScopeError};

/// Which names are meant.
#[derive(Clone, Copy)]
pub(super) enum Grammar {
    /// `resource:action`.
    Scope,
    /// A scope, or a wildcard.
    Name,
}

impl Grammar {
    /// Whether the text is one of the names.
    pub(super) fn has(self, text: &str) -> bool {
        match self {
            Self::Scope => is_scope(text),
            Self::Name => is_scope(text) || is_wildcard(text),
        }
    }

    /// Where a text that is no name stops being the beginning of one.
    pub(super) fn fault(self, text: &str) -> Option<usize> {
        if self.has(text) {
            return None;
        }
        let goes_on = |&(at, character): &(usize, char)| {
            let until = at + character.len_utf8();
            self.can_begin(text.get(..until).unwrap_or_default())
        };
        let at = text.char_indices().find(|place| !goes_on(place));
        Some(at.map_or(text.len(), |(at, _)| at))
    }

    /// Whether what was read is right, and what was refused is refused where and as it should be.
    ///
    /// # Panics
    /// If it isn't.
    pub(super) fn check(self, text: &str, refused: Option<ParseScopeError>) {
        let fault = self.fault(text);
        assert_eq!(fault, refused.map(|error| error.span().start), "{text:?}");
        let (Some(at), Some(error)) = (fault, refused) else {
            return;
        };
        // One byte is to blame, or the end.
        let is_end = matches!(error, ParseScopeError::End { .. });
        assert_eq!(is_end, at == text.len(), "{text:?}");
        assert_eq!(error.span().len(), usize::from(!is_end), "{text:?}");

        let read = text.get(..at).unwrap_or_default();
        let said = could_stand(error.expected());
        for next in ["a", "q", "z", "0", "9", "_", "-", ":", "*", "@live", ""] {
            let whole = format!("{read}{next}");
            let fits = match next {
                "@live" | "" => self.has(&whole),
                _ => self.can_begin(&whole),
            };
            // Behind `*:action` the mark of a live wildcard is not spoken of.
            let goes_unsaid = next == "@live" && read.starts_with("*:");
            let is_said = said.contains(&next);
            assert!(
                is_said == fits || goes_unsaid && !is_said,
                "{text:?} {next:?}"
            );
        }
    }

    /// Whether something can follow, or nothing, so that it is a name; `@live` comes as a whole.
    fn can_begin(self, text: &str) -> bool {
        let is_begun = |rest: &&str| self.has(&format!("{text}{rest}"));
        !text.contains('@') && ["", "a", ":a", "a:a"].iter().any(is_begun)
    }
}

fn is_scope(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(resource, action)| is_part(resource) && is_part(action))
}

pub(super) fn is_wildcard(text: &str) -> bool {
    let body = text.strip_suffix("@live").unwrap_or(text);
    match body.split_once(':') {
        Some(("*", part)) | Some((part, "*")) => is_part(part),
        Some(_) => false,
        None => body == "*",
    }
}

fn is_part(text: &str) -> bool {
    let is_of_part = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_' | '-');
    text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text.chars().all(is_of_part)
        && text.len() <= 32
}

/// Some of what an error says could have stood there; the empty text is the end.
fn could_stand(expected: Expected) -> &'static [&'static str] {
    match expected {
        Expected::Letter => &["a", "q", "z"],
        Expected::LetterOrStar => &["a", "q", "z", "*"],
        Expected::NameOrColon => &["a", "q", "z", "0", "9", "_", "-", ":"],
        Expected::Colon => &[":"],
        Expected::NameOrEnd => &["a", "q", "z", "0", "9", "_", "-", ""],
        Expected::End => &[""],
        Expected::ColonLiveOrEnd => &[":", "@live", ""],
        Expected::LiveOrEnd => &["@live", ""],
        _ => &[],
    }
}
