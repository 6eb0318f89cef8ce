//! Ready-made routes by which the holders of an application read their part of the audit log.

mod export;
mod handlers;
mod mount;
mod query;
mod row;
