#![doc = include_str!("../README.md")]

pub use portcullis_core as core;
pub use portcullis_error as error;
pub use portcullis_gate as gate;
pub use portcullis_limit as limit;
pub use portcullis_registry as registry;
pub use portcullis_scope as scope;
pub use portcullis_token as token;

#[cfg(feature = "axum")]
pub use portcullis_axum as axum;
#[cfg(feature = "login")]
pub use portcullis_login as login;
#[cfg(feature = "sqlite")]
pub use portcullis_sqlite as sqlite;
#[cfg(feature = "tower")]
pub use portcullis_tower as tower;

#[cfg(feature = "axum")]
pub use portcullis_axum::{Guarded, keys};
pub use portcullis_gate::{Access, Gate, Guard, Pass, Permit, Progress};
pub use portcullis_registry::{Actor, NewKey, PepperFile, Principal, Registry};
pub use portcullis_scope::catalogue;
#[cfg(feature = "sqlite")]
pub use portcullis_sqlite::SqliteStore;
pub use portcullis_token::{Environment, PepperRing, TokenFormat};

/// The examples of the repository's README compile.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
