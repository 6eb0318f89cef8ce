//! What a gateway tells the service behind it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use portcullis_registry::{PrefixedId, Principal};

use crate::Gate;

/// The id of the credential, `key_…` or `ses_…`; absent for a user of the application's own.
const CREDENTIAL: HeaderName = HeaderName::from_static("x-portcullis-credential");
/// The owner, percent-encoded where it is not visible ASCII.
const OWNER: HeaderName = HeaderName::from_static("x-portcullis-owner");
/// The user, if known, encoded likewise.
const USER: HeaderName = HeaderName::from_static("x-portcullis-user");
/// The scopes, all that are implied included, separated by spaces.
const SCOPES: HeaderName = HeaderName::from_static("x-portcullis-scopes");
const PREFIX: &str = "x-portcullis-";
/// What `Connection` may list and take nothing away by it.
const KEPT: [&str; 6] = [
    "forwarded",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];
/// Headers of one connection, beside those that `Connection` lists.
const CONNECTION_ALONE: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Gate {
    /// Turns a caller's headers into those for the service behind a gateway.
    ///
    /// [Removes](Self::strip) the credential, whatever the caller sent under the names of ours, and
    /// the headers of the caller's connection, then says who calls: `X-Portcullis-Credential`,
    /// `-Owner`, `-User` (if known) and `-Scopes`.
    pub fn upstream_headers(&self, headers: &mut HeaderMap, principal: &Principal) {
        self.strip(headers);
        let credential = principal.id().as_ref().map(PrefixedId::to_string);
        let catalogue = self.verifier().catalogue();
        let scopes: Vec<&str> = catalogue
            .names(principal.scopes())
            .map(portcullis_scope::Scope::as_str)
            .collect();
        let user = principal.user().map(|user| encoded(user.as_str()));
        let values = [
            (CREDENTIAL, credential),
            (OWNER, Some(encoded(principal.owner().as_str()))),
            (USER, user),
            (SCOPES, Some(scopes.join(" "))),
        ];
        for (name, value) in values {
            // INVARIANT: ids, scopes and what is percent-encoded are header values.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
    }

    /// Removes what is not for the service behind: credentials, identities in our names, and the
    /// headers that are for this connection alone (RFC 9110, section 7.6.1).
    ///
    /// Some services read `_` as `-` in the names of headers, so those names go too.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let own = &self.inner.headers;
        let credentials = [
            own.authorization_header(),
            own.api_key_header(),
            Some("authorization"),
        ];
        let listed: Vec<String> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        let goes = |name: &HeaderName| {
            let folded = name.as_str().replace('_', "-");
            folded.starts_with(PREFIX)
                || credentials
                    .into_iter()
                    .flatten()
                    .any(|credential| credential.replace('_', "-") == folded)
                || CONNECTION_ALONE.contains(&name.as_str())
                || (!KEPT.contains(&name.as_str())
                    && listed.iter().any(|listed| listed == name.as_str()))
        };
        let gone: Vec<HeaderName> = headers.keys().filter(|name| goes(name)).cloned().collect();
        for name in gone {
            headers.remove(name);
        }
    }

    /// Marks credentials as sensitive, so that what logs headers leaves them out.
    pub fn mark_sensitive(&self, headers: &mut HeaderMap) {
        let names = &self.inner.names;
        let ours = [&names.authorization, &names.api_key];
        for name in ours.into_iter().flatten() {
            // Rarely more than one line, and then they are refused: the search for the rest is not
            // begun without a first.
            if headers.contains_key(name)
                && let header::Entry::Occupied(mut entry) = headers.entry(name)
            {
                entry.iter_mut().for_each(|value| value.set_sensitive(true));
            }
        }
    }
}

/// RFC 3986, section 2.1: everything but visible ASCII, and the percent sign itself.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_as_header_values() {
        assert_eq!(encoded("acme-1"), "acme-1");
        assert_eq!(encoded("Zoë 100%"), "Zo%C3%AB%20100%25");
    }
}
