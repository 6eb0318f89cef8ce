//! What is parsed is what is written, and nothing else is parsed.

use std::array;

use portcullis_core::CredentialId;
use portcullis_token::{
    ApiKey, Device, Environment, Kind, ParseTokenError, Refresh, Session, TokenFormat, TokenKind,
};

use super::reference::{self, Shape};

const BRANDS: [&str; 4] = ["ap", "aps", "x1", "abcdefghijklmnop"];

/// The first byte chooses a format, the rest is the text.
///
/// - It is read exactly if the plain reading reads it, and then as the same.
/// - What was read is the text of its parts.
/// - What is refused is refused at a place in the text.
/// - A credential that is written from the bytes is read, and no longer with one byte changed.
///
/// # Panics
/// If one of them doesn't hold.
pub fn parse_key(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else {
        return;
    };
    let brand = BRANDS.get(usize::from(choice >> 2) % BRANDS.len());
    let brand = brand.copied().unwrap_or("ap");
    let environment = if choice & 1 == 0 {
        Environment::Live
    } else {
        Environment::Test
    };
    let Ok(format) = TokenFormat::new(brand, environment) else {
        return;
    };
    let format = if choice & 2 == 0 {
        format
    } else {
        format.with_both_environments()
    };
    read_or_refuse(&format, text);
    written_is_read::<ApiKey>(&format, text);
    written_is_read::<Session>(&format, text);
    written_is_read::<Refresh>(&format, text);
    written_is_read::<Device>(&format, text);
}

fn read_or_refuse(format: &TokenFormat, text: &[u8]) {
    let expected = reference::shape(text, format.brand().as_str());
    let expected = expected.filter(|shape| format.accepts(shape.environment));
    let recognized = format.recognize(text);
    let found = recognized.ok().map(|token| Shape {
        kind: token.kind(),
        environment: token.environment(),
        checksum_holds: token.checksum_holds(),
    });
    assert_eq!(found, expected);
    if let Err(error) = recognized {
        assert!(is_in_text(error, text), "{error:?}");
    }
    parsed_as::<ApiKey>(format, text, expected);
    parsed_as::<Session>(format, text, expected);
    parsed_as::<Refresh>(format, text, expected);
    parsed_as::<Device>(format, text, expected);
}

fn parsed_as<K: Kind>(format: &TokenFormat, text: &[u8], expected: Option<Shape>) {
    let is_expected = expected.is_some_and(|shape| shape.kind == K::KIND && shape.checksum_holds);
    let token = match format.parse::<K>(text) {
        Ok(token) => token,
        Err(error) => {
            assert!(!is_expected, "{error:?}");
            assert!(is_in_text(error, text), "{error:?}");
            return;
        }
    };
    assert!(is_expected);
    assert!(text.ends_with(token.tail()));
    let secret = token.tail().iter().copied().skip(CredentialId::LENGTH);
    let mut secret = secret.take(32);
    let secret = array::from_fn(|_| secret.next().unwrap_or_default());
    let written = format.dangerous_from_parts::<K>(token.environment(), token.id(), secret);
    assert!(written.is_ok_and(|minted| minted.expose().as_bytes() == text));
}

fn is_in_text(error: ParseTokenError, text: &[u8]) -> bool {
    match error {
        ParseTokenError::Character { at }
        | ParseTokenError::Prefix { at }
        | ParseTokenError::Version { at } => at < text.len(),
        ParseTokenError::Length { found } => found == text.len(),
        _ => true,
    }
}

fn written_is_read<K: Kind>(format: &TokenFormat, bytes: &[u8]) {
    let [at, other, rest @ ..] = bytes else {
        return;
    };
    let mut digits = rest.iter().copied().chain(std::iter::repeat(0));
    let mut next = || reference::digit_of(digits.next().unwrap_or_default());
    let id = CredentialId::from_base62(&array::from_fn(|_| next()));
    let secret = array::from_fn(|_| next());
    let Ok(id) = id else {
        return;
    };
    let minted = format.dangerous_from_parts::<K>(format.environment(), id, secret);
    let Ok(minted) = minted else {
        return;
    };
    let token = format.parse::<K>(minted.expose());
    assert!(token.is_ok_and(|token| token.id() == id
        && token.tail() == minted.tail()
        && token.environment() == minted.environment()
        && token.hint() == minted.hint()));
    for kind in TokenKind::ALL {
        let brand = format.brand();
        let shape = reference::shape(minted.expose().as_bytes(), brand.as_str());
        assert_eq!(
            shape.is_some_and(|shape| shape.kind == kind),
            kind == K::KIND
        );
    }

    let mut changed = minted.expose().as_bytes().to_vec();
    let length = changed.len();
    if let Some(place) = changed.get_mut(usize::from(*at) % length)
        && *place != *other
    {
        *place = *other;
        assert!(format.parse::<K>(&changed).is_err());
        read_or_refuse(format, &changed);
    }
}
