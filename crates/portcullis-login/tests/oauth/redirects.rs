//! Addresses that codes are sent to, and tricks with them (RFC 8252, section 7.3; RFC 9700, 4.1).

use portcullis_login::{BaseUrl, Client, ClientError, ParseRedirectError, RedirectUri};

#[test]
fn an_address_is_matched_as_exact_text() {
    let registered: RedirectUri = "https://app.example.com/callback".parse().unwrap();
    assert!(registered.accepts("https://app.example.com/callback"));
    for asked in [
        "",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/callback/",
        "https://app.example.com/callback/../evil",
        "https://app.example.com/callback2",
        "https://app.example.com/Callback",
        "https://APP.example.com/callback",
        "HTTPS://app.example.com/callback",
        "https://app.example.com:443/callback",
        "https://app.example.com:8443/callback",
        "https://app.example.com/callback?a=1",
        "https://app.example.com/callback#",
        "https://app.example.com/callback#code",
        "https://app.example.com/%63allback",
        "https://app.example.com.evil.example/callback",
        "https://evil.example/app.example.com/callback",
        "https://app.example.com@evil.example/callback",
        "https://evil.example\\@app.example.com/callback",
        "https://user@app.example.com/callback",
        "https://user:pass@app.example.com/callback",
        "http://app.example.com/callback",
        "//app.example.com/callback",
        " https://app.example.com/callback",
        "https://app.example.com/callback ",
        "https://app.example.com/callback\n",
        "https://app.example.com./callback",
        "javascript://app.example.com/callback",
    ] {
        assert!(!registered.accepts(asked), "{asked}");
    }
}

#[test]
fn the_port_of_a_loopback_address_may_be_any() {
    let registered: RedirectUri = "http://127.0.0.1/callback".parse().unwrap();
    for asked in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
    ] {
        assert!(registered.accepts(asked), "{asked}");
    }
    for asked in [
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:08/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:+80/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1:80:90/callback",
        "http://127.0.0.1:80/other",
        "http://127.0.0.1:80/callback?a=1",
        "http://127.0.0.1:80/callback#a",
        "http://127.0.0.1.evil.example:80/callback",
        "http://127.0.0.2:80/callback",
        "http://2130706433:80/callback",
        "http://[::1]:80/callback",
        "http://localhost:80/callback",
        "https://127.0.0.1:80/callback",
    ] {
        assert!(!registered.accepts(asked), "{asked}");
    }
    let with_port: RedirectUri = "http://[::1]:3000/callback?a=1".parse().unwrap();
    assert!(with_port.accepts("http://[::1]:4000/callback?a=1"));
    assert!(with_port.accepts("http://[::1]/callback?a=1"));
    assert!(!with_port.accepts("http://[::1]:4000/callback?a=2"));
    assert!(!with_port.accepts("http://[0:0:0:0:0:0:0:1]:4000/callback?a=1"));
}

#[test]
fn the_port_of_any_other_address_may_not() {
    for (registered, asked) in [
        (
            "http://localhost/callback",
            "http://localhost:3000/callback",
        ),
        (
            "http://localhost:3000/callback",
            "http://localhost:4000/callback",
        ),
        ("http://localhost/callback", "http://127.0.0.1/callback"),
        (
            "https://127.0.0.1/callback",
            "https://127.0.0.1:3000/callback",
        ),
        (
            "https://app.example/callback",
            "https://app.example:3000/callback",
        ),
    ] {
        let registered: RedirectUri = registered.parse().unwrap();
        assert!(registered.accepts(registered.as_str()));
        assert!(!registered.accepts(asked), "{asked}");
    }
}

#[test]
fn what_is_no_address_for_codes_is_refused() {
    use ParseRedirectError::{Character, Dots, Host, Port, Scheme, TooLong};
    let long = format!("https://app.example/{}", "a".repeat(2_000));
    for (text, error) in [
        ("", Scheme),
        ("app.example/callback", Scheme),
        ("http://app.example/callback", Scheme),
        ("http://192.168.0.1/callback", Scheme),
        ("http://localhost.evil.example/", Scheme),
        ("javascript:alert(1)", Scheme),
        ("data:text/html,x", Scheme),
        ("com.example.app:/callback", Scheme),
        ("com.example.app://callback", Scheme),
        ("Https://app.example/", Scheme),
        ("https://", Host),
        ("https:///callback", Host),
        ("https://App.example/", Host),
        ("https://app..example/", Host),
        ("https://-app.example/", Host),
        ("https://app_.example/", Host),
        ("https://[::1/", Port),
        ("https://[::1]x/", Host),
        ("https://[::01]/", Host),
        ("https://app.example:/", Port),
        ("https://app.example:99999/", Port),
        ("https://app.example/#", Character { at: 20 }),
        ("https://user@app.example/", Character { at: 12 }),
        ("https://app.example/ü", Character { at: 20 }),
        ("https://app.example/a b", Character { at: 21 }),
        ("https://app.example\\evil", Character { at: 19 }),
        ("https://app.example/\u{0}", Character { at: 20 }),
        ("https://app.example/a/../b", Dots),
        ("https://app.example/%2E%2e/b", Dots),
        ("https://app.example/.", Dots),
        (&long, TooLong),
    ] {
        assert_eq!(text.parse::<RedirectUri>(), Err(error), "{text}");
    }
}

#[test]
fn a_base_url_is_an_origin() {
    for (text, kept) in [
        ("https://api.example.com", "https://api.example.com"),
        (
            "https://api.example.com:8443/",
            "https://api.example.com:8443",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", "http://localhost"),
    ] {
        assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), kept);
    }
    for text in [
        "",
        "api.example.com",
        "http://api.example.com",
        "https://api.example.com/base",
        "https://api.example.com//",
        "https://api.example.com?a",
        "https://api.example.com#a",
        "https://user@api.example.com",
        "https://API.example.com",
        "ftp://api.example.com",
        // Browsers write these origins otherwise, so that no form would come from them.
        "https://api.example.com:443",
        "http://localhost:80",
        "https://127.1",
        "https://0x7f.0.0.1",
        "https://[::ffff:192.0.2.1]",
    ] {
        assert!(text.parse::<BaseUrl>().is_err(), "{text}");
    }
}

#[test]
fn clients_have_ids_and_names_that_can_be_seen() {
    for id in ["", "a b", "a/b", "ü", &"a".repeat(65)] {
        assert_eq!(
            Client::new(id, "Name").unwrap_err(),
            ClientError::Id,
            "{id}"
        );
    }
    for name in [
        "",
        " ",
        "a\nb",
        "a\u{202e}b",
        "a\u{200b}b",
        // Of these nothing would be seen at all, or what is seen is another name.
        "\u{3164}",
        "\u{2800}",
        "\u{115f}\u{ffa0}",
        "a\u{34f}b",
        "a\u{180e}b",
        "a\u{fe0f}b",
        "a\u{e0100}b",
        &"n".repeat(101),
    ] {
        assert_eq!(
            Client::new("id", name).unwrap_err(),
            ClientError::Name,
            "{name:?}"
        );
    }
    let same = || Client::new("same", "Name").unwrap();
    let repeated = portcullis_login::Clients::new([same(), same()]);
    assert_eq!(repeated.unwrap_err(), ClientError::Repeated("same".into()));
}
