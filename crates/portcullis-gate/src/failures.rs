//! How often the verification of a client's credentials may fail.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::Clock;
use portcullis_limit::{
    Charge, Decision, IpPartition, Joint, LimitNameError, Limits, NamedQuota, Quota,
};

/// How many networks of each width are told apart.
const NETWORKS: usize = 100_000;

/// The networks that a client's address is in, by how much more than one client they may fail: a
/// /64 (an IPv4 address) as often as the quota says, a /56 4 times as often, a /48 16 times.
const TIERS: [(&str, u32); 3] = [("64", 1), ("56", 4), ("48", 16)];

/// The limit on failures, by client address.
///
/// A failure is charged before it is known to be one, so that many at once gain nothing, and given
/// back when the credential turns out to be right.
#[derive(Debug)]
pub(crate) struct Failures(Limits<IpPartition, 3>);

/// A failure that is charged, and may turn out to be none.
#[derive(Debug)]
pub(crate) struct Suspicion(Option<(IpPartition, Joint)>);

impl Suspicion {
    /// Nobody is charged.
    pub(crate) const NONE: Self = Self(None);
}

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

    /// Charges a failure; refuses with the time to wait. An unknown address is not counted.
    pub(crate) fn charge(&self, ip: Option<IpAddr>) -> Result<Suspicion, Duration> {
        let Some(client) = ip.map(IpPartition::from) else {
            return Ok(Suspicion(None));
        };
        let joint = on_tiers(client, |charges| self.0.check(charges));
        match joint.decision {
            Decision::Admit(_) => Ok(Suspicion(Some((client, joint)))),
            Decision::Refuse { retry_after, .. } => Err(retry_after),
            Decision::NeverFits { .. } => Err(Duration::from_secs(1)),
        }
    }

    /// Gives back what was charged: it was no failure.
    pub(crate) fn excuse(&self, Suspicion(charged): Suspicion) {
        if let Some((client, joint)) = charged {
            on_tiers(client, |charges| self.0.refund(&joint, charges));
        }
    }
}

/// The charges on the networks of an address; IPv4 has no wider ones, which then only peek.
fn on_tiers<T>(client: IpPartition, with: impl FnOnce([Charge<'_, IpPartition>; 3]) -> T) -> T {
    let wide = client.wider();
    let widest = wide.and_then(IpPartition::wider);
    let charge = |network: &Option<IpPartition>| u32::from(network.is_some());
    with([
        Charge::new(&client, 1),
        Charge::new(wide.as_ref().unwrap_or(&client), charge(&wide)),
        Charge::new(widest.as_ref().unwrap_or(&client), charge(&widest)),
    ])
}
