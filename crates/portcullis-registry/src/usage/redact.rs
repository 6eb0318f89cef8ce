//! Texts of clients that are kept and shown: without credentials.

use crate::Verifier;

/// The shortest run of letters, digits, `_` and `-` that may be a credential.
const SHORTEST: usize = 24;
/// What stands for one.
const REDACTED: &str = "[credential]";

impl Verifier {
    /// A text of a client as it may be kept and shown: printable ASCII, and nothing in it that looks
    /// like a credential.
    ///
    /// # Matching
    /// A run of 24 or more letters, digits, `_` and `-` that has capital and small letters and a
    /// digit, whether its checksum holds or not; and a run that has the prefix of an imported key
    /// in it. Ids in small letters (a UUID, a hash in hex) and slugs stay.
    #[must_use]
    pub fn redacted(&self, text: &[u8]) -> String {
        let schemes = self.imported_schemes().iter();
        let prefixes: Vec<&str> = schemes.map(|scheme| scheme.prefix()).collect();
        redacted(text, &prefixes)
    }
}

fn redacted(text: &[u8], prefixes: &[&str]) -> String {
    let mut shown = String::with_capacity(text.len());
    for run in text.chunk_by(|one, other| is_of_token(*one) == is_of_token(*other)) {
        if is_credential(run, prefixes) {
            shown.push_str(REDACTED);
        } else {
            let is_shown = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
            shown.extend(run.iter().map(|byte| {
                if is_shown(*byte) {
                    char::from(*byte)
                } else {
                    '?'
                }
            }));
        }
    }
    shown
}

const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_credential(run: &[u8], prefixes: &[&str]) -> bool {
    let has = |is: fn(&u8) -> bool| run.iter().any(is);
    let looks_random = run.len() >= SHORTEST
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    // A prefix of one or two letters would be found in anything.
    let is_foreign = |prefix: &&str| {
        let prefix = prefix.as_bytes();
        prefix.len() > 2 && run.windows(prefix.len()).any(|part| part == prefix)
    };
    run.first().copied().is_some_and(is_of_token)
        && (looks_random || prefixes.iter().any(is_foreign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_not_kept_and_the_rest_is() {
        let token = "ap_live_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";
        let prefixes = ["sk-social-", ""];
        for (text, shown) in [
            (
                format!("/hooks/{token}/x"),
                "/hooks/[credential]/x".to_owned(),
            ),
            // Without its end the checksum doesn't hold, and its secret is all there.
            (token.split_at(token.len() - 1).0.into(), REDACTED.into()),
            (format!("/a%3D{token}"), "/a%[credential]".into()),
            ("sk-social-abcdef/1".into(), "[credential]/1".into()),
            (
                "/posts/post_qBhy02hoi8ucTVyA".into(),
                "/posts/post_qBhy02hoi8ucTVyA".into(),
            ),
            (
                "/u/6f9619ff-8b86-d011-b42d-00cf4fc964ff/how-to-write-a-very-long-slug-for-2026"
                    .into(),
                "/u/6f9619ff-8b86-d011-b42d-00cf4fc964ff/how-to-write-a-very-long-slug-for-2026"
                    .into(),
            ),
            (
                "curl/8.5.0 (x86_64) \u{e9}\n".into(),
                "curl/8.5.0 (x86_64) ???".into(),
            ),
        ] {
            assert_eq!(redacted(text.as_bytes(), &prefixes), shown);
        }
    }
}
