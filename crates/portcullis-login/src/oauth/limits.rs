//! The limits of logins that clients ask for.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{Clock, Tick};
use portcullis_limit::{Decision, IpPartition, Limiter, Quota, QuotaError, Usage};
use portcullis_registry::User;

const MINUTE: Duration = Duration::from_secs(60);

/// The limits and what was used of them, in this process.
#[derive(Debug)]
pub(super) struct Limits {
    /// Wrong user codes of a person.
    wrong_of_user: Limiter<User>,
    /// Wrong user codes of an address.
    wrong_of_ip: Limiter<IpPartition>,
    /// Device and authorization codes of an address that were refused. Of 256 bits nobody guesses
    /// one: this only keeps the store from being asked without end.
    refused: Limiter<IpPartition>,
    devices: Limiter<IpPartition>,
    registrations: Limiter<IpPartition>,
}

/// A code that was typed. It counts as wrong until it is said to be none.
#[derive(Debug)]
pub(super) struct Typed<'l> {
    limits: &'l Limits,
    user: (&'l User, Tick),
    ip: Option<(IpPartition, Tick)>,
}

impl Limits {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Result<Self, QuotaError> {
        let clock = || Arc::clone(clock);
        Ok(Self {
            wrong_of_user: Limiter::new(Quota::new(10, MINUTE * 15)?, clock()),
            wrong_of_ip: Limiter::new(Quota::new(100, MINUTE * 15)?, clock()),
            refused: Limiter::new(Quota::new(300, MINUTE)?, clock()),
            devices: Limiter::new(Quota::new(60, MINUTE * 10)?, clock()),
            registrations: Limiter::new(Quota::new(10, MINUTE * 60)?, clock()),
        })
    }

    /// Counts a code as wrong, or says how long to wait: nothing is counted then.
    pub(super) fn begin_code<'l>(
        &'l self,
        user: &'l User,
        ip: Option<IpAddr>,
    ) -> Result<Typed<'l>, Duration> {
        let of_user = admitted(self.wrong_of_user.check(user, 1))?;
        let mut typed = Typed {
            limits: self,
            user: (user, of_user.at),
            ip: None,
        };
        if let Some(ip) = ip.map(IpPartition::from) {
            match admitted(self.wrong_of_ip.check(&ip, 1)) {
                Ok(usage) => typed.ip = Some((ip, usage.at)),
                Err(wait) => {
                    typed.was_right();
                    return Err(wait);
                }
            }
        }
        Ok(typed)
    }

    /// Whether an address may present another device or authorization code, or how long it has to
    /// wait.
    pub(super) fn check_code(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        let usage = ip.map(|ip| self.refused.peek(&IpPartition::from(ip)));
        match usage {
            Some(usage) if usage.remaining == 0 => Err(usage.more_after),
            _ => Ok(()),
        }
    }

    /// An address has presented one that was refused.
    pub(super) fn note_refused_code(&self, ip: Option<IpAddr>) {
        if let Some(ip) = ip {
            // Over the limit nothing more is to be counted.
            let _: Decision = self.refused.check(&IpPartition::from(ip), 1);
        }
    }

    pub(super) fn check_device(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.devices, ip)
    }

    pub(super) fn check_registration(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        check(&self.registrations, ip)
    }
}

impl Typed<'_> {
    /// It was right, or that was not found out.
    pub(super) fn was_right(self) {
        let (user, at) = self.user;
        self.limits.wrong_of_user.refund(user, at, 1);
        if let Some((ip, at)) = self.ip {
            self.limits.wrong_of_ip.refund(&ip, at, 1);
        }
    }
}

fn check(limiter: &Limiter<IpPartition>, ip: Option<IpAddr>) -> Result<(), Duration> {
    match ip {
        Some(ip) => admitted(limiter.check(&IpPartition::from(ip), 1)).map(drop),
        None => Ok(()),
    }
}

fn admitted(decision: Decision) -> Result<Usage, Duration> {
    match decision {
        Decision::Admit(usage) => Ok(usage),
        Decision::Refuse { retry_after, .. } => Err(retry_after),
        // A cost of 1 fits every quota.
        Decision::NeverFits { .. } => Err(Duration::MAX),
    }
}
