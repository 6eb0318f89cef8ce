//! Who is signed in.

use std::net::IpAddr;

use portcullis_core::Timestamp;

use crate::{Account, TicketMac};

/// A person who is signed in to the pages: only [`Pages`](crate::Pages) makes one.
#[derive(Clone, Debug)]
pub struct PageUser {
    pub(crate) account: Account,
    pub(crate) signed_in_at: Timestamp,
    pub(crate) session: TicketMac,
}

impl PageUser {
    /// Who it is.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// When the password was given.
    #[must_use]
    pub const fn signed_in_at(&self) -> Timestamp {
        self.signed_in_at
    }
}

/// A sign-in to the pages, as the person is shown it. Nothing in it is secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageInfo {
    /// What it is ended by: 32 hexadecimal digits.
    pub id: String,
    /// When the password was given.
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// From where the password was given.
    pub ip: Option<IpAddr>,
    /// What the browser called itself: to be escaped.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub is_own: bool,
}
