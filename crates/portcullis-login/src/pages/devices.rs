//! The sessions and devices of a person who is signed in to the pages.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_registry::{Listing, SessionList};

use super::{PageUser, Pages};
use crate::LoginError;

impl Pages {
    /// The sessions of the person, with whichever organisation, newest first: logins, and the
    /// clients that were let in, which have their id as name.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn sessions(
        &self,
        user: &PageUser,
        listing: Listing,
    ) -> Result<SessionList, LoginError> {
        todo!("{user:?} {listing:?}")
    }

    /// Ends one of them, and what could refresh it; says whether there was one.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn end_session(
        &self,
        user: &PageUser,
        id: CredentialId,
        ip: Option<IpAddr>,
    ) -> Result<bool, LoginError> {
        todo!("{user:?} {id} {ip:?}")
    }

    /// Ends all of them and all sign-ins to the pages, this one too.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn sign_out_everywhere(
        &self,
        user: &PageUser,
        ip: Option<IpAddr>,
    ) -> Result<u64, LoginError> {
        todo!("{user:?} {ip:?}")
    }
}
