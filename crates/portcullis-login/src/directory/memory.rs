//! A directory in memory.

use std::{
    cmp::Reverse,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_registry::{Owner, StoreError, User};
use portcullis_token::PepperVersion;

use super::{
    Directory, DirectoryError, KnownNetwork, MemberChange, MemberChanged, Replaced, Ticket,
    TicketKind, TicketMac, TicketPut,
};
use crate::{
    Account, Email, Member, Membership, NewAccount, Org, PasswordHash, Role, StoredAccount,
};

/// A directory that is gone with the process: for tests, and for trials without a disk.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    people: Mutex<People>,
}

#[derive(Debug, Default)]
struct People {
    entries: Vec<Entry>,
    orgs: Vec<Org>,
    memberships: Vec<(User, Owner, Role)>,
    tickets: Vec<Ticket>,
}

#[derive(Debug)]
struct Entry {
    stored: StoredAccount,
    /// The newest first.
    networks: Vec<KnownNetwork>,
}

impl MemoryDirectory {
    /// A directory with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, People> {
        // Each write is one step, so a panic elsewhere has left nothing half done.
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<T>(
        &self,
        is_wanted: impl Fn(&Account) -> bool,
        read: impl Fn(&Entry) -> T,
    ) -> Option<T> {
        let people = self.lock();
        let mut entries = people.entries.iter();
        entries
            .find(|entry| is_wanted(&entry.stored.account))
            .map(read)
    }
}

impl People {
    fn role(&self, user: &User, org: &Owner) -> Option<Role> {
        let mut all = self.memberships.iter();
        all.find(|(of, with, _)| of == user && with == org)
            .map(|(_, _, role)| *role)
    }

    fn create(&mut self, new: NewAccount) -> Result<(), DirectoryError> {
        let NewAccount {
            account,
            password,
            org,
            role,
        } = new;
        let mut others = self.entries.iter().map(|entry| &entry.stored.account);
        if others.any(|other| other.email == account.email) {
            return Err(DirectoryError::EmailTaken);
        }
        if self.orgs.iter().any(|other| other.slug == org.slug) {
            return Err(DirectoryError::SlugTaken);
        }
        self.memberships
            .push((account.id.clone(), org.id.clone(), role));
        self.orgs.push(org);
        self.entries.push(Entry {
            stored: StoredAccount { account, password },
            networks: Vec::new(),
        });
        Ok(())
    }

    fn change_member(&mut self, change: MemberChange) -> MemberChanged {
        let MemberChange {
            org,
            user,
            from,
            to,
            by,
            entry: _,
        } = change;
        let mut entries = self.entries.iter();
        let is_there = entries.any(|entry| entry.stored.account.id == user)
            && self.orgs.iter().any(|known| known.id == org);
        let is_by = by.is_none_or(|(by, role)| self.role(&by, &org) == Some(role));
        if !is_there || !is_by || self.role(&user, &org) != from {
            return MemberChanged::Overtaken;
        }
        let owners = self.memberships.iter();
        let owners = owners.filter(|(_, with, role)| *with == org && *role == Role::Owner);
        if from == Some(Role::Owner) && to != Some(Role::Owner) && owners.count() <= 1 {
            return MemberChanged::LastOwner;
        }
        let mut memberships = self.memberships.iter_mut();
        let found = memberships.find(|(of, with, _)| *of == user && *with == org);
        match (found, to) {
            // In its place, which says when the person joined.
            (Some((_, _, kept)), Some(role)) => *kept = role,
            (None, Some(role)) => self.memberships.push((user, org, role)),
            (_, None) => self
                .memberships
                .retain(|(of, with, _)| *of != user || *with != org),
        }
        MemberChanged::Done { is_logged: false }
    }
}

impl People {
    fn put_ticket(&mut self, ticket: &Ticket) -> TicketPut {
        let is_it = |kept: &Ticket| kept.kind == ticket.kind && kept.mac == ticket.mac;
        let next = Ticket {
            version: ticket.version.saturating_add(1),
            ..ticket.clone()
        };
        let has_second = |kept: &Ticket| {
            kept.kind == ticket.kind && kept.second.is_some() && kept.second == ticket.second
        };
        let mut others = self.tickets.iter().filter(|kept| !is_it(kept));
        let is_taken = others.any(has_second);
        let kept = self.tickets.iter_mut().find(|kept| is_it(kept));
        match (kept, ticket.version) {
            _ if is_taken => return TicketPut::Overtaken,
            (None, 0) => self.tickets.push(next),
            (Some(kept), version) if version > 0 && kept.version == version => *kept = next,
            _ => return TicketPut::Overtaken,
        }
        TicketPut::Done
    }
}

impl Directory for MemoryDirectory {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        let found = self.find(
            |account| account.email == email,
            |entry| entry.stored.clone(),
        );
        Box::pin(async move { Ok(found) })
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        let read = |entry: &Entry| entry.stored.account.clone();
        let found = self.find(|account| account.id == id, read);
        Box::pin(async move { Ok(found) })
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        let people = self.lock();
        let memberships = people.memberships.iter().filter(|(of, _, _)| *of == id);
        let found = memberships.filter_map(|(_, with, role)| {
            let org = people.orgs.iter().find(|org| org.id == *with)?.clone();
            Some(Membership { org, role: *role })
        });
        let found: Vec<_> = found.collect();
        Box::pin(async move { Ok(found) })
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        Box::pin(async move { self.lock().create(new) })
    }

    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>> {
        let people = self.lock();
        let entries = people.entries.iter();
        let found = entries.filter_map(|entry| {
            let account = entry.stored.account.clone();
            let role = people.role(&account.id, &org)?;
            Some(Member { account, role })
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by(|one, other| {
            let place = |found: &Member| found.account.email.folded().to_owned();
            place(one).cmp(&place(other))
        });
        Box::pin(async move { Ok(found) })
    }

    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>> {
        Box::pin(async move { Ok(self.lock().change_member(change)) })
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        Box::pin(async move {
            let mut people = self.lock();
            let mut stored = people.entries.iter_mut().map(|entry| &mut entry.stored);
            let found = stored.find(|stored| stored.account.id == id && stored.password == old);
            let Some(found) = found else {
                return Ok(Replaced::Overtaken);
            };
            found.password = new;
            Ok(Replaced::Done)
        })
    }

    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>> {
        let read = |entry: &Entry| entry.networks.clone();
        let found = self.find(|account| account.email == email, read);
        Box::pin(async move { Ok(found.unwrap_or_default()) })
    }

    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut people = self.lock();
            let mut entries = people.entries.iter_mut();
            if let Some(entry) = entries.find(|entry| entry.stored.account.id == id) {
                note(&mut entry.networks, known);
            }
            Ok(())
        })
    }

    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        let people = self.lock();
        let mut tickets = people.tickets.iter();
        let found = tickets.find(|ticket| ticket.kind == kind && ticket.mac == mac);
        let found = found.cloned();
        Box::pin(async move { Ok(found) })
    }

    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        let people = self.lock();
        let mut tickets = people.tickets.iter();
        let found = tickets.find(|ticket| ticket.kind == kind && ticket.second == Some(second));
        let found = found.cloned();
        Box::pin(async move { Ok(found) })
    }

    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>> {
        let people = self.lock();
        let tickets = people.tickets.iter();
        let found =
            tickets.filter(|ticket| ticket.kind == kind && ticket.user == Some(user.clone()));
        let mut found: Vec<_> = found.cloned().collect();
        found.sort_by_key(|ticket| Reverse(ticket.expires_at));
        Box::pin(async move { Ok(found) })
    }

    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>> {
        Box::pin(async move { Ok(self.lock().put_ticket(&ticket)) })
    }

    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let mut people = self.lock();
            let before = people.tickets.len();
            people
                .tickets
                .retain(|ticket| ticket.kind != kind || ticket.mac != mac);
            Ok(people.tickets.len() < before)
        })
    }

    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut removed = 0;
            self.lock().tickets.retain(|ticket| {
                let goes = ticket.expires_at < before && removed < limit;
                removed += usize::from(goes);
                !goes
            });
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        let count = self.lock().entries.len();
        Box::pin(async move { Ok(u64::try_from(count).unwrap_or(u64::MAX)) })
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        let people = self.lock();
        let stored = people.entries.iter().map(|entry| &entry.stored);
        let count = stored
            .filter(|stored| stored.password.pepper() == pepper)
            .count();
        Box::pin(async move { Ok(u64::try_from(count).unwrap_or(u64::MAX)) })
    }
}

fn note(networks: &mut Vec<KnownNetwork>, known: KnownNetwork) {
    let mut same = networks.iter_mut();
    match same.find(|other| other.network == known.network) {
        Some(other) => other.noted_at = other.noted_at.max(known.noted_at),
        None => networks.push(known),
    }
    networks.sort_by_key(|known| Reverse(known.noted_at));
    networks.truncate(KnownNetwork::MOST);
}
