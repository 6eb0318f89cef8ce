//! Device logins: what the person is shown, and decides (RFC 8628, section 3.3).

use std::net::IpAddr;

use portcullis_core::Timestamp;
use serde_json::json;

use super::{
    ApprovalError, ClientShown, Decision, OAuth, OrgChoice, UserCode,
    approval::sealed,
    device::{Device, State},
};
use crate::{
    PageUser, TicketMac, TicketPut,
    tickets::{self, Body, Kept, contended},
};

/// How often a decision is written against questions of the device.
const TRIES: usize = 8;

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
    /// [`ApprovalError`]: `SignInAgain`, `RateLimited` after 10 wrong codes of the person or 100 of
    /// the address in 15 minutes, `NoSuchCode`, `Unavailable`.
    pub async fn device_shown(
        &self,
        user_code: &str,
        user: &PageUser,
        ip: Option<IpAddr>,
    ) -> Result<DeviceShown, ApprovalError> {
        if !self.is_fresh(user) {
            return Err(ApprovalError::SignInAgain);
        }
        let wait = |retry_after| ApprovalError::RateLimited { retry_after };
        let typed = self.limits.begin_code(&user.account.id, ip);
        let typed = typed.map_err(wait)?;
        // What can't be a code is a wrong one as well.
        let found = match user_code.parse::<UserCode>() {
            Ok(code) => self.waiting(&code).await,
            Err(_) => Ok(None),
        };
        let device = match found {
            Ok(Some(device)) => device,
            Ok(None) => return Err(ApprovalError::NoSuchCode),
            Err(error) => {
                typed.was_right();
                return Err(error);
            }
        };
        typed.was_right();
        let known = self.client(&device.body.client).await?;
        let known = known.ok_or(ApprovalError::NoSuchCode)?;
        let orgs = self.choices(user, &device.body.scope).await?;
        let code = tickets::text(&device.ticket.mac);
        let seal = self.codes.approvals.seal(&message(&code, user, &orgs));
        Ok(DeviceShown {
            client: Self::shown(&known),
            ip: device.body.ip,
            user_agent: device.body.user_agent,
            asked_at: Timestamp::from_unix_micros(device.body.asked_at),
            expires_at: device.ticket.expires_at,
            handle: format!("{code}.{seal}"),
            orgs,
        })
    }

    /// The device that waits under a code.
    async fn waiting(&self, code: &UserCode) -> Result<Option<Kept<Device>>, ApprovalError> {
        let directory = &**self.login.directory();
        let found = Kept::<Device>::find_second(directory, &self.codes.users, code.letters());
        let now = self.now();
        let is_waiting = |kept: &Kept<Device>| kept.body.state == State::Waiting;
        let found = found.await?.filter(is_waiting);
        Ok(found.filter(|kept| !kept.has_ended(now)))
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
        if !self.is_fresh(user) {
            return Err(ApprovalError::SignInAgain);
        }
        let directory = &**self.login.directory();
        let (code, seal) = handle.split_once('.').ok_or(ApprovalError::Ended)?;
        let mac = tickets::read(code).ok_or(ApprovalError::Ended)?;
        for _ in 0..TRIES {
            let ticket = directory.ticket(Device::KIND, TicketMac::from_bytes(mac));
            let ticket = ticket.await?.ok_or(ApprovalError::Ended)?;
            let mut device = Kept::<Device>::of(ticket)?;
            let choices = self.choices(user, &device.body.scope).await?;
            let message = message(code, user, &choices);
            let is_shown = self.codes.approvals.is_seal(&message, seal);
            let is_waiting = device.body.state == State::Waiting;
            if !is_shown || !is_waiting || device.has_ended(self.now()) {
                return Err(ApprovalError::Ended);
            }
            let (action, owner, details) = match decision {
                Decision::Deny => {
                    device.body.state = State::Denied;
                    (
                        "device.denied",
                        None,
                        json!({ "askedFrom": device.body.ip }),
                    )
                }
                Decision::Approve(org) => {
                    let choice = choices.iter().find(|choice| choice.org.id == *org);
                    let choice = choice.ok_or(ApprovalError::NoSuchOrg)?;
                    let catalogue = self.login.registry().catalogue();
                    let scopes = device.body.scope.approved(catalogue, choice);
                    let details = json!({ "scopes": scopes, "askedFrom": device.body.ip });
                    let org_id = org.to_string();
                    device.body.state = State::Approved {
                        org: org_id,
                        scopes,
                    };
                    device.ticket.user = Some(user.account.id.clone());
                    ("device.approved", Some(org.clone()), details)
                }
            };
            match device.put(directory).await? {
                TicketPut::Done => {
                    let by = format!("user:{}", user.account.id);
                    let client = &device.body.client;
                    self.note(action, by, client, owner, ip, details).await?;
                    return Ok(());
                }
                // The device has asked meanwhile, or it was decided on another page.
                TicketPut::Overtaken => {}
            }
        }
        Err(contended().into())
    }
}

fn message(code: &str, user: &PageUser, choices: &[OrgChoice]) -> Vec<u8> {
    sealed("device", &json!(code), user, choices)
}
