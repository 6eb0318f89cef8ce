//! Signing in to the pages, and out.

use portcullis_core::Secret;

use super::{PageInfo, PageUser, Pages};
use crate::{Asked, LoginError, Unavailable};

/// Somebody who has just signed in to the pages.
#[derive(Debug)]
pub struct PageSession {
    /// The value of the cookie: 43 characters of base64url, and the only time that it is to be had.
    pub cookie: Secret<String>,
    /// Who it is.
    pub user: PageUser,
}

impl Pages {
    /// Signs somebody in, through the limits of [`Login::login`](crate::Login::login), with a new
    /// cookie whatever the browser had before: end that ([`sign_out`](Self::sign_out)).
    ///
    /// It lasts 12 hours at most, and an hour without use.
    ///
    /// # Errors
    /// [`LoginError`]: `InvalidCredentials`, `RateLimited`, `Unavailable`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &Secret<String>,
        asked: &Asked,
    ) -> Result<PageSession, LoginError> {
        todo!("{email} {password:?} {asked:?}")
    }

    /// Who is signed in with a cookie, if anybody. It is a use of the session.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user(&self, cookie: &str) -> Result<Option<PageUser>, Unavailable> {
        todo!("{cookie}")
    }

    /// Ends the sign-in of a cookie, if it is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sign_out(&self, cookie: &str) -> Result<(), Unavailable> {
        todo!("{cookie}")
    }

    /// Where a person is signed in to the pages; those that end last first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list(&self, user: &PageUser) -> Result<Vec<PageInfo>, Unavailable> {
        todo!("{user:?}")
    }

    /// Ends one of the list; says whether there was one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end(&self, user: &PageUser, id: &str) -> Result<bool, Unavailable> {
        todo!("{user:?} {id}")
    }
}
