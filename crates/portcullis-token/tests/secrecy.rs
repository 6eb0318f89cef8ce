//! No character of a secret is ever shown.

use portcullis_token::{
    ApiKey, CredentialHeaders, Environment, KeyDigest, Pepper, PepperRing, Presented, TokenFormat,
    read_credentials, scan,
};

const TEXT: &str = "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";
const HINT: &str = "ap_test_qBhy...TVyA";

#[test]
fn credentials_show_their_hint_alone() {
    let format = TokenFormat::new("ap", Environment::Test).unwrap();
    let any = format.recognize(TEXT.as_bytes()).unwrap();
    let typed = format.parse::<ApiKey>(TEXT).unwrap();
    let owned = any.to_owned();
    let secret = any.tail()[16..48].try_into().unwrap();
    let minted = format.dangerous_from_parts::<ApiKey>(Environment::Test, any.id(), secret);
    let minted = minted.unwrap();
    assert_eq!(minted.expose(), TEXT);
    for (shown, debugged) in [
        (any.to_string(), format!("{any:?}")),
        (typed.to_string(), format!("{typed:?}")),
        (owned.to_string(), format!("{owned:?}")),
        (minted.to_string(), format!("{minted:?}")),
        (any.hint().to_string(), format!("{:?}", any.hint())),
    ] {
        assert_eq!(shown, HINT);
        assert!(debugged.ends_with(&format!("({HINT})")), "{debugged}");
    }
    let found = scan(TEXT.as_bytes()).next().unwrap();
    assert!(!format!("{found:?}").contains("mSRn"));
    assert!(!format!("{:?}", minted.into_secret()).contains("ap_"));
}

#[cfg(feature = "serde")]
#[test]
fn credentials_are_serialised_as_their_hint() {
    let format = TokenFormat::new("ap", Environment::Test).unwrap();
    let any = format.recognize(TEXT.as_bytes()).unwrap();
    let typed = format.parse::<ApiKey>(TEXT).unwrap();
    let expected = format!("\"{HINT}\"");
    assert_eq!(serde_json::to_string(&any).unwrap(), expected);
    assert_eq!(serde_json::to_string(&typed).unwrap(), expected);
    assert_eq!(serde_json::to_string(&any.to_owned()).unwrap(), expected);
    assert_eq!(serde_json::to_string(&any.hint()).unwrap(), expected);
    let minted = format.mint::<portcullis_token::Session>().unwrap();
    assert_eq!(
        serde_json::to_string(&minted).unwrap(),
        format!("\"{}\"", minted.hint())
    );
}

#[cfg(feature = "serde")]
#[test]
fn kinds_environments_and_versions_are_words_and_numbers() {
    use portcullis_token::{PepperVersion, TokenKind};

    let words = TokenKind::ALL.map(|kind| serde_json::to_string(&kind).unwrap());
    assert_eq!(
        words,
        ["\"api_key\"", "\"session\"", "\"refresh\"", "\"device\""]
    );
    assert_eq!(
        serde_json::to_string(&Environment::Live).unwrap(),
        "\"live\""
    );
    assert_eq!(
        serde_json::from_str::<Environment>("\"test\"").unwrap(),
        Environment::Test
    );
    assert_eq!(serde_json::to_string(&PepperVersion::FIRST).unwrap(), "1");
    assert!(serde_json::from_str::<PepperVersion>("0").is_err());
}

#[test]
fn peppers_macs_and_digests_show_nothing() {
    let ring = PepperRing::generate().unwrap();
    let base64 = ring.pepper(ring.current()).unwrap().to_base64();
    let shown = format!("{ring:?}");
    assert!(!shown.contains(base64.expose()), "{shown}");
    assert_eq!(
        shown,
        "PepperRing { current: 1, versions: [PepperVersion(1)], .. }"
    );
    assert_eq!(format!("{:?}", Pepper::from_bytes([7; 32])), "Pepper(..)");
    assert_eq!(
        format!("{:?}", KeyDigest::from_bytes([7; 32])),
        "KeyDigest(..)"
    );
    let mint = TokenFormat::new("ap", Environment::Live)
        .unwrap()
        .mint::<ApiKey>();
    assert_eq!(format!("{:?}", ring.mac(mint.unwrap().tail()).1), "Mac(..)");
}

#[test]
fn what_was_presented_is_not_shown() {
    let value = format!("Bearer {TEXT}");
    let lines = std::iter::once(value.as_bytes());
    let read = read_credentials(
        &CredentialHeaders::default(),
        lines,
        std::iter::empty(),
        None,
    );
    assert!(matches!(read, Presented::One(..)));
    assert_eq!(format!("{read:?}"), "One(.., Bearer)");
}
