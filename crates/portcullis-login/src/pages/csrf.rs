//! What a form is sent back with, so that no other site sends it.

use portcullis_core::Secret;
use zeroize::Zeroizing;

use super::Pages;
use crate::{Unavailable, tickets::draw};

/// A form of the pages.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// Signing in: with the cookie of [`Pages::pre_session`].
    SignIn,
    /// Signing out.
    SignOut,
    /// Typing a user code.
    UserCode,
    /// Deciding about a device.
    Device,
    /// Deciding about a client that asks for a code.
    Consent,
    /// Ending sessions.
    Sessions,
}

impl Pages {
    /// The value of a cookie for who has not signed in: the form for signing in is bound to it.
    ///
    /// Nothing of it is kept, and it signs nobody in.
    ///
    /// # Errors
    /// [`Unavailable`] if there are no random bytes.
    pub fn pre_session(&self) -> Result<Secret<String>, Unavailable> {
        Ok(draw()?)
    }

    /// What stands in a form, for whoever has this cookie.
    #[must_use]
    pub fn csrf(&self, cookie: &str, form: Form) -> String {
        self.forms.seal(&message(cookie, form))
    }

    /// Whether that came back, compared in constant time.
    #[must_use]
    pub fn check_csrf(&self, cookie: &str, form: Form, token: &str) -> bool {
        !cookie.is_empty() && self.forms.is_seal(&message(cookie, form), token)
    }
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::SignOut => "sign out",
            Self::UserCode => "user code",
            Self::Device => "device",
            Self::Consent => "consent",
            Self::Sessions => "sessions",
        }
    }
}

/// No name of a form has a line break, so nothing of one can be taken for the other.
fn message(cookie: &str, form: Form) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([form.name().as_bytes(), b"\n", cookie.as_bytes()].concat())
}
