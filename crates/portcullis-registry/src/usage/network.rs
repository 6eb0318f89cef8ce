//! What is one network.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// From where a credential is used, as far as that is kept: a /24, or a /64 of IPv6.
///
/// # Syntax
/// Its first address and its length: `203.0.113.0/24`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network(IpAddr);

/// The text is not a network of this length.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a network, such as `203.0.113.0/24` or `2001:db8::/64`")]
pub struct ParseNetworkError;

impl Network {
    /// The network of an address. An IPv4 address within IPv6 is one of IPv4.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = if self.0.is_ipv4() { 24 } else { 64 };
        write!(f, "{}/{length}", self.0)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = text.split_once('/').ok_or(ParseNetworkError)?;
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let network = Self::of(address);
        let is_whole =
            network.0 == address && length == if address.is_ipv4() { "24" } else { "64" };
        is_whole.then_some(network).ok_or(ParseNetworkError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_24_or_a_64_and_is_read_back_from_its_text() {
        for (ip, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("::1", "::/64"),
        ] {
            let seen = Network::of(ip.parse().unwrap());
            assert_eq!(seen.to_string(), network);
            assert_eq!(network.parse(), Ok(seen));
        }
        for text in [
            "",
            "203.0.113.0",
            "203.0.113.1/24",
            "203.0.113.0/16",
            "2001:db8::/24",
            "x/24",
        ] {
            assert_eq!(text.parse::<Network>(), Err(ParseNetworkError), "{text}");
        }
    }
}
