//! The limits of login, checked before a password is looked at.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{Clock, Tick};
use portcullis_limit::{Decision, IpPartition, Limiter, Quota, Usage};
use portcullis_token::Pepper;

use super::known::Known;
use crate::{Email, SetupError};

/// What stands for an account in the tables: a keyed hash of the address that was typed.
///
/// Whether there is such an account makes no difference.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct AccountTag(pub(super) [u8; 16]);

/// The limits and what was used of them.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// Of this process alone: nothing under it is kept.
    tags: Pepper,
    known: Known,
    logins: Limiter<IpPartition>,
    /// Failures of an account from all addresses that are not known to it.
    strangers: Limiter<AccountTag>,
    /// Failures of an account from each address that is.
    familiar: Limiter<(AccountTag, IpPartition)>,
    refreshes: Limiter<IpPartition>,
}

/// One attempt. It counts as a failure until it is said to be none, also if it is dropped.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    account: AccountTag,
    address: Option<IpPartition>,
    charged: Charged,
}

#[derive(Clone, Copy, Debug)]
enum Charged {
    Stranger { at: Tick },
    Familiar { address: IpPartition, at: Tick },
}

impl Attempts {
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Result<Self, SetupError> {
        let clock = || Arc::clone(clock);
        let failures = Quota::new(5, Duration::from_secs(15 * 60))?;
        Ok(Self {
            tags: Pepper::generate()?,
            known: Known::default(),
            logins: Limiter::new(Quota::new(10, Duration::from_secs(60))?, clock()),
            strangers: Limiter::new(failures, clock()),
            familiar: Limiter::new(failures, clock()),
            refreshes: Limiter::new(Quota::new(20, Duration::from_secs(60))?, clock()),
        })
    }

    pub(crate) fn set_logins(&self, quota: Quota) {
        self.logins.set_quota(quota);
    }

    pub(crate) fn set_failures(&self, quota: Quota) {
        self.strangers.set_quota(quota);
        self.familiar.set_quota(quota);
    }

    /// Begins an attempt to log in, or says how long to wait. A refusal charges nothing.
    pub(crate) fn begin(&self, email: &str, ip: Option<IpAddr>) -> Result<Attempt<'_>, Duration> {
        let account = self.tag(email);
        let address = ip.map(IpPartition::from);
        let login = match address {
            Some(address) => Some((address, admitted(self.logins.check(&address, 1))?)),
            None => None,
        };
        let charged = self.charge(account, address).inspect_err(|_| {
            if let Some((address, usage)) = &login {
                self.logins.refund(address, usage.at, 1);
            }
        })?;
        Ok(Attempt {
            attempts: self,
            account,
            address,
            charged,
        })
    }

    fn charge(
        &self,
        account: AccountTag,
        address: Option<IpPartition>,
    ) -> Result<Charged, Duration> {
        match address.filter(|address| self.known.contains(account, *address)) {
            Some(address) => {
                let usage = admitted(self.familiar.check(&(account, address), 1))?;
                Ok(Charged::Familiar {
                    address,
                    at: usage.at,
                })
            }
            None => {
                let usage = admitted(self.strangers.check(&account, 1))?;
                Ok(Charged::Stranger { at: usage.at })
            }
        }
    }

    /// The account has proved itself at this address in another way.
    pub(crate) fn note(&self, email: &Email, ip: Option<IpAddr>) {
        if let Some(ip) = ip {
            self.known.note(self.tag(email.folded()), ip.into());
        }
    }

    /// Whether an address may present another refresh token, or how long it has to wait.
    pub(crate) fn check_refresh(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        let usage = ip.map(|ip| self.refreshes.peek(&IpPartition::from(ip)));
        match usage {
            Some(usage) if usage.remaining == 0 => Err(usage.more_after),
            _ => Ok(()),
        }
    }

    /// An address has presented a refresh token that was refused.
    pub(crate) fn note_refused_refresh(&self, ip: Option<IpAddr>) {
        if let Some(ip) = ip {
            // Over the limit nothing more is to be counted.
            let _: Decision = self.refreshes.check(&IpPartition::from(ip), 1);
        }
    }

    fn tag(&self, email: &str) -> AccountTag {
        // What is longer is no address, and all that begin alike may share a tag.
        let most = email.len().min(Email::MAX_BYTES);
        let bytes = email.as_bytes().get(..most).unwrap_or_default();
        let mac = self.tags.mac_message(&bytes.to_ascii_lowercase());
        AccountTag(mac.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl Attempt<'_> {
    /// It was the password: the address is known to the account from now on.
    pub(crate) fn succeed(self) {
        self.excuse();
        if let Some(address) = self.address {
            self.attempts.known.note(self.account, address);
            self.attempts.familiar.reset(&(self.account, address));
        }
    }

    /// It was not found out whether it was the password.
    pub(crate) fn excuse(&self) {
        match self.charged {
            Charged::Stranger { at } => self.attempts.strangers.refund(&self.account, at, 1),
            Charged::Familiar { address, at } => {
                let place = (self.account, address);
                self.attempts.familiar.refund(&place, at, 1);
            }
        }
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
