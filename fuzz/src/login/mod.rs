//! What holds of codes that people type and of addresses that browsers are sent to.

use portcullis_login::{BaseUrl, RedirectUri, UserCode};
use url::{Host, Url};

/// A code is eight of twenty letters in either case, with hyphens and spaces anywhere; it is shown in
/// one way, which is read as the same.
///
/// # Panics
/// If that doesn't hold.
pub fn user_code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let typed: Vec<char> = text.chars().filter(|of| !['-', ' '].contains(of)).collect();
    let is_letter = |of: &char| "BCDFGHJKLMNPQRSTVWXZbcdfghjklmnpqrstvwxz".contains(*of);
    let is_code = typed.len() == 8 && typed.iter().all(is_letter);
    let read = text.parse::<UserCode>();
    assert_eq!(read.is_ok(), is_code, "{text:?}");
    if let Ok(code) = read {
        let upper: String = typed.iter().map(char::to_ascii_uppercase).collect();
        let shown = code.shown();
        assert_eq!(shown.expose().replace('-', ""), upper);
        assert_eq!(shown.expose().find('-'), Some(4));
        let again: UserCode = shown.expose().parse().expect("what is shown can be typed");
        assert_eq!(again.shown().expose(), shown.expose());
    }
}

/// Of two lines the first is registered and the second asked for: if that is accepted, a browser
/// goes to the same host and path, over the same scheme, and from the registered port on loopback
/// addresses alone.
///
/// # Panics
/// If that doesn't hold.
pub fn redirect_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (registered, asked) = text.split_once('\n').unwrap_or((text, text));
    let Ok(read) = registered.parse::<RedirectUri>() else {
        return;
    };
    assert_eq!(read.as_str(), registered);
    assert!(read.accepts(registered));
    assert!(registered.len() <= RedirectUri::MAX_BYTES);
    assert!(registered.is_ascii() && !registered.contains(['#', '\\', ' ']));
    // What no browser can open, none is sent to by it.
    let Ok(own) = Url::parse(registered) else {
        return;
    };
    assert!(["https", "http"].contains(&own.scheme()));
    assert!(own.username().is_empty() && own.password().is_none() && own.fragment().is_none());
    let is_loopback = match own.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    assert!(own.scheme() == "https" || is_loopback, "{registered}");
    if read.accepts(asked) && asked != registered {
        let asked = Url::parse(asked).expect("only the port differs");
        assert_eq!(asked.scheme(), "http");
        assert_eq!(asked.host(), own.host());
        assert!(is_loopback && !matches!(own.host(), Some(Host::Domain(_))));
        assert_eq!((asked.path(), asked.query()), (own.path(), own.query()));
        assert!(asked.username().is_empty() && asked.fragment().is_none());
    }
}

/// A base URL is what a browser calls the origin of a page under it, to the letter: forms are
/// compared with it.
///
/// # Panics
/// If that doesn't hold.
pub fn base_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(base) = text.parse::<BaseUrl>() else {
        return;
    };
    assert_eq!(text.strip_suffix('/').unwrap_or(text), base.as_str());
    assert!(base.is_resource(base.as_str()));
    if let Ok(url) = Url::parse(base.as_str()) {
        assert_eq!(url.origin().ascii_serialization(), base.as_str());
        assert!(url.scheme() == "https" || base.as_str().starts_with("http://"));
    }
}
