//! The `WWW-Authenticate` header.

use http::HeaderValue;

/// A challenge of the scheme `Bearer` (RFC 6750 §3, RFC 9728 §5.1).
///
/// It always has a realm, since RFC 6750 §3 requires at least one parameter.
pub(crate) struct Challenge<'a> {
    pub(crate) realm: &'a str,
    pub(crate) error: Option<&'static str>,
    pub(crate) scope: Option<&'a str>,
    pub(crate) resource_metadata: Option<&'a str>,
}

impl Challenge<'_> {
    pub(crate) fn to_header_value(&self) -> HeaderValue {
        let mut text = String::from("Bearer ");
        push_parameter(&mut text, "realm", self.realm);
        let rest = [
            ("error", self.error),
            // An empty `scope` would break the grammar of RFC 6749 §3.3.
            ("scope", self.scope.filter(|scope| !scope.is_empty())),
            ("resource_metadata", self.resource_metadata),
        ];
        for (name, value) in rest {
            if let Some(value) = value {
                text.push_str(", ");
                push_parameter(&mut text, name, value);
            }
        }
        // INVARIANT: `push_parameter` lets no byte through that a header value may not hold, so
        // this doesn't fail; and if it did, the bare scheme would still be a challenge.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// Appends `name="value"`, the value as a quoted-string of RFC 9110 §5.6.4.
///
/// `"` and `\` become quoted pairs, so that no value can end the string. A quoted-string has no
/// form for control characters other than the tab (a line break would end the header): each of
/// them becomes a space. Text beyond ASCII stays, as obs-text in UTF-8.
fn push_parameter(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            '\t' => text.push('\t'),
            character if character.is_ascii_control() => text.push(' '),
            character => text.push(character),
        }
    }
    text.push('"');
}
