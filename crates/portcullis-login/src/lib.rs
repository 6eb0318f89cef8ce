#![doc = include_str!("../README.md")]

mod account;
mod directory;
mod email;
mod id;
mod limits;
mod login;
mod metrics;
mod passwords;
mod role;

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
pub use passwords::{
    ParsePasswordHashError, PasswordError, PasswordHash, PasswordParams, PasswordParamsError,
    PasswordVerdict, Passwords,
};
pub use role::{ParseRoleError, Role, Roles, RolesError};
