//! What is minted is read, and nothing else is.

use portcullis_core::CredentialId;
use portcullis_token::{
    AnyToken, ApiKey, Device, Environment, Kind, Minted, ParseTokenError, PepperRing, Refresh,
    Session, TokenFormat, TokenKind, Verified,
};
use proptest::prelude::*;

const KEY: &str = "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";

fn brand() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{1,15}"
}

fn environment() -> impl Strategy<Value = Environment> {
    prop_oneof![Just(Environment::Live), Just(Environment::Test)]
}

/// Any brand, environment and parts, minted as each of the four kinds.
fn minted() -> impl Strategy<Value = (TokenFormat, [(TokenKind, String); 4])> {
    let secret = proptest::array::uniform32(prop_oneof![b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z']);
    (brand(), environment(), 0..62u128.pow(16), secret).prop_filter_map(
        "parts that can't be minted",
        |(brand, environment, id, secret)| {
            let format = TokenFormat::new(&brand, environment).ok()?;
            let id = CredentialId::from_value(id)?;
            let texts = [
                text_of::<ApiKey>(&format, id, secret)?,
                text_of::<Session>(&format, id, secret)?,
                text_of::<Refresh>(&format, id, secret)?,
                text_of::<Device>(&format, id, secret)?,
            ];
            Some((format, texts))
        },
    )
}

fn text_of<K: Kind>(
    format: &TokenFormat,
    id: CredentialId,
    secret: [u8; 32],
) -> Option<(TokenKind, String)> {
    let minted = format.dangerous_from_parts::<K>(format.environment(), id, secret);
    Some((K::KIND, minted.ok()?.expose().to_owned()))
}

fn parse_as(
    format: &TokenFormat,
    kind: TokenKind,
    text: &[u8],
) -> Result<TokenKind, ParseTokenError> {
    match kind {
        TokenKind::ApiKey => format.parse::<ApiKey>(text).map(|token| token.kind()),
        TokenKind::Session => format.parse::<Session>(text).map(|token| token.kind()),
        TokenKind::Refresh => format.parse::<Refresh>(text).map(|token| token.kind()),
        TokenKind::Device => format.parse::<Device>(text).map(|token| token.kind()),
    }
}

/// What must hold of every text, whatever it is.
fn is_read_or_refused(format: &TokenFormat, text: &[u8]) -> bool {
    let in_text = |error: ParseTokenError| match error {
        ParseTokenError::Character { at }
        | ParseTokenError::Prefix { at }
        | ParseTokenError::Version { at } => at < text.len(),
        ParseTokenError::Length { found } => found == text.len(),
        _ => true,
    };
    let recognized = format.recognize(text);
    let holds = recognized.is_ok_and(|token| token.checksum_holds());
    let parsed = TokenKind::ALL.map(|kind| parse_as(format, kind, text));
    let accepted = parsed.iter().filter(|result| result.is_ok()).count();
    let positions = parsed.into_iter().filter_map(Result::err).all(in_text);
    accepted == usize::from(holds) && positions && recognized.err().is_none_or(in_text)
}

proptest! {
    #[test]
    fn what_is_minted_is_read_as_it_was(brand in brand(), environment in environment()) {
        fn check<K: Kind>(format: &TokenFormat) -> bool {
            let minted: Minted<K> = format.mint().unwrap();
            let token = format.parse::<K>(minted.expose()).unwrap();
            token.id() == minted.id()
                && token.tail() == minted.tail()
                && token.environment() == format.environment()
                && token.kind() == K::KIND
                && token.hint() == minted.hint()
                && token.hint() == format.hint(K::KIND, format.environment(), minted.id())
                && minted.expose().as_bytes().ends_with(minted.tail())
                && minted.expose().starts_with(format.brand().as_str())
        }
        let format = TokenFormat::new(&brand, environment).unwrap();
        prop_assert!(check::<ApiKey>(&format));
        prop_assert!(check::<Session>(&format));
        prop_assert!(check::<Refresh>(&format));
        prop_assert!(check::<Device>(&format));
    }

    #[test]
    fn kinds_are_never_taken_for_each_other((format, texts) in minted()) {
        for (kind, text) in &texts {
            for asked in TokenKind::ALL {
                let expected = if asked == *kind {
                    Ok(*kind)
                } else {
                    Err(ParseTokenError::Kind { found: *kind })
                };
                prop_assert_eq!(parse_as(&format, asked, text.as_bytes()), expected);
            }
            let token = format.recognize(text.as_bytes()).unwrap();
            prop_assert_eq!(token.typed::<ApiKey>().is_some(), *kind == TokenKind::ApiKey);
            prop_assert_eq!(token.typed::<Session>().is_some(), *kind == TokenKind::Session);
        }
    }

    #[test]
    fn kinds_of_a_brand_that_clashes_are_refused((format, texts) in minted()) {
        // The sessions of `ap` begin as the keys of `aps` do; the version character differs.
        for letter in ["s", "r", "d"] {
            let Ok(other) =
                TokenFormat::new(&format!("{}{letter}", format.brand()), format.environment())
            else {
                continue;
            };
            prop_assert!(format.brand().clashes_with(other.brand()));
            for (_, text) in &texts {
                prop_assert!(other.recognize(text.as_bytes()).is_err());
            }
        }
    }

    #[test]
    fn environments_are_never_taken_for_each_other((format, texts) in minted()) {
        let found = format.environment();
        let other = match found {
            Environment::Live => Environment::Test,
            Environment::Test => Environment::Live,
        };
        let brand = format.brand();
        let pinned = TokenFormat::new(brand.as_str(), other).unwrap();
        let refused = ParseTokenError::Environment { found };
        for (kind, text) in &texts {
            prop_assert_eq!(pinned.recognize(text.as_bytes()).err(), Some(refused));
            prop_assert_eq!(parse_as(&pinned, *kind, text.as_bytes()), Err(refused));
            let both = pinned.with_both_environments();
            let token = both.recognize(text.as_bytes()).unwrap();
            prop_assert_eq!(token.environment(), found);

            let renamed = text.replacen(found.as_str(), other.as_str(), 1);
            if renamed.as_bytes().ends_with(&text.as_bytes()[text.len() - 55..]) {
                let refused = parse_as(&both, *kind, renamed.as_bytes());
                prop_assert_eq!(refused, Err(ParseTokenError::Checksum));
            }
        }
    }

    #[test]
    fn any_one_character_that_is_changed_is_refused(
        (format, texts) in minted(),
        at: prop::sample::Index,
        other: u8,
    ) {
        let format = format.with_both_environments();
        let peppers = PepperRing::generate().unwrap();
        for (kind, text) in &texts {
            let mut changed = text.clone().into_bytes();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != other);
            changed[at] = other;
            prop_assert!(parse_as(&format, *kind, &changed).is_err());
            let original = format.recognize(text.as_bytes()).unwrap();
            let (version, mac) = peppers.mac(original.tail());
            // Without the checksum it is the MAC that refuses a change of the tail.
            if let Ok(token) = format.recognize(&changed)
                && at >= text.len() - 55
            {
                prop_assert_eq!(peppers.verify(token.tail(), version, &mac), Verified::Mismatch);
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(text: Vec<u8>) {
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        prop_assert!(is_read_or_refused(&format, &text));
    }

    #[test]
    fn texts_that_nearly_are_tokens_are_read_or_refused(
        text in "(ap|aps|a|apx)[srdk]?[_-](live|test|prod|liv)_?[0-9A-Za-z_é]{48}[KSRDX][0-9A-Za-z]{6}",
    ) {
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        prop_assert!(is_read_or_refused(&format, text.as_bytes()));
        prop_assert!(is_read_or_refused(&format.with_both_environments(), text.as_bytes()));
    }

    #[test]
    fn an_owned_copy_is_the_same_token((format, texts) in minted()) {
        for (_, text) in &texts {
            let token = format.recognize(text.as_bytes()).unwrap();
            let owned = token.to_owned();
            let parts = |token: AnyToken<'_>| {
                let parts = (token.id(), token.kind(), token.environment(), token.hint());
                (parts, *token.tail(), token.checksum_holds())
            };
            prop_assert_eq!(parts(owned.as_token()), parts(token));
        }
    }
}

#[test]
fn errors_name_the_first_thing_that_is_wrong_and_where() {
    let format = TokenFormat::new("ap", Environment::Test).unwrap();
    let refused = |text: &str| format.parse::<ApiKey>(text).unwrap_err();
    assert_eq!(refused(""), ParseTokenError::Length { found: 0 });
    assert_eq!(
        refused(KEY.strip_prefix('a').unwrap()),
        ParseTokenError::Length { found: 62 }
    );
    assert_eq!(
        refused(&format!("{KEY}00")),
        ParseTokenError::Length { found: 65 }
    );
    assert_eq!(
        refused(&KEY.replace("_test_", "-test-")),
        ParseTokenError::Prefix { at: 2 }
    );
    assert_eq!(
        refused(&KEY.replace("ap_", "Ap_")),
        ParseTokenError::Prefix { at: 0 }
    );
    assert_eq!(
        refused(&KEY.replace("_test_", "_live_")),
        ParseTokenError::Environment {
            found: Environment::Live
        }
    );
    assert_eq!(
        refused(&KEY.replace("ap_", "aps_").replace("K4V", "S4V")),
        ParseTokenError::Kind {
            found: TokenKind::Session
        }
    );
    assert_eq!(
        refused(&KEY.replace("K4V", "S4V")),
        ParseTokenError::Version { at: 56 }
    );
    assert_eq!(
        refused(&KEY.replace("02ho", "02h-")),
        ParseTokenError::Character { at: 15 }
    );
    assert_eq!(
        refused(&KEY.replace("zLN", "zLM")),
        ParseTokenError::Checksum
    );
    assert!(format.parse::<ApiKey>(KEY).is_ok());
}

#[test]
fn a_checksum_is_not_computed_to_recognize_and_can_be_asked_for() {
    let format = TokenFormat::new("ap", Environment::Test).unwrap();
    let mistyped = KEY.replace("zLN", "zLM");
    assert!(
        !format
            .recognize(mistyped.as_bytes())
            .unwrap()
            .checksum_holds()
    );
    assert!(format.recognize(KEY.as_bytes()).unwrap().checksum_holds());
}

#[test]
fn parts_that_no_parse_would_take_are_not_minted() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let id = "0000000000000000".parse().unwrap();
    let minted = format.dangerous_from_parts::<ApiKey>(Environment::Test, id, [b'0'; 32]);
    let found = Environment::Test;
    assert_eq!(minted.err(), Some(ParseTokenError::Environment { found }));
    let mut secret = [b'0'; 32];
    secret[7] = b'_';
    let minted = format.dangerous_from_parts::<ApiKey>(Environment::Live, id, secret);
    assert_eq!(minted.err(), Some(ParseTokenError::Character { at: 7 }));
}
