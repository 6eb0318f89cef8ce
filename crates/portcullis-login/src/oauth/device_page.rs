//! Device logins: what the person is shown, and decides (RFC 8628, section 3.3).

use std::net::IpAddr;

use portcullis_core::Timestamp;

use super::{ApprovalError, ClientShown, Decision, OAuth, OrgChoice};
use crate::PageUser;

/// A device that waits, as the person who has typed its code is shown it.
#[derive(Clone, Debug)]
pub struct DeviceShown {
    /// Who asks.
    pub client: ClientShown,
    /// From where the device asked, if known.
    pub ip: Option<IpAddr>,
    /// What the device calls itself: its own claim, to be escaped.
    pub user_agent: Option<String>,
    /// When it asked.
    pub asked_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// Where it may be let in, the oldest organisation first; if there is none, the person can only
    /// deny it.
    pub orgs: Vec<OrgChoice>,
    /// What the decision is sent back with. It is of no use to another person or sign-in, nor once
    /// what was shown is no longer so.
    pub handle: String,
}

impl OAuth {
    /// Shows the device that waits under a code, to a person who has signed in within the last hour.
    ///
    /// # Errors
    /// [`ApprovalError`]: `SignInAgain`, `RateLimited` after 10 wrong codes of the person or 20 of
    /// the address in 15 minutes, `NoSuchCode`, `Unavailable`.
    pub async fn device_shown(
        &self,
        user_code: &str,
        user: &PageUser,
        ip: Option<IpAddr>,
    ) -> Result<DeviceShown, ApprovalError> {
        todo!("{user_code} {user:?} {ip:?}")
    }

    /// Decides about the device that was shown. Once: what comes later finds that it has
    /// [ended](ApprovalError::Ended).
    ///
    /// # Errors
    /// [`ApprovalError`]: `SignInAgain`, `Ended`, `NoSuchOrg`, `Unavailable`.
    pub async fn decide_device(
        &self,
        handle: &str,
        user: &PageUser,
        decision: &Decision,
        ip: Option<IpAddr>,
    ) -> Result<(), ApprovalError> {
        todo!("{handle} {user:?} {decision:?} {ip:?}")
    }
}
