//! Authorization codes: tokens for a code (RFC 6749, section 4.1.3).

use std::net::IpAddr;

use super::{OAuth, TokenError, Tokens};

/// The parameters of a request for the tokens of a code, as they came.
#[derive(Clone, Default)]
pub struct CodeRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub code_verifier: Option<String>,
    /// `resource`.
    pub resource: Option<String>,
}

impl std::fmt::Debug for CodeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeRequest")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl OAuth {
    /// Gives a client the tokens of a code: once, within 60 seconds. A code that comes again ends
    /// the login that came of it.
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidRequest`, `InvalidClient`, `InvalidGrant`, `InvalidTarget`,
    /// `RateLimited`, `Unavailable`.
    pub async fn code_token(
        &self,
        request: &CodeRequest,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        todo!("{request:?} {ip:?}")
    }
}
