//! From where accounts have logged in.

use portcullis_core::Timestamp;
use portcullis_limit::IpPartition;

/// A network that an account has logged in from, and when that was last noted.
///
/// A directory may keep the address of [`IpPartition::network`] alone: the network is made of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KnownNetwork {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub network: IpPartition,
    /// Later logins from there are noted at most once an hour.
    pub noted_at: Timestamp,
}

impl KnownNetwork {
    /// How many are kept for an account: those that were noted last.
    pub const MOST: usize = 8;
}
