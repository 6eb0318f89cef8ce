//! The client's address is what the trusted proxies say, whatever the client writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_limit::{IpPartition, client_ip, client_ip_by_forwarded};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// The first byte counts the proxies, the rest are lines of a header.
///
/// - Each header is read as a plain reading of it from the left does, `Forwarded` where it follows
///   RFC 7239.
/// - Nobody further away than the proxies is believed: their own entries decide, whatever the bytes
///   before them are.
/// - An address is one partition with its network of 64 bits, and with the forms of IPv4 in IPv6.
///
/// # Panics
/// If one of them doesn't hold.
pub fn forwarded(data: &[u8]) {
    let Some((&hops, text)) = data.split_first() else {
        return;
    };
    let hops = if hops < 0xf0 { hops % 6 } else { hops };
    let lines = || text.split(|byte| *byte == b'\n');
    let found = client_ip(PEER, lines(), hops);
    let entries: Vec<&[u8]> = lines().flat_map(|line| line.split(is_comma)).collect();
    let entries = entries.iter().map(|entry| entry.trim_ascii());
    let entries: Vec<_> = entries
        .filter(|entry| !entry.is_empty())
        .map(address)
        .collect();
    assert_eq!(found, nearest(&entries, hops));
    partition(found);

    let found = client_ip_by_forwarded(PEER, lines(), hops);
    let elements: Option<Vec<_>> = lines().map(elements).collect();
    if let Some(elements) = elements {
        assert_eq!(found, nearest(&elements.concat(), hops));
    }
    partition(found);

    believes_nobody_further_away(text, hops);
}

fn is_comma(byte: &u8) -> bool {
    *byte == b','
}

/// The furthest of the proxies' entries before which no entry is bad.
fn nearest(entries: &[Option<IpAddr>], hops: u8) -> IpAddr {
    let mut client = PEER;
    for entry in entries.iter().rev().take(hops.into()) {
        match entry {
            Some(address) => client = *address,
            None => break,
        }
    }
    client
}

/// As many entries as proxies stand behind what the client wrote.
fn believes_nobody_further_away(theirs: &[u8], hops: u8) {
    let proxies = hops.clamp(1, 4);
    let address = |hop| IpAddr::V4(Ipv4Addr::new(198, 51, 100, hop));
    let mut line = theirs.to_vec();
    let mut forwarded = theirs.to_vec();
    for hop in 0..proxies {
        line.extend(format!(", {}:{hop}", address(hop)).into_bytes());
        let quoted = [", for=", r#", by="a,\"\\;";for="#, r#", by="\\";for="#];
        let quoted = quoted
            .get(usize::from(hop % 3))
            .copied()
            .unwrap_or_default();
        forwarded.extend(format!("{quoted}{};proto=http", address(hop)).into_bytes());
    }
    let lines = || line.split(|byte| *byte == b'\n');
    assert_eq!(client_ip(PEER, lines(), proxies), address(0));
    let lines = || forwarded.split(|byte| *byte == b'\n');
    assert_eq!(client_ip_by_forwarded(PEER, lines(), proxies), address(0));
    assert_eq!(client_ip(PEER, [theirs].into_iter(), 0), PEER);
    assert_eq!(client_ip_by_forwarded(PEER, [theirs].into_iter(), 0), PEER);
}

/// The addresses that the elements of a line are for; `None` if it doesn't follow RFC 7239.
fn elements(line: &[u8]) -> Option<Vec<Option<IpAddr>>> {
    let mut elements = Vec::new();
    let mut rest = line;
    loop {
        let (nodes, is_empty) = element(&mut rest)?;
        if !is_empty {
            // A name stands at most once in an element (section 4).
            elements.push(match nodes.as_slice() {
                [node] => address(node),
                _ => None,
            });
        }
        match rest.split_first() {
            None => return Some(elements),
            Some((b',', behind)) => rest = behind,
            Some(_) => return None,
        }
    }
}

/// The nodes that an element is for, `[ pair ] *( ";" [ pair ] )` with optional spaces, and whether
/// it is empty, and so no element (RFC 9110, section 5.6.1).
///
/// Escapes are left as they are: no address needs one.
fn element(rest: &mut &[u8]) -> Option<(Vec<Vec<u8>>, bool)> {
    let mut nodes = Vec::new();
    let mut is_empty = true;
    loop {
        spaces(rest);
        let name = token(rest);
        if !name.is_empty() {
            is_empty = false;
            *rest = rest.strip_prefix(b"=")?;
            let value = match rest.strip_prefix(b"\"") {
                Some(quoted) => {
                    *rest = quoted;
                    quoted_string(rest)?
                }
                None => token(rest).to_vec(),
            };
            if name.eq_ignore_ascii_case(b"for") {
                nodes.push(value);
            }
        }
        spaces(rest);
        match rest.strip_prefix(b";") {
            Some(behind) => *rest = behind,
            None => return Some((nodes, is_empty)),
        }
        is_empty = false;
    }
}

fn spaces(rest: &mut &[u8]) {
    *rest = rest.trim_ascii_start();
}

/// A token (RFC 9110, section 5.6.2), maybe empty.
fn token<'t>(rest: &mut &'t [u8]) -> &'t [u8] {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let (token, behind) = rest.split_at(rest.iter().take_while(is_token).count());
    *rest = behind;
    token
}

/// What is left of a quoted string (RFC 9110, section 5.6.4), without the quote behind it.
fn quoted_string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    loop {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        match byte {
            b'"' => return Some(value),
            b'\\' => {
                let (escaped, behind) = rest.split_first()?;
                value.extend([b'\\', *escaped]);
                *rest = behind;
            }
            _ => value.push(*byte),
        }
    }
}

/// An address, maybe with a port, IPv6 maybe in brackets.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    if let Ok(v6) = text.parse::<Ipv6Addr>() {
        return Some(v6.into());
    }
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, port) = inner.split_once(']')?;
        // A zone means something to the proxy alone (RFC 4007, section 11).
        let (host, zone) = inner.split_once('%').unwrap_or((inner, "0"));
        let is_zoned = inner.contains('%');
        let has_port = port.strip_prefix(':').is_some_and(is_number::<u16>);
        let is_good = (port.is_empty() && !is_zoned) || (has_port && is_number::<u32>(zone));
        return host
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| is_good)
            .map(IpAddr::V6);
    }
    let (host, port) = text.split_once(':')?;
    let v4 = host.parse::<Ipv4Addr>().ok();
    v4.filter(|_| is_number::<u16>(port)).map(IpAddr::V4)
}

fn is_number<N: std::str::FromStr>(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<N>().is_ok()
}

/// The partition of an address and those of its neighbours.
fn partition(address: IpAddr) {
    let found = IpPartition::from(address);
    let v4 = match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                Some((u32::from(high) << 16 | u32::from(low)).into())
            }
            _ => None,
        },
    };
    if let Some(v4) = v4 {
        assert_eq!((found.network(), found.prefix_bits()), (v4.into(), 32));
        assert_eq!(found, IpPartition::from(IpAddr::V6(v4.to_ipv6_mapped())));
        assert_ne!(
            found,
            IpPartition::from(IpAddr::V4((u32::from(v4) ^ 1).into()))
        );
        assert_eq!(found.wider(), None);
        return;
    }
    let IpAddr::V6(v6) = address else {
        return;
    };
    let bits = u128::from(v6);
    let network = |prefix: u32| IpAddr::V6((bits >> (128 - prefix) << (128 - prefix)).into());
    let mut tier = Some(found);
    for prefix in [64, 56, 48] {
        let expected = Some((network(prefix), prefix));
        let told = tier.map(|tier| (tier.network(), u32::from(tier.prefix_bits())));
        assert_eq!(told, expected);
        tier = tier.and_then(IpPartition::wider);
    }
    assert_eq!(tier, None);
    let neighbour = |bit: u32| IpPartition::from(IpAddr::V6((bits ^ 1 << bit).into()));
    assert_eq!(found, neighbour(0));
    assert_ne!(found, neighbour(64));
}
