//! From where a credential is accepted.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use ipnet::IpNet;

/// The most networks of one credential.
const MOST: usize = 32;

/// The networks from which a credential is accepted; any, unless some are named.
///
/// # Syntax
/// Networks in CIDR form (RFC 4632, RFC 4291), or single addresses, at most 32, with one space or a
/// comma between them: `203.0.113.0/24 2001:db8::/32`. The address of a network has no bit beyond
/// its prefix. IPv4 in IPv6 (`::ffff:203.0.113.9`) counts as IPv4. The text has them in order, each
/// once; the empty text is any network.
///
/// # Examples
/// ```
/// use portcullis_registry::{Networks, ParseNetworksError};
///
/// let office: Networks = "203.0.113.0/24, 2001:db8::/32".parse()?;
/// assert!(office.allows("203.0.113.9".parse().ok()));
/// assert!(!office.allows("198.51.100.1".parse().ok()));
/// assert!(!office.allows(None), "a client without an address is nowhere");
/// assert_eq!("203.0.113.9/24".parse::<Networks>(), Err(ParseNetworksError::HostBits { index: 0 }));
/// # Ok::<(), ParseNetworksError>(())
/// ```
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct Networks(
    // INVARIANT: sorted, each once; not empty.
    Option<Arc<[IpNet]>>,
);

/// Why a text is not a list of networks. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseNetworksError {
    /// The address of a network has bits beyond its prefix.
    #[error("network {index} has bits set beyond its prefix")]
    HostBits {
        /// Which of the list, from 0.
        index: usize,
    },
    /// Neither a network nor an address.
    #[error("network {index} is not of the form `203.0.113.0/24` or `2001:db8::/32`")]
    Syntax {
        /// Which of the list, from 0.
        index: usize,
    },
    /// More than 32.
    #[error("at most 32 networks")]
    TooMany,
}

impl Networks {
    /// Any network.
    pub const ANY: Self = Self(None);

    /// Reads a list of networks; none is any.
    ///
    /// # Errors
    /// [`ParseNetworksError`] with the index of the first that is none.
    pub fn parse<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Self, ParseNetworksError> {
        let mut read = Vec::new();
        for (index, text) in networks.into_iter().enumerate() {
            if index >= MOST {
                return Err(ParseNetworksError::TooMany);
            }
            read.push(network(text.as_ref(), index)?);
        }
        read.sort_unstable();
        read.dedup();
        Ok(Self((!read.is_empty()).then(|| read.into())))
    }

    /// Whether any network will do.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a client of this address is accepted; one without an address only if any will do.
    #[must_use]
    pub fn allows(&self, ip: Option<IpAddr>) -> bool {
        let Some(networks) = &self.0 else {
            return true;
        };
        let ip = ip.map(|ip| ip.to_canonical());
        ip.is_some_and(|ip| networks.iter().any(|network| network.contains(&ip)))
    }

    /// Whether every address that is accepted here is accepted there, network by network.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(these), Some(those)) => these
                .iter()
                .all(|this| those.iter().any(|that| that.contains(this))),
        }
    }

    /// The networks as texts, in order; none if any will do.
    pub fn names(&self) -> impl ExactSizeIterator<Item = String> {
        let networks = self.0.as_deref().unwrap_or_default();
        networks.iter().map(ToString::to_string)
    }
}

fn network(text: &str, index: usize) -> Result<IpNet, ParseNetworksError> {
    let syntax = ParseNetworksError::Syntax { index };
    let network: IpNet = if text.contains('/') {
        text.parse().map_err(|_| syntax)?
    } else {
        IpNet::from(text.parse::<IpAddr>().map_err(|_| syntax)?)
    };
    if network.trunc() != network {
        return Err(ParseNetworksError::HostBits { index });
    }
    // Of IPv4 in IPv6 there is a network of IPv4 alone.
    let mapped = match (network.network(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V6(address), Some(prefix)) => address.to_ipv4_mapped().zip(Some(prefix)),
        _ => None,
    };
    match mapped {
        Some((address, prefix)) => IpNet::new(address.into(), prefix).map_err(|_| syntax),
        None => Ok(network),
    }
}

impl FromStr for Networks {
    type Err = ParseNetworksError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::ANY);
        }
        let separated = text.split([',', ' ']).map(str::trim);
        // A comma may have a space behind it.
        Self::parse(separated.filter(|part| !part.is_empty()))
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for network in self.names() {
            write!(f, "{separator}{network}")?;
            separator = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Networks({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_a_network_of_its_own_and_ipv4_in_ipv6_is_ipv4() {
        assert_eq!(networks("203.0.113.9").to_string(), "203.0.113.9/32");
        assert_eq!(
            networks("::ffff:203.0.113.0/120"),
            networks("203.0.113.0/24")
        );
        assert!(networks("203.0.113.0/24").allows("::ffff:203.0.113.9".parse().ok()));
        assert!(!networks("::/0").allows("203.0.113.9".parse().ok()));
        assert_eq!(networks("10.0.0.0/8,10.0.0.0/8").names().len(), 1);
    }

    #[test]
    fn a_network_lies_within_others_or_not() {
        assert!(networks("10.1.0.0/16").is_within(&networks("192.0.2.1 10.0.0.0/8")));
        assert!(!networks("10.0.0.0/8").is_within(&networks("10.1.0.0/16")));
        assert!(networks("10.0.0.0/8").is_within(&Networks::ANY));
        assert!(!Networks::ANY.is_within(&networks("0.0.0.0/0 ::/0")));
    }

    #[test]
    fn what_is_not_a_network_is_refused_with_its_index() {
        assert_eq!(
            "10.0.0.0/8 x".parse::<Networks>(),
            Err(ParseNetworksError::Syntax { index: 1 })
        );
        assert_eq!(
            "10.0.0.0/33".parse::<Networks>(),
            Err(ParseNetworksError::Syntax { index: 0 })
        );
        assert_eq!(
            "2001:db8::1/64".parse::<Networks>(),
            Err(ParseNetworksError::HostBits { index: 0 })
        );
        assert_eq!(
            Networks::parse(["10.0.0.0/8"; 33]),
            Err(ParseNetworksError::TooMany)
        );
        assert_eq!("".parse(), Ok(Networks::ANY));
    }
}
