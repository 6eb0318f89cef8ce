//! How often the verification of a client's credentials may fail.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::Clock;
use portcullis_limit::{Charge, Decision, IpPartition, LimitNameError, Limits, NamedQuota, Quota};

/// How many networks of each width are told apart.
const NETWORKS: usize = 100_000;

/// The networks that a client's address is in, by how much more than one client they may fail: a
/// /64 (an IPv4 address) as often as the quota says, a /56 4 times as often, a /48 16 times.
const TIERS: [(&str, u32); 3] = [("64", 1), ("56", 4), ("48", 16)];

/// The limit on failures, by client address. An unknown address is not counted.
#[derive(Debug)]
pub(crate) struct Failures(Limits<IpPartition, 3>);

impl Failures {
    pub(crate) fn new(quota: Quota, clock: Arc<dyn Clock>) -> Result<Self, LimitNameError> {
        let tier = |(name, times): (&str, u32)| {
            let units = quota.units().saturating_mul(times);
            let wider = Quota::new(units, quota.window()).unwrap_or(quota);
            NamedQuota::new(name, wider)
        };
        let [narrow, wide, widest] = TIERS.map(tier);
        let limits = Limits::new([narrow?, wide?, widest?], clock);
        Ok(Self(limits.with_capacity(NETWORKS)))
    }

    /// For how long a client that has failed too often has to wait.
    pub(crate) fn wait(&self, ip: Option<IpAddr>) -> Option<Duration> {
        let tiers = Tiers::of(ip?);
        let full = self
            .0
            .peek([&tiers.client, tiers.wide(), tiers.widest()])
            .into_iter();
        full.filter(|usage| usage.remaining == 0)
            .map(|usage| usage.more_after)
            .max()
    }

    /// Counts a failure; refuses with the time to wait.
    pub(crate) fn count(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        let Some(ip) = ip else { return Ok(()) };
        let tiers = Tiers::of(ip);
        let charges = [
            Charge::new(&tiers.client, 1),
            Charge::new(tiers.wide(), u32::from(tiers.wide.is_some())),
            Charge::new(tiers.widest(), u32::from(tiers.widest.is_some())),
        ];
        match self.0.check(charges).decision {
            Decision::Admit(_) => Ok(()),
            Decision::Refuse { retry_after, .. } => Err(retry_after),
            Decision::NeverFits { .. } => Err(Duration::from_secs(1)),
        }
    }
}

/// The networks that an address is in. IPv4 has no wider ones: the address itself then stands for
/// them and is only peeked at, which counts nothing.
struct Tiers {
    client: IpPartition,
    wide: Option<IpPartition>,
    widest: Option<IpPartition>,
}

impl Tiers {
    fn of(ip: IpAddr) -> Self {
        let client = IpPartition::from(ip);
        let wide = client.wider();
        Self {
            client,
            wide,
            widest: wide.and_then(IpPartition::wider),
        }
    }

    fn wide(&self) -> &IpPartition {
        self.wide.as_ref().unwrap_or(&self.client)
    }

    fn widest(&self) -> &IpPartition {
        self.widest.as_ref().unwrap_or(&self.client)
    }
}
