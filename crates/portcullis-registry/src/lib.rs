#![doc = include_str!("../README.md")]

mod actor;
mod change;
mod credits;
mod driver;
mod error;
mod hot;
mod keys;
mod meta;
mod names;
mod networks;
mod plan;
mod principal;
mod record;
mod registry;
mod sessions;
mod store;

pub use actor::Actor;
pub use credits::{Reservation, ReserveError, Settlement, Suspension};
pub use driver::Driver;
pub use error::{ChangeError, OpenError};
pub use hot::{Hot, Visit};
pub use keys::{ApiKeyInfo, Expiry, IssuedKey, KeyChange, KeyList, Listing, NewKey, Revoked};
pub use meta::{Meta, MetaError};
pub use names::{Owner, ParseNameError, PlanName, User};
pub use networks::{Networks, ParseNetworksError};
pub use plan::{ParsePlanError, Plan};
pub use principal::{PrefixedId, Principal};
pub use record::{
    AuditEntry, CreatedBy, CredentialRecord, OwnerRecord, PepperRecord, Seq, State, Usage, Version,
};
pub use registry::{Loaded, Registry};
pub use sessions::{IssuedSession, NewSession, RefreshError, Refreshable, SessionTerms};
pub use store::{
    Batch, Change, Changes, CommitError, CreditOp, Cursor, Filter, Found, Key, MemoryStore, Of,
    Page, Paging, ParseCursorError, Query, Remac, ReservationId, Snapshot, Store, StoreError,
    Target, UsageDelta,
};
