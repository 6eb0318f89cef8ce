//! Where accounts and organisations are kept.

#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
mod network;
mod ticket;

use std::{fmt, sync::Arc};

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_registry::{AuditEntry, Owner, StoreError, User};
use portcullis_token::PepperVersion;

pub use memory::MemoryDirectory;
pub use network::KnownNetwork;
pub use ticket::{Ticket, TicketKind, TicketMac, TicketPut};

use crate::{Account, Email, Member, Membership, NewAccount, PasswordHash, Role, StoredAccount};

/// A durable home for accounts, organisations and memberships.
///
/// Object-safe and small on purpose. Implementers may not assume that one node is the only writer,
/// nor that a future is polled to its end: a write whose future was dropped has happened whole or
/// not at all. The checks of the feature `conformance` are part of this contract.
pub trait Directory: fmt::Debug + Send + Sync {
    /// Reads the account of an address, whatever the case of its ASCII letters.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>>;

    /// Reads an account.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>>;

    /// Reads what a person is a member of, in the order in which they joined: another role changes
    /// no place, and who comes back is the last.
    ///
    /// An unknown person is a member of nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>>;

    /// Makes an account, its organisation and the membership: all of them, durably, or nothing.
    ///
    /// # Errors
    /// [`DirectoryError`]. Nothing was written, but after `Store` that is not known.
    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>>;

    /// Reads the members of an organisation, by their addresses without regard to case.
    ///
    /// An unknown organisation has none.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>>;

    /// Makes somebody a member of an organisation, another member of it, or none: durably, and only
    /// if all is as the change says that it was found. An owner is always left.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written; whether it was is not known then.
    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>>;

    /// Replaces the hash of a password if it is still the old one.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>>;

    /// Reads from where the account of an address has logged in, the newest first; at most
    /// [`KnownNetwork::MOST`].
    ///
    /// What is no account has none. It should take about as long, since anybody may ask.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>>;

    /// Notes that a person has logged in from a network, and keeps the newest
    /// [`KnownNetwork::MOST`] of that person.
    ///
    /// A network that is there already gets the new instant, unless that is an earlier one. For an
    /// unknown person nothing is written.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Reads a ticket, also one that is of no use any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>>;

    /// Reads a ticket by its second MAC, also one that is of no use any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>>;

    /// Reads the tickets of one kind that are somebody's; those that end last first.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>>;

    /// Writes a ticket if it has the version that was read, or, at 0, if there is none of its MACs.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written; whether it was is not known then.
    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>>;

    /// Removes a ticket; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Removes tickets that ended before an instant, at most so many; says how many.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// How many accounts there are.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// How many accounts have a password under this pepper.
    ///
    /// Before a pepper is retired there should be none: whose password is under a pepper that is
    /// gone can't log in with it again.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>>;
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        (**self).account_by_email(email)
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        (**self).account(id)
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        (**self).memberships(id)
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        (**self).create(new)
    }

    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>> {
        (**self).members(org)
    }

    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>> {
        (**self).change_member(change)
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        (**self).replace_password_hash(id, old, new)
    }

    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>> {
        (**self).known_networks(email)
    }

    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>> {
        (**self).note_network(id, known)
    }

    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        (**self).ticket(kind, mac)
    }

    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        (**self).ticket_by_second(kind, second)
    }

    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>> {
        (**self).tickets_of(kind, user)
    }

    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>> {
        (**self).put_ticket(ticket)
    }

    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        (**self).remove_ticket(kind, mac)
    }

    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        (**self).remove_tickets_before(before, limit)
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        (**self).count_accounts()
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        (**self).count_passwords_under(pepper)
    }
}

/// A change of what somebody is in an organisation, and what it depends on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberChange {
    /// The organisation.
    pub org: Owner,
    /// The person.
    pub user: User,
    /// What the person was found to be; nothing, if no member.
    pub from: Option<Role>,
    /// What the person is to be, which is something else; nothing, if no longer a member.
    pub to: Option<Role>,
    /// Who changes it, and what they were found to be in the organisation; nobody, if the
    /// application does.
    pub by: Option<(User, Role)>,
    /// The line for the audit log that says so.
    pub entry: AuditEntry,
}

/// What came of a change of a member.
#[must_use = "the member may not have been changed"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberChanged {
    /// It was made, durably.
    Done {
        /// Whether the line is in the audit log too, since the directory lives in the registry's
        /// store and has written both at once; else it is still to be written.
        is_logged: bool,
    },
    /// The person or whoever changes them was something else meanwhile, or there is no such person
    /// or organisation. Nothing was written.
    Overtaken,
    /// No owner would be left. Nothing was written.
    LastOwner,
}

/// Whether the hash of a password was replaced.
#[must_use = "the hash may not have been replaced"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Replaced {
    /// It was, durably.
    Done,
    /// It was another one meanwhile, or there is no such account. Nothing was written.
    Overtaken,
}

/// Why an account was not made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// Another organisation has this slug.
    #[error("another organisation has this slug")]
    SlugTaken,
    /// The store failed; whether the account was written is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}
