//! The first account.

use portcullis_core::Secret;
use portcullis_registry::StoreError;

use super::Login;
use crate::{DirectoryError, Email, NewAccount, PasswordError, id::RandomError};

/// Whether the first account was made.
#[must_use = "if the account was there already, the password is not the one that was given"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bootstrap {
    /// It was.
    Created,
    /// There were accounts already. They are as they were.
    AlreadyThere,
}

/// Why the first account was not made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The password is not one, or could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Login {
    /// Makes the first account of an empty directory, the owner of the organisation `default`.
    ///
    /// The organisations of this address are then noted in the registry with their first credits,
    /// unless they are already: so a start that was cut short is completed by the next one. A
    /// directory that has accounts keeps them as they are, whatever the password.
    ///
    /// # Errors
    /// [`BootstrapError`]. Call again: what was done stays done.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn bootstrap(
        &self,
        email: &Email,
        password: &Secret<String>,
        credits: u32,
    ) -> Result<Bootstrap, BootstrapError> {
        let outcome = if self.directory.count_accounts().await? == 0 {
            self.create_first(email, password).await?
        } else {
            Bootstrap::AlreadyThere
        };
        let found = self.directory.account_by_email(email.clone()).await?;
        if let Some(found) = found {
            for membership in self.directory.memberships(found.account.id).await? {
                self.registry
                    .ensure_owner(&membership.org.id, credits)
                    .await?;
            }
        }
        Ok(outcome)
    }

    async fn create_first(
        &self,
        email: &Email,
        password: &Secret<String>,
    ) -> Result<Bootstrap, BootstrapError> {
        let new = NewAccount::with_org(
            email.clone(),
            "Administrator",
            self.passwords.hash(password).await?,
            "Default organization",
            "default",
            self.registry.clock().now(),
        )?;
        match self.directory.create(new).await {
            Ok(()) => Ok(Bootstrap::Created),
            // Another process was faster.
            Err(DirectoryError::EmailTaken | DirectoryError::SlugTaken) => {
                Ok(Bootstrap::AlreadyThere)
            }
            Err(DirectoryError::Store(error)) => Err(error.into()),
        }
    }
}
