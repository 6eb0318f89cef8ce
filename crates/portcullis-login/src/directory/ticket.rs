//! What is waited for: logins of devices, authorization codes, the sessions of pages.

use std::fmt;

use portcullis_core::Timestamp;
use portcullis_registry::User;

/// What a ticket is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TicketKind {
    /// A device that waits for somebody to let it in.
    Device,
    /// An authorization code.
    Code,
    /// A person who is signed in to the pages.
    Page,
    /// A client that has registered itself.
    Client,
}

impl TicketKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Device, Self::Code, Self::Page, Self::Client];

    /// As it stands in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Code => "code",
            Self::Page => "page",
            Self::Client => "client",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The MAC of a code, by which its ticket is found: the code itself is kept nowhere.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TicketMac([u8; 32]);

impl TicketMac {
    /// A MAC of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TicketMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketMac(..)")
    }
}

/// Something that is waited for, for some minutes or hours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ticket {
    /// What it is for.
    pub kind: TicketKind,
    /// By what it is found. No two of a kind have the same.
    pub mac: TicketMac,
    /// By what else it is found: the code that a person types. No two of a kind have the same.
    pub second: Option<TicketMac>,
    /// Whose it is, if anybody's yet.
    pub user: Option<User>,
    /// How often it has been written: 0 if no directory has it yet.
    pub version: u64,
    /// From when it is of no use.
    pub expires_at: Timestamp,
    /// JSON of this crate's, without secrets.
    pub body: String,
}

/// Whether a ticket was written.
#[must_use = "the ticket may not have been written"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TicketPut {
    /// It was, durably, with the next version.
    Done,
    /// It has another version, or is gone; or a new one has a MAC that another has. Nothing was
    /// written.
    Overtaken,
}
