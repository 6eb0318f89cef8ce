//! Client addresses as partitions.

use std::{fmt, net::IpAddr};

/// The network that counts as one client: an IPv4 address, or an IPv6 network of 64 bits.
///
/// IPv4 addresses inside IPv6 are unwrapped first: mapped ones (`::ffff:0:0/96`, RFC 4291,
/// section 2.5.5.2) and those behind NAT64 (`64:ff9b::/96`, RFC 6052, section 2.1).
///
/// # Examples
///
/// ```
/// use std::net::IpAddr;
/// use portcullis_limit::IpPartition;
///
/// let one = IpPartition::from("2001:db8::1".parse::<IpAddr>()?);
/// let other = IpPartition::from("2001:db8::2".parse::<IpAddr>()?);
/// assert_eq!(one, other);
/// assert_eq!(one.to_string(), "2001:db8::/64");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IpPartition {
    /// With the host bits zero.
    network: IpAddr,
    prefix_bits: u8,
}

impl IpPartition {
    /// The next wider tier: /64, /56, /48, then none; none for IPv4.
    ///
    /// A provider may give a customer up to a /48, so a limit per /64 alone is easily evaded; the
    /// wider tiers get a larger quota.
    #[must_use]
    pub fn wider(self) -> Option<Self> {
        match (self.network, self.prefix_bits) {
            (IpAddr::V6(_), 64) => Some(Self::with_prefix(self.network, 56)),
            (IpAddr::V6(_), 56) => Some(Self::with_prefix(self.network, 48)),
            _ => None,
        }
    }

    /// The first address of the network.
    #[must_use]
    pub const fn network(self) -> IpAddr {
        self.network
    }

    /// The length of the network's prefix: 32, 64, 56 or 48.
    #[must_use]
    pub const fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }

    fn with_prefix(address: IpAddr, prefix_bits: u8) -> Self {
        let network = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => {
                let host_bits = 128_u32.saturating_sub(u32::from(prefix_bits));
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        };
        Self {
            network,
            prefix_bits,
        }
    }
}

impl From<IpAddr> for IpPartition {
    fn from(address: IpAddr) -> Self {
        const NAT64: u128 = 0x0064_ff9b << 96;
        let IpAddr::V6(v6) = address.to_canonical() else {
            return Self::with_prefix(address.to_canonical(), 32);
        };
        let bits = u128::from(v6);
        if bits & !u128::from(u32::MAX) == NAT64 {
            let v4 = u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0);
            return Self::with_prefix(IpAddr::V4(v4.into()), 32);
        }
        Self::with_prefix(address, 64)
    }
}

/// The address for IPv4, the network with its length for IPv6.
impl fmt::Display for IpPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/{}", self.prefix_bits),
        }
    }
}
