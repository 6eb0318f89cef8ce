//! Accounts, organisations, and who is a member of which.

use portcullis_core::Timestamp;
use portcullis_registry::{Owner, User};

use crate::{
    Email, PasswordHash, Role,
    id::{self, RandomError},
};

/// A person who can log in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// `usr_` and 16 characters of base62.
    pub id: User,
    /// By what the account is found; no two have the same.
    pub email: Email,
    /// What the person is called.
    pub name: String,
}

/// An organisation: what owns keys, sessions and credits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Org {
    /// `org_` and 16 characters of base62: the owner of its credentials.
    pub id: Owner,
    /// What it is called.
    pub name: String,
    /// Its name in addresses; no two have the same.
    pub slug: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An organisation that a person is a member of, and as what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Membership {
    /// The organisation.
    pub org: Org,
    /// What the person is in it.
    pub role: Role,
}

/// Somebody who is a member of an organisation, and as what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The person.
    pub account: Account,
    /// What the person is there.
    pub role: Role,
}

/// An account together with what its password is checked against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredAccount {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password: PasswordHash,
}

/// An account that is to be made, with the organisation that it begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password: PasswordHash,
    /// The organisation.
    pub org: Org,
    /// What the account is in it.
    pub role: Role,
}

impl NewAccount {
    /// An account with a new id, the owner of an organisation with a new id.
    ///
    /// # Errors
    /// [`RandomError`] if the operating system gives no random bytes.
    pub fn with_org(
        email: Email,
        name: impl Into<String>,
        password: PasswordHash,
        org_name: impl Into<String>,
        slug: impl Into<String>,
        now: Timestamp,
    ) -> Result<Self, RandomError> {
        Ok(Self {
            account: Account {
                id: id::new_user()?,
                email,
                name: name.into(),
            },
            password,
            org: Org {
                id: id::new_org()?,
                name: org_name.into(),
                slug: slug.into(),
                created_at: now,
            },
            role: Role::Owner,
        })
    }
}
