//! The client's address behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The client's address by `X-Forwarded-For`, counted from the right.
///
/// `forwarded_for` are the values of all lines of the header, in their order; `trusted_hops` is
/// how many proxies stand before the server, each of which appends the address that it saw. With
/// 0 the header is not believed at all and the peer is the client. Whatever stands further left
/// was written by the client and is never read. An entry may carry a port.
///
/// Where an entry is missing or is no address, the last good one counts: the nearest proxy that is
/// known, so that nonsense can't make up a partition.
///
/// # Examples
///
/// ```
/// use std::net::IpAddr;
/// use portcullis_limit::client_ip;
///
/// let peer: IpAddr = "10.0.0.1".parse()?;
/// let lines = [&b"6.6.6.6, 203.0.113.9"[..]];
/// assert_eq!(client_ip(peer, lines.into_iter(), 1), "203.0.113.9".parse::<IpAddr>()?);
/// assert_eq!(client_ip(peer, lines.into_iter(), 0), peer);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn client_ip<'h>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'h [u8]>,
    trusted_hops: u8,
) -> IpAddr {
    let entries = forwarded_for
        .rev()
        .flat_map(|line| line.rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty());
    nearest_untrusted(peer, entries.map(address), trusted_hops)
}

/// The client's address by `Forwarded` (RFC 7239), counted from the right like
/// [`client_ip`].
///
/// Each element is one hop, and its `for` is read; an element without one, an obfuscated name and
/// `unknown` (RFC 7239, section 6) end the walk at the last good address.
///
/// # Examples
///
/// ```
/// use std::net::IpAddr;
/// use portcullis_limit::client_ip_by_forwarded;
///
/// let peer: IpAddr = "10.0.0.1".parse()?;
/// let lines = [&br#"for=6.6.6.6, for="[2001:db8::7]:4711";proto=https"#[..]];
/// let client = client_ip_by_forwarded(peer, lines.into_iter(), 1);
/// assert_eq!(client, "2001:db8::7".parse::<IpAddr>()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn client_ip_by_forwarded<'h>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'h [u8]>,
    trusted_hops: u8,
) -> IpAddr {
    let elements = forwarded
        .rev()
        .flat_map(|line| RightToLeft::new(line, b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty());
    nearest_untrusted(peer, elements.map(forwarded_for), trusted_hops)
}

fn nearest_untrusted(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted_hops: u8,
) -> IpAddr {
    let believed = hops.take(usize::from(trusted_hops));
    believed.map_while(|hop| hop).last().unwrap_or(peer)
}

/// The address of the only `for` of an element (a pair's name may be in any case).
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in RightToLeft::new(element, b';') {
        let pair = pair.trim_ascii();
        let Some((name, value)) = pair.split_at_checked(4) else {
            continue;
        };
        if !name.eq_ignore_ascii_case(b"for=") {
            continue;
        }
        if found.is_some() {
            return None;
        }
        let unquoted = value
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_suffix(b"\""));
        found = Some(address(unquoted.unwrap_or(value))?);
    }
    found
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The parts between separators outside of quotes, the rightmost first.
///
/// From the right, so that a quote which the client left open further left can't swallow what a
/// trusted proxy appended.
struct RightToLeft<'h> {
    rest: Option<&'h [u8]>,
    separator: u8,
}

impl<'h> RightToLeft<'h> {
    const fn new(text: &'h [u8], separator: u8) -> Self {
        Self {
            rest: Some(text),
            separator,
        }
    }
}

impl<'h> Iterator for RightToLeft<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let rest = self.rest?;
        let mut is_quoted = false;
        for (at, byte) in rest.iter().enumerate().rev() {
            let (left, right) = rest.split_at_checked(at)?;
            if *byte == b'"' {
                // Escaped if the backslashes before it are odd: two are one that is escaped.
                let escapes = left.iter().rev().take_while(|byte| **byte == b'\\');
                is_quoted ^= escapes.count().is_multiple_of(2);
            } else if *byte == self.separator && !is_quoted {
                self.rest = Some(left);
                return right.get(1..);
            }
        }
        self.rest = None;
        Some(rest)
    }
}
