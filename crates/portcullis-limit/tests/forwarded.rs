//! Who the client is, behind proxies that are trusted and before those that aren't.

#![cfg(test)]

use std::net::IpAddr;

use portcullis_limit::{IpPartition, client_ip, client_ip_by_forwarded};
use proptest::prelude::*;

const PEER: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn by_x_forwarded_for(lines: &[&str], hops: u8) -> IpAddr {
    client_ip(ip(PEER), lines.iter().map(|line| line.as_bytes()), hops)
}

fn by_forwarded(lines: &[&str], hops: u8) -> IpAddr {
    client_ip_by_forwarded(ip(PEER), lines.iter().map(|line| line.as_bytes()), hops)
}

#[test]
fn hops_are_counted_from_the_right_over_all_lines() {
    let lines = ["6.6.6.6, 1.1.1.1", "2.2.2.2 ,3.3.3.3"];
    for (hops, client) in [(0, PEER), (1, "3.3.3.3"), (2, "2.2.2.2"), (3, "1.1.1.1")] {
        assert_eq!(by_x_forwarded_for(&lines, hops), ip(client), "{hops}");
    }
    // With fewer entries than proxies, the furthest one counts.
    assert_eq!(by_x_forwarded_for(&["1.1.1.1"], 5), ip("1.1.1.1"));
    assert_eq!(by_x_forwarded_for(&[], 3), ip(PEER));
    assert_eq!(by_x_forwarded_for(&["", " , ,"], 3), ip(PEER));
}

#[test]
fn ports_and_brackets_are_read() {
    for (entry, client) in [
        ("1.2.3.4:56", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
    ] {
        assert_eq!(by_x_forwarded_for(&[entry], 1), ip(client), "{entry}");
    }
}

#[test]
fn nonsense_stops_at_the_last_good_address() {
    for nonsense in [
        "unknown",
        "1.2.3",
        "1.2.3.4.5",
        "999.1.1.1",
        "[::1",
        "1.2.3.4:x",
        "\u{e9}",
    ] {
        let line = format!("5.5.5.5, {nonsense}, 7.7.7.7");
        assert_eq!(by_x_forwarded_for(&[&line], 3), ip("7.7.7.7"), "{nonsense}");
        assert_eq!(by_x_forwarded_for(&[nonsense], 1), ip(PEER), "{nonsense}");
    }
    let peer = ip(PEER);
    assert_eq!(client_ip(peer, [&b"\xff\xfe"[..]].into_iter(), 1), peer);
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    for (line, client) in [
        (r#"for="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
        ("For=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("proto=https; FOR=192.0.2.60", "192.0.2.60"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        (r#"for="192.0.2.1:80";by="a;b,c""#, "192.0.2.1"),
        ("for=_hidden", PEER),
        ("for=unknown", PEER),
        ("proto=https", PEER),
        ("for=1.1.1.1;for=2.2.2.2", PEER),
        (r#"for="1.1.1.1"#, PEER),
        ("", PEER),
    ] {
        assert_eq!(by_forwarded(&[line], 1), ip(client), "{line}");
    }
    let lines = ["for=1.1.1.1", "for=2.2.2.2, for=3.3.3.3"];
    assert_eq!(by_forwarded(&lines, 3), ip("1.1.1.1"));
    assert_eq!(by_forwarded(&lines, 2), ip("2.2.2.2"));
    assert_eq!(by_forwarded(&lines, 0), ip(PEER));
}

#[test]
fn a_quote_left_open_by_the_client_swallows_nothing() {
    for theirs in [r#"for=""#, r#"for="a\"#, r#"x="\"\"#, r#"for="6.6.6.6"#] {
        let line = format!("{theirs}, for=9.9.9.9");
        assert_eq!(by_forwarded(&[&line], 1), ip("9.9.9.9"), "{line}");
    }
}

#[test]
fn a_backslash_at_the_end_of_a_quoted_string_leaves_it_closed() {
    // RFC 9110, section 5.6.4: `\\` in quotes is one backslash, and the quote behind it closes.
    let line = r#"for=1.1.1.1;by="a\\", for=2.2.2.2;by="b\"\\", for=3.3.3.3"#;
    for (hops, client) in [(1, "3.3.3.3"), (2, "2.2.2.2"), (3, "1.1.1.1")] {
        assert_eq!(by_forwarded(&[line], hops), ip(client), "{hops}");
    }
}

#[test]
fn addresses_are_grouped_as_one_client_has_them() {
    for (address, partition) in [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("64:ff9b::cb00:7109", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("64:ff9b:1::cb00:7109", "64:ff9b:1::/64"),
        ("::1", "::/64"),
    ] {
        assert_eq!(
            IpPartition::from(ip(address)).to_string(),
            partition,
            "{address}"
        );
    }
    let mapped = IpPartition::from(ip("::ffff:203.0.113.9"));
    assert_eq!(mapped, IpPartition::from(ip("203.0.113.9")));
    assert_ne!(mapped, IpPartition::from(ip("203.0.113.8")));
}

#[test]
fn wider_tiers_are_56_and_48_bits() {
    let client = IpPartition::from(ip("2001:db8:1:23ff::1"));
    let wider = client.wider().unwrap();
    assert_eq!(wider.to_string(), "2001:db8:1:2300::/56");
    assert_eq!(wider.wider().unwrap().to_string(), "2001:db8:1::/48");
    assert_eq!(wider.wider().unwrap().wider(), None);
    assert_eq!(IpPartition::from(ip("1.2.3.4")).wider(), None);
}

proptest! {
    /// Whatever the client writes further left, it can't change what the trusted proxies say.
    #[test]
    fn what_a_client_writes_changes_nothing(theirs in prop::collection::vec(any::<u8>(), 0..60)) {
        let peer = ip(PEER);
        let line = [&theirs[..], b", 8.8.8.8, 9.9.9.9"].concat();
        prop_assert_eq!(client_ip(peer, [&line[..]].into_iter(), 2), ip("8.8.8.8"));
        let line = [&theirs[..], br#", for=8.8.8.8, for="[2001:db8::1]""#].concat();
        let client = client_ip_by_forwarded(peer, [&line[..]].into_iter(), 2);
        prop_assert_eq!(client, ip("8.8.8.8"));
        let _ = client_ip_by_forwarded(peer, [&theirs[..]].into_iter(), 9);
    }
}
