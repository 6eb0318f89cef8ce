//! Logins that clients ask for: device logins (RFC 8628), codes with PKCE (RFC 6749, RFC 7636), and
//! what belongs to them. No HTTP and no HTML: that is for whoever mounts it.

mod answer;
mod approval;
mod asked;
mod authorize;
mod base_url;
mod cli;
mod client;
mod code;
mod device;
mod device_page;
mod device_token;
mod error;
mod introspect;
mod issue;
mod limits;
mod metadata;
mod pkce;
mod redirect;
mod refresh;
mod register;
mod revoke;
mod service;
mod user_code;

pub use approval::{ApprovalError, ClientShown, Decision, OrgChoice, ScopeShown};
pub use asked::Asked;
pub use authorize::{AuthorizeError, AuthorizeFault, AuthorizeRequest, Consent};
pub use base_url::{BaseUrl, ParseBaseUrlError};
pub use cli::CliPoll;
pub use client::{Client, ClientError, Clients};
pub use code::CodeRequest;
pub use device::DeviceStarted;
pub use device_page::DeviceShown;
pub use error::{OAuthSetupError, TokenError};
pub use introspect::Introspection;
pub use issue::Tokens;
pub use metadata::{ResourceMetadata, ServerMetadata};
pub use redirect::{ParseRedirectError, RedirectUri};
pub use register::{ClientMetadata, RegisterError, Registered};
pub use service::OAuth;
pub use user_code::{ParseUserCodeError, UserCode};
