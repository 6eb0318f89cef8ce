//! What is answered in the place of a page.

use std::{borrow::Cow, error::Error, time::Duration};

use http::StatusCode;
use portcullis_login::{LoginError, Unavailable};

use super::next::Next;
use crate::ApiError;

/// Why a page is not what was asked for.
#[derive(Debug)]
pub(super) enum Fault {
    /// Who asks has to sign in first.
    SignIn(Box<SignInAsked>),
    /// Something is wrong: a page says what.
    Said(Said),
}

/// The form for signing in, in the place of another page.
#[derive(Debug)]
pub(super) struct SignInAsked {
    pub(super) next: Next,
    pub(super) status: StatusCode,
    pub(super) why: Option<&'static str>,
}

/// What a page says that is about nothing else.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: Cow<'static, str>,
    pub(super) retry_after: Option<Duration>,
}

impl Fault {
    /// A page that says this.
    pub(super) fn said(
        status: StatusCode,
        title: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Said(Said {
            status,
            title,
            text: text.into(),
            retry_after: None,
        })
    }

    /// Nobody is signed in.
    pub(super) fn signed_out(next: Next, status: StatusCode) -> Self {
        let why = (status != StatusCode::OK)
            .then_some("You are not signed in any more. Nothing was done: sign in and try again.");
        Self::SignIn(Box::new(SignInAsked { next, status, why }))
    }

    /// Who decides has to be the person who knows the password.
    pub(super) fn stale(next: Next, status: StatusCode) -> Self {
        let why = Some("You signed in over an hour ago. To go on, give your password again.");
        Self::SignIn(Box::new(SignInAsked { next, status, why }))
    }

    /// The form was not one of ours, or not made for this browser.
    pub(super) fn forged(base: &str) -> Self {
        let text = format!(
            "This form did not come from a page of this service in this browser, or that page is \
             too old. Open {base}/login and start again; the browser has to accept cookies."
        );
        Self::said(StatusCode::FORBIDDEN, "Nothing was done", text)
    }

    /// A form that is not what the page has made.
    pub(super) fn malformed() -> Self {
        let text = "This form is not one that this page has made. Go back and try again.";
        Self::said(StatusCode::BAD_REQUEST, "Nothing was done", text)
    }

    /// What was decided about is over.
    pub(super) fn ended() -> Self {
        let text = "It was decided already, it is too old, or what was shown has changed. If a \
                    device of yours still waits, have it show a new code.";
        Self::said(StatusCode::CONFLICT, "This request has ended", text)
    }

    /// The server's own doing: logged, and the person learns nothing of it.
    pub(super) fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        (&ApiError::internal(source)).into()
    }
}

impl From<Unavailable> for Fault {
    fn from(source: Unavailable) -> Self {
        let text = "Something that this service needs is out of reach. Try again in a moment.";
        Self::Said(Said {
            status: ApiError::unavailable(source).code().status(),
            title: "Not now",
            text: text.into(),
            retry_after: Some(Duration::from_secs(1)),
        })
    }
}

impl From<LoginError> for Fault {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Unavailable(source) => source.into(),
            error => Self::failed(error),
        }
    }
}

/// A body that can't be read, or the server's own doing.
impl From<&ApiError> for Fault {
    fn from(error: &ApiError) -> Self {
        let mut text = error.message().to_owned();
        text.push('.');
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self::said(error.code().status(), "Nothing was done", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_starts_again_finds_a_page() {
        let Fault::Said(said) = Fault::forged("https://api.example.com") else {
            panic!("not said");
        };
        // Nothing is mounted at the root.
        assert!(said.text.contains("Open https://api.example.com/login "));
    }
}
