#![doc = include_str!("../README.md")]

mod actor;
mod audit;
mod change;
mod credits;
mod deadlines;
mod driver;
mod errands;
mod error;
mod events;
mod flush;
mod hot;
mod identity;
mod imported;
mod keys;
mod lineage;
mod load;
mod meta;
mod metrics;
mod names;
mod networks;
mod options;
mod owners;
mod pepper_file;
mod peppers;
mod plan;
mod principal;
mod record;
mod registry;
mod reminders;
mod sessions;
mod standing;
mod store;
mod usage;
mod verifier;

pub use actor::Actor;
pub use audit::{
    AuditChain, AuditEntry, AuditErasure, AuditFault, AuditFilter, AuditHash, AuditHead, AuditKept,
    AuditOrder, AuditPage, AuditPrefix, AuditQuery, AuditRecord, AuditUpkeep, AuditVerification,
    AuditVerified, ParseAuditHeadError, ParseAuditLineError, VerifyAuditError,
};
pub use credits::{
    Account, Books, Charge, CreditGrant, Credits, Ending, Held, Hold, LedgerCheck, LedgerKind,
    LedgerLine, LedgerListing, LedgerPage, LedgerQuery, LineNumber, NewLine, ParseLedgerKindError,
    Period, Reservation, ReserveError, Settlement, Terms, apply_movement,
};
pub use driver::Driver;
pub use error::{ChangeError, OpenError};
pub use events::{Event, EventKind, Events};
pub use hot::{Hot, Visit};
pub use identity::Identity;
pub use keys::{
    ApiKeyInfo, Expiry, ImportError, Imports, IssuedKey, KeyChange, KeyList, Leak, Listing,
    NewImport, NewKey, Revoked,
};
pub use load::Loaded;
pub use meta::{Meta, MetaError};
pub use names::{Owner, ParseNameError, PlanName, User};
pub use networks::{Networks, ParseNetworksError};
pub use options::Options;
pub use owners::Suspension;
pub use pepper_file::{PepperFile, PepperFileError};
pub use peppers::{PepperUse, RetireError, Retirement};
pub use plan::{ParsePlanError, Plan};
pub use principal::{PrefixedId, Principal};
pub use record::{
    CreatedBy, CredentialRecord, OwnerRecord, PepperRecord, Seq, State, Usage, Version,
};
pub use registry::Registry;
pub use sessions::{
    IssuedSession, NewSession, RefreshError, Refreshable, SessionInfo, SessionList, SessionTerms,
};
pub use store::{
    Batch, Change, Changes, CommitError, CreditOp, Cursor, Filter, Found, Key, MemoryStore, Of,
    Page, Paging, ParseCursorError, Query, Remac, Snapshot, Store, StoreError, Target,
};
pub use usage::{
    Day, DayUsage, Denied, DeniedPage, DeniedQuery, Finding, KeyReview, KeyUsage, Network,
    OwnerUsage, ParseDayError, ParseNetworkError, ParseUsageError, Refusal, Refusals, Review,
    ReviewTerms, UsageDelta, UsageDetails,
};
pub use verifier::Verifier;
