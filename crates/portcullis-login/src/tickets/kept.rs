//! Tickets with what this crate writes into them.

use portcullis_core::Timestamp;
use portcullis_registry::{StoreError, User};
use serde::{Serialize, de::DeserializeOwned};

use super::Codes;
use crate::{Directory, Ticket, TicketKind, TicketMac, TicketPut, Unavailable};

/// How many old tickets one new one takes with it.
const REMOVED_AT_ONCE: usize = 64;
/// For so long what has ended is still known to have been.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// What is written into the tickets of a kind. No secrets.
pub(crate) trait Body: Serialize + DeserializeOwned {
    /// Of which kind.
    const KIND: TicketKind;
}

/// A ticket that was read, or is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Kept<B> {
    pub(crate) ticket: Ticket,
    pub(crate) body: B,
}

/// Others have changed the same again and again.
pub(crate) fn contended() -> Unavailable {
    Unavailable::from(portcullis_registry::ChangeError::Contended)
}

impl<B: Body> Kept<B> {
    /// A new one, which nobody has written yet.
    pub(crate) const fn new(mac: TicketMac, expires_at: Timestamp, body: B) -> Self {
        Self {
            ticket: Ticket {
                kind: B::KIND,
                mac,
                second: None,
                user: None,
                version: 0,
                expires_at,
                body: String::new(),
            },
            body,
        }
    }

    pub(crate) fn with_second(mut self, second: TicketMac) -> Self {
        self.ticket.second = Some(second);
        self
    }

    pub(crate) fn with_user(mut self, user: User) -> Self {
        self.ticket.user = Some(user);
        self
    }

    pub(crate) fn of(ticket: Ticket) -> Result<Self, Unavailable> {
        let body = serde_json::from_str(&ticket.body).map_err(|error| {
            // What serde says of it may quote the body, which names people.
            let at = format!("line {}, column {}", error.line(), error.column());
            Unavailable::permanent("a stored ticket can't be read", at)
        })?;
        Ok(Self { ticket, body })
    }

    /// The one of a code, also if it has ended.
    pub(crate) async fn find(
        directory: &dyn Directory,
        codes: &Codes,
        code: &[u8],
    ) -> Result<Option<Self>, Unavailable> {
        for mac in codes.macs(code) {
            if let Some(ticket) = directory.ticket(B::KIND, mac).await? {
                return Self::of(ticket).map(Some);
            }
        }
        Ok(None)
    }

    /// The one of a second code, also if it has ended.
    pub(crate) async fn find_second(
        directory: &dyn Directory,
        codes: &Codes,
        code: &[u8],
    ) -> Result<Option<Self>, Unavailable> {
        for mac in codes.macs(code) {
            if let Some(ticket) = directory.ticket_by_second(B::KIND, mac).await? {
                return Self::of(ticket).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.ticket.expires_at <= now
    }

    /// Writes it, if nobody else has since it was read.
    pub(crate) async fn put(&self, directory: &dyn Directory) -> Result<TicketPut, Unavailable> {
        let body = serde_json::to_string(&self.body)
            .map_err(|error| Unavailable::permanent("a ticket can't be written", error))?;
        let ticket = Ticket {
            body,
            ..self.ticket.clone()
        };
        Ok(directory.put_ticket(ticket).await?)
    }

    /// Writes a new one, and removes some that have ended long ago.
    pub(crate) async fn put_new(
        &self,
        directory: &dyn Directory,
        now: Timestamp,
    ) -> Result<TicketPut, Unavailable> {
        let before = now.saturating_sub(REMEMBERED);
        let removed = directory.remove_tickets_before(before, REMOVED_AT_ONCE);
        let _: Result<u64, StoreError> = removed.await.inspect_err(|error| {
            tracing::warn!(error = %error, "old tickets stay for now");
        });
        self.put(directory).await
    }
}
