#![doc = include_str!("../README.md")]

mod account;
mod directory;
mod email;
mod id;
mod limits;
mod login;
mod metrics;
mod oauth;
mod pages;
mod passwords;
mod role;
mod tickets;

pub use account::{Account, Member, Membership, NewAccount, Org, StoredAccount};
#[cfg(feature = "conformance")]
pub use directory::conformance;
pub use directory::{
    Directory, DirectoryError, KnownNetwork, MemberChange, MemberChanged, MemoryDirectory,
    Replaced, Ticket, TicketKind, TicketMac, TicketPut,
};
pub use email::{Email, ParseEmailError};
pub use id::RandomError;
pub use login::{
    AuthType, Bootstrap, BootstrapError, LoggedIn, Login, LoginError, NewUser, OrgError, Profile,
    SetupError, SignupError, Unavailable,
};
pub use oauth::{
    ApprovalError, Asked, AuthorizeError, AuthorizeFault, AuthorizeRequest, BaseUrl, CliPoll,
    Client, ClientError, ClientMetadata, ClientShown, Clients, CodeRequest, Consent, Decision,
    DeviceShown, DeviceStarted, Introspection, OAuth, OAuthSetupError, OrgChoice,
    ParseBaseUrlError, ParseRedirectError, ParseUserCodeError, RedirectUri, RegisterError,
    Registered, ResourceMetadata, ScopeShown, ServerMetadata, TokenError, Tokens, UserCode,
};
pub use pages::{Form, PageInfo, PageSession, PageUser, Pages};
pub use passwords::{
    ParsePasswordHashError, PasswordError, PasswordHash, PasswordParams, PasswordParamsError,
    PasswordVerdict, Passwords,
};
pub use role::{ParseRoleError, Role, Roles, RolesError};
