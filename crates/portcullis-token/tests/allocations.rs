//! The hot path allocates nothing.

use portcullis_token::{
    ApiKey, CredentialHeaders, Environment, PepperRing, Presented, TokenFormat, Verified,
    read_credentials, scan,
};

#[test]
fn reading_recognizing_and_verifying_allocate_nothing() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let format = format.with_both_environments();
    let peppers = PepperRing::generate().unwrap();
    let minted = format.mint::<ApiKey>().unwrap();
    let (version, mac) = peppers.mac(minted.tail());
    let authorization = format!("Bearer {}", minted.expose());
    let headers = CredentialHeaders::default();
    let allocations = allocation_counter::measure(|| {
        let read = read_credentials(
            &headers,
            std::iter::once(authorization.as_bytes()),
            std::iter::once(minted.expose().as_bytes()),
            Some(b"limit=10&cursor=abc%20"),
        );
        let Presented::One(text, _) = read else {
            panic!("{read:?}");
        };
        let token = format.recognize(text).unwrap();
        assert!(token.checksum_holds());
        assert!(format.parse::<ApiKey>(text).is_ok());
        assert_eq!(peppers.verify(token.tail(), version, &mac), Verified::Match);
        assert_eq!(token.hint(), minted.hint());
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn refusing_allocates_nothing() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let peppers = PepperRing::generate().unwrap();
    let minted = format.mint::<ApiKey>().unwrap();
    let other = format.mint::<ApiKey>().unwrap();
    let (version, mac) = peppers.mac(other.tail());
    let mut mistyped = minted.expose().to_owned().into_bytes();
    mistyped[20] = if mistyped[20] == b'a' { b'b' } else { b'a' };
    let allocations = allocation_counter::measure(|| {
        assert!(format.parse::<ApiKey>(&mistyped).is_err());
        assert!(format.parse::<ApiKey>("ap_lost_").is_err());
        assert!(format.recognize(&[b'x'; 63]).is_err());
        let verified = peppers.verify(minted.tail(), version, &mac);
        assert_eq!(verified, Verified::Mismatch);
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn scanning_allocates_nothing() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let minted = format.mint::<ApiKey>().unwrap();
    let text = format!("a_live_b{}c_test_d{}", minted.expose(), minted.expose());
    let allocations = allocation_counter::measure(|| {
        assert_eq!(scan(text.as_bytes()).count(), 2);
        assert_eq!(format.scan(text.as_bytes()).count(), 2);
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn the_measure_sees_an_allocation() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let minted = format.mint::<ApiKey>().unwrap();
    let token = format.parse::<ApiKey>(minted.expose()).unwrap();
    let allocations = allocation_counter::measure(|| drop(token.to_owned()));
    assert_eq!(allocations.count_total, 1);
}
