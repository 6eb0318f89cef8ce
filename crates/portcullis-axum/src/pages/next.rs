//! Where somebody goes on who has signed in.

use maud::{Markup, html};
use portcullis_login::AuthorizeRequest;

use crate::oauth::Form;

/// One of our own pages: there is no address in it that somebody else has made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Sessions,
    /// With the code that was typed already, if one was.
    Device(Option<String>),
    Authorize(Box<AuthorizeRequest>),
}

const NEXT: &str = "next";
/// What is longer was typed by nobody.
const MAX_CODE: usize = 32;

impl Next {
    /// What a form says that was made by [`hidden`](Self::hidden); the sessions otherwise.
    pub(super) fn of(form: &Form) -> Self {
        match form.text(NEXT) {
            Some("device") => Self::device(form),
            Some("authorize") => Self::Authorize(Box::new(request(form))),
            _ => Self::Sessions,
        }
    }

    /// The page for devices, with the code of a form.
    pub(super) fn device(form: &Form) -> Self {
        let code = form.text("user_code");
        let code = code.filter(|code| code.len() <= MAX_CODE);
        Self::Device(code.map(ToOwned::to_owned))
    }

    /// What stands in the form for signing in.
    pub(super) fn hidden(&self) -> Markup {
        let name = match self {
            Self::Sessions => "sessions",
            Self::Device(_) => "device",
            Self::Authorize(_) => "authorize",
        };
        html! {
            input type="hidden" name=(NEXT) value=(name);
            @if let Self::Authorize(request) = self { (fields(request)) }
            // In a form, and never in an address, which others see.
            @if let Self::Device(Some(code)) = self {
                input type="hidden" name="user_code" value=(code);
            }
        }
    }

    /// The path and the query of the page.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Sessions => "/sessions".to_owned(),
            Self::Device(_) => "/device".to_owned(),
            Self::Authorize(request) => {
                let page = "/oauth/authorize?".to_owned();
                let end = page.len();
                let mut query = form_urlencoded::Serializer::for_suffix(page, end);
                query.extend_pairs(parameters(request));
                query.finish()
            }
        }
    }
}

/// The request of a query, or of a form that has its [`fields`].
pub(super) fn request(form: &Form) -> AuthorizeRequest {
    let parameter = |name| form.text(name).map(ToOwned::to_owned);
    AuthorizeRequest {
        response_type: parameter("response_type"),
        client_id: parameter("client_id"),
        redirect_uri: parameter("redirect_uri"),
        scope: parameter("scope"),
        state: parameter("state"),
        code_challenge: parameter("code_challenge"),
        code_challenge_method: parameter("code_challenge_method"),
        resource: parameter("resource"),
    }
}

/// A request, so that it comes back with a form.
pub(super) fn fields(request: &AuthorizeRequest) -> Markup {
    html! {
        @for (name, value) in parameters(request) {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// The parameters that stand in a request.
fn parameters(request: &AuthorizeRequest) -> impl Iterator<Item = (&'static str, &str)> {
    let AuthorizeRequest {
        response_type,
        client_id,
        redirect_uri,
        scope,
        state,
        code_challenge,
        code_challenge_method,
        resource,
    } = request;
    let all = [
        ("response_type", response_type),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
        ("state", state),
        ("code_challenge", code_challenge),
        ("code_challenge_method", code_challenge_method),
        ("resource", resource),
    ];
    let given = all.into_iter();
    given.filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_was() {
        let query = "response_type=code&client_id=cli&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb\
                     &scope=a%3Aread+b%3Aread&state=%22%3E%3Cb%3E%26%C3%BC&code_challenge=x\
                     &code_challenge_method=S256&resource=https%3A%2F%2Fapi.example";
        let sent = Form::parse(query.as_bytes()).unwrap();
        let next = Next::Authorize(Box::new(request(&sent)));
        let path = next.path();
        let (page, again) = path.split_once('?').unwrap();
        assert_eq!(page, "/oauth/authorize");
        let again = Form::parse(again.as_bytes()).unwrap();
        assert_eq!(Next::Authorize(Box::new(request(&again))), next);
        let hidden = next.hidden().into_string();
        assert!(
            hidden.contains("value=\"&quot;&gt;&lt;b&gt;&amp;ü\""),
            "{hidden}"
        );
    }

    #[test]
    fn nobody_says_where_else_to_go() {
        for next in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "Device",
            "",
        ] {
            let form = format!("next={next}&redirect_uri=https://evil.example");
            let form = Form::parse(form.as_bytes()).unwrap();
            assert_eq!(Next::of(&form).path(), "/sessions");
        }
        let form = Form::parse(b"next=authorize&client_id=/x?y%23z").unwrap();
        assert_eq!(
            Next::of(&form).path(),
            "/oauth/authorize?client_id=%2Fx%3Fy%23z"
        );
    }
}
