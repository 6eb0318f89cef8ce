//! A directory in memory.

use std::{
    cmp::Reverse,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::BoxFuture;
use portcullis_registry::{StoreError, User};
use portcullis_token::PepperVersion;

use super::{Directory, DirectoryError, KnownNetwork, Replaced};
use crate::{Account, Email, Membership, NewAccount, PasswordHash, StoredAccount};

/// A directory that is gone with the process: for tests, and for trials without a disk.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    made: NewAccount,
    /// The newest first.
    networks: Vec<KnownNetwork>,
}

impl MemoryDirectory {
    /// A directory with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Each write is one step, so a panic elsewhere has left nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<T>(
        &self,
        is_wanted: impl Fn(&Account) -> bool,
        read: impl Fn(&Entry) -> T,
    ) -> Option<T> {
        let entries = self.lock();
        let found = entries.iter().find(|entry| is_wanted(&entry.made.account));
        found.map(read)
    }
}

impl Directory for MemoryDirectory {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        let read = |entry: &Entry| StoredAccount {
            account: entry.made.account.clone(),
            password: entry.made.password.clone(),
        };
        let found = self.find(|account| account.email == email, read);
        Box::pin(async move { Ok(found) })
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        let read = |entry: &Entry| entry.made.account.clone();
        let found = self.find(|account| account.id == id, read);
        Box::pin(async move { Ok(found) })
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        let read = |entry: &Entry| Membership {
            org: entry.made.org.clone(),
            role: entry.made.role,
        };
        let found = self.find(|account| account.id == id, read);
        Box::pin(async move { Ok(found.into_iter().collect()) })
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        Box::pin(async move {
            let mut entries = self.lock();
            let mut others = entries.iter().map(|entry| &entry.made);
            if others.any(|other| other.account.email == new.account.email) {
                return Err(DirectoryError::EmailTaken);
            }
            let mut others = entries.iter().map(|entry| &entry.made);
            if others.any(|other| other.org.slug == new.org.slug) {
                return Err(DirectoryError::SlugTaken);
            }
            entries.push(Entry {
                made: new,
                networks: Vec::new(),
            });
            Ok(())
        })
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        Box::pin(async move {
            let mut entries = self.lock();
            let mut made = entries.iter_mut().map(|entry| &mut entry.made);
            let found = made.find(|made| made.account.id == id && made.password == old);
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
            let mut entries = self.lock();
            let mut entries = entries.iter_mut();
            if let Some(entry) = entries.find(|entry| entry.made.account.id == id) {
                note(&mut entry.networks, known);
            }
            Ok(())
        })
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        let count = self.lock().len();
        Box::pin(async move { Ok(u64::try_from(count).unwrap_or(u64::MAX)) })
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        let entries = self.lock();
        let made = entries.iter().map(|entry| &entry.made);
        let count = made.filter(|made| made.password.pepper() == pepper).count();
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
