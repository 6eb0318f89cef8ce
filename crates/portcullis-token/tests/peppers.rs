//! Peppers: several versions, one current, read from and written to text.

use portcullis_token::{
    ApiKey, Environment, Mac, Minted, ParsePeppersError as E, Pepper, PepperRing, PepperVersion,
    TokenFormat, UnknownPepperVersion, Verified,
};
use proptest::prelude::*;

const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn key() -> Option<Minted<ApiKey>> {
    let format = TokenFormat::new("ap", Environment::Live).ok()?;
    format.mint().ok()
}

fn version(number: u16) -> Option<PepperVersion> {
    PepperVersion::new(number)
}

#[test]
fn a_rotation_accepts_first_and_makes_current_later() {
    let key = key().unwrap();
    let [first, second] = [1, 2].map(|number| version(number).unwrap());
    let before = PepperRing::new(first, Pepper::from_bytes([1; 32]));
    let (old, old_mac) = before.mac(key.tail());
    assert_eq!(old, first);
    assert_eq!(before.verify(key.tail(), old, &old_mac), Verified::Match);

    let accepting = before.clone().with(second, Pepper::from_bytes([2; 32]));
    assert_eq!(accepting.current(), first);
    assert_eq!(accepting.versions(), [first, second]);
    assert_eq!(accepting.verify(key.tail(), old, &old_mac), Verified::Match);

    let after = accepting.clone().with_current(second).unwrap();
    assert_eq!(after.versions(), [first, second]);
    assert_eq!(after.verify(key.tail(), old, &old_mac), Verified::MatchOld);
    let (new, new_mac) = after.mac(key.tail());
    assert_eq!(new, second);
    assert_ne!(new_mac, old_mac);
    assert_eq!(after.verify(key.tail(), new, &new_mac), Verified::Match);
    assert_eq!(after.verify(key.tail(), new, &old_mac), Verified::Mismatch);
    // A node that only accepts the new one verifies what others mint under it; an older can't tell.
    assert_eq!(
        accepting.verify(key.tail(), new, &new_mac),
        Verified::MatchOld
    );
    assert_eq!(
        before.verify(key.tail(), new, &new_mac),
        Verified::UnknownPepper
    );
    assert_eq!(before.mac_with(new, key.tail()), None);

    assert!(after.clone().without(second).is_none());
    let retired = after.without(first).unwrap();
    assert_eq!(retired.versions(), [second]);
    assert_eq!(
        retired.verify(key.tail(), old, &old_mac),
        Verified::UnknownPepper
    );
}

#[test]
fn a_version_that_is_not_there_is_not_made_current() {
    let [first, third] = [1, 3].map(|number| version(number).unwrap());
    let ring = PepperRing::new(first, Pepper::from_bytes([1; 32]));
    assert_eq!(ring.fingerprint(third), None);
    let refused = ring.with_current(third).err();
    assert_eq!(refused, Some(UnknownPepperVersion { version: third }));
}

#[test]
fn a_pepper_given_again_replaces_the_one_of_its_version() {
    let first = version(1).unwrap();
    let ring = PepperRing::new(first, Pepper::from_bytes([1; 32]));
    let ring = ring.with(first, Pepper::from_bytes([2; 32]));
    assert_eq!(ring.versions(), [first]);
    let expected = Pepper::from_bytes([2; 32]).fingerprint();
    assert_eq!(ring.fingerprint(first), Some(expected));
}

#[test]
fn the_highest_version_is_current_unless_another_is_marked() {
    for (text, current) in [
        (format!("1:{ONE},2:{TWO}"), 2),
        (format!("2:{TWO},1:{ONE}"), 2),
        (format!("1*:{ONE},2:{TWO}"), 1),
        (format!("1:{ONE},2*:{TWO}"), 2),
        (format!("65535:{ONE}"), 65_535),
        (format!(" 7:{ONE}\n"), 7),
        (format!("7:{}", ONE.trim_end_matches('=')), 7),
    ] {
        let ring: PepperRing = text.parse().unwrap();
        assert_eq!(ring.current().number(), current, "{text}");
    }
    let marked = format!("1*:{ONE},2:{TWO}");
    let ring: PepperRing = marked.parse().unwrap();
    assert_eq!(*ring.to_text().expose(), marked);
    let ring = ring.with_current(version(2).unwrap()).unwrap();
    assert_eq!(*ring.to_text().expose(), format!("1:{ONE},2:{TWO}"));
}

#[test]
fn a_text_that_is_no_ring_is_refused_with_the_entry_and_without_its_bytes() {
    for (text, error) in [
        (String::new(), E::Empty),
        (" \n".to_owned(), E::Empty),
        (ONE.to_owned(), E::Version { entry: 1 }),
        (format!("0:{ONE}"), E::Version { entry: 1 }),
        (format!("+1:{ONE}"), E::Version { entry: 1 }),
        (format!("65536:{ONE}"), E::Version { entry: 1 }),
        (format!("1**:{ONE}"), E::Version { entry: 1 }),
        (format!("1:{ONE},"), E::Version { entry: 2 }),
        (format!("1:{ONE}, 2:{TWO}"), E::Version { entry: 2 }),
        (format!("1:{ONE},1:{TWO}"), E::Repeated { entry: 2 }),
        (format!("1*:{ONE},2*:{TWO}"), E::Marked { entry: 2 }),
        ("1:".to_owned(), E::Bytes { entry: 1 }),
        (
            format!("1:{}", ONE.strip_prefix('A').unwrap()),
            E::Bytes { entry: 1 },
        ),
        (format!("1:{ONE}="), E::Bytes { entry: 1 }),
        (
            format!("1:{ONE},2:{}", TWO.replace('A', "_")),
            E::Bytes { entry: 2 },
        ),
        (format!("1:{}", "A".repeat(44)), E::Bytes { entry: 1 }),
        (format!("1:{}B=", "A".repeat(42)), E::Bytes { entry: 1 }),
    ] {
        let refused = text.parse::<PepperRing>().err();
        assert_eq!(refused, Some(error), "{text}");
        assert!(!error.to_string().contains("AQEB"));
    }
}

#[test]
fn subkeys_of_a_ring_keep_its_versions_and_tell_purposes_apart() {
    let ring: PepperRing = format!("1*:{ONE},2:{TWO}").parse().unwrap();
    let (codes, tokens) = (ring.subkeys("user codes"), ring.subkeys("csrf"));
    assert_eq!(codes.versions(), ring.versions());
    assert_eq!(codes.current(), ring.current());
    for version in ring.versions() {
        let prints = [&ring, &codes, &tokens].map(|ring| ring.fingerprint(version).unwrap());
        assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
    }
}

#[test]
fn a_message_of_any_length_has_the_mac_of_rfc_4231() {
    // Test case 2 has the key `Jefe`, which padded to 32 bytes with zeros is the same key of HMAC.
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let mac = Pepper::from_bytes(key).mac_message(b"what do ya want for nothing?");
    let expected = [
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75,
        0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec,
        0x38, 0x43,
    ];
    assert_eq!(mac, Mac::from_bytes(expected));
}

#[test]
fn versions_are_1_to_65535() {
    assert_eq!(PepperVersion::new(0), None);
    assert_eq!(version(1), Some(PepperVersion::FIRST));
    assert_eq!("65535".parse(), Ok(PepperVersion::new(65_535).unwrap()));
    for text in ["", "0", "-1", "+1", " 1", "65536", "1.0", "१"] {
        assert!(text.parse::<PepperVersion>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn text_and_ring_are_the_same(
        entries in prop::collection::btree_map(1..=u16::MAX, any::<[u8; 32]>(), 1..5),
        current: prop::sample::Index,
    ) {
        let numbers: Vec<u16> = entries.keys().copied().collect();
        let mut entries = entries.into_iter().map(|(number, bytes)| {
            (version(number).unwrap(), Pepper::from_bytes(bytes))
        });
        let (first, pepper) = entries.next().unwrap();
        let ring = entries.fold(PepperRing::new(first, pepper), |ring, (version, pepper)| {
            ring.with(version, pepper)
        });
        let current = version(*current.get(&numbers)).unwrap();
        let ring = ring.with_current(current).unwrap();
        let read: PepperRing = ring.to_text().expose().parse().unwrap();
        prop_assert_eq!(read.current(), current);
        prop_assert_eq!(read.versions(), ring.versions());
        for version in ring.versions() {
            prop_assert_eq!(read.fingerprint(version), ring.fingerprint(version));
        }
    }

    #[test]
    fn texts_of_any_kind_are_read_or_refused(text in "[1-9*:,=A-Z ]{0,60}|.*") {
        let _ = text.parse::<PepperRing>();
    }

    #[test]
    fn only_the_same_tail_verifies(at in 0..55usize, other in prop_oneof![b'0'..=b'9', b'a'..=b'z']) {
        let (key, ring) = (key().unwrap(), PepperRing::generate().unwrap());
        let (version, mac) = ring.mac(key.tail());
        let mut tail = *key.tail();
        prop_assume!(tail[at] != other);
        tail[at] = other;
        prop_assert_eq!(ring.verify(&tail, version, &mac), Verified::Mismatch);
        prop_assert_eq!(ring.verify(key.tail(), version, &mac), Verified::Match);
    }
}
