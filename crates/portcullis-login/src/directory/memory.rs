//! A directory in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_core::BoxFuture;
use portcullis_registry::{StoreError, User};

use super::{Directory, DirectoryError, Replaced};
use crate::{Account, Email, Membership, NewAccount, PasswordHash, StoredAccount};

/// A directory that is gone with the process: for tests, and for trials without a disk.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    accounts: Mutex<Vec<NewAccount>>,
}

impl MemoryDirectory {
    /// A directory with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<NewAccount>> {
        // Each write is one step, so a panic elsewhere has left nothing half done.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<T>(
        &self,
        is_wanted: impl Fn(&NewAccount) -> bool,
        read: impl Fn(&NewAccount) -> T,
    ) -> Option<T> {
        let accounts = self.lock();
        let found = accounts.iter().find(|entry| is_wanted(entry));
        found.map(read)
    }
}

impl Directory for MemoryDirectory {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        let read = |entry: &NewAccount| StoredAccount {
            account: entry.account.clone(),
            password: entry.password.clone(),
        };
        let found = self.find(|entry| entry.account.email == email, read);
        Box::pin(async move { Ok(found) })
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        let found = self.find(
            |entry| entry.account.id == id,
            |entry| entry.account.clone(),
        );
        Box::pin(async move { Ok(found) })
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        let read = |entry: &NewAccount| Membership {
            org: entry.org.clone(),
            role: entry.role,
        };
        let found = self.find(|entry| entry.account.id == id, read);
        Box::pin(async move { Ok(found.into_iter().collect()) })
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        Box::pin(async move {
            let mut accounts = self.lock();
            let mut others = accounts.iter();
            if others.any(|other| other.account.email == new.account.email) {
                return Err(DirectoryError::EmailTaken);
            }
            if accounts.iter().any(|other| other.org.slug == new.org.slug) {
                return Err(DirectoryError::SlugTaken);
            }
            accounts.push(new);
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
            let mut accounts = self.lock();
            let mut entries = accounts.iter_mut();
            let entry = entries.find(|entry| entry.account.id == id && entry.password == old);
            let Some(entry) = entry else {
                return Ok(Replaced::Overtaken);
            };
            entry.password = new;
            Ok(Replaced::Done)
        })
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        let count = self.lock().len();
        Box::pin(async move { Ok(u64::try_from(count).unwrap_or(u64::MAX)) })
    }
}
