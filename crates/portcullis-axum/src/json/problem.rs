//! What is wrong with a body: which member, and nothing of its value.

use std::fmt;

use serde::de::{Expected, Unexpected};

/// The most characters of a path that are shown, and of a message that is not our own.
const SHOWN: usize = 200;

/// What is wrong with a body, and where.
#[derive(Debug)]
pub(super) struct Problem {
    /// Such as `a.b[0]`, escaped; empty for the body itself.
    path: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Of the body as a whole.
    Body(String),
    Missing,
    Unknown,
    Wrong(String),
}

impl Problem {
    const fn new(kind: Kind) -> Self {
        Self {
            path: String::new(),
            kind,
        }
    }

    /// Of the body as a whole, said as it stands.
    pub(super) const fn of_body(what: String) -> Self {
        Self::new(Kind::Body(what))
    }

    /// The same, seen from one level further out: a member's escaped name, or `[index]`.
    pub(super) fn within(mut self, mut outer: String) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            outer.push('.');
        }
        outer.push_str(&self.path);
        self.path = outer;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = cut(&self.path);
        match &self.kind {
            Kind::Body(what) => f.write_str(what),
            Kind::Missing => write!(f, "missing member `{path}`"),
            Kind::Unknown => write!(f, "unknown member `{path}`"),
            Kind::Wrong(what) if self.path.is_empty() => write!(f, "the body: {what}"),
            Kind::Wrong(what) => write!(f, "`{path}`: {what}"),
        }
    }
}

impl std::error::Error for Problem {}

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Wrong(cut(&printable(&message.to_string(), &[]))))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Char(_) | Unexpected::Str(_) => "a string",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "an object",
            Unexpected::Other(kind) => kind,
            _ => "that",
        };
        Self::new(Kind::Wrong(format!(
            "expected {}, not {found}",
            wanted(expected)
        )))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Wrong(format!("expected {}", wanted(expected))))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let wanted = wanted(expected);
        Self::new(Kind::Wrong(format!(
            "expected {wanted}, not {length} elements"
        )))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Wrong(format!(
            "not one of `{}`",
            expected.join("`, `")
        )))
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self {
            path: escaped(name),
            kind: Kind::Unknown,
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self {
            path: name.to_owned(),
            kind: Kind::Missing,
        }
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self {
            path: name.to_owned(),
            kind: Kind::Wrong("stands twice".to_owned()),
        }
    }
}

/// What serde says it expected, in words of JSON instead of those of Rust.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let word = match text.as_str() {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "sequence" => "an array",
        "a map" | "map" => "an object",
        "string" => "a string",
        "unit" => "null",
        text if text.starts_with("struct ") || text.starts_with("enum ") => "another type",
        text => text,
    };
    word.to_owned()
}

/// The name of a member as it may be shown.
pub(super) fn escaped(name: &str) -> String {
    printable(name, &['`', '\\', '.', '['])
}

/// Without control characters, and with a backslash before what has a meaning in a path.
fn printable(text: &str, marked: &[char]) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN + 1) {
        if character.is_control() || matches!(character, '\u{2028}'..='\u{202e}') {
            shown.extend(character.escape_default());
        } else {
            if marked.contains(&character) {
                shown.push('\\');
            }
            shown.push(character);
        }
    }
    shown
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
