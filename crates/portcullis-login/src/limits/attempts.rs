//! The limits of login, checked before a password is looked at.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{Clock, Tick};
use portcullis_limit::{Decision, IpPartition, Limiter, Quota, Usage};
use portcullis_registry::{Owner, StoreError};
use portcullis_token::Pepper;

use super::known::{Known, Note, Recall};
use crate::{Account, Directory, Email, KnownNetwork, LoginError, SetupError};

const HOUR: Duration = Duration::from_secs(60 * 60);

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
    clock: Arc<dyn Clock>,
    known: Known,
    logins: Limiter<IpPartition>,
    /// Failures of an account from all addresses that are not known to it.
    strangers: Limiter<AccountTag>,
    /// Failures of an account from each address that is.
    familiar: Limiter<(AccountTag, IpPartition)>,
    refreshes: Limiter<IpPartition>,
    signups: Limiter<IpPartition>,
    /// Addresses without an account that an organisation has tried to add.
    lookups: Limiter<Owner>,
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
            clock: clock(),
            known: Known::default(),
            logins: Limiter::new(Quota::new(10, Duration::from_secs(60))?, clock()),
            strangers: Limiter::new(failures, clock()),
            familiar: Limiter::new(failures, clock()),
            refreshes: Limiter::new(Quota::new(20, Duration::from_secs(60))?, clock()),
            signups: Limiter::new(Quota::new(5, HOUR)?, clock()),
            lookups: Limiter::new(Quota::new(10, HOUR)?, clock()),
        })
    }

    pub(crate) fn set_logins(&self, quota: Quota) {
        self.logins.set_quota(quota);
    }

    pub(crate) fn set_signups(&self, quota: Quota) {
        self.signups.set_quota(quota);
    }

    pub(crate) fn set_failures(&self, quota: Quota) {
        self.strangers.set_quota(quota);
        self.familiar.set_quota(quota);
    }

    /// Begins an attempt to log in. A refusal charges nothing.
    ///
    /// # Errors
    /// [`LoginError`]: `RateLimited`, or `Unavailable` if the directory could not be asked for the
    /// networks of the account. That is counted as a login of the address.
    pub(crate) async fn begin(
        &self,
        directory: &dyn Directory,
        email: &str,
        ip: Option<IpAddr>,
    ) -> Result<Attempt<'_>, LoginError> {
        let account = self.tag(email);
        let Some(ip) = ip else {
            let charged = self.charge(account, None).map_err(refused)?;
            return Ok(self.attempt(account, None, charged));
        };
        let address = IpPartition::from(ip);
        let login = admitted(self.logins.check(&address, 1)).map_err(refused)?;
        let email = email.parse().ok();
        let is_known = self.is_known(directory, email, account, address).await?;
        let familiar = is_known.then_some(address);
        let charged = self.charge(account, familiar).map_err(|wait| {
            self.logins.refund(&address, login.at, 1);
            refused(wait)
        })?;
        Ok(self.attempt(account, Some(address), charged))
    }

    const fn attempt(
        &self,
        account: AccountTag,
        address: Option<IpPartition>,
        charged: Charged,
    ) -> Attempt<'_> {
        Attempt {
            attempts: self,
            account,
            address,
            charged,
        }
    }

    /// Whether the account has logged in from this address; the directory is asked if need be.
    ///
    /// That takes the same whether there is such an account or not.
    async fn is_known(
        &self,
        directory: &dyn Directory,
        email: Option<Email>,
        account: AccountTag,
        address: IpPartition,
    ) -> Result<bool, StoreError> {
        let now = self.clock.tick();
        if let (Recall::Unread, Some(email)) = (self.known.recall(account, address, now), email) {
            let read = directory.known_networks(email).await?;
            self.known.learn(account, read, now);
        }
        Ok(self.known.recall(account, address, now) == Recall::Known)
    }

    fn charge(
        &self,
        account: AccountTag,
        familiar: Option<IpPartition>,
    ) -> Result<Charged, Duration> {
        match familiar {
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

    /// The account has proved itself at this address, which it knows from now on.
    ///
    /// If the directory can't be told, this process alone remembers.
    pub(crate) async fn remember(
        &self,
        directory: &dyn Directory,
        account: &Account,
        ip: Option<IpAddr>,
    ) {
        let Some(network) = ip.map(IpPartition::from) else {
            return;
        };
        let tag = self.tag(account.email.folded());
        let warn = |error: StoreError| {
            tracing::warn!(user = %account.id, error = %error, "an address was not noted");
        };
        // A refresh may be the first that is heard of the account since the start.
        let email = Some(account.email.clone());
        if let Err(error) = self.is_known(directory, email, tag, network).await {
            warn(error);
        }
        let noted_at = self.clock.now();
        if self.known.note(tag, network, noted_at) == Note::Due {
            let known = KnownNetwork { network, noted_at };
            match directory.note_network(account.id.clone(), known).await {
                Ok(()) => self.known.stored(tag, known),
                Err(error) => warn(error),
            }
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

    /// Counts a sign-up of an address, or says how long it has to wait.
    pub(crate) fn check_signup(&self, ip: Option<IpAddr>) -> Result<(), Duration> {
        match ip {
            Some(ip) => admitted(self.signups.check(&IpPartition::from(ip), 1)).map(drop),
            None => Ok(()),
        }
    }

    /// Counts that an organisation looks for an account that there may not be, or says how long it
    /// has to wait.
    pub(crate) fn begin_lookup(&self, org: &Owner) -> Result<Tick, Duration> {
        admitted(self.lookups.check(org, 1)).map(|usage| usage.at)
    }

    /// There was an account.
    pub(crate) fn excuse_lookup(&self, org: &Owner, at: Tick) {
        self.lookups.refund(org, at, 1);
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
    /// It was the password. The address is then to be [remembered](Attempts::remember).
    pub(crate) fn succeed(self) {
        self.excuse();
        if let Some(address) = self.address {
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

const fn refused(retry_after: Duration) -> LoginError {
    LoginError::RateLimited { retry_after }
}

fn admitted(decision: Decision) -> Result<Usage, Duration> {
    match decision {
        Decision::Admit(usage) => Ok(usage),
        Decision::Refuse { retry_after, .. } => Err(retry_after),
        // A cost of 1 fits every quota.
        Decision::NeverFits { .. } => Err(Duration::MAX),
    }
}
