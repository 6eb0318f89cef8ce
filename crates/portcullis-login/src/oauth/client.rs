//! Clients: the programs that people let in.

use super::{ParseRedirectError, RedirectUri};

/// A program that people let in. It has no secret (RFC 6749, section 2.1: a public client), so its id
/// proves nothing: what it gets is bound to the redirect URI, to PKCE, or to the device code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) devices: Devices,
}

/// Whether a client may use the device flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Devices {
    Allowed,
    Refused,
}

/// Why a client is none.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The id is not 1 to 64 of letters, digits, `-`, `.` and `_`.
    #[error("the id of a client is 1 to 64 letters, digits, `-`, `.` and `_`")]
    Id,
    /// The name is not 1 to 100 characters that can be seen.
    #[error("the name of a client has 1 to 100 characters that can be seen")]
    Name,
    /// A redirect URI is none.
    #[error(transparent)]
    Redirect(#[from] ParseRedirectError),
    /// Two clients have one id.
    #[error("two clients have the id `{0}`")]
    Repeated(String),
}

impl Client {
    /// A client that may do nothing yet: give it [`with_devices`](Self::with_devices) or
    /// [`with_redirect_uri`](Self::with_redirect_uri).
    ///
    /// # Errors
    /// [`ClientError`]: `Id` or `Name`.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Result<Self, ClientError> {
        let (id, name) = (id.into(), name.into());
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !(1..=64).contains(&id.len()) || !id.bytes().all(is_fine) {
            return Err(ClientError::Id);
        }
        if !is_name(&name) {
            return Err(ClientError::Name);
        }
        Ok(Self {
            id,
            name,
            redirect_uris: Vec::new(),
            devices: Devices::Refused,
        })
    }

    /// It may ask for device logins (RFC 8628).
    #[must_use]
    pub fn with_devices(mut self) -> Self {
        self.devices = Devices::Allowed;
        self
    }

    /// It may get authorization codes at this address.
    ///
    /// # Errors
    /// [`ClientError::Redirect`].
    pub fn with_redirect_uri(mut self, uri: &str) -> Result<Self, ClientError> {
        self.redirect_uris.push(uri.parse()?);
        Ok(self)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it may get codes.
    #[must_use]
    pub fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }

    /// Whether it may ask for device logins.
    #[must_use]
    pub fn allows_devices(&self) -> bool {
        self.devices == Devices::Allowed
    }
}

/// The clients that the application has declared.
#[derive(Clone, Debug, Default)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// These clients.
    ///
    /// # Errors
    /// [`ClientError::Repeated`].
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Result<Self, ClientError> {
        let mut all: Vec<Client> = Vec::new();
        for client in clients {
            if all.iter().any(|other| other.id == client.id) {
                return Err(ClientError::Repeated(client.id));
            }
            all.push(client);
        }
        Ok(Self(all))
    }

    /// The client of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Client> {
        self.0.iter().find(|client| client.id == id)
    }
}

/// 1 to 100 characters, all of which can be seen.
pub(super) fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count())
        && !name.trim().is_empty()
        && !name.contains(is_hidden)
}

/// Control characters, those that are blank though they are no space, and those that change the order
/// or the look of others without being seen: what Unicode says is ignored where it is not known
/// (`Default_Ignorable_Code_Point`), line separators, annotations, and the blank of Braille.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}
